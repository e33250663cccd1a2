/* What each dialect answers, byte for byte: three documents, two results of them. */
#include "tests/support/check_dialect.h"

#include "base/str.h"
#include "serve/explain.h"

static const wn_result results[] = {
    {.index = 1,
     .logit = 1.5f,
     .relevance_score = 0.75,
     .scored = true,
     .n_tokens = 7,
     .window_start = 2,
     .window_end = 5,
     .field = 1},
    {.index = 0, .logit = -1.5f, .relevance_score = 0.25, .scored = true, .n_tokens = 5},
};

static wn_rank_answer answer_with(uint64_t cached_tokens)
{
    return (wn_rank_answer){.results = results,
                            .n_results = WN_ARRAY_LEN(results),
                            .total_tokens = 15,
                            .query_tokens = 3,
                            .document_tokens = 12,
                            .cached_tokens = cached_tokens,
                            .search_units = 1,
                            .model = WN_STR("m"),
                            .request_id = "id",
                            .created_s = 9};
}

typedef struct example {
    const wn_dialect *dialect;
    const char *body, *answer;
    uint64_t cached_tokens;
} example;

/* Each call of the body has the same results. */
static void check_example(const example *e)
{
    check_reading reading;
    wn_buf out = WN_BUF_INIT;
    wn_rank_answer answers[2] = {answer_with(e->cached_tokens), answer_with(0)};
    check_read(&reading, e->dialect, NULL, e->body);
    if (reading.body == NULL || reading.problem.status != 0)
        fail_msg("%s: %s: %s", e->dialect->name, e->body, reading.problem.detail);
    assert_true(reading.calls.n <= WN_ARRAY_LEN(answers));
    assert_true(e->dialect->push_answer(&out, &reading.calls, answers));
    assert_true(wn_buf_push_byte(&out, '\0'));
    if (strcmp(out.ptr, e->answer) != 0)
        fail_msg("%s: %s is answered\n%s\nexpected\n%s", e->dialect->name, e->body, out.ptr,
                 e->answer);
    wn_buf_deinit(&out);
    check_read_end(&reading);
}

#define CHECK_EXAMPLES(...)                                                                        \
    do {                                                                                           \
        static const example examples[] = {__VA_ARGS__};                                           \
        for (size_t i = 0; i < WN_ARRAY_LEN(examples); i++)                                        \
            check_example(&examples[i]);                                                           \
    } while (0)

static void jina_and_who_speaks_like_it(void **state)
{
    (void)state;
    CHECK_EXAMPLES(
        {&wn_dialect_jina, "{\"query\":\"q\",\"documents\":[\"a\",\"b\"]}",
         "{\"model\":\"m\",\"object\":\"list\",\"usage\":{\"total_tokens\":15,\"prompt_tokens\":15}"
         ",\"results\":[{\"index\":1,\"relevance_score\":0.75,\"document\":{\"text\":\"b\"}},"
         "{\"index\":0,\"relevance_score\":0.25,\"document\":{\"text\":\"a\"}}]}",
         0},
        {&wn_dialect_jina,
         "{\"query\":\"q\",\"documents\":[\"a\",{\"text\":\"b\",\"id\":[1]}],\"raw_scores\":true}",
         "{\"model\":\"m\",\"object\":\"list\",\"usage\":{\"total_tokens\":15,\"prompt_tokens\":15,"
         "\"cached_tokens\":4},\"results\":[{\"index\":1,\"relevance_score\":1.5,\"document\":"
         "{\"text\":\"b\",\"id\":[1]}},{\"index\":0,\"relevance_score\":-1.5,\"document\":"
         "{\"text\":\"a\"}}]}",
         4},
        {&wn_dialect_generic,
         "{\"query\":\"q\",\"documents\":[\"a\",\"b\"],\"return_documents\":false}",
         "{\"model\":\"m\",\"object\":\"rerank\",\"usage\":{\"total_tokens\":15,"
         "\"prompt_tokens\":15},\"results\":[{\"index\":1,\"relevance_score\":0.75},"
         "{\"index\":0,\"relevance_score\":0.25}],\"id\":\"id\",\"created\":9}",
         0},
        {&wn_dialect_batch, "{\"queries\":[\"q\",\"r\"],\"documents\":[\"a\",\"b\"]}",
         "{\"model\":\"m\",\"object\":\"list\",\"data\":[{\"index\":0,\"results\":[{\"index\":1,"
         "\"relevance_score\":0.75},{\"index\":0,\"relevance_score\":0.25}],\"usage\":"
         "{\"total_tokens\":15,\"cached_tokens\":4}},{\"index\":1,\"results\":[{\"index\":1,"
         "\"relevance_score\":0.75},{\"index\":0,\"relevance_score\":0.25}],\"usage\":"
         "{\"total_tokens\":15}}],\"usage\":{\"total_tokens\":30,\"cached_tokens\":4}}",
         4}, );
}

