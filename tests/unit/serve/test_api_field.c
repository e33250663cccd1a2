/* Fields of bodies: each kind's good and bad values, and what is noted of the bad ones. */
#include "tests/support/check_dialect.h"

#include "base/str.h"

typedef struct values {
    bool flag;
    int64_t whole, limit;
    double number;
    wn_str text;
} values;

static const wn_field fields[] = {
    {"flag", WN_FIELD_BOOL, offsetof(values, flag), false, 0, 0, ""},
    {"whole", WN_FIELD_INT, offsetof(values, whole), false, 1, 9, ""},
    {"limit", WN_FIELD_LIMIT, offsetof(values, limit), false, 1, 9, ""},
    {"number", WN_FIELD_NUMBER, offsetof(values, number), false, -1, 1, ""},
    {"text", WN_FIELD_STRING, offsetof(values, text), true, 0, 0, ""},
    {"any", WN_FIELD_NONE, 0, false, 0, 0, ""},
};

static json_t *parse(const char *text)
{
    json_t *body = json_loads(text, JSON_DECODE_ANY, NULL);
    if (body == NULL)
        fail_msg("%s is no JSON", text);
    return body;
}

static void values_are_taken_as_they_are(void **state)
{
    (void)state;
    wn_problem problem = {0};
    values v = {.whole = 5, .limit = 6};
    json_t *body =
        parse("{\"flag\":true,\"whole\":null,\"number\":-0.5,\"text\":\"\",\"any\":[1]}");
    wn_fields_read(&v, fields, WN_ARRAY_LEN(fields), body, &problem);
    assert_int_equal(problem.status, 0);
    assert_true(v.flag && v.whole == 5 && v.number == -0.5 && v.text.ptr != NULL);
    json_decref(body);
    body = parse("{\"flag\":false,\"whole\":9.0,\"number\":1,\"text\":\"t\"}");
    wn_fields_read(&v, fields, WN_ARRAY_LEN(fields), body, &problem);
    assert_int_equal(problem.status, 0);
    assert_true(!v.flag && v.whole == 9 && v.number == 1 && v.limit == 6);
    assert_true(wn_str_equal(v.text, WN_STR("t")));
    json_decref(body);
    body = parse("{\"limit\":7,\"text\":\"\"}");
    wn_fields_read(&v, fields, WN_ARRAY_LEN(fields), body, &problem);
    assert_true(problem.status == 0 && v.limit == 7);
    json_decref(body);
    body = parse("{\"limit\":null,\"text\":\"\"}");
    wn_fields_read(&v, fields, WN_ARRAY_LEN(fields), body, &problem);
    assert_true(problem.status == 0 && v.limit == WN_FIELD_NULL);
    json_decref(body);
}

