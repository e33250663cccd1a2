/* Instructions of requests: what the model reads, what is counted, what is refused. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/defs.h"
#include "base/str.h"
#include "rank/job.h"

#define OWN "Given a web search query, retrieve relevant passages that answer the query"

enum { DOCS = 3, IDS_MAX = 8192 };

static const char *const models[] = {"tests/golden/models/qwen3", "tests/golden/models/qwen2",
                                     "tests/golden/listwise/jina-v3"};
static const wn_str documents[DOCS] = {{"lanba celan", 11}, {"", 0}, {"what? 7", 7}};
static wn_error err;
static char words[12000];

/* A text of so many words. */
static wn_str long_text(size_t n)
{
    words[0] = '\0';
    for (size_t i = 0, at = 0; i < n; i++)
        at += (size_t)snprintf(words + at, sizeof words - at, "runis ");
    return wn_str_from(words);
}

static wn_request request_of(wn_str instruction)
{
    wn_request request = check_request(WN_STR("banlan dimer"), documents, DOCS);
    request.instruction = instruction;
    return request;
}

/* Logits by document. */
static wn_usage rank(float *logits, wn_runner *runner, const wn_request *request)
{
    size_t n;
    wn_job *job = NULL;
    assert_ok(wn_rank(&job, runner, request, &err), &err);
    const wn_result *results = wn_job_results(job, &n);
    for (size_t i = 0; i < n; i++)
        logits[results[i].index] = results[i].logit;
    wn_usage usage = wn_job_usage(job);
    wn_job_free(job);
    return usage;
}

static size_t ids_of(int32_t *ids, wn_runner *runner, const wn_request *request)
{
    static int32_t types[IDS_MAX];
    wn_job *job = NULL;
    assert_ok(wn_job_new(&job, runner, request, &err), &err);
    size_t n = wn_job_row_tokens(job, 0);
    assert_true(n <= IDS_MAX);
    wn_job_row_ids(job, 0, ids, types);
    wn_job_free(job);
    return n;
}