static void hosted_apis(void **state)
{
    (void)state;
    CHECK_EXAMPLES(
        {&wn_dialect_cohere_v1,
         "{\"query\":\"q\",\"documents\":[\"a\",\"b\"],\"return_documents\":true}",
         "{\"id\":\"id\",\"results\":[{\"document\":{\"text\":\"b\"},\"index\":1,"
         "\"relevance_score\":0.75},{\"document\":{\"text\":\"a\"},\"index\":0,"
         "\"relevance_score\":0.25}],\"meta\":{\"api_version\":{\"version\":\"1\","
         "\"is_experimental\":false},\"billed_units\":{\"search_units\":1},\"tokens\":"
         "{\"input_tokens\":15,\"output_tokens\":0},\"cached_tokens\":4}}",
         4},
        {&wn_dialect_cohere_v2, "{\"query\":\"q\",\"documents\":[\"a\",\"b\"]}",
         "{\"id\":\"id\",\"results\":[{\"index\":1,\"relevance_score\":0.75},{\"index\":0,"
         "\"relevance_score\":0.25}],\"meta\":{\"api_version\":{\"version\":\"2\","
         "\"is_experimental\":false},\"billed_units\":{\"search_units\":1},\"tokens\":"
         "{\"input_tokens\":15,\"output_tokens\":0}}}",
         0},
        {&wn_dialect_voyage,
         "{\"query\":\"q\",\"documents\":[\"a\",\"b\"],\"top_k\":null,\"return_documents\":true}",
         "{\"object\":\"list\",\"data\":[{\"relevance_score\":0.75,\"index\":1,\"document\":\"b\"},"
         "{\"relevance_score\":0.25,\"index\":0,\"document\":\"a\"}],\"model\":\"m\",\"usage\":"
         "{\"total_tokens\":15},\"results\":[{\"relevance_score\":0.75,\"index\":1,\"document\":"
         "{\"text\":\"b\"}},{\"relevance_score\":0.25,\"index\":0,\"document\":{\"text\":\"a\"}}]}",
         0},
        {&wn_dialect_voyage, "{\"query\":\"q\",\"documents\":[\"a\",\"b\"],\"top_k\":2}",
         "{\"object\":\"list\",\"data\":[{\"relevance_score\":0.75,\"index\":1},"
         "{\"relevance_score\":0.25,\"index\":0}],\"model\":\"m\",\"usage\":{\"total_tokens\":15},"
         "\"results\":[{\"relevance_score\":0.75,\"index\":1},{\"relevance_score\":0.25,"
         "\"index\":0}]}",
         0},
        {&wn_dialect_pinecone,
         "{\"query\":\"q\",\"documents\":[{\"text\":\"a\",\"id\":1},{\"text\":\"b\"}]}",
         "{\"model\":\"m\",\"data\":[{\"index\":1,\"score\":0.75,\"document\":{\"text\":\"b\"}},"
         "{\"index\":0,\"score\":0.25,\"document\":{\"text\":\"a\",\"id\":1}}],"
         "\"usage\":{\"rerank_units\":1}}",
         0},
        {&wn_dialect_pinecone,
         "{\"query\":\"q\",\"documents\":[\"a\",\"b\"],\"return_documents\":false}",
         "{\"model\":\"m\",\"data\":[{\"index\":1,\"score\":0.75},{\"index\":0,\"score\":0.25}],"
         "\"usage\":{\"rerank_units\":1}}",
         0},
        {&wn_dialect_mixedbread,
         "{\"query\":\"q\",\"input\":[\"a\",{\"text\":\"b\"}],\"return_input\":true}",
         "{\"model\":\"m\",\"object\":\"list\",\"data\":[{\"index\":1,\"score\":0.75,\"input\":"
         "{\"text\":\"b\"}},{\"index\":0,\"score\":0.25,\"input\":\"a\"}],\"usage\":"
         "{\"prompt_tokens\":15,\"total_tokens\":15},\"top_k\":2,\"return_input\":true}",
         0},
        {&wn_dialect_mixedbread, "{\"query\":\"q\",\"input\":[\"a\",\"b\"]}",
         "{\"model\":\"m\",\"object\":\"list\",\"data\":[{\"index\":1,\"score\":0.75},{\"index\":0,"
         "\"score\":0.25}],\"usage\":{\"prompt_tokens\":15,\"total_tokens\":15},\"top_k\":2,"
         "\"return_input\":false}",
         0},
        {&wn_dialect_isaacus, "{\"query\":\"q\",\"texts\":[\"a\",\"b\"]}",
         "{\"results\":[{\"index\":1,\"score\":0.75},{\"index\":0,\"score\":0.25}],"
         "\"usage\":{\"input_tokens\":15}}",
         0}, );
}

