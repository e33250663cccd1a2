/* Problems: the first one stands, texts are cut between characters, mistakes are listed. */
#include "tests/support/check.h"

#include "base/str.h"
#include "serve/problem.h"

static void the_first_problem_stands(void **state)
{
    (void)state;
    wn_problem problem = {0};
    wn_problem_set(&problem, 404, "GONE", "%s", "first");
    wn_problem_set(&problem, 500, "LATER", "second");
    wn_problem_note(&problem, "field", "type", NULL, "third");
    assert_int_equal(problem.status, 404);
    assert_string_equal(problem.code, "GONE");
    assert_string_equal(problem.detail, "first");
    assert_int_equal(problem.mistakes.len, 0);
    wn_problem_deinit(&problem);
    assert_int_equal(problem.status, 0);
}

static void failures_of_the_library_are_the_clients_or_ours(void **state)
{
    (void)state;
    static const struct {
        wn_status status;
        int http;
        const char *code;
        bool told; /* its message */
    } table[] = {
        {WN_ERR_INPUT, 400, "INPUT_INVALID_TEXT", true},
        {WN_ERR_LIMIT, 400, "INPUT_TOKEN_LIMIT_EXCEEDED", true},
        {WN_ERR_FORMAT, 400, "INPUT_INVALID_JSON", true},
        {WN_ERR_UNSUPPORTED, 400, "INPUT_UNSUPPORTED", true},
        {WN_ERR_MEMORY, 503, "SERVICE_UNAVAILABLE", false},
        {WN_ERR_IO, 500, "INTERNAL_ERROR", false},
        {WN_ERR_INTERNAL, 500, "INTERNAL_ERROR", false},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++) {
        wn_problem problem = {0};
        const wn_error err = {.status = table[i].status, .message = "/secret/path"};
        wn_problem_set_error(&problem, &err);
        assert_int_equal(problem.status, table[i].http);
        assert_string_equal(problem.code, table[i].code);
        assert_int_equal(strstr(problem.detail, "secret") != NULL, table[i].told);
        assert_int_equal(problem.retry_after_s, table[i].http == 503 ? 1 : 0);
    }
}

/* A detail that ends in the middle of a character loses its beginning, and nothing else. */
static void details_are_cut_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *last; /* one character */
    } table[] = {{"a"},
                 {"\xc2\x80"},
                 {"\xdf\xbf"},
                 {"\xe0\xa0\x80"},
                 {"\xef\xbf\xbd"},
                 {"\xf0\x90\x80\x80"},
                 {"\xf4\x8f\xbf\xbf"}};
    char text[600];
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++) {
        size_t len = strlen(table[i].last);
        for (size_t room = 0; room <= len; room++) {
            wn_problem problem = {0};
            size_t n = sizeof problem.detail - 1 - room;
            memset(text, 'x', n);
            snprintf(text + n, sizeof text - n, "%s", table[i].last);
            wn_problem_set(&problem, 400, NULL, "%s", text);
            assert_int_equal(strlen(problem.detail), room == len ? n + len : n);
        }
    }
    wn_problem problem = {0};
    wn_problem_set(&problem, 400, NULL, "%s", "");
    assert_string_equal(problem.detail, "");
}

static void a_prefix_says_where_and_cuts_the_rest(void **state)
{
    (void)state;
    wn_problem problem = {0};
    char text[600];
    wn_problem_set(&problem, 422, NULL, "why");
    wn_problem_prefix(&problem, "row %d: ", 3);
    assert_string_equal(problem.detail, "row 3: why");
    problem = (wn_problem){0};
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    wn_problem_set(&problem, 422, NULL, "%s", text);
    wn_problem_prefix(&problem, "row %d: ", 3);
    assert_int_equal(strncmp(problem.detail, "row 3: xxx", 10), 0);
    assert_true(strlen(problem.detail) < sizeof problem.detail);
}

static void mistakes_are_listed_with_short_inputs(void **state)
{
    (void)state;
    wn_problem problem = {.place = "query"};
    char text[200];
    memset(text, 'x', sizeof text);
    json_t *number = json_integer(5), *word = json_stringn(text, 98),
           *long_word = json_stringn(text, 99);
    wn_problem_note(&problem, "a", "wrong", number, "is %d", 5);
    wn_problem_note(&problem, "b", "missing", NULL, "is not");
    assert_string_equal(problem.detail, "Validation error: 'query -> a' is 5");
    assert_true(wn_str_equal(
        wn_buf_str(&problem.mistakes),
        WN_STR("{\"field\":\"query -> a\",\"message\":\"is 5\",\"type\":\"wrong\",\"input\":5},"
               "{\"field\":\"query -> b\",\"message\":\"is not\",\"type\":\"missing\"}")));
    size_t before = problem.mistakes.len;
    wn_problem_note(&problem, "c", "long", long_word, "is long");
    assert_int_equal(
        problem.mistakes.len - before,
        strlen(",{\"field\":\"query -> c\",\"message\":\"is long\",\"type\":\"long\"}"));
    before = problem.mistakes.len;
    wn_problem_note(&problem, "c", "long", word, "is long");
    assert_int_equal(problem.mistakes.len - before,
                     strlen(",{\"field\":\"query -> c\",\"message\":\"is long\",\"type\":\"long\","
                            "\"input\":}") +
                         100);
    json_decref(number);
    json_decref(word);
    json_decref(long_word);
    wn_problem_deinit(&problem);
}

static void the_list_of_mistakes_has_an_end(void **state)
{
    (void)state;
    wn_problem problem = {0};
    for (int i = 0; i < 10000; i++)
        wn_problem_note(&problem, "field", "type", NULL, "mistake %d", i);
    assert_in_range(problem.mistakes.len, 20000, 20200);
    assert_string_equal(problem.detail, "Validation error: 'body -> field' mistake 0");
    wn_problem_deinit(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_problem_stands),
        cmocka_unit_test(failures_of_the_library_are_the_clients_or_ours),
        cmocka_unit_test(details_are_cut_between_characters),
        cmocka_unit_test(a_prefix_says_where_and_cuts_the_rest),
        cmocka_unit_test(mistakes_are_listed_with_short_inputs),
        cmocka_unit_test(the_list_of_mistakes_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