static void it_changes_scores_and_is_counted_with_the_query(void **state)
{
    (void)state;
    for (size_t m = 0; m < WN_ARRAY_LEN(models); m++) {
        float without[DOCS], empty[DOCS], with[DOCS];
        wn_str text = WN_STR("Rank what is cheap first.");
        wn_engine *engine = check_engine(models[m], NULL);
        wn_runner *runner = check_runner(engine, 2, 0);
        const wn_request plain = check_request(WN_STR("banlan dimer"), documents, DOCS);
        const wn_request hollow = request_of(WN_STR("")), asked = request_of(text);
        const wn_tokenize_options bare = {.struct_size = sizeof bare, .no_specials = true};
        wn_tokens *tokens = NULL;
        assert_ok(wn_tokenize(&tokens, engine, text, &bare, &err), &err);
        wn_usage before = rank(without, runner, &plain), same = rank(empty, runner, &hollow);
        wn_usage after = rank(with, runner, &asked);
        assert_memory_equal(without, empty, sizeof without);
        assert_int_equal(before.query_tokens, same.query_tokens);
        assert_true(after.query_tokens >= before.query_tokens + tokens->n);
        assert_int_equal(after.document_tokens, before.document_tokens);
        for (size_t d = 0; d < DOCS; d++)
            assert_true(with[d] > without[d] + 1e-4f || with[d] < without[d] - 1e-4f);
        wn_tokens_free(tokens);
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

static void the_models_own_instruction_changes_nothing(void **state)
{
    (void)state;
    float without[DOCS], with[DOCS];
    static int32_t ids[2][IDS_MAX];
    wn_engine *engine = check_engine(models[0], NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    const wn_request plain = request_of(WN_STR("")), asked = request_of(WN_STR(OWN));
    (void)rank(without, runner, &plain);
    (void)rank(with, runner, &asked);
    assert_memory_equal(without, with, sizeof with);
    size_t n = ids_of(ids[0], runner, &plain);
    assert_int_equal(ids_of(ids[1], runner, &asked), n);
    assert_memory_equal(ids[0], ids[1], n * sizeof ids[0][0]);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void special_tokens_in_it_are_text_if_the_request_says_so(void **state)
{
    (void)state;
    static int32_t ids[IDS_MAX];
    for (size_t m = 0; m < WN_ARRAY_LEN(models); m++) {
        wn_engine *engine = check_engine(models[m], NULL);
        wn_runner *runner = check_runner(engine, 1, 0);
        wn_request asked = request_of(WN_STR("a <|im_end|> in it"));
        size_t n = ids_of(ids, runner, &asked);
        asked.plain_specials = true;
        assert_true(ids_of(ids, runner, &asked) > n + 1);
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

static void a_query_is_cut_behind_it_and_windows_have_room(void **state)
{
    (void)state;
    static int32_t ids[2][IDS_MAX];
    for (size_t m = 0; m < 2; m++) {
        wn_engine_info info = WN_ENGINE_INFO_INIT;
        wn_engine *engine = check_engine(models[m], NULL);
        wn_runner *runner = check_runner(engine, 1, 0);
        assert_ok(wn_engine_get_info(engine, &info, &err), &err);
        wn_request asked = request_of(WN_STR("Rank what is cheap first."));
        size_t n = ids_of(ids[0], runner, &asked), n_same = 0;
        asked.query = long_text(1000);
        wn_job *job = NULL;
        assert_ok(wn_rank(&job, runner, &asked, &err), &err);
        assert_true(wn_job_usage(job).query_truncated);
        wn_job_free(job);
        (void)ids_of(ids[1], runner, &asked);
        while (n_same < n && ids[0][n_same] == ids[1][n_same])
            n_same++;
        assert_true(n_same > n / 3); /* up to the query, so with the whole instruction */
        asked = request_of(WN_STR("Rank what is cheap first."));
        const wn_str document = long_text(700);
        asked.documents = &document;
        asked.n_documents = 1;
        asked.long_docs = WN_LONG_DOCS_WINDOWS;
        assert_ok(wn_rank(&job, runner, &asked, &err), &err);
        assert_true(wn_job_n_rows(job) > 1);
        for (size_t r = 0; r < wn_job_n_rows(job); r++)
            assert_true(wn_job_row_tokens(job, r) <= (size_t)info.max_tokens);
        /* The first has no words of its own, for which each has room. */
        assert_in_range(wn_job_row_tokens(job, 0), info.max_tokens - 2, info.max_tokens);
        wn_job_free(job);
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

/* The ids of a listwise request that a cache would know it by. */
static void it_is_part_of_what_a_query_is_known_by(void **state)
{
    (void)state;
    static int32_t ids[2][64], types[64];
    wn_engine *engine = check_engine(models[2], NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    for (size_t i = 0; i < 2; i++) {
        wn_job *job = NULL;
        const wn_request asked = request_of(i == 0 ? WN_STR("one") : WN_STR("two"));
        assert_ok(wn_job_new(&job, runner, &asked, &err), &err);
        assert_true(wn_job_usage(job).query_tokens <= WN_ARRAY_LEN(types));
        wn_job_query_ids(job, ids[i], types);
        wn_job_free(job);
    }
    assert_memory_not_equal(ids[0], ids[1], sizeof ids[0]);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void too_long_or_broken_ones_are_refused(void **state)
{
    (void)state;
    for (size_t m = 0; m < WN_ARRAY_LEN(models); m++) {
        wn_job *job = NULL;
        wn_engine *engine = check_engine(models[m], NULL);
        wn_runner *runner = check_runner(engine, 1, 0);
        wn_request asked = request_of(long_text(1000));
        assert_fails(wn_job_new(&job, runner, &asked, &err), WN_ERR_LIMIT, &err,
                     "the instruction has");
        asked.instruction = WN_STR("a\xff");
        assert_fails(wn_job_new(&job, runner, &asked, &err), WN_ERR_INPUT, &err, "instruction");
        asked.instruction = (wn_str){NULL, 3};
        assert_fails(wn_job_new(&job, runner, &asked, &err), WN_ERR_ARGUMENT, &err, "instruction");
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

static void models_that_are_not_asked_in_words_refuse_it(void **state)
{
    (void)state;
    static const char *const others[] = {NULL, "tests/golden/models/bert",
                                         "tests/golden/models/embed-mean"};
    for (size_t m = 0; m < WN_ARRAY_LEN(others) + WN_ARRAY_LEN(models); m++) {
        bool takes = m >= WN_ARRAY_LEN(others);
        wn_job *job = NULL;
        wn_engine_info info = WN_ENGINE_INFO_INIT;
        wn_engine *engine =
            check_engine(takes ? models[m - WN_ARRAY_LEN(others)] : others[m], NULL);
        wn_runner *runner = check_runner(engine, 1, 0);
        assert_ok(wn_engine_get_info(engine, &info, &err), &err);
        assert_int_equal(info.takes_instructions, takes);
        const wn_request asked = request_of(WN_STR("one"));
        if (takes)
            assert_ok(wn_job_new(&job, runner, &asked, &err), &err);
        else
            assert_fails(wn_job_new(&job, runner, &asked, &err), WN_ERR_UNSUPPORTED, &err,
                         info.model);
        wn_job_free(job);
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_changes_scores_and_is_counted_with_the_query),
        cmocka_unit_test(the_models_own_instruction_changes_nothing),
        cmocka_unit_test(special_tokens_in_it_are_text_if_the_request_says_so),
        cmocka_unit_test(a_query_is_cut_behind_it_and_windows_have_room),
        cmocka_unit_test(it_is_part_of_what_a_query_is_known_by),
        cmocka_unit_test(too_long_or_broken_ones_are_refused),
        cmocka_unit_test(models_that_are_not_asked_in_words_refuse_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
