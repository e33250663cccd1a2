/* What dialects make of bodies that they refuse and of problems, and which requests are theirs. */
#include "tests/support/check_dialect.h"

#include "base/str.h"

static void assert_refused_with(const wn_dialect *dialect, const char *text, int status,
                                const char *mistake)
{
    check_reading reading;
    check_read(&reading, dialect, NULL, text);
    const wn_problem *problem = &reading.problem;
    if (problem->status != status || strstr(problem->detail, mistake) == NULL)
        fail_msg("%s: %.200s: %d '%s', expected %d '%s'", dialect->name, text, problem->status,
                 problem->detail, status, mistake);
    check_read_end(&reading);
}

static void assert_refused(const wn_dialect *dialect, const char *text, const char *mistake)
{
    assert_refused_with(dialect, text, 422, mistake);
}

static void bodies_that_do_not_validate_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const wn_dialect *dialect;
        const char *body, *mistake;
    } table[] = {
        {&wn_dialect_batch, "{\"queries\":[\"a\"]}", "documents' Field required"},
        {&wn_dialect_batch, "{\"queries\":[\"a\",1],\"documents\":[\"b\"]}",
         "queries' Item 1 should be a string that is not empty, it is an integer"},
        {&wn_dialect_batch, "{\"queries\":[\"\"],\"documents\":[\"b\"]}", "queries' Item 0"},
        {&wn_dialect_batch, "{\"requests\":[{\"query\":\"a\",\"documents\":[\"b\"]},{}]}",
         "requests -> 1: "},
        {&wn_dialect_batch, "{\"requests\":[{},{\"query\":\"a\",\"documents\":[\"b\"]}]}",
         "requests -> 0: "},
        {&wn_dialect_batch, "{\"requests\":[{}],\"queries\":[\"a\"],\"documents\":[\"b\"]}", ""},
        {&wn_dialect_tei, "{\"query\":\"a\",\"texts\":[\"b\",1]}", "texts -> 1' "},
        {&wn_dialect_tei, "{\"query\":\"a\",\"texts\":[{\"text\":\"b\"}]}", "texts -> 0' "},
        {&wn_dialect_tei_predict, "{\"inputs\":5}", "Input 0 should be a pair"},
        {&wn_dialect_tei_predict, "{\"inputs\":\"a\"}", "Input 0 should be a pair"},
        {&wn_dialect_tei_predict, "{\"inputs\":[\"a\",1]}", "Input 0 should be a pair"},
        {&wn_dialect_tei_predict, "{\"inputs\":[1,\"a\"]}", "Input 0 should be a pair"},
        {&wn_dialect_tei_predict, "{\"inputs\":[[\"a\",\"b\"],[\"c\"]]}", "Input 1 should be"},
        {&wn_dialect_vllm_score, "{\"text_1\":\"a\",\"text_2\":[\"b\",1]}", "text_2' Item 1"},
        {&wn_dialect_vllm_score, "{\"text_1\":[],\"text_2\":\"b\"}", "text_1' "},
        {&wn_dialect_jina, "{\"query\":{\"text\":null},\"documents\":[\"b\"]}", "query' "},
        {&wn_dialect_jina, "{\"query\":{\"text\":1},\"documents\":[\"b\"]}", "query' "},
        {&wn_dialect_jina, "{\"query\":\"a\",\"documents\":[\"b\"],\"min_score\":\"x\"}",
         "min_score' "},
        {&wn_dialect_jina, "{\"query\":\"a\",\"documents\":[\"b\"],\"deadline_ms\":-1}",
         "deadline_ms' "},
        {&wn_dialect_jina, "{\"query\":\"a\",\"documents\":[\"b\"],\"rank_fields\":[\"x\",1]}",
         "rank_fields' "},
        {&wn_dialect_jina, "{\"query\":\"a\",\"documents\":[{\"x\":1}],\"rank_fields\":[\"y\"]}",
         "documents -> 0' "},
        {&wn_dialect_jina,
         "{\"query\":\"a\",\"documents\":[{\"x\":1}],\"rank_fields\":[\"x\",\"y\",\"x\"]}",
         "rank_fields' "},
        {&wn_dialect_jina, "{\"query\":\"a\",\"documents\":{\"0\":\"b\"}}", "documents' "},
        {&wn_dialect_jina, "[]", "'body' Input should be a JSON object, it is an array"},
        {&wn_dialect_tei, "{\"query\":\"a\"}", "texts' Field required"},
        {&wn_dialect_batch, "{\"requests\":[],\"queries\":null}", "requests' Either requests or"},
        {&wn_dialect_batch, "{\"queries\":[]}", "requests' Either requests or"},
        {&wn_dialect_batch, "{\"requests\":[]}", "requests' Either requests or"},
        {&wn_dialect_batch, "{\"requests\":[{}],\"queries\":[]}", "requests' Either requests or"},
        {&wn_dialect_batch, "{\"requests\":{},\"queries\":[\"a\"],\"documents\":[\"b\"]}",
         "requests' Either requests or"},
        {&wn_dialect_vllm_score, "{\"text_1\":[\"a\",\"b\"],\"text_2\":\"c\"}",
         "text_2' List should have as many items as text_1, 2, not 1"},
        {&wn_dialect_vllm_score, "{\"text_1\":\"a\",\"text_2\":5}",
         "text_2' Input should be a string or a list of strings that is not empty"},
        {&wn_dialect_vertex, "{\"instances\":[]}", "instances' Input should be a list that is not"},
        {&wn_dialect_vertex, "{\"instances\":5,\"parameters\":{}}", "instances' Input should be"},
        {&wn_dialect_vertex, "{\"instances\":[{}],\"parameters\":[]}",
         "parameters -> Validation error: 'body' Input should be a JSON object"},
        {&wn_dialect_vertex,
         "{\"instances\":[{\"query\":\"a\",\"texts\":[\"b\"]},{\"query\":\"a\"},{}]}",
         "instances -> 1: Validation error: 'body -> texts' Field required"},
        {&wn_dialect_sagemaker, "{\"data\":[{},{}]}", "it is an array"},
        {&wn_dialect_sagemaker_csv, "\r\n\n", "rows' There should be at least one line"},
        {&wn_dialect_sagemaker_csv, "1,q,[\"a\"]\n2,q\n3\n",
         "row 1: Validation error: 'body -> documents' Field required"},
        {&wn_dialect_sagemaker_csv, "1,q,[\"a\"],2\\", "top_n' Input should be a whole number"},
        {&wn_dialect_sagemaker_csv, "1,q,[\"a\"],/", "top_n' Input should be a whole number"},
        {&wn_dialect_sagemaker_csv, "1,q,[\"a\"],1234567890123456",
         "top_n' Input should be a whole"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++)
        assert_refused(table[i].dialect, table[i].body, table[i].mistake);
}