static void values_of_another_kind_or_out_of_range_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *detail, *type;
    } table[] = {
        {"{\"text\":\"\",\"flag\":1}",
         "'body -> flag' Input should be true or false, it is an integer", "bool_type"},
        {"{\"text\":\"\",\"flag\":\"true\"}",
         "'body -> flag' Input should be true or false, it is a string", "bool_type"},
        {"{\"text\":\"\",\"limit\":0}",
         "'body -> limit' Input should be greater than or equal to 1", "greater_than_equal"},
        {"{\"text\":\"\",\"whole\":0}",
         "'body -> whole' Input should be greater than or equal to 1", "greater_than_equal"},
        {"{\"text\":\"\",\"whole\":10}", "'body -> whole' Input should be less than or equal to 9",
         "less_than_equal"},
        {"{\"text\":\"\",\"whole\":1.5}",
         "'body -> whole' Input should be a whole number, it is a number with a fraction",
         "int_type"},
        {"{\"text\":\"\",\"whole\":true}",
         "'body -> whole' Input should be a whole number, it is true", "int_type"},
        {"{\"text\":\"\",\"number\":\"1\"}",
         "'body -> number' Input should be a number, it is a string", "float_type"},
        {"{\"text\":\"\",\"number\":-1.5}",
         "'body -> number' Input should be a number from -1 to 1", "out_of_range"},
        {"{\"text\":\"\",\"number\":2}", "'body -> number' Input should be a number from -1 to 1",
         "out_of_range"},
        {"{\"text\":5}", "'body -> text' Input should be a string, it is an integer",
         "string_type"},
        {"{\"text\":null}", "'body -> text' Field required", "missing"},
        {"{}", "'body -> text' Field required", "missing"},
        {"[]", "'body' Input should be a JSON object, it is an array", NULL},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++) {
        wn_problem problem = {0};
        values v = {.whole = 5};
        json_t *body = parse(table[i].body);
        char type[64], want[200];
        wn_fields_read(&v, fields, WN_ARRAY_LEN(fields), body, &problem);
        wn_buf_push_byte(&problem.mistakes, '\0');
        snprintf(want, sizeof want, "Validation error: %s", table[i].detail);
        snprintf(type, sizeof type, "\"type\":\"%s\"", table[i].type == NULL ? "" : table[i].type);
        assert_int_equal(problem.status, 422);
        assert_string_equal(problem.detail, want);
        if (table[i].type != NULL && strstr(problem.mistakes.ptr, type) == NULL)
            fail_msg("%s: no %s in %s", table[i].body, type, problem.mistakes.ptr);
        assert_true(!v.flag && v.whole == 5 && v.number == 0);
        wn_problem_deinit(&problem);
        json_decref(body);
    }
    wn_problem problem = {0};
    wn_fields_read(&(values){0}, fields, WN_ARRAY_LEN(fields), NULL, &problem);
    assert_string_equal(problem.detail,
                        "Validation error: 'body' Input should be a JSON object, it is missing");
}

static void fields_of_no_form_are_refused(void **state)
{
    (void)state;
    static const wn_form form = {.fields = fields, .n_fields = WN_ARRAY_LEN(fields)},
                         empty_form = {0};
    wn_problem problem = {0};
    json_t *body = parse("{\"flag\":1,\"any\":2,\"text\":3}");
    wn_form_refuse_others(&form, body, &problem);
    assert_int_equal(problem.status, 0);
    wn_form_refuse_others(&empty_form, body, &problem);
    assert_int_equal(problem.status, 422);
    assert_string_equal(problem.detail,
                        "Validation error: 'body -> flag' is no field of this request");
    wn_buf_push_byte(&problem.mistakes, '\0');
    assert_non_null(
        strstr(problem.mistakes.ptr,
               "{\"field\":\"body -> text\",\"message\":\"is no field of this request\","
               "\"type\":\"extra_forbidden\",\"input\":3}"));
    wn_problem_deinit(&problem);
    json_decref(body);
}

/* ---- rankings -------------------------------------------------------------------------------- */

/* The first mistake of a body of Jina's; NULL: it has none. */
static void assert_mistake(const char *members, const char *mistake)
{
    check_reading reading;
    wn_buf body = WN_BUF_INIT;
    assert_true(wn_buf_printf(&body, "{%s}%c", members, '\0'));
    check_read(&reading, &wn_dialect_jina, NULL, body.ptr);
    if (mistake == NULL ? reading.problem.status != 0
                        : strstr(reading.problem.detail, mistake) == NULL)
        fail_msg("%.200s: '%s', expected '%s'", members, reading.problem.detail,
                 mistake == NULL ? "" : mistake);
    check_read_end(&reading);
    wn_buf_deinit(&body);
}

static void a_query_is_a_text_of_one_byte_or_more(void **state)
{
    (void)state;
#define REST ",\"documents\":[\"d\"]"
    assert_mistake("\"query\":\" \"" REST, NULL);
    assert_mistake("\"query\":\"\"" REST, "query' String should have at least 1 character");
    assert_mistake("\"query\":{\"text\":\"\"}" REST, "query' String should have at least 1");
    assert_mistake("\"query\":{}" REST, "query' Field required: an object here needs a string");
    assert_mistake("\"query\":{\"text\":null}" REST, "query' Field required: an object here");
    assert_mistake("\"query\":{\"text\":[]}" REST, "query' Input should be a string or an object");
    assert_mistake("\"query\":1" REST, "query' Input should be a string or an object");
    assert_mistake("\"query\":null" REST, "query' Field required");
#undef REST
}