static void self_hosted_servers(void **state)
{
    (void)state;
    CHECK_EXAMPLES(
        {&wn_dialect_tei, "{\"query\":\"q\",\"texts\":[\"a\",\"b\"]}",
         "[{\"index\":1,\"score\":0.75},{\"index\":0,\"score\":0.25}]", 0},
        {&wn_dialect_tei,
         "{\"query\":\"q\",\"texts\":[\"a\",\"b\"],\"return_text\":true,\"raw_scores\":true}",
         "[{\"index\":1,\"text\":\"b\",\"score\":1.5},{\"index\":0,\"text\":\"a\",\"score\":-1.5}]",
         0},
        {&wn_dialect_tei_predict, "{\"inputs\":[\"q\",\"a\"]}",
         "[{\"score\":0.75,\"label\":\"LABEL_0\"}]", 0},
        {&wn_dialect_tei_predict, "{\"inputs\":[[\"q\",\"a\"]]}",
         "[[{\"score\":0.75,\"label\":\"LABEL_0\"}]]", 0},
        {&wn_dialect_tei_predict, "{\"inputs\":[[\"q\",\"a\"],[\"q\",\"b\"]]}",
         "[[{\"score\":0.75,\"label\":\"LABEL_0\"}],[{\"score\":0.75,\"label\":\"LABEL_0\"}]]", 0},
        {&wn_dialect_vllm_score, "{\"text_1\":\"q\",\"text_2\":[\"a\",\"b\"]}",
         "{\"id\":\"id\",\"object\":\"list\",\"created\":9,\"model\":\"m\",\"data\":[{\"index\":0,"
         "\"object\":\"score\",\"score\":0.75},{\"index\":1,\"object\":\"score\",\"score\":0.75}],"
         "\"usage\":{\"prompt_tokens\":30,\"total_tokens\":30}}",
         0},
        {&wn_dialect_llamacpp, "{\"query\":\"q\",\"documents\":[\"a\",\"b\"]}",
         "{\"model\":\"m\",\"object\":\"list\",\"usage\":{\"prompt_tokens\":15,"
         "\"total_tokens\":15},\"results\":[{\"index\":1,\"relevance_score\":1.5},{\"index\":0,"
         "\"relevance_score\":-1.5}]}",
         0},
        {&wn_dialect_nim,
         "{\"query\":{\"text\":\"q\"},\"passages\":[{\"text\":\"a\"},{\"text\":\"b\"}]}",
         "{\"rankings\":[{\"index\":1,\"logit\":1.5},{\"index\":0,\"logit\":-1.5}],\"usage\":"
         "{\"prompt_tokens\":15,\"total_tokens\":15}}",
         0},
        {&wn_dialect_openvino, "{\"query\":\"q\",\"documents\":[\"a\",\"b\"]}",
         "{\"results\":[{\"index\":1,\"relevance_score\":0.75},{\"index\":0,"
         "\"relevance_score\":0.25}]}",
         0},
        {&wn_dialect_openvino,
         "{\"query\":\"q\",\"documents\":[\"a\",\"b\"],\"return_documents\":true}",
         "{\"results\":[{\"index\":1,\"relevance_score\":0.75,\"document\":\"b\"},{\"index\":0,"
         "\"relevance_score\":0.25,\"document\":\"a\"}]}",
         0}, );
}

