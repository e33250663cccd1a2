/* Tickets of a real model: equal rows are computed once, rows that were scored before are not
 * computed again, and every score has the bits that the library gives. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/clock.h"
#include "base/flag.h"
#include "base/str.h"
#include "serve/backend.h"

#include <math.h>
#include <sched.h>
#include <unistd.h>

enum { DOCS = 6, DIFFERENT = 4 };

static const wn_str documents[DOCS] = {
    {"balan bamer", sizeof "balan bamer" - 1},
    {"bamer balan", sizeof "bamer balan" - 1},
    {"balan bamer", sizeof "balan bamer" - 1},
    {"dimer fonis", sizeof "dimer fonis" - 1},
    {"balan", sizeof "balan" - 1},
    {"balan", sizeof "balan" - 1},
};
static const char *const models[] = {NULL, "tests/golden/models/bert",
                                     "tests/golden/models/colbert",
                                     "tests/golden/models/embed-mean"};

static wn_error err;
static wn_metrics metrics;

/* One request on its way. */
typedef struct trip {
    wn_ticket ticket;
    wn_flag done;
} trip;

static void arrive(wn_ticket *ticket)
{
    trip *own = ticket->owner;
    wn_flag_raise(&own->done);
}

static wn_backend *backend_of(const char *model, uint64_t cache_bytes, uint64_t vector_bytes,
                              const char *dir)
{
    wn_backend *backend;
    const wn_backend_options options = {.model_dir = model,
                                        .n_threads = 1,
                                        .n_workers = 1,
                                        .metrics = &metrics,
                                        .cache_bytes = cache_bytes,
                                        .vector_bytes = vector_bytes,
                                        .cache_dir = dir};
    memset(&metrics, 0, sizeof metrics);
    assert_ok(wn_backend_open(&backend, &options, &err), &err);
    return backend;
}

static void make(trip *t, wn_backend *backend, uint64_t scope, wn_str query)
{
    const wn_request request = check_request(query, documents, DOCS);
    memset(t, 0, sizeof *t);
    t->ticket = (wn_ticket){.owner = t, .done = arrive};
    t->ticket.task.weight = 1;
    t->ticket.task.deadline_ns = UINT64_MAX;
    assert_ok(wn_backend_make_job(backend, &t->ticket, 0, scope, &request, &err), &err);
}

static void finish(trip *t)
{
    while (!wn_flag_is_up(&t->done))
        sched_yield();
    assert_int_equal(t->ticket.admission, WN_ADMITTED);
    assert_int_equal(t->ticket.task.outcome, WN_TASK_DONE);
    assert_ok(wn_ticket_end(&t->ticket, false, &err), &err);
}

