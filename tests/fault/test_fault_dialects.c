/* Bodies of every dialect read and answered under failing allocations: each is a 503, or a buffer
 * that says it failed; nothing leaks. */
#include "tests/fault/fault.h"

#include "base/str.h"
#include "serve/api_dialect.h"

typedef struct example {
    const wn_dialect *dialect;
    const char *body;
    json_t *json;
} example;

static wn_status fail_memory(wn_error *err, const char *what)
{
    err->status = WN_ERR_MEMORY;
    snprintf(err->message, sizeof err->message, "no memory for %s", what);
    return WN_ERR_MEMORY;
}

static bool answer(const example *e, const wn_calls *calls, wn_buf *out)
{
    wn_result results[2] = {{.index = 0, .relevance_score = 0.5, .scored = true},
                            {.index = 1, .relevance_score = 0.25}};
    wn_rank_answer *answers = wn_arena_alloc(calls->arena, calls->n, sizeof *answers);
    if (answers == NULL)
        return false;
    for (size_t i = 0; i < calls->n; i++)
        answers[i] = (wn_rank_answer){.results = results,
                                      .n_results = WN_MIN(calls->at[i].documents.n, (size_t)2),
                                      .total_tokens = 9,
                                      .cached_tokens = 3,
                                      .model = WN_STR("model"),
                                      .request_id = "id"};
    return e->dialect->push_answer(out, calls, answers) && !out->failed;
}

static wn_status read_and_answer(void *arg, wn_error *err)
{
    const example *e = arg;
    wn_arena arena = WN_ARENA_INIT;
    wn_buf out = WN_BUF_INIT;
    wn_problem problem = {0};
    wn_rank_call call = wn_rank_call_init(&arena);
    wn_calls calls = {.at = &call, .n = 1, .arena = &arena};
    const json_t *body = e->dialect->unwrap == NULL ? e->json : e->dialect->unwrap(e->json);
    wn_status status = WN_OK;
    wn_fields_read(&call, e->dialect->fields, e->dialect->n_fields, body, &problem);
    if (problem.status == 0 && e->dialect->check != NULL)
        e->dialect->check(&calls, body, &problem);
    if (problem.status == 503)
        status = fail_memory(err, "the body");
    else if (problem.status != 0)
        fail_msg("%s: %d %s", e->dialect->name, problem.status, problem.detail);
    else if (!answer(e, &calls, &out))
        status = fail_memory(err, "the answer");
    wn_buf_deinit(&out);
    wn_problem_deinit(&problem);
    wn_arena_deinit(&arena);
    return status;
}

static void every_dialect_survives(void **state)
{
    (void)state;
    static example examples[] = {
        {&wn_dialect_jina,
         "{\"query\":\"a\",\"rank_fields\":[\"t\",\"n\"],\"documents\":[{\"t\":\"x\",\"n\":[1]},"
         "\"c\"],\"return_logits\":true}",
         NULL},
        {&wn_dialect_generic, "{\"query\":\"a\",\"documents\":[\"b\",\"c\"]}", NULL},
        {&wn_dialect_cohere_v1, "{\"query\":\"a\",\"documents\":[\"b\",\"c\"]}", NULL},
        {&wn_dialect_cohere_v2, "{\"query\":\"a\",\"documents\":[\"b\",\"c\"]}", NULL},
        {&wn_dialect_tei, "{\"query\":\"a\",\"texts\":[\"b\",\"c\"],\"return_text\":true}", NULL},
        {&wn_dialect_tei_predict, "{\"inputs\":[[\"a\",\"b\"],[\"c\",\"d\"]]}", NULL},
        {&wn_dialect_llamacpp, "{\"query\":\"a\",\"documents\":[\"b\",\"c\"]}", NULL},
        {&wn_dialect_vllm_score, "{\"text_1\":\"a\",\"text_2\":[\"b\",\"c\"]}", NULL},
        {&wn_dialect_voyage, "{\"query\":\"a\",\"documents\":[\"b\",\"c\"],\"top_k\":1}", NULL},
        {&wn_dialect_pinecone, "{\"model\":\"m\",\"query\":\"a\",\"documents\":[{\"text\":\"b\"}]}",
         NULL},
        {&wn_dialect_mixedbread, "{\"query\":\"a\",\"input\":[\"b\",\"c\"]}", NULL},
        {&wn_dialect_isaacus, "{\"query\":\"a\",\"texts\":[\"b\",\"c\"]}", NULL},
        {&wn_dialect_nim, "{\"query\":{\"text\":\"a\"},\"passages\":[{\"text\":\"b\"}]}", NULL},
        {&wn_dialect_openvino, "{\"query\":\"a\",\"documents\":[\"b\",\"c\"]}", NULL},
        {&wn_dialect_batch,
         "{\"queries\":[\"a\",\"c\"],\"documents\":[\"b\"],\"return_documents\":true}", NULL},
        {&wn_dialect_batch, "{\"requests\":[{\"query\":\"a\",\"documents\":[\"b\"]}]}", NULL},
        {&wn_dialect_sagemaker, "{\"data\":{\"query\":\"a\",\"documents\":[{\"text\":\"b\"}]}}",
         NULL},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(examples); i++) {
        examples[i].json = json_loads(examples[i].body, 0, NULL);
        assert_non_null(examples[i].json);
        fault_each_allocation(examples[i].dialect->name, read_and_answer, &examples[i]);
        json_decref(examples[i].json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dialect_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
