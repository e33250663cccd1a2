/* wn_run(): what a request hears while it runs, how it stops, and what a run leaves behind. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/defs.h"
#include "base/str.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { MANY_DOCUMENTS = 1000 };
#else
enum { MANY_DOCUMENTS = 10000 };
#endif

static wn_engine *engine;

static int open_engine(void **state)
{
    (void)state;
    engine = check_engine(NULL, NULL);
    return 0;
}

static int close_engine(void **state)
{
    (void)state;
    wn_engine_close(engine);
    return 0;
}

static bool stop_at_once(void *user)
{
    ++*(int *)user;
    return true;
}

static bool stop_if(void *user)
{
    return *(bool *)user;
}

static void note_progress(void *user, size_t n_done, size_t n_documents)
{
    size_t *last = user;
    assert_true(n_done >= *last && n_done <= n_documents);
    *last = n_done;
}

static void request_can_be_watched_and_stopped(void **state)
{
    (void)state;
    wn_runner *runner = check_runner(engine, 2, 0);
    static wn_str documents[MANY_DOCUMENTS];
    for (size_t i = 0; i < MANY_DOCUMENTS; i++)
        documents[i] = i % 2 ? WN_STR("a green apple") : WN_STR("a red apple on the table");
    wn_request request = check_request(WN_STR("apple"), documents, MANY_DOCUMENTS);
    size_t last = 0;
    request.progress = note_progress;
    request.user = &last;
    request.top_n = 3;
    wn_job *job = NULL;
    wn_error err;
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    assert_int_equal(last, MANY_DOCUMENTS);
    size_t n;
    const wn_result *r = wn_job_results(job, &n);
    assert_int_equal(n, 3);
    assert_true(r[0].index < r[1].index && r[1].index < r[2].index);
    wn_job_free(job);
    int polled = 0;
    request.progress = NULL;
    request.should_stop = stop_at_once;
    request.user = &polled;
    assert_fails(wn_rank(&job, runner, &request, &err), WN_ERR_CANCELLED, &err, "stopped");
    assert_int_equal(polled, 1);
    wn_runner_free(runner);
}

static void progress_counts_documents_without_rows(void **state)
{
    (void)state;
    wn_runner *runner = check_runner(engine, 1, 0);
    const wn_str documents[] = {WN_STR(""), WN_STR("a warm coat"), WN_STR("."), WN_STR(" ")};
    wn_error err;
    for (size_t first = 0; first < 4; first += 2) { /* then the empty ones alone */
        wn_request request = check_request(WN_STR("coat"), documents + first, 4 - first);
        size_t last = 0;
        request.progress = note_progress;
        request.user = &last;
        wn_job *job = NULL;
        assert_ok(wn_rank(&job, runner, &request, &err), &err);
        assert_int_equal(last, 4 - first);
        wn_job_free(job);
    }
    wn_runner_free(runner);
}

static void stopped_job_has_no_results_and_stops_no_other(void **state)
{
    (void)state;
    wn_runner *runner = check_runner(engine, 1, 0);
    const wn_str document = WN_STR("a green apple");
    wn_job *jobs[3];
    wn_error err;
    bool stop = false;
    for (size_t i = 0; i < 3; i++) {
        wn_request request = check_request(WN_STR("apple"), &document, 1);
        request.should_stop = i == 1 ? stop_if : NULL;
        request.user = &stop;
        assert_ok(wn_job_new(&jobs[i], runner, &request, &err), &err);
    }
    for (size_t turn = 0; turn < 3; turn++) {
        size_t n;
        stop = turn == 1;
        if (stop)
            assert_fails(wn_run(runner, jobs, 3, &err), WN_ERR_CANCELLED, &err, "job 1: ");
        else
            assert_ok(wn_run(runner, jobs, 3, &err), &err);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(wn_job_results(jobs[i], &n) == NULL, stop && i == 1);
            assert_int_equal(n, stop && i == 1 ? 0 : 1);
        }
    }
    for (size_t i = 0; i < 3; i++)
        wn_job_free(jobs[i]);
    wn_runner_free(runner);
}

static void job_of_another_engine_is_refused(void **state)
{
    (void)state;
    wn_engine *other = check_engine(NULL, "scalar");
    wn_runner *runner = check_runner(engine, 1, 0), *stranger = check_runner(other, 1, 0);
    const wn_str document = WN_STR("a green apple");
    wn_request request = check_request(WN_STR("apple"), &document, 1);
    wn_job *jobs[2];
    wn_error err;
    size_t n;
    assert_ok(wn_job_new(&jobs[0], runner, &request, &err), &err);
    assert_ok(wn_job_new(&jobs[1], stranger, &request, &err), &err);
    assert_fails(wn_run(runner, jobs, 2, &err), WN_ERR_ARGUMENT, &err, "job 1");
    assert_null(wn_job_results(jobs[0], &n));
    wn_job_free(jobs[0]);
    wn_job_free(jobs[1]);
    wn_runner_free(runner);
    wn_runner_free(stranger);
    wn_engine_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_can_be_watched_and_stopped),
        cmocka_unit_test(progress_counts_documents_without_rows),
        cmocka_unit_test(stopped_job_has_no_results_and_stops_no_other),
        cmocka_unit_test(job_of_another_engine_is_refused),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
