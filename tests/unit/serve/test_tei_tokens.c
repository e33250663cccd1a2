/* Bodies of TEI's /tokenize and /decode. */
#include "tests/support/check.h"

#include "base/str.h"
#include "serve/tei_tokens.h"

static json_t *parse(const char *text)
{
    json_t *value = text[0] == '\0' ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);
    if (value == NULL && text[0] != '\0')
        fail_msg("%s is no JSON", text);
    return value;
}

/* [item, item, ...] */
static char *list_of(const char *item, size_t n)
{
    wn_buf text = WN_BUF_INIT;
    wn_buf_push_byte(&text, '[');
    for (size_t i = 0; i < n; i++)
        wn_buf_printf(&text, "%s%s", i > 0 ? "," : "", item);
    assert_true(wn_buf_printf(&text, "]%c", '\0'));
    return text.ptr;
}

typedef size_t count_fn(const json_t *value, wn_problem *problem);

/* So many there are; 0: the mistake. */
static void assert_count(count_fn *count, const char *text, size_t n, const char *mistake)
{
    json_t *value = parse(text);
    wn_problem problem = {0};
    size_t found = count(value, &problem);
    if (found != n || problem.status != (n == 0 ? 422 : 0) ||
        strstr(problem.detail, mistake) == NULL)
        fail_msg("%.100s: %zu, %d '%s', expected %zu '%s'", text, found, problem.status,
                 problem.detail, n, mistake);
    wn_problem_deinit(&problem);
    json_decref(value);
}

static void texts_are_a_string_or_a_list_of_them(void **state)
{
    (void)state;
    static const struct {
        const char *inputs;
        size_t n;
        const char *mistake;
    } table[] = {
        {"\"a\"", 1, ""},
        {"\"\"", 1, ""},
        {"[\"a\",\"\"]", 2, ""},
        {"", 0, "inputs' Input should be a string or a list of 1 to 10000 strings, it is missing"},
        {"[]", 0, "it is an array"},
        {"{}", 0, "it is an object"},
        {"[\"a\",1]", 0, "Item 1 should be a string, it is an integer"},
        {"[null]", 0, "Item 0 should be a string, it is null"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++)
        assert_count(wn_tei_count_texts, table[i].inputs, table[i].n, table[i].mistake);
    for (size_t n = 10000; n <= 10001; n++) {
        char *text = list_of("\"a\"", n);
        assert_count(wn_tei_count_texts, text, n == 10000 ? n : 0, "");
        wn_buf_deinit(&(wn_buf){.ptr = text});
    }
    json_t *one = parse("\"a\""), *two = parse("[\"b\",\"c\"]");
    assert_true(wn_str_equal(wn_tei_text_at(one, 0), WN_STR("a")));
    assert_true(wn_str_equal(wn_tei_text_at(two, 0), WN_STR("b")));
    assert_true(wn_str_equal(wn_tei_text_at(two, 1), WN_STR("c")));
    json_decref(one);
    json_decref(two);
}

static void ids_are_a_list_or_a_list_of_lists(void **state)
{
    (void)state;
    static const struct {
        const char *ids;
        size_t n;
        const char *mistake;
    } table[] = {
        {"[]", 1, ""},
        {"[0,4294967295]", 1, ""},
        {"[[1],[],[2,3]]", 3, ""},
        {"", 0, "ids' Input should be a list of ids or of such lists, it is missing"},
        {"5", 0, "it is an integer"},
        {"[1,-1]", 0, "Item 1 should be a whole number from 0 to 4294967295"},
        {"[4294967296]", 0, "Item 0 should be a whole number"},
        {"[1.0]", 0, "Item 0 should be a whole number"},
        {"[1,[2]]", 0, "Item 1 should be a whole number"},
        {"[[1],2]", 0, "Item 1 should be a list of ids, it is an integer"},
        {"[[1],[\"2\"]]", 0, "Item 0 should be a whole number"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++)
        assert_count(wn_tei_count_lists, table[i].ids, table[i].n, table[i].mistake);
    for (size_t n = 100000; n <= 100001; n++) {
        char *text = list_of("1", n);
        assert_count(wn_tei_count_lists, text, n == 100000 ? 1 : 0,
                     n == 100000 ? "" : "100001 ids and lists, at most 100000");
        wn_buf_deinit(&(wn_buf){.ptr = text});
    }
    char *text = list_of("[1]", 50001);
    assert_count(wn_tei_count_lists, text, 0, "100002 ids and lists");
    wn_buf_deinit(&(wn_buf){.ptr = text});
}

static void ids_beyond_those_of_any_model_are_none(void **state)
{
    (void)state;
    int32_t ids[4];
    static const int32_t want[] = {0, INT32_MAX, -1, -1};
    json_t *lists = parse("[[],[0,2147483647,2147483648,4294967295]]"), *list = parse("[7]");
    assert_int_equal(json_array_size(wn_tei_list_at(lists, 0)), 0);
    wn_tei_read_ids(ids, wn_tei_list_at(lists, 1));
    assert_memory_equal(ids, want, sizeof want);
    wn_tei_read_ids(ids, wn_tei_list_at(list, 0));
    assert_int_equal(ids[0], 7);
    json_decref(lists);
    json_decref(list);
}

static void tokens_tell_their_bytes_unless_they_are_special(void **state)
{
    (void)state;
    static const int32_t ids[] = {0, 17};
    static const size_t start[] = {0, 3}, end[] = {0, 5};
    const wn_str texts[] = {WN_STR("<s>"), WN_STR("\"x")};
    const wn_tokens none = {0},
                    two = {.n = 2, .ids = ids, .start = start, .end = end, .tokens = texts};
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_tei_push_tokens(&out, &none));
    assert_true(wn_tei_push_tokens(&out, &two));
    assert_true(wn_buf_push_byte(&out, '\0'));
    assert_string_equal(
        out.ptr, "[][{\"id\":0,\"text\":\"<s>\",\"special\":true,\"start\":null,\"stop\":null},"
                 "{\"id\":17,\"text\":\"\\\"x\",\"special\":false,\"start\":3,\"stop\":5}]");
    wn_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_a_string_or_a_list_of_them),
        cmocka_unit_test(ids_are_a_list_or_a_list_of_lists),
        cmocka_unit_test(ids_beyond_those_of_any_model_are_none),
        cmocka_unit_test(tokens_tell_their_bytes_unless_they_are_special),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