static void documents_are_a_list_of_texts(void **state)
{
    (void)state;
    assert_mistake("\"query\":\"q\",\"documents\":[\"\",{\"text\":\"\"}]", NULL);
    assert_mistake("\"query\":\"q\",\"documents\":\"d\"",
                   "documents' Input should be a list, it is a string");
    assert_mistake("\"query\":\"q\",\"documents\":[]", "documents' List should have at least 1");
    assert_mistake("\"query\":\"q\",\"documents\":[\"\",null]",
                   "documents -> 1' Input should be a string or an object");
    assert_mistake("\"query\":\"q\",\"documents\":[{\"title\":\"\"}]",
                   "documents -> 0' Field required: an object here needs a string 'text'");
    assert_mistake("\"query\":\"q\",\"documents\":[\"\",{\"image\":\"https://a/b.png\"}]",
                   "documents -> 1' Images are not read: an object here needs a string 'text'");
    assert_mistake("\"query\":\"q\",\"documents\":[{\"bytes\":\"aGk=\"}]",
                   "documents -> 0' Images are not read");
    assert_mistake("\"query\":{\"url\":\"https://a/b.png\"},\"documents\":[\"\"]",
                   "query' Images are not read");
    assert_mistake("\"query\":\"q\",\"documents\":[{\"text\":\"\",\"image\":\"a\"}]", NULL);
}

static void fields_with_weights_are_texts_of_their_own(void **state)
{
    (void)state;
    check_reading reading;
    check_read(&reading, &wn_dialect_jina, NULL,
               "{\"query\":\"q\",\"rank_fields\":{\"t\":2,\"n\":0.5},\"documents\":[{\"n\":[1],"
               "\"t\":\"x\"},\"plain\",{\"t\":\"\",\"n\":true},{\"t\":null,\"n\":1.5}]}");
    const wn_rank_fields *by = &reading.first.rank_fields;
    static const char *const want[] = {"x", "[1]", "plain", "", "", "true", "", "1.5"};
    assert_int_equal(reading.problem.status, 0);
    assert_int_equal(by->n, 2);
    assert_true(by->weights[0] == 2 && by->weights[1] == 0.5f);
    for (size_t i = 0; i < WN_ARRAY_LEN(want); i++)
        if (!wn_str_equal(by->texts[i], wn_str_from(want[i])))
            fail_msg("text %zu is '%.*s', expected '%s'", i, WN_STR_ARG(by->texts[i]), want[i]);
    check_read_end(&reading);
    assert_mistake("\"query\":\"q\",\"rank_fields\":{\"t\":1},\"documents\":[{\"t\":\"\"}]",
                   "documents -> 0' Field required: the document has none of the rank_fields");
    assert_mistake("\"query\":\"q\",\"rank_fields\":[\"t\"],\"documents\":[{\"t\":null}]",
                   "documents -> 0' Field required: the document has none of the rank_fields");
    assert_mistake("\"query\":\"q\",\"rank_fields\":{\"t\":1},\"documents\":[1]",
                   "documents -> 0' Input should be a string or an object");
}

static void rank_fields_are_different_names_or_weights_above_0(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool good;
    } table[] = {
        {"[\"a\",\"b\"]", true},
        {"{\"a\":1,\"b\":0.1}", true},
        {"[]", false},
        {"{}", false},
        {"\"a\"", false},
        {"[\"a\",null,\"b\"]", false},
        {"[1,\"b\"]", false},
        {"[\"a\",\"b\",\"a\"]", false},
        {"{\"a\":0}", false},
        {"{\"a\":-1}", false},
        {"{\"a\":1e39}", false},
        {"{\"a\":\"1\"}", false},
        {"{\"a\":1,\"b\":0}", false},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++) {
        char members[200];
        snprintf(members, sizeof members,
                 "\"query\":\"q\",\"rank_fields\":%s,\"documents\":[\"d\"]", table[i].value);
        assert_mistake(members, table[i].good ? NULL : "rank_fields' Input should be a list of 1");
    }
}