/* {"name": [item, item ...], more} */
static char *list_body(const char *name, const char *item, size_t n, const char *more)
{
    wn_buf text = WN_BUF_INIT;
    wn_buf_printf(&text, "{\"%s\":[", name);
    for (size_t i = 0; i < n; i++)
        wn_buf_printf(&text, "%s%s", i > 0 ? "," : "", item);
    wn_buf_printf(&text, "]%s}", more);
    assert_true(wn_buf_push_byte(&text, '\0'));
    return text.ptr;
}

static void lists_have_a_length_at_most(void **state)
{
    (void)state;
    static const struct {
        const wn_dialect *dialect;
        const char *name, *item, *more;
        size_t most;
    } table[] = {
        {&wn_dialect_jina, "documents", "\"b\"", ",\"query\":\"a\"", WN_DOCUMENTS_PER_CALL_MAX},
        {&wn_dialect_tei, "texts", "\"b\"", ",\"query\":\"a\"", WN_DOCUMENTS_PER_CALL_MAX},
        {&wn_dialect_batch, "queries", "\"a\"", ",\"documents\":[\"b\"]", WN_CALLS_PER_BODY_MAX},
        {&wn_dialect_batch, "requests", "{\"query\":\"a\",\"documents\":[\"b\"]}", "",
         WN_CALLS_PER_BODY_MAX},
        {&wn_dialect_tei_predict, "inputs", "[\"a\",\"b\"]", "", WN_CALLS_PER_BODY_MAX},
        {&wn_dialect_vllm_score, "text_2", "\"b\"", ",\"text_1\":\"a\"", WN_CALLS_PER_BODY_MAX},
        {&wn_dialect_vertex, "instances", "{\"query\":\"a\",\"texts\":[\"b\"]}", "",
         WN_CALLS_PER_BODY_MAX},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++) {
        char mistake[64];
        snprintf(mistake, sizeof mistake, "at most %zu items after validation, not %zu",
                 table[i].most, table[i].most + 1);
        char *text = list_body(table[i].name, table[i].item, table[i].most + 1, table[i].more);
        assert_refused(table[i].dialect, text, mistake);
        wn_buf_deinit(&(wn_buf){.ptr = text});
    }
}