static void containers(void **state)
{
    (void)state;
    CHECK_EXAMPLES(
        {&wn_dialect_sagemaker,
         "{\"data\":{\"query\":\"q\",\"documents\":[{\"text\":\"a\",\"id\":7},{\"text\":\"b\"}]}}",
         "{\"data\":[{\"id\":\"id\",\"query_usage\":{\"total_tokens\":3},\"docs_usage\":"
         "{\"total_tokens\":12},\"results\":[{\"id\":\"1\",\"index\":1,\"document\":"
         "{\"id\":\"1\",\"text\":\"b\"},\"relevance_score\":0.75,\"usage\":{\"total_tokens\":7}},{"
         "\"id\":\"0\","
         "\"index\":0,\"document\":{\"text\":\"a\",\"id\":7},\"relevance_score\":0.25,\"usage\":"
         "{\"total_tokens\":5}}]}],\"parameters\":{}}",
         0},
        {&wn_dialect_sagemaker,
         "{\"data\":{\"query\":\"q\",\"documents\":[\"a\",\"b\"],\"return_documents\":false}}",
         "{\"data\":[{\"id\":\"id\",\"query_usage\":{\"total_tokens\":3},\"docs_usage\":"
         "{\"total_tokens\":12},\"results\":[{\"id\":\"1\",\"index\":1,\"relevance_score\":0.75,"
         "\"usage\":{\"total_tokens\":7}},{\"id\":\"0\",\"index\":0,\"relevance_score\":0.25,"
         "\"usage\":{\"total_tokens\":5}}]}],\"parameters\":{}}",
         0},
        {&wn_dialect_sagemaker_csv, "x,q,[\"a\"\\,\"b\"]\n,q,[\"a\"\\,\"b\"]\n",
         "{\"data\":[{\"id\":\"x\",\"query_usage\":{\"total_tokens\":3},\"docs_usage\":"
         "{\"total_tokens\":12},\"results\":[{\"id\":\"1\",\"index\":1,\"document\":"
         "{\"id\":\"1\",\"text\":\"b\"},\"relevance_score\":0.75,\"usage\":{\"total_tokens\":7}},{"
         "\"id\":\"0\","
         "\"index\":0,\"document\":{\"id\":\"0\",\"text\":\"a\"},\"relevance_score\":0.25,"
         "\"usage\":"
         "{\"total_tokens\":5}}]},{\"id\":\"\",\"query_usage\":{\"total_tokens\":3},"
         "\"docs_usage\":{\"total_tokens\":12},\"results\":[{\"id\":\"1\",\"index\":1,"
         "\"document\":{\"id\":\"1\",\"text\":\"b\"},\"relevance_score\":0.75,\"usage\":{\"total_"
         "tokens\":7}},"
         "{\"id\":\"0\",\"index\":0,\"document\":{\"id\":\"0\",\"text\":\"a\"},\"relevance_score\":"
         "0.25,"
         "\"usage\":{\"total_tokens\":5}}]}],\"parameters\":{}}",
         0},
        {&wn_dialect_vertex,
         "{\"instances\":[{\"query\":\"q\",\"texts\":[\"a\",\"b\"]},{\"query\":\"q\",\"texts\":"
         "[\"a\",\"b\"],\"return_text\":true}]}",
         "{\"predictions\":[[{\"index\":1,\"score\":0.75},{\"index\":0,\"score\":0.25}],"
         "[{\"index\":1,\"text\":\"b\",\"score\":0.75},{\"index\":0,\"text\":\"a\","
         "\"score\":0.25}]]}",
         0}, );
}

