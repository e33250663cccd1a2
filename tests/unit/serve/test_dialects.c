/* What dialects make of bodies that they refuse, of results that were not scored, and of problems.
 * What they answer else is in tests/api/cases. */
#include "tests/support/check.h"

#include "base/str.h"
#include "serve/api_dialect.h"

#include <math.h>

/* The call of a body, given that the fields are read; problem is for the caller to free. */
static wn_calls read_body(const wn_dialect *dialect, const char *text, json_t **body,
                          wn_rank_call *call, wn_problem *problem)
{
    json_error_t why;
    *body = json_loads(text, 0, &why);
    if (*body == NULL)
        fail_msg("%s: %s", text, why.text);
    wn_calls calls = {.at = call, .n = 1, .arena = call->arena};
    if (dialect->prepare != NULL)
        dialect->prepare(call, &(wn_http_request){.path = {"/", 1}});
    wn_fields_read(call, dialect->fields, dialect->n_fields, *body, problem);
    if (problem->status == 0 && dialect->check != NULL)
        dialect->check(&calls, *body, problem);
    return calls;
}

static void assert_refused(const wn_dialect *dialect, const char *text, const char *mistake)
{
    wn_arena arena = WN_ARENA_INIT;
    wn_problem problem = {0};
    wn_rank_call call = wn_rank_call_init(&arena);
    json_t *body;
    (void)read_body(dialect, text, &body, &call, &problem);
    if (problem.status != 422 || strstr(problem.detail, mistake) == NULL)
        fail_msg("%s: %.200s: %d '%s', expected '%s'", dialect->name, text, problem.status,
                 problem.detail, mistake);
    wn_problem_deinit(&problem);
    json_decref(body);
    wn_arena_deinit(&arena);
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
        {&wn_dialect_tei_predict, "{\"inputs\":[]}", "Input 0 should be a pair"},
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
        {&wn_dialect_jina, "[]", ""},
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
    wn_error err = {0};
    for (size_t i = 0; i < 2 * WN_CALLS_PER_BODY_MAX; i++)
        wn_buf_push_str(&text, WN_STR("a\n\n"));
    json_t *body = wn_dialect_sagemaker_csv.parse(wn_buf_str(&text), &err);
    assert_non_null(body);
    assert_int_equal(json_array_size(json_object_get(body, "rows")), WN_CALLS_PER_BODY_MAX + 1);
    json_decref(body);
    wn_buf_deinit(&text);
}

static void rank_fields_have_short_names(void **state)
{
    (void)state;
    for (size_t n = 256; n <= 257; n++) {
        wn_arena arena = WN_ARENA_INIT;
        wn_problem problem = {0};
        wn_rank_call call = wn_rank_call_init(&arena);
        json_t *body;
        char name[258] = {0}, text[400];
        memset(name, 'n', n);
        snprintf(text, sizeof text,
                 "{\"query\":\"a\",\"documents\":[\"b\"],\"rank_fields\":{\"%s\":1}}", name);
        (void)read_body(&wn_dialect_jina, text, &body, &call, &problem);
        assert_int_equal(problem.status, n > 256 ? 422 : 0);
        wn_problem_deinit(&problem);
        json_decref(body);
        wn_arena_deinit(&arena);
    }
}

static void rank_fields_are_lines_of_strings_and_of_json(void **state)
{
    (void)state;
    wn_arena arena = WN_ARENA_INIT;
    wn_problem problem = {0};
    wn_rank_call call = wn_rank_call_init(&arena);
    json_t *body;
    (void)read_body(&wn_dialect_jina,
                    "{\"query\":\"a\",\"rank_fields\":[\"t\",\"gone\",\"null\",\"n\",\"l\"],"
                    "\"documents\":[{\"l\":[1,{\"k\":true}],\"n\":2.5,\"t\":\"x\",\"null\":null},"
                    "{\"t\":\"\",\"n\":1},\"plain\"]}",
                    &body, &call, &problem);
    assert_int_equal(problem.status, 0);
    assert_int_equal(call.documents.n, 3);
    assert_true(wn_str_equal(call.documents.at[0], WN_STR("x\n2.5\n[1,{\"k\":true}]")));
    assert_true(wn_str_equal(call.documents.at[1], WN_STR("1")));
    assert_true(wn_str_equal(call.documents.at[2], WN_STR("plain")));
    json_decref(body);
    wn_arena_deinit(&arena);
}