static void csv_is_read_until_there_are_too_many_lines(void **state)
{
    (void)state;
    wn_buf text = WN_BUF_INIT;
    check_reading reading;
    for (size_t i = 0; i < 2 * WN_CALLS_PER_BODY_MAX; i++)
        wn_buf_push_str(&text, WN_STR("a\n\n"));
    assert_true(wn_buf_push_byte(&text, '\0'));
    check_read(&reading, &wn_dialect_sagemaker_csv, NULL, text.ptr);
    assert_non_null(reading.body);
    assert_int_equal(json_array_size(json_object_get(reading.body, "rows")),
                     WN_CALLS_PER_BODY_MAX + 1);
    assert_int_equal(reading.problem.status, 422);
    assert_non_null(strstr(reading.problem.detail, "rows' List should have at most 1000 items"));
    check_read_end(&reading);
    wn_buf_deinit(&text);
}

static void csv_that_cannot_be_read_names_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        wn_status status;
        const char *why;
    } table[] = {
        {"1,q,[\"a\"]\n\n\xff,q,[\"a\"]", WN_ERR_INPUT, "line 3: id is not UTF-8"},
        {"1,\xc3,[\"a\"]", WN_ERR_INPUT, "line 1: query is not UTF-8"},
        {"1,q,[\"\xed\xa0\x80\"]", WN_ERR_INPUT, "line 1: documents is not UTF-8"},
        {"1,q,[\"a\"],\xfe", WN_ERR_INPUT, "line 1: top_n is not UTF-8"},
        {"1,q,[\"a\"", WN_ERR_FORMAT, "line 1: documents: "},
        {"1,q,[\"a\"],1,", WN_ERR_INPUT, "line 1: more than the cells id, query, documents, top_n"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++) {
        check_reading reading;
        check_read(&reading, &wn_dialect_sagemaker_csv, NULL, table[i].text);
        assert_null(reading.body);
        assert_int_equal(reading.err.status, table[i].status);
        if (strncmp(reading.err.message, table[i].why, strlen(table[i].why)) != 0)
            fail_msg("'%s': '%s', expected '%s'", table[i].text, reading.err.message, table[i].why);
        check_read_end(&reading);
    }
}

/* TEI tells it from other mistakes. */
static void no_texts_at_all_are_empty_for_tei(void **state)
{
    (void)state;
    assert_refused_with(&wn_dialect_tei, "{\"query\":\"a\",\"texts\":[]}", 400,
                        "`texts` cannot be empty");
    assert_refused_with(&wn_dialect_tei_predict, "{\"inputs\":[]}", 400,
                        "`inputs` cannot be empty");
    check_reading reading;
    wn_buf out = WN_BUF_INIT;
    check_read(&reading, &wn_dialect_tei, NULL, "{\"query\":\"a\",\"texts\":[]}");
    assert_int_equal(wn_dialect_tei.status(&reading.problem), 400);
    assert_true(wn_dialect_tei.push_problem(&out, &reading.problem, "id"));
    assert_true(
        wn_str_equal(wn_buf_str(&out),
                     WN_STR("{\"error\":\"`texts` cannot be empty\",\"error_type\":\"Empty\"}")));
    wn_buf_deinit(&out);
    check_read_end(&reading);
}

static void a_model_that_fails_is_a_failed_dependency_to_tei(void **state)
{
    (void)state;
    static const int table[][2] = {{422, 422}, {429, 429}, {500, 424}, {503, 503}, {504, 504}};
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++) {
        wn_problem problem = {0};
        wn_problem_set(&problem, table[i][0], "WORD", "why");
        assert_int_equal(wn_dialect_tei.status(&problem), table[i][1]);
        wn_problem_deinit(&problem);
    }
}

/* Whether a dialect takes a request with this field and body for its own. */
static bool speaks(const wn_dialect *dialect, const char *name, const char *value, const char *body)
{
    wn_http_field field = {wn_str_from(name), wn_str_from(value)};
    wn_http_request request = {.fields = &field, .n_fields = 1};
    json_t *json = json_loads(body, 0, NULL);
    assert_non_null(json);
    bool own = dialect->speaks(&request, json);
    json_decref(json);
    return own;
}