/* What a call of two documents shows of these results. */
static void assert_shows(const char *more, const wn_result *shown, size_t n, const char *want)
{
    check_reading reading;
    char body[300];
    wn_buf out = WN_BUF_INIT;
    snprintf(body, sizeof body,
             "{\"query\":\"q\",\"documents\":[{\"t\":\"a\"},{\"t\":\"c\",\"u\":\"d\"}],"
             "\"return_documents\":false%s}",
             more);
    check_read(&reading, &wn_dialect_jina, NULL, body);
    assert_int_equal(reading.problem.status, 0);
    const wn_rank_answer answer = {.results = shown, .n_results = n};
    assert_true(wn_push_results(&out, &reading.first, &answer, wn_push_result));
    assert_true(wn_buf_push_byte(&out, '\0'));
    if (strcmp(out.ptr, want) != 0)
        fail_msg("%s is answered\n%s\nexpected\n%s", body, out.ptr, want);
    wn_buf_deinit(&out);
    check_read_end(&reading);
}

#define BY_TEXT    ",\"rank_fields\":[\"t\"]"
#define BY_WEIGHTS ",\"rank_fields\":{\"t\":1,\"u\":2}"

static void what_is_asked_for_beyond_an_api_is_added(void **state)
{
    (void)state;
    assert_shows(BY_TEXT ",\"return_logits\":true,\"return_spans\":true", results, 1,
                 "[{\"index\":1,\"relevance_score\":0.75,\"logit\":1.5,"
                 "\"span\":{\"start\":2,\"end\":5}}]");
    assert_shows(BY_WEIGHTS, results, 1, "[{\"index\":1,\"relevance_score\":0.75}]");
    assert_shows(BY_WEIGHTS ",\"return_spans\":true", results, 1,
                 "[{\"index\":1,\"relevance_score\":0.75,\"field\":\"u\","
                 "\"span\":{\"start\":2,\"end\":5}}]");
    assert_shows(BY_WEIGHTS ",\"explain\":true", results, 1,
                 "[{\"index\":1,\"relevance_score\":0.75,\"field\":\"u\"}]");
}