static void result_that_was_not_scored_says_so(void **state)
{
    (void)state;
    const wn_str text = WN_STR("b");
    wn_rank_call call = {.documents = {.at = &text, .n = 1}, .min_score = -HUGE_VAL};
    wn_result result = {.index = 0, .scored = false};
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_push_result(&out, &call, &result));
    call.return_documents = true;
    assert_true(wn_push_result(&out, &call, &result));
    assert_true(wn_str_equal(wn_buf_str(&out),
                             WN_STR("{\"index\":0,\"relevance_score\":0.0,\"scored\":false}"
                                    "{\"index\":0,\"relevance_score\":0.0,\"scored\":false,"
                                    "\"document\":{\"text\":\"b\"}}")));
    wn_buf_deinit(&out);
}

static void documents_are_given_back_when_asked_for(void **state)
{
    (void)state;
    const wn_str text = WN_STR("b");
    wn_rank_call call = {.documents = {.at = &text, .n = 1}, .min_score = -HUGE_VAL};
    const wn_calls calls = {.at = &call, .n = 1};
    const wn_result result = {.index = 0, .scored = true, .relevance_score = 0.5};
    const wn_rank_answer answer = {
        .results = &result, .n_results = 1, .model = WN_STR("m"), .request_id = "id"};
    static const wn_dialect *const dialects[] = {
        &wn_dialect_jina,     &wn_dialect_cohere_v1, &wn_dialect_mixedbread, &wn_dialect_voyage,
        &wn_dialect_pinecone, &wn_dialect_sagemaker, &wn_dialect_batch,      &wn_dialect_tei};
    for (size_t i = 0; i < WN_ARRAY_LEN(dialects); i++)
        for (int asked = 0; asked < 2; asked++) {
            wn_buf out = WN_BUF_INIT;
            call.return_documents = asked != 0;
            assert_true(dialects[i]->push_answer(&out, &calls, &answer));
            assert_true(wn_buf_push_byte(&out, '\0'));
            if ((strstr(out.ptr, "\"b\"") != NULL) != call.return_documents)
                fail_msg("%s: %s", dialects[i]->name, out.ptr);
            wn_buf_deinit(&out);
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
    assert_true(speaks(&wn_dialect_tei, "X", "", "{\"texts\":[]}"));
    assert_true(speaks(&wn_dialect_vllm_score, "X", "", "{\"text_2\":[]}"));
    assert_true(speaks(&wn_dialect_sagemaker, "X", "", "{\"data\":{}}"));
}

static void weaviate_has_its_documents_itself(void **state)
{
    (void)state;
    static const char *const sources[] = {"unspecified:weaviate", "elsewhere"};
    for (size_t i = 0; i < WN_ARRAY_LEN(sources); i++) {
        wn_http_field field = {WN_STR("Request-Source"), wn_str_from(sources[i])};
        wn_rank_call call = wn_rank_call_init(NULL);
        wn_dialect_jina.prepare(&call, &(wn_http_request){.fields = &field, .n_fields = 1});
        assert_int_equal(call.return_documents, i == 1);
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
        {&wn_dialect_llamacpp, 404, "\"type\":\"not_found_error\""},
        {&wn_dialect_llamacpp, 500, "\"type\":\"server_error\""},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_that_do_not_validate_are_refused_by_name),
        cmocka_unit_test(lists_have_a_length_at_most),
        cmocka_unit_test(csv_is_read_until_there_are_too_many_lines),
        cmocka_unit_test(rank_fields_have_short_names),
        cmocka_unit_test(rank_fields_are_lines_of_strings_and_of_json),
        cmocka_unit_test(result_that_was_not_scored_says_so),
        cmocka_unit_test(documents_are_given_back_when_asked_for),
        cmocka_unit_test(requests_on_a_shared_path_are_told_apart),
        cmocka_unit_test(weaviate_has_its_documents_itself),
        cmocka_unit_test(problems_have_the_words_of_their_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