static void requests_on_a_shared_path_are_told_apart(void **state)
{
    (void)state;
    assert_true(speaks(&wn_dialect_cohere_v1, "x-fern-sdk-name", "cohere", "{}"));
    assert_false(speaks(&wn_dialect_cohere_v1, "X-Fern-SDK-Name", "other", "{}"));
    assert_false(speaks(&wn_dialect_cohere_v1, "X", "cohere", "{}"));
    assert_true(speaks(&wn_dialect_voyage, "X-Voyage-Client-User-Agent", "{}", "{}"));
    assert_true(speaks(&wn_dialect_voyage, "X", "", "{\"top_k\":1}"));
    assert_true(speaks(&wn_dialect_voyage, "X", "", "{\"top_k\":1,\"top_n\":null}"));
    assert_false(speaks(&wn_dialect_voyage, "X", "", "{\"top_k\":1,\"top_n\":1}"));
    assert_false(speaks(&wn_dialect_voyage, "X", "", "{\"top_n\":1}"));
    assert_true(speaks(&wn_dialect_pinecone, "X-Pinecone-Api-Version", "2025-01", "{}"));
    assert_false(speaks(&wn_dialect_pinecone, "X", "2025-01", "{}"));
    assert_true(speaks(&wn_dialect_tei, "X", "", "{\"texts\":[]}"));
    assert_false(speaks(&wn_dialect_tei, "X", "", "{\"documents\":[]}"));
    assert_true(speaks(&wn_dialect_vllm_score, "X", "", "{\"text_1\":[]}"));
    assert_true(speaks(&wn_dialect_vllm_score, "X", "", "{\"text_2\":[]}"));
    assert_false(speaks(&wn_dialect_vllm_score, "X", "", "{\"query\":\"\"}"));
    assert_true(speaks(&wn_dialect_mixedbread, "X", "", "{\"input\":[]}"));
    assert_false(speaks(&wn_dialect_mixedbread, "X", "", "{\"documents\":[]}"));
    assert_true(speaks(&wn_dialect_sagemaker, "X", "", "{\"data\":{}}"));
    assert_false(speaks(&wn_dialect_sagemaker, "X", "", "{\"documents\":[]}"));
    assert_true(speaks(&wn_dialect_sagemaker_csv, "content-type", "text/CSV", "{}"));
    assert_true(speaks(&wn_dialect_sagemaker_csv, "Content-Type", "text/csv; charset=utf-8", "{}"));
    assert_true(speaks(&wn_dialect_sagemaker_csv, "Content-Type", "text/csv ;x=y", "{}"));
    assert_false(speaks(&wn_dialect_sagemaker_csv, "Content-Type", "text/csvx", "{}"));
    assert_false(speaks(&wn_dialect_sagemaker_csv, "Content-Type", "text/cs", "{}"));
    assert_false(speaks(&wn_dialect_sagemaker_csv, "Content-Type", "text/json", "{}"));
    assert_false(speaks(&wn_dialect_sagemaker_csv, "Accept", "text/csv", "{}"));
}

static void weaviate_has_its_documents_itself(void **state)
{
    (void)state;
    static const char *const sources[] = {"unspecified:weaviate", "elsewhere"};
    for (size_t i = 0; i < WN_ARRAY_LEN(sources); i++) {
        const wn_http_field field = {WN_STR("Request-Source"), wn_str_from(sources[i])};
        check_reading reading;
        check_read(&reading, &wn_dialect_jina, &field, "{\"query\":\"a\",\"documents\":[\"b\"]}");
        assert_int_equal(reading.first.return_documents, i == 1);
        check_read_end(&reading);
    }
}

