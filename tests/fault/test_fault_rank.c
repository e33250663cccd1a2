/* The library behind winnow.h under failing allocations: opening models of every kind, ranking,
 * embedding, tokenizing, quantising; and the promise that scoring allocates nothing at all. */
#define _GNU_SOURCE /* mkdtemp */
#include "tests/fault/fault.h"
#include "tests/support/check_engine.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const wn_str documents[] = {
    {"balan bamer celan", 17},
    {"", 0},
    {"dimer. fonis!", 13},
    {"zzz gutok", 9},
};

static wn_request small_request(void)
{
    wn_request request =
        check_request(WN_STR("balan dimer"), documents, sizeof documents / sizeof documents[0]);
    request.want_windows = true;
    request.max_document_tokens = 7; /* the first one is cut */
    return request;
}

/* With matches or an instruction, where the model has them. */
static wn_request full_request(const wn_engine *engine)
{
    wn_request request = small_request();
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    request.want_matches =
        wn_engine_get_info(engine, &info, NULL) == WN_OK && info.kind == WN_KIND_LATE_INTERACTION;
    if (info.takes_instructions)
        request.instruction = WN_STR("cheap first");
    return request;
}

static wn_status open_and_close(void *arg, wn_error *err)
{
    wn_engine *engine = NULL;
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    options.model_dir = arg;
    options.n_threads = 1;
    options.task = strstr(arg, "jina-v3") != NULL ? "retrieval.passage" : NULL;
    wn_status status = wn_engine_open(&engine, &options, err);
    wn_engine_close(engine);
    return status;
}

static void opening_a_model_survives(void **state)
{
    (void)state;
    static const char *const dirs[] = {"tests/golden/models/bert",
                                       "tests/golden/models/xlmr",
                                       "tests/golden/models/roberta-bpe",
                                       "tests/golden/models/colbert",
                                       "tests/golden/models/embed-mean",
                                       "tests/golden/models/bert-sharded",
                                       "tests/golden/models/qwen3",
                                       "tests/golden/models/qwen2",
                                       "tests/golden/models/deberta-p2c",
                                       "tests/golden/models/modernbert-modules",
                                       "tests/golden/models/mpnet",
                                       "tests/golden/models/electra-projected",
                                       "tests/golden/models/new",
                                       "tests/golden/models/jina-bert-qk-head",
                                       "tests/golden/models/jina-v3",
                                       "tests/golden/models/jina-colbert-v2",
                                       "tests/golden/models/jina-m0",
                                       "tests/golden/models/gemma",
                                       "tests/golden/gguf/bert.gguf",
                                       "tests/golden/gguf/xlmr.gguf",
                                       "tests/golden/gguf/roberta.gguf",
                                       "tests/golden/gguf/modern-cls.gguf",
                                       "tests/golden/gguf/jina-embed-split.gguf",
                                       "tests/golden/gguf/gemma.gguf"};
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
        fault_each_allocation(dirs[i], open_and_close, (void *)(uintptr_t)dirs[i]);
}

static wn_status quantize_once(void *arg, wn_error *err)
{
    static const char *const names[] = {
        "config.json", "tokenizer.json",   "tokenizer_config.json", "special_tokens_map.json",
        "vocab.txt",   "model.safetensors"};
    char dir[] = "/tmp/winnow-fault-XXXXXX", path[64];
    wn_quantize_report report = WN_QUANTIZE_REPORT_INIT;
    const wn_quantize_options options = WN_QUANTIZE_OPTIONS_INIT;
    assert_non_null(mkdtemp(dir));
    wn_status status = wn_quantize(&report, arg, dir, &options, err);
    for (size_t i = 0; status == WN_OK && i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)remove(path);
    }
    assert_int_equal(rmdir(dir), 0); /* after a failure it is empty as before */
    return status;
}

static void quantizing_survives(void **state)
{
    (void)state;
    wn_engine *engine = check_engine("tests/golden/models/bert", NULL);
    fault_each_allocation("quantize", quantize_once, engine);
    wn_engine_close(engine);
}

/* The runner keeps its scratch, so it is made and freed inside. */
static wn_status rank_once(void *arg, wn_error *err)
{
    wn_request request = full_request(arg);
    wn_runner *runner = NULL;
    wn_job *job = NULL;
    wn_runner_options options = WN_RUNNER_OPTIONS_INIT;
    options.n_threads = 2;
    wn_status status = wn_runner_new(&runner, arg, &options, err);
    if (status == WN_OK)
        status = wn_rank(&job, runner, &request, err);
    wn_job_free(job);
    wn_runner_free(runner);
    return status;
}

/* The tokens of one runner, the workspace of another. */
static wn_status rank_apart(void *arg, wn_error *err)
{
    wn_request request = small_request();
    wn_runner *maker = NULL, *runner = NULL;
    wn_job *job = NULL;
    const wn_runner_options tokens = {
        .struct_size = sizeof tokens, .n_threads = 1, .tokenize_only = true};
    const wn_runner_options scores = {.struct_size = sizeof scores, .n_threads = 1};
    wn_status status = wn_runner_new(&maker, arg, &tokens, err);
    if (status == WN_OK)
        status = wn_runner_new(&runner, arg, &scores, err);
    if (status == WN_OK)
        status = wn_job_new(&job, maker, &request, err);
    if (status == WN_OK)
        status = wn_run_rows(runner, &(wn_row_ref){.job = job}, 1, err);
    if (status == WN_OK)
        status = wn_job_end(job, true, err);
    wn_job_free(job);
    wn_runner_free(maker);
    wn_runner_free(runner);
    return status;
}