/* In every API whose results are objects that may have more members. */
static void logits_are_added_in_every_api_that_says_so(void **state)
{
    (void)state;
    static const struct {
        const wn_dialect *dialect;
        const char *documents; /* the name of their field */
    } table[] = {
        {&wn_dialect_jina, "documents"},      {&wn_dialect_generic, "documents"},
        {&wn_dialect_cohere_v1, "documents"}, {&wn_dialect_cohere_v2, "documents"},
        {&wn_dialect_tei, "texts"},           {&wn_dialect_llamacpp, "documents"},
        {&wn_dialect_voyage, "documents"},    {&wn_dialect_pinecone, "documents"},
        {&wn_dialect_mixedbread, "input"},    {&wn_dialect_isaacus, "texts"},
        {&wn_dialect_openvino, "documents"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(table); i++)
        for (int asked = 0; asked < 2; asked++) {
            check_reading reading;
            char body[200];
            wn_buf out = WN_BUF_INIT;
            const wn_rank_answer answer = answer_with(0);
            snprintf(body, sizeof body,
                     "{\"query\":\"q\",\"%s\":[\"a\",\"b\"],\"return_logits\":%s}",
                     table[i].documents, asked ? "true" : "false");
            check_read(&reading, table[i].dialect, NULL, body);
            assert_int_equal(reading.problem.status, 0);
            assert_true(table[i].dialect->push_answer(&out, &reading.calls, &answer));
            assert_true(wn_buf_push_byte(&out, '\0'));
            const char *first = strstr(out.ptr, ",\"logit\":1.5");
            bool both = first != NULL && strstr(first, ",\"logit\":-1.5") != NULL;
            if (both != (asked == 1))
                fail_msg("%s: %s is answered %s", table[i].dialect->name, body, out.ptr);
            wn_buf_deinit(&out);
            check_read_end(&reading);
        }
}

static void low_results_are_left_out(void **state)
{
    (void)state;
    assert_shows(BY_TEXT ",\"min_score\":0.25", results, 2,
                 "[{\"index\":1,\"relevance_score\":0.75},{\"index\":0,\"relevance_score\":0.25}]");
    assert_shows(BY_TEXT ",\"min_score\":0.5", results, 2,
                 "[{\"index\":1,\"relevance_score\":0.75}]");
    assert_shows(BY_TEXT ",\"min_score\":0.9", results, 2, "[]");
}

/* Which it would have is not known, so it is no low one. */
static void result_that_was_not_scored_says_so_whatever_is_left_out(void **state)
{
    (void)state;
    const wn_result late[] = {results[0], {.index = 0, .scored = false}};
    assert_shows(BY_TEXT, late, 2,
                 "[{\"index\":1,\"relevance_score\":0.75},{\"index\":0,\"relevance_score\":0.0,"
                 "\"scored\":false}]");
    assert_shows(BY_TEXT ",\"min_score\":0.9", late, 2,
                 "[{\"index\":0,\"relevance_score\":0.0,\"scored\":false}]");
}

/* Tokens of a byte-level model may be parts of a character. */
static void explanations_name_whole_characters(void **state)
{
    (void)state;
    const wn_str text = WN_STR("x\"\xc3\xa9y");
    const wn_match matches[] = {
        {.query_start = 0, .query_end = 1},
        {.query_start = 2, .query_end = 2}, /* a special token */
        {.query_start = 2, .query_end = 3}, /* the first half of the last character */
        {.query_start = 3, .query_end = 4}, /* the second */
    };
    wn_insight_token tokens[] = {
        {.start = 0, .end = 1, .weight = 1.5f, .matches = matches, .n_matches = 4},
        {.start = 2, .end = 4, .weight = -0.25f, .matches = matches + 1, .n_matches = 1}};
    const wn_insight insights[] = {{.index = 7},
                                   {.index = 0,
                                    .has_sentence = true,
                                    .sentence = {2, 5},
                                    .method = "late-interaction",
                                    .tokens = tokens,
                                    .n_tokens = 2,
                                    .has_special = true,
                                    .special = 0.5f}};
    const wn_rank_call call = {.query = WN_STR("q \xc3\xa9"),
                               .documents = {.at = &text, .n = 1},
                               .insights = insights,
                               .n_insights = 2};
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_push_extras(&out, &call, &(wn_result){.index = 1, .scored = true}));
    assert_true(wn_push_extras(&out, &call, &(wn_result){.index = 7, .scored = true}));
    assert_int_equal(out.len, 0);
    assert_true(wn_push_extras(&out, &call, &(wn_result){.index = 0, .scored = true}));
    assert_true(wn_buf_push_byte(&out, '\0'));
    assert_string_equal(
        out.ptr,
        ",\"sentence\":{\"start\":2,\"end\":5},\"explain\":{\"method\":\"late-interaction\","
        "\"special\":0.5,\"tokens\":[{\"start\":0,\"end\":1,\"text\":\"x\",\"weight\":1.5,"
        "\"query\":[\"q\",\"\xc3\xa9\",\"\xc3\xa9\"]},{\"start\":2,\"end\":4,"
        "\"text\":\"\xc3\xa9\",\"weight\":-0.25}]}");
    wn_buf_deinit(&out);
}

static void documents_without_a_source_are_texts(void **state)
{
    (void)state;
    const wn_str text = WN_STR("a\"");
    const wn_rank_call call = {.documents = {.at = &text, .n = 1}};
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_push_document_object(&out, &call, 0));
    assert_true(wn_push_document_source(&out, &call, 0));
    assert_true(wn_str_equal(wn_buf_str(&out), WN_STR("{\"text\":\"a\\\"\"}\"a\\\"\"")));
    wn_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jina_and_who_speaks_like_it),
        cmocka_unit_test(hosted_apis),
        cmocka_unit_test(self_hosted_servers),
        cmocka_unit_test(containers),
        cmocka_unit_test(what_is_asked_for_beyond_an_api_is_added),
        cmocka_unit_test(logits_are_added_in_every_api_that_says_so),
        cmocka_unit_test(low_results_are_left_out),
        cmocka_unit_test(result_that_was_not_scored_says_so_whatever_is_left_out),
        cmocka_unit_test(explanations_name_whole_characters),
        cmocka_unit_test(documents_without_a_source_are_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
