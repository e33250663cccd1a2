/* The server's pure parts under failing allocations. */
#include "tests/fault/fault.h"
#include "tests/support/check_engine.h"
#include "tests/support/check_sched.h"

#include "base/lock.h"
#include "base/str.h"
#include "base/status.h"
#include "serve/explain.h"
#include "serve/model_set.h"
#include "serve/score_cache.h"

#include <sys/stat.h>
#include <unistd.h>

/* Only making a scheduler allocates. */
static wn_status schedule(void *arg, wn_error *err)
{
    wn_sched_options options = WN_SCHED_OPTIONS_DEFAULT;
    wn_task *task = arg;
    wn_sched_row rows[4];
    uint64_t wait_ns;
    wn_sched *sched = NULL;
    options.batch_tokens = 100;
    options.batch_rows = 4;
    wn_status status = wn_sched_new(&sched, &options, err);
    if (status == WN_OK) {
        wn_sched_prepare(task);
        (void)wn_sched_submit(sched, task, 0, &wait_ns);
        size_t n = wn_sched_next_batch(sched, rows, 0, 0, &wait_ns);
        wn_sched_done(sched, rows, n, 1, 1);
        (void)wn_sched_pop_finished(sched);
    }
    wn_sched_free(sched);
    return status;
}

static void scheduling_allocates_at_the_beginning_only(void **state)
{
    (void)state;
    wn_task *task = check_task(1, 3, 10);
    char why[256] = "";
    long n = fault_loop(why, sizeof why, schedule, task);
    free(task);
    if (n != 3)
        fail_msg("%ld allocations, expected 3 %s", n, why);
}

/* Plan an explanation, read and write it; the scores themselves are not there. */
static wn_status explain(void *arg, wn_error *err)
{
    static const wn_str document = {"One two. Three four.", 20};
    const wn_result result = {.scored = true, .window_end = document.len};
    wn_arena arena = WN_ARENA_INIT;
    wn_explain_plan plan;
    wn_buf out = WN_BUF_INIT;
    wn_rank_call call = wn_rank_call_init(&arena);
    call.documents = (wn_texts){.at = &document, .n = 1};
    call.explain = call.return_spans = true;
    (void)arg;
    bool ok = wn_explain_make_plan(&plan, &call, &result, 1,
                                   &(wn_engine_info){.kind = WN_KIND_CROSS_ENCODER}) &&
              wn_explain_list_texts(&plan, &call) && wn_explain_read(&call, &plan, NULL) &&
              wn_explain_push(&out, &call, &result);
    wn_buf_deinit(&out);
    wn_arena_deinit(&arena);
    return ok ? WN_OK : wn_error_set(err, WN_ERR_MEMORY, "test", "no memory");
}

static void explaining_survives(void **state)
{
    (void)state;
    fault_each_allocation("explain", explain, NULL);
}

#define SCORES "build/fault-scores"

/* Look the rows of a job up, keep their scores, write them, read them again. */
static wn_status keep_scores(void *arg, wn_error *err)
{
    const wn_score_cache_options options = {4096, SCORES, "m"};
    const float logits[2] = {1, 2};
    float found[2];
    wn_row_digest digests[2];
    wn_error ignored;
    wn_row_digester *digester = NULL;
    wn_score_cache *cache = NULL, *again = NULL;
    wn_status status = wn_score_cache_open(&cache, &options, &ignored, err);
    if (status == WN_OK)
        status = wn_row_digester_new(&digester, wn_score_cache_key(cache), err);
    if (status == WN_OK)
        status = wn_row_digester_run(digester, 0, arg, digests, err);
    if (status == WN_OK) {
        wn_score_cache_add(cache, digests, logits, 2);
        status = wn_score_cache_save(cache, err);
    }
    if (status == WN_OK)
        status = wn_score_cache_open(&again, &options, &ignored, err);
    if (status == WN_OK && wn_score_cache_find(again, digests, found, 2) != 2)
        status = WN_ERR_INTERNAL;
    wn_row_digester_free(digester);
    wn_score_cache_free(cache);
    wn_score_cache_free(again);
    unlink(SCORES);
    return status;
}

static void keeping_scores_survives(void **state)
{
    (void)state;
    const wn_str documents[] = {WN_STR("balan bamer"), WN_STR("celan")};
    wn_engine *engine = check_engine("tests/golden/models/bert", NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    wn_request request = check_request(WN_STR("dimer"), documents, 2);
    wn_job *job = NULL;
    wn_error err;
    mkdir("build", 0777);
    unlink(SCORES);
    assert_ok(wn_job_new(&job, runner, &request, &err), &err);
    fault_each_allocation("keep scores", keep_scores, job);
    wn_job_free(job);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

typedef struct waiting {
    wn_lock lock;
    wn_cond changed;
    bool told;
    wn_error outcome;
} waiting;

static void loaded(void *owner, const wn_error *err)
{
    waiting *w = owner;
    wn_lock_enter(&w->lock);
    w->told = true;
    w->outcome = err != NULL ? *err : (wn_error){0};
    wn_cond_signal(&w->changed);
    wn_lock_leave(&w->lock);
}

/* A model is loaded on a thread of its own, which tells how it went. */
static wn_status load_model(void *arg, wn_error *err)
{
    static wn_metrics metrics;
    static const wn_model_source source = {.name = "a", .dir = "tests/golden/models/bert"};
    waiting w = {.told = false};
    wn_budget *budget = arg;
    wn_model_set *set = NULL;
    const wn_model_set_options options = {
        .backend = {.n_threads = 1, .n_workers = 1, .metrics = &metrics},
        .sources = &source,
        .n_sources = 1,
        .budget = budget,
        .loaded = loaded,
        .owner = &w,
    };
    wn_lock_init(&w.lock);
    wn_cond_init(&w.changed);
    wn_status status = wn_model_set_new(&set, &options, err);
    if (status == WN_OK) {
        wn_lock_enter(&w.lock);
        while (!w.told)
            wn_cond_wait(&w.changed, &w.lock);
        wn_lock_leave(&w.lock);
        status = w.outcome.status;
        *err = w.outcome;
        wn_model *model = wn_model_set_take(set, WN_STR("a"));
        if ((model != NULL) != (status == WN_OK))
            status = wn_error_set(err, WN_ERR_INTERNAL, "tests/fault", "a model in spite of it");
        wn_model_give(model);
    }
    wn_model_set_free(set);
    wn_cond_deinit(&w.changed);
    wn_lock_deinit(&w.lock);
    return status;
}

static void a_model_is_loaded_or_not(void **state)
{
    (void)state;
    wn_budget budget;
    wn_budget_init(&budget, 1 << 30);
    fault_each_allocation("load a model", load_model, &budget);
    wn_budget_deinit(&budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_loaded_or_not),
        cmocka_unit_test(scheduling_allocates_at_the_beginning_only),
        cmocka_unit_test(explaining_survives),
        cmocka_unit_test(keeping_scores_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
