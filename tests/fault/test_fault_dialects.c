/* Bodies of every dialect read and answered under failing allocations: each is a 503, or a buffer
 * that says it failed; nothing leaks. */
#include "tests/fault/fault.h"

#include "base/str.h"
#include "serve/api_dialect.h"

#define BLOCK     4096 /* of an arena, its first one */
#define ROOMS_MAX 16   /* of 16 bytes that are left in it */
#define N_PAIRS   64   /* whose calls fill a block, so that their texts need the next one */

typedef struct example {
    const wn_dialect *dialect;
    const char *body;
} example;

typedef struct trial {
    const example *of;
    json_t *json; /* the body, unless the dialect parses it itself */
    size_t
        n_used; /* bytes of the arena's first block: any allocation can be the first of another */
} trial;

static wn_status fail_memory(wn_error *err, const char *what)
{
    err->status = WN_ERR_MEMORY;
    snprintf(err->message, sizeof err->message, "no memory for %s", what);
    return WN_ERR_MEMORY;
}

static bool answer(const example *e, const wn_calls *calls, wn_buf *out)
{
    const wn_result results[2] = {{.index = 0, .relevance_score = 0.5, .scored = true},
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

/* The body, whose fields are to be read; NULL when memory is short. */
static json_t *parse(const trial *t, wn_error *err)
{
    const wn_dialect *dialect = t->of->dialect;
    return dialect->parse == NULL ? json_incref(t->json)
                                  : dialect->parse(wn_str_from(t->of->body), err);
}

static void read_fields(const example *e, const json_t *body, wn_calls *calls, wn_problem *problem)
{
    if (e->dialect->unwrap != NULL)
        body = e->dialect->unwrap(body);
    wn_fields_read(calls->at, e->dialect->fields, e->dialect->n_fields, body, problem);
    if (problem->status == 0 && e->dialect->check != NULL)
        e->dialect->check(calls, body, problem);
}

static wn_status read_and_answer(void *arg, wn_error *err)
{
    const trial *t = arg;
    const example *e = t->of;
    wn_arena arena = WN_ARENA_INIT;
    wn_buf out = WN_BUF_INIT;
    wn_problem problem = {0};
    wn_rank_call call = wn_rank_call_init(&arena);
    wn_calls calls = {.at = &call, .n = 1, .arena = &arena};
    wn_status status = WN_OK;
    json_t *body = parse(t, err);
    if (body == NULL)
        return err->status;
    if (wn_arena_alloc(&arena, t->n_used, 1) == NULL)
        status = fail_memory(err, "what was there before");
    else
        read_fields(e, body, &calls, &problem);
    if (problem.status == 503)
        status = fail_memory(err, "the body");
    else if (problem.status != 0)
        fail_msg("%s: %d %s", e->dialect->name, problem.status, problem.detail);
    else if (status == WN_OK && !answer(e, &calls, &out))
        status = fail_memory(err, "the answer");
    json_decref(body);
    wn_buf_deinit(&out);
    wn_problem_deinit(&problem);
    wn_arena_deinit(&arena);
    return status;
}

static void assert_survives(const example *e)
{
    char why[1024];
    long n = 0;
    trial t = {.of = e};
    if (e->dialect->parse == NULL) {
        t.json = json_loads(e->body, 0, NULL);
        assert_non_null(t.json);
    }
    for (size_t room = 0; room <= ROOMS_MAX; room++) {
        t.n_used = BLOCK - 16 * room;
        long n_failed = fault_loop(why, sizeof why, read_and_answer, &t);
        if (n_failed < 0)
            fail_msg("%s with %zu bytes used: %s", e->dialect->name, t.n_used, why);
        n += n_failed;
    }
    print_message("# %s: each of %ld allocations failed\n", e->dialect->name, n);
    json_decref(t.json);
}

static void every_dialect_survives(void **state)
{
    (void)state;
    static const example examples[] = {
        {&wn_dialect_jina,
         "{\"query\":\"a\",\"rank_fields\":[\"t\",\"n\"],\"documents\":[{\"t\":\"x\",\"n\":[1]},"
         "\"c\"],\"return_logits\":true}"},
        {&wn_dialect_jina,
         "{\"query\":\"a\",\"rank_fields\":{\"t\":1,\"n\":2},\"documents\":[{\"t\":\"x\","
         "\"n\":[1]},\"c\"],\"return_spans\":true}"},
        {&wn_dialect_generic, "{\"query\":\"a\",\"documents\":[\"b\",\"c\"]}"},
        {&wn_dialect_cohere_v1, "{\"query\":\"a\",\"documents\":[\"b\",\"c\"]}"},
        {&wn_dialect_cohere_v2, "{\"query\":\"a\",\"documents\":[\"b\",\"c\"]}"},
        {&wn_dialect_tei, "{\"query\":\"a\",\"texts\":[\"b\",\"c\"],\"return_text\":true}"},
        {&wn_dialect_tei_predict, "{\"inputs\":[[\"a\",\"b\"],[\"c\",\"d\"]]}"},
        {&wn_dialect_llamacpp, "{\"query\":\"a\",\"documents\":[\"b\",\"c\"]}"},
        {&wn_dialect_vllm_score, "{\"text_1\":\"a\",\"text_2\":[\"b\",\"c\"]}"},
        {&wn_dialect_voyage, "{\"query\":\"a\",\"documents\":[\"b\",\"c\"],\"top_k\":1}"},
        {&wn_dialect_pinecone,
         "{\"model\":\"m\",\"query\":\"a\",\"documents\":[{\"text\":\"b\"}]}"},
        {&wn_dialect_mixedbread, "{\"query\":\"a\",\"input\":[\"b\",\"c\"]}"},
        {&wn_dialect_isaacus, "{\"query\":\"a\",\"texts\":[\"b\",\"c\"]}"},
        {&wn_dialect_nim, "{\"query\":{\"text\":\"a\"},\"passages\":[{\"text\":\"b\"}]}"},
        {&wn_dialect_openvino, "{\"query\":\"a\",\"documents\":[\"b\",\"c\"]}"},
        {&wn_dialect_batch,
         "{\"queries\":[\"a\",\"c\"],\"documents\":[\"b\"],\"return_documents\":true}"},
        {&wn_dialect_batch, "{\"requests\":[{\"query\":\"a\",\"documents\":[\"b\"]}]}"},
        {&wn_dialect_sagemaker, "{\"data\":{\"query\":\"a\",\"documents\":[{\"text\":\"b\"}]}}"},
        {&wn_dialect_sagemaker_csv, "1,a,[\"b\"\\,{\"text\":\"c\"}],1\n2,\\,,[\"d\"],\n3,a,[\"\"]\n"
                                    "4,a,[\"\"]\n5,a,[\"\"]\n6,a,[\"\"]\n7,a,[\"\"]\n8,a,[\"\"]\n"
                                    "9,a,[\"\"]\n"},
        {&wn_dialect_vertex,
         "{\"instances\":[{\"query\":\"a\",\"texts\":[\"b\",\"c\"]},{\"query\":\"a\",\"texts\":"
         "[\"d\"]}],\"parameters\":{\"return_text\":true}}"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(examples); i++)
        assert_survives(&examples[i]);
}

/* front, then the item N_PAIRS times with commas between, then back. */
static char *repeated(const char *front, const char *item, const char *back)
{
    wn_buf text = WN_BUF_INIT;
    wn_buf_push_str(&text, wn_str_from(front));
    for (size_t i = 0; i < N_PAIRS; i++)
        wn_buf_printf(&text, "%s%s", i > 0 ? "," : "", item);
    assert_true(wn_buf_printf(&text, "%s%c", back, '\0'));
    return text.ptr;
}

static void many_pairs_survive(void **state)
{
    (void)state;
    const example examples[] = {
        {&wn_dialect_tei_predict, repeated("{\"inputs\":[", "[\"a\",\"b\"]", "]}")},
        {&wn_dialect_vllm_score, repeated("{\"text_1\":\"a\",\"text_2\":[", "\"b\"", "]}")},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(examples); i++) {
        assert_survives(&examples[i]);
        wn_buf_deinit(&(wn_buf){.ptr = (char *)(uintptr_t)examples[i].body});
    }
}

/* A list of mistakes may lack memory and is no problem of its own. */
static wn_status list_mistakes(void *arg, wn_error *err)
{
    wn_arena arena = WN_ARENA_INIT;
    wn_problem problem = {0};
    wn_rank_call call = wn_rank_call_init(&arena);
    wn_buf out = WN_BUF_INIT;
    wn_status status = WN_OK;
    wn_fields_read(&call, wn_dialect_jina.fields, wn_dialect_jina.n_fields, arg, &problem);
    assert_int_equal(problem.status, 422);
    if (!wn_dialect_jina.push_problem(&out, &problem, "id") || problem.mistakes.failed ||
        !wn_buf_push_byte(&out, '\0') || strstr(out.ptr, "\"input\":\"\"}") == NULL ||
        strstr(out.ptr, "\"input\":{\"0\":[\"b\"]}") == NULL)
        status = fail_memory(err, "the mistakes");
    wn_buf_deinit(&out);
    wn_problem_deinit(&problem);
    wn_arena_deinit(&arena);
    return status;
}

static void mistakes_survive(void **state)
{
    (void)state;
    json_t *body = json_loads("{\"query\":\"\",\"documents\":{\"0\":[\"b\"]}}", 0, NULL);
    assert_non_null(body);
    fault_each_allocation("mistakes", list_mistakes, body);
    json_decref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dialect_survives),
        cmocka_unit_test(many_pairs_survive),
        cmocka_unit_test(mistakes_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