static void problems_have_the_words_of_their_api(void **state)
{
    (void)state;
    static const struct {
        const wn_dialect *dialect;
        int status;
        const char *text;
    } table[] = {
        {&wn_dialect_tei, 422, "{\"error\":\"why\",\"error_type\":\"Validation\"}"},
        {&wn_dialect_tei, 429, "{\"error\":\"why\",\"error_type\":\"Overloaded\"}"},
        {&wn_dialect_tei, 503, "{\"error\":\"why\",\"error_type\":\"Unhealthy\"}"},
        {&wn_dialect_tei, 500, "{\"error\":\"why\",\"error_type\":\"Backend\"}"},
        {&wn_dialect_tei, 504, "{\"error\":\"why\",\"error_type\":\"Backend\"}"},
        {&wn_dialect_llamacpp, 400, "\"type\":\"invalid_request_error\""},
        {&wn_dialect_llamacpp, 401, "\"type\":\"authentication_error\""},
        {&wn_dialect_llamacpp, 403, "\"type\":\"permission_error\""},
        {&wn_dialect_llamacpp, 404, "\"type\":\"not_found_error\""},
        {&wn_dialect_llamacpp, 500, "\"type\":\"server_error\""},
        {&wn_dialect_llamacpp, 504, "\"type\":\"server_error\""},
        {&wn_dialect_llamacpp, 503, "\"type\":\"unavailable_error\""},
        {&wn_dialect_pinecone, 400,
         "{\"error\":{\"code\":\"INVALID_ARGUMENT\",\"message\":\"why\"}"},
        {&wn_dialect_pinecone, 401, "\"UNAUTHENTICATED\""},
        {&wn_dialect_pinecone, 403, "\"FORBIDDEN\""},
        {&wn_dialect_pinecone, 404, "\"NOT_FOUND\""},
        {&wn_dialect_pinecone, 422, "\"INVALID_ARGUMENT\",\"message\":\"why\"},\"status\":400}"},
        {&wn_dialect_pinecone, 429, "\"RESOURCE_EXHAUSTED\""},
        {&wn_dialect_pinecone, 500, "\"INTERNAL\""},
        {&wn_dialect_pinecone, 503, "\"UNAVAILABLE\""},
        {&wn_dialect_pinecone, 504, "\"DEADLINE_EXCEEDED\""},
        {&wn_dialect_vertex, 422, "{\"error\":\"why\",\"error_type\":\"Validation\"}"},
        {&wn_dialect_openvino, 400, "{\"error\":\"why\"}"},
        {&wn_dialect_cohere_v2, 400, "{\"message\":\"why\",\"id\":\"id\"}"},
        {&wn_dialect_jina, 400, "{\"detail\":\"why\",\"code\":\"WORD\",\"request_id\":\"id\"}"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++) {
        wn_problem problem = {0};
        wn_buf out = WN_BUF_INIT;
        wn_problem_set(&problem, table[i].status, "WORD", "why");
        assert_true(table[i].dialect->push_problem(&out, &problem, "id"));
        assert_true(wn_buf_push_byte(&out, '\0'));
        if (strstr(out.ptr, table[i].text) == NULL)
            fail_msg("%s %d: '%s', expected '%s'", table[i].dialect->name, table[i].status, out.ptr,
                     table[i].text);
        wn_buf_deinit(&out);
        wn_problem_deinit(&problem);
    }
}

static void statuses_are_those_of_their_api(void **state)
{
    (void)state;
    static const struct {
        const wn_dialect *dialect;
        int own, told;
    } table[] = {
        {&wn_dialect_tei, 400, 422},      {&wn_dialect_tei, 422, 422},
        {&wn_dialect_tei, 503, 503},      {&wn_dialect_tei_predict, 400, 422},
        {&wn_dialect_llamacpp, 422, 400}, {&wn_dialect_llamacpp, 401, 401},
        {&wn_dialect_pinecone, 422, 400}, {&wn_dialect_pinecone, 429, 429},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++) {
        wn_problem problem = {.status = table[i].own, .code = "WORD"};
        assert_int_equal(table[i].dialect->status(&problem), table[i].told);
    }
}

static void mistakes_are_listed_in_flat_problems(void **state)
{
    (void)state;
    check_reading reading;
    wn_buf out = WN_BUF_INIT;
    check_read(&reading, &wn_dialect_jina, NULL, "{\"documents\":[],\"top_n\":0}");
    assert_true(wn_dialect_jina.push_problem(&out, &reading.problem, "id"));
    assert_true(wn_buf_push_byte(&out, '\0'));
    assert_string_equal(
        out.ptr,
        "{\"detail\":\"Validation error: 'body -> query' Field required\",\"request_id\":\"id\","
        "\"errors\":[{\"field\":\"body -> query\",\"message\":\"Field required\","
        "\"type\":\"missing\"},{\"field\":\"body -> documents\",\"message\":\"List should have at "
        "least 1 item after validation, not 0\",\"type\":\"too_short\",\"input\":[]},"
        "{\"field\":\"body -> top_n\",\"message\":\"Input should be greater than or equal to 1\","
        "\"type\":\"greater_than_equal\",\"input\":0}]}");
    wn_buf_deinit(&out);
    check_read_end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_that_do_not_validate_are_refused_by_name),
        cmocka_unit_test(lists_have_a_length_at_most),
        cmocka_unit_test(csv_is_read_until_there_are_too_many_lines),
        cmocka_unit_test(csv_that_cannot_be_read_names_its_line),
        cmocka_unit_test(no_texts_at_all_are_empty_for_tei),
        cmocka_unit_test(a_model_that_fails_is_a_failed_dependency_to_tei),
        cmocka_unit_test(requests_on_a_shared_path_are_told_apart),
        cmocka_unit_test(weaviate_has_its_documents_itself),
        cmocka_unit_test(problems_have_the_words_of_their_api),
        cmocka_unit_test(statuses_are_those_of_their_api),
        cmocka_unit_test(mistakes_are_listed_in_flat_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