/* The results have the bits of wn_rank(). */
static void check_results(const trip *t, const char *model, wn_str query)
{
    wn_engine *engine = check_engine(model, NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    const wn_request request = check_request(query, documents, DOCS);
    wn_job *job;
    size_t n_want, n_got;
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    const wn_result *want = wn_job_results(job, &n_want);
    const wn_result *got = wn_job_results(t->ticket.job, &n_got);
    assert_int_equal(n_got, n_want);
    for (size_t i = 0; i < n_want; i++) {
        assert_int_equal(got[i].index, want[i].index);
        assert_memory_equal(&got[i].logit, &want[i].logit, sizeof want->logit);
        assert_memory_equal(&got[i].relevance_score, &want[i].relevance_score,
                            sizeof want->relevance_score);
    }
    wn_job_free(job);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void ask(trip *t, wn_backend *backend, const char *model, uint64_t scope, wn_str query)
{
    make(t, backend, scope, query);
    wn_backend_submit(backend, &t->ticket);
    finish(t);
    check_results(t, model, query);
}

static void run(trip *t, wn_backend *backend, const char *model, uint64_t scope)
{
    ask(t, backend, model, scope, WN_STR("celan"));
}

static uint64_t rows(wn_row_state state)
{
    return wn_counter_get(&metrics.rows[state]);
}

static uint64_t billed(const trip *t)
{
    wn_usage usage = wn_job_usage(t->ticket.job);
    return usage.query_tokens + usage.document_tokens;
}

static void rows_that_come_again_are_not_computed_again(void **state)
{
    (void)state;
    for (size_t m = 0; m < WN_ARRAY_LEN(models); m++) {
        wn_backend *backend = backend_of(models[m], 1 << 20, 0, NULL);
        trip first, second, foreign;
        run(&first, backend, models[m], 1);
        assert_int_equal(rows(WN_ROWS_COMPUTED), DIFFERENT);
        assert_int_equal(rows(WN_ROWS_DEDUPED), DOCS - DIFFERENT);
        assert_int_equal(first.ticket.plan.cached_tokens, 0);
        run(&second, backend, models[m], 1);
        assert_int_equal(rows(WN_ROWS_COMPUTED), DIFFERENT);
        assert_int_equal(rows(WN_ROWS_CACHED), DIFFERENT);
        /* The calibrated relevance of the built-in model needs its query all the same. */
        uint64_t query = models[m] == NULL ? wn_job_usage(second.ticket.job).query_tokens : 0;
        assert_int_equal(second.ticket.plan.cached_tokens, billed(&second) - query);
        run(&foreign, backend, models[m], 2);
        assert_int_equal(rows(WN_ROWS_COMPUTED), 2 * DIFFERENT);
        assert_int_equal(wn_backend_look_cache(backend).n_scores, 2 * DIFFERENT);
        wn_ticket_deinit(&first.ticket);
        wn_ticket_deinit(&second.ticket);
        wn_ticket_deinit(&foreign.ticket);
        wn_backend_close(backend);
    }
}

static void equal_rows_of_requests_at_a_time_are_computed_once(void **state)
{
    (void)state;
    for (size_t m = 0; m < WN_ARRAY_LEN(models); m++) {
        for (int cached = 0; cached < 2; cached++) {
            wn_backend *backend = backend_of(models[m], cached ? 1 << 20 : 0, 0, NULL);
            trip trips[3];
            for (size_t i = 0; i < WN_ARRAY_LEN(trips); i++)
                make(&trips[i], backend, 1, WN_STR("celan")); /* none of them knows of the others */
            for (size_t i = 0; i < WN_ARRAY_LEN(trips); i++)
                wn_backend_submit(backend, &trips[i].ticket);
            for (size_t i = 0; i < WN_ARRAY_LEN(trips); i++) {
                finish(&trips[i]);
                check_results(&trips[i], models[m], WN_STR("celan"));
                wn_ticket_deinit(&trips[i].ticket);
            }
            assert_int_equal(rows(WN_ROWS_COMPUTED) + rows(WN_ROWS_DEDUPED), 3 * DOCS);
            if (cached) /* without, only those of one batch meet */
                assert_int_equal(rows(WN_ROWS_COMPUTED), DIFFERENT);
            else
                assert_in_range(rows(WN_ROWS_COMPUTED), DIFFERENT, 3 * DIFFERENT);
            assert_int_equal(rows(WN_ROWS_CACHED), 0);
            wn_backend_close(backend);
        }
    }
}

static void documents_that_come_again_are_not_read_again(void **state)
{
    (void)state;
    for (size_t m = 0; m < WN_ARRAY_LEN(models); m++) {
        wn_backend *backend = backend_of(models[m], 1 << 20, 1 << 20, NULL);
        bool pairs = m == 1; /* a cross-encoder has nothing to keep */
        trip first, second, foreign;
        run(&first, backend, models[m], 1);
        assert_int_equal(first.ticket.plan.cached_tokens, 0);
        ask(&second, backend, models[m], 1, WN_STR("fonis dimer"));
        assert_int_equal(rows(WN_ROWS_VECTORS), pairs ? 0 : DIFFERENT);
        assert_int_equal(rows(WN_ROWS_COMPUTED), pairs ? 2 * DIFFERENT : DIFFERENT);
        wn_usage usage = wn_job_usage(second.ticket.job);
        assert_int_equal(second.ticket.plan.cached_tokens, pairs ? 0 : usage.document_tokens);
        ask(&foreign, backend, models[m], 2, WN_STR("fonis dimer"));
        assert_int_equal(rows(WN_ROWS_COMPUTED), (pairs ? 3 : 2) * DIFFERENT);
        assert_int_equal(foreign.ticket.plan.cached_tokens, 0);
        assert_int_equal(wn_backend_look_vectors(backend).n_rows, pairs ? 0 : 2 * DIFFERENT);
        wn_ticket_deinit(&first.ticket);
        wn_ticket_deinit(&second.ticket);
        wn_ticket_deinit(&foreign.ticket);
        wn_backend_close(backend);
    }
}

static void scores_outlive_the_process(void **state)
{
    (void)state;
    char dir[] = "/tmp/winnow-backend-XXXXXX";
    assert_non_null(mkdtemp(dir));
    for (int life = 0; life < 2; life++) {
        wn_backend *backend = backend_of(models[1], 1 << 20, 0, dir);
        trip t;
        run(&t, backend, models[1], 9);
        assert_int_equal(rows(WN_ROWS_COMPUTED), life == 0 ? DIFFERENT : 0);
        assert_int_equal(rows(WN_ROWS_CACHED), life == 0 ? 0 : DIFFERENT);
        wn_ticket_deinit(&t.ticket);
        wn_backend_close(backend);
    }
    char command[64];
    (void)snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void request_without_documents_is_done_at_once(void **state)
{
    (void)state;
    wn_backend *backend = backend_of(models[1], 1 << 20, 0, NULL);
    const wn_request request = check_request(WN_STR("celan"), NULL, 0);
    trip t = {.ticket = {.done = arrive, .owner = &t}};
    assert_ok(wn_backend_make_job(backend, &t.ticket, 0, 0, &request, &err), &err);
    wn_backend_submit(backend, &t.ticket);
    assert_true(wn_flag_is_up(&t.done));
    assert_ok(wn_ticket_end(&t.ticket, false, &err), &err);
    wn_ticket_deinit(&t.ticket);
    wn_backend_close(backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_come_again_are_not_computed_again),
        cmocka_unit_test(equal_rows_of_requests_at_a_time_are_computed_once),
        cmocka_unit_test(documents_that_come_again_are_not_read_again),
        cmocka_unit_test(scores_outlive_the_process),
        cmocka_unit_test(request_without_documents_is_done_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