static void rank_fields_have_short_names(void **state)
{
    (void)state;
    for (int n = 256; n <= 257; n++) {
        char name[258], members[400];
        memset(name, 'n', sizeof name);
        snprintf(members, sizeof members,
                 "\"query\":\"q\",\"documents\":[\"d\"],\"rank_fields\":{\"%.*s\":1}", n, name);
        assert_mistake(members, n > 256 ? "rank_fields' Input should be a list of 1" : NULL);
    }
}

static void rank_fields_are_lines_of_strings_and_of_json(void **state)
{
    (void)state;
    check_reading reading;
    static const char *const want[] = {"x\n2.5\n[1,{\"k\":true}]", "1", "plain"};
    check_read(&reading, &wn_dialect_jina, NULL,
               "{\"query\":\"a\",\"rank_fields\":[\"t\",\"gone\",\"null\",\"n\",\"l\"],"
               "\"documents\":[{\"l\":[1,{\"k\":true}],\"n\":2.5,\"t\":\"x\",\"null\":null},"
               "{\"t\":\"\",\"n\":1},\"plain\"]}");
    assert_int_equal(reading.problem.status, 0);
    assert_int_equal(reading.first.documents.n, WN_ARRAY_LEN(want));
    for (size_t i = 0; i < WN_ARRAY_LEN(want); i++)
        assert_true(wn_str_equal(reading.first.documents.at[i], wn_str_from(want[i])));
    check_read_end(&reading);
}

/* "rank_fields" with names n0, n1, ... each with its weight. */
static char *many_names(size_t n, size_t n_documents)
{
    wn_buf text = WN_BUF_INIT;
    wn_buf_push_str(&text, WN_STR("\"query\":\"q\",\"rank_fields\":{"));
    for (size_t i = 0; i < n; i++)
        wn_buf_printf(&text, "%s\"n%zu\":1", i > 0 ? "," : "", i);
    wn_buf_push_str(&text, WN_STR("},\"documents\":["));
    for (size_t i = 0; i < n_documents; i++)
        wn_buf_printf(&text, "%s\"d\"", i > 0 ? "," : "");
    assert_true(wn_buf_printf(&text, "]%c", '\0'));
    return text.ptr;
}

static void names_and_what_they_multiply_have_an_end(void **state)
{
    (void)state;
    static const struct {
        size_t n_names, n_documents;
        const char *mistake;
    } table[] = {
        {WN_FIELDS_MAX, 1, NULL},
        {WN_FIELDS_MAX + 1, 1, "rank_fields' Input should be a list of 1 to 64"},
        {2, WN_DOCUMENTS_PER_CALL_MAX / 2, NULL},
        {2, WN_DOCUMENTS_PER_CALL_MAX / 2 + 1,
         "documents' List should have at most 10000 items times rank_fields with weights, not 5001 "
         "times 2"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++) {
        char *members = many_names(table[i].n_names, table[i].n_documents);
        assert_mistake(members, table[i].mistake);
        wn_buf_deinit(&(wn_buf){.ptr = members});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_taken_as_they_are),
        cmocka_unit_test(values_of_another_kind_or_out_of_range_are_refused),
        cmocka_unit_test(fields_of_no_form_are_refused),
        cmocka_unit_test(a_query_is_a_text_of_one_byte_or_more),
        cmocka_unit_test(documents_are_a_list_of_texts),
        cmocka_unit_test(fields_with_weights_are_texts_of_their_own),
        cmocka_unit_test(rank_fields_are_different_names_or_weights_above_0),
        cmocka_unit_test(rank_fields_have_short_names),
        cmocka_unit_test(rank_fields_are_lines_of_strings_and_of_json),
        cmocka_unit_test(names_and_what_they_multiply_have_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