static void ranking_survives_with_every_kind_of_model(void **state)
{
    (void)state;
    static const char *const dirs[] = {"tests/golden/models/bert",
                                       "tests/golden/models/colbert",
                                       "tests/golden/models/modernbert-mean",
                                       "tests/golden/models/deberta-c2p",
                                       "tests/golden/models/embed-cls",
                                       "tests/golden/models/qwen3",
                                       "tests/golden/models/jina-m0",
                                       "tests/golden/listwise/jina-v3"};
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        wn_engine *engine = check_engine(dirs[i], NULL);
        fault_each_allocation("make a runner and rank", rank_once, engine);
        fault_each_allocation("tokenise and score apart", rank_apart, engine);
        wn_engine_close(engine);
    }
}

static wn_status embed_once(void *arg, wn_error *err)
{
    float out[4 * 32];
    wn_runner *runner = NULL;
    wn_runner_options runner_options = WN_RUNNER_OPTIONS_INIT;
    wn_embed_options options = WN_EMBED_OPTIONS_INIT;
    runner_options.n_threads = 2;
    wn_status status = wn_runner_new(&runner, arg, &runner_options, err);
    if (status == WN_OK)
        status = wn_embed(out, runner, documents, 4, &options, err);
    wn_runner_free(runner);
    return status;
}

static wn_status tokenize_once(void *arg, wn_error *err)
{
    wn_tokens *tokens = NULL;
    wn_tokenize_options options = WN_TOKENIZE_OPTIONS_INIT;
    wn_status status = wn_tokenize(&tokens, arg, documents[2], &options, err);
    wn_tokens_free(tokens);
    return status;
}

static wn_status detokenize_once(void *arg, wn_error *err)
{
    wn_str text = {0};
    wn_detokenize_options options = WN_DETOKENIZE_OPTIONS_INIT;
    wn_status status = wn_detokenize(&text, arg, (const int32_t[]){9, 40, 41}, 3, &options, err);
    wn_text_free(text);
    return status;
}

static void embedding_and_tokenizing_survive(void **state)
{
    (void)state;
    wn_engine *engine = check_engine("tests/golden/models/embed-mean", NULL);
    fault_each_allocation("make a runner and embed", embed_once, engine);
    fault_each_allocation("tokenize", tokenize_once, engine);
    fault_each_allocation("detokenize", detokenize_once, engine);
    wn_engine_close(engine);
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    wn_error err;
    options.model_dir = "tests/golden/models/jina-v3";
    options.task = "retrieval.query";
    assert_ok(wn_engine_open(&engine, &options, &err), &err);
    fault_each_allocation("embed behind an instruction", embed_once, engine);
    wn_engine_close(engine);
}

/* An operation that allocates nothing has one loop turn: fault_loop() then counts 0 allocations. */
static wn_status score_again(void *arg, wn_error *err)
{
    wn_job **pair = arg;
    return wn_run((wn_runner *)(void *)pair[0], &pair[1], 1, err);
}

/* Row by row, then the results. */
static wn_status score_rows(void *arg, wn_error *err)
{
    wn_job **pair = arg;
    wn_status status = WN_OK;
    for (size_t i = 0; status == WN_OK && i < wn_job_n_rows(pair[1]); i++)
        status = wn_run_rows((wn_runner *)(void *)pair[0], &(wn_row_ref){.job = pair[1], .row = i},
                             1, err);
    return status != WN_OK ? status : wn_job_end(pair[1], false, err);
}

static void scoring_allocates_nothing(void **state)
{
    (void)state;
    static const char *const dirs[] = {"tests/golden/models/bert",
                                       "tests/golden/models/xlmr",
                                       "tests/golden/models/colbert",
                                       "tests/golden/models/embed-mean",
                                       "tests/golden/models/qwen3",
                                       "tests/golden/models/jina-bert-qk-head",
                                       "tests/golden/models/new",
                                       "tests/golden/models/jina-colbert-v2",
                                       NULL /* built-in */};
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        wn_engine *engine = check_engine(dirs[i], NULL);
        wn_runner *runner = check_runner(engine, 2, 0);
        wn_request request = full_request(engine);
        wn_job *job = NULL;
        wn_error err;
        char why[256] = "";
        assert_ok(wn_job_new(&job, runner, &request, &err), &err);
        wn_job *pair[2] = {(wn_job *)(void *)runner, job};
        long n = fault_loop(why, sizeof why, score_rows, pair);
        if (n == 0)
            n = fault_loop(why, sizeof why, score_again, pair);
        if (n != 0)
            fail_msg("%s: scoring made %ld allocations %s", dirs[i] == NULL ? "built-in" : dirs[i],
                     n, why);
        wn_job_free(job);
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_a_model_survives),
        cmocka_unit_test(quantizing_survives),
        cmocka_unit_test(ranking_survives_with_every_kind_of_model),
        cmocka_unit_test(embedding_and_tokenizing_survive),
        cmocka_unit_test(scoring_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
