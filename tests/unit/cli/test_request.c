/* Requests and documents of a line: what is read, what is refused and in which words. */
#include "tests/support/check.h"

#include "base/str.h"
#include "cli/request.h"

static void expect_str(wn_str s, const char *want)
{
    assert_true(wn_str_equal(s, wn_str_from(want)));
}

static void request_reads_texts_and_keeps_sources(void **state)
{
    (void)state;
    wn_rank_request request;
    wn_error err;
    wn_str line = WN_STR(" {\"top_n\": 2, \"id\" : [1.50, \"x\"], \"documents\": [\"a\\u00e9\", "
                         "{\"k\": 12.340, \"text\": \"b\"} , \"\"], \"query\": \"q\\n\"} ");
    assert_ok(wn_rank_request_parse(&request, line, "t", &err), &err);
    expect_str(request.query, "q\n");
    expect_str(request.id, "[1.50, \"x\"]");
    assert_int_equal(request.top_n, 2);
    assert_int_equal(request.n_documents, 3);
    assert_false(request.return_documents);
    expect_str(request.texts[0], "a\xc3\xa9");
    expect_str(request.documents[0].json, "\"a\\u00e9\"");
    expect_str(request.documents[1].text, "b");
    expect_str(request.documents[1].json, "{\"k\": 12.340, \"text\": \"b\"}");
    assert_int_equal(request.texts[2].len, 0);
    wn_rank_request_deinit(&request);
}

static void request_takes_null_for_absent(void **state)
{
    (void)state;
    wn_rank_request request;
    wn_error err;
    wn_str line = WN_STR("{\"query\":\"q\",\"documents\":[\"d\"],\"top_n\":null,"
                         "\"return_documents\":null,\"other\":{\"top_n\":0}}");
    assert_ok(wn_rank_request_parse(&request, line, "t", &err), &err);
    assert_int_equal(request.top_n, 0);
    assert_int_equal(request.id.len, 0);
    wn_rank_request_deinit(&request);
}

static void request_finds_fields_by_their_unescaped_names(void **state)
{
    (void)state;
    wn_rank_request request;
    wn_error err;
    wn_str line = WN_STR("{\"\\u0069d\":7,\"qu\\u0065ry\":\"q\",\"documents\":[\"d\"]}");
    assert_ok(wn_rank_request_parse(&request, line, "t", &err), &err);
    expect_str(request.id, "7");
    wn_rank_request_deinit(&request);
}

static void request_refuses_with_reasons_and_keeps_the_id(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        wn_status status;
        const char *message, *id;
    } cases[] = {
        {"{\"id\":1,\"query\":\"\",\"documents\":[\"d\"]}", WN_ERR_INPUT, "'query' is empty", "1"},
        {"{\"id\":2,\"query\":null,\"documents\":[\"d\"]}", WN_ERR_FORMAT, "'query': is null", "2"},
        {"{\"query\":\"q\",\"documents\":{},\"id\":3}", WN_ERR_FORMAT, "is an object", "3"},
        {"{\"query\":\"q\",\"documents\":[],\"id\":4}", WN_ERR_FORMAT, "is empty", "4"},
        {"{\"query\":\"q\",\"documents\":[\"d\",null]}", WN_ERR_FORMAT, "document 1 is null", ""},
        {"{\"query\":\"q\",\"documents\":[\"d\"],\"top_n\":-1}", WN_ERR_FORMAT, "is -1", ""},
        {"{\"query\":\"q\",\"documents\":[\"d\"],\"top_n\":1.5}", WN_ERR_FORMAT, "is 1.5", ""},
        {"{\"query\":\"q\",\"documents\":[\"d\"],\"return_documents\":1}", WN_ERR_FORMAT,
         "expected true or false", ""},
        {"[]", WN_ERR_FORMAT, "is an array, expected an object", ""},
        {"", WN_ERR_FORMAT, "t: line 1", ""},
        {"{\"query\":\"q\",\"documents\":[\"d\"]} x", WN_ERR_FORMAT, "t: line 1", ""},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_rank_request request;
        wn_error err;
        assert_fails(wn_rank_request_parse(&request, wn_str_from(cases[i].line), "t", &err),
                     cases[i].status, &err, cases[i].message);
        expect_str(request.id, cases[i].id);
        wn_rank_request_deinit(&request);
    }
}

static void request_tells_all_mistakes_of_its_fields(void **state)
{
    (void)state;
    wn_rank_request request;
    wn_error err;
    wn_str line =
        WN_STR("{\"query\":1,\"top_n\":0,\"return_documents\":\"x\",\"documents\":[\"d\"]}");
    assert_fails(wn_rank_request_parse(&request, line, "t", &err), WN_ERR_FORMAT, &err, "'query'");
    assert_non_null(strstr(err.message, "'top_n'"));
    assert_non_null(strstr(err.message, "'return_documents'"));
    wn_rank_request_deinit(&request);
}

static void request_bounds_the_number_of_values(void **state)
{
    (void)state;
    wn_rank_request request;
    wn_error err;
    size_t n = 2 * (size_t)WN_JSON_VALUES_MAX + 2;
    char *text = malloc(n);
    assert_non_null(text);
    for (size_t i = 0; i < n; i += 2)
        memcpy(text + i, i == 0 ? "[0" : ",0", 2);
    assert_fails(wn_rank_request_parse(&request, (wn_str){text, n}, "t", &err), WN_ERR_LIMIT, &err,
                 "JSON values, at most 1048576");
    wn_rank_request_deinit(&request);
    free(text);
}

static void document_needs_a_text(void **state)
{
    (void)state;
    wn_document document;
    json_t *holder = NULL;
    wn_error err;
    wn_str line = WN_STR("{\"text\":\"a\",\"n\":1.10}");
    assert_ok(wn_document_parse(&document, &holder, line, "t", &err), &err);
    expect_str(document.text, "a");
    expect_str(document.json, line.ptr);
    json_decref(holder);
    assert_fails(wn_document_parse(&document, &holder, WN_STR("{\"txt\":1}"), "t", &err),
                 WN_ERR_FORMAT, &err, "has no field 'text'");
    assert_fails(wn_document_parse(&document, &holder, WN_STR("{\"text\":[]}"), "t", &err),
                 WN_ERR_FORMAT, &err, "'text' of the object is an array, expected a string");
    assert_fails(wn_document_parse(&document, &holder, WN_STR("\"a\""), "t", &err), WN_ERR_FORMAT,
                 &err, "'[' or '{' expected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_reads_texts_and_keeps_sources),
        cmocka_unit_test(request_takes_null_for_absent),
        cmocka_unit_test(request_finds_fields_by_their_unescaped_names),
        cmocka_unit_test(request_refuses_with_reasons_and_keeps_the_id),
        cmocka_unit_test(request_tells_all_mistakes_of_its_fields),
        cmocka_unit_test(request_bounds_the_number_of_values),
        cmocka_unit_test(document_needs_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
