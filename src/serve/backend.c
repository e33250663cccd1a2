/* See backend.h. */
#include "serve/backend.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/lock.h"
#include "base/thread.h"
#include "data/json_bind.h"

#include <math.h>

#define WN_WHERE        "serve/backend"
#define SCORE_TOLERANCE 1e-3

struct wn_backend {
    wn_engine *engine;
    wn_metrics *metrics;
    wn_runner *runner;  /* of the compute thread */
    wn_runner **makers; /* [n_workers] make jobs */
    int32_t n_workers, batch_tokens, batch_rows;
    wn_row_ref *rows; /* [batch_rows] of the batch that runs */
    wn_sched_row *chosen;
    wn_thread *thread;
    wn_lock lock;    /* guards the rest */
    wn_cond changed; /* something was submitted, cancelled or closed */
    wn_sched *sched;
    size_t n_coming; /* requests that are being tokenised */
    bool closing;
};

/* ---- the compute thread ---------------------------------------------------------------------- */

static void run_batch(wn_backend *backend, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        wn_ticket *ticket = (wn_ticket *)backend->chosen[i].task;
        backend->rows[i] = (wn_row_ref){ticket->job, backend->chosen[i].row};
    }
    /* It fails only for rows that are not there, which ours are not. */
    WN_ASSERT(wn_run_rows(backend->runner, backend->rows, n, NULL) == WN_OK);
}

static size_t batch_tokens_of(const wn_backend *backend, size_t n)
{
    size_t tokens = 0;
    for (size_t i = 0; i < n; i++)
        tokens += backend->chosen[i].task->row_tokens[backend->chosen[i].row];
    return tokens;
}

/* Take the tickets that are finished off the scheduler, as a list linked by task.next. */
static wn_task *take_finished(wn_backend *backend)
{
    wn_task *list = NULL, **end = &list;
    for (wn_task *task; (task = wn_sched_pop_finished(backend->sched)) != NULL; end = &task->next) {
        task->next = NULL;
        *end = task;
    }
    return list;
}

/* Tell the owners; afterwards their tickets may be gone. */
static void tell_finished(wn_backend *backend, wn_task *list)
{
    for (wn_task *next; list != NULL; list = next) {
        next = list->next;
        wn_ticket *ticket = (wn_ticket *)list;
        wn_counter_add(&backend->metrics->rows[WN_ROWS_COMPUTED], list->n_done);
        wn_counter_add(&backend->metrics->rows[WN_ROWS_CANCELLED], list->n_rows - list->n_done);
        ticket->done(ticket);
    }
}

/* Choose the next batch, waiting for one; 0 when the backend closes and nothing is left. */
static size_t next_batch(wn_backend *backend)
{
    wn_lock_enter(&backend->lock);
    for (;;) {
        uint64_t wake_ns;
        size_t n = wn_sched_next_batch(backend->sched, backend->chosen, backend->n_coming,
                                       wn_clock_ns(), &wake_ns);
        wn_task *finished = take_finished(backend);
        bool closed = backend->closing && wn_sched_look(backend->sched).tasks == 0;
        if (finished != NULL) {
            wn_lock_leave(&backend->lock);
            tell_finished(backend, finished);
            wn_lock_enter(&backend->lock);
        }
        if (n > 0 || closed) {
            wn_lock_leave(&backend->lock);
            return n;
        }
        if (finished == NULL)
            (void)wn_cond_wait_until(&backend->changed, &backend->lock,
                                     WN_MIN(wake_ns, wn_sched_next_deadline(backend->sched)));
    }
}

static void compute(void *arg)
{
    wn_backend *backend = arg;
    for (size_t n; (n = next_batch(backend)) > 0;) {
        size_t tokens = batch_tokens_of(backend, n);
        uint64_t began_ns = wn_clock_ns();
        run_batch(backend, n);
        uint64_t now_ns = wn_clock_ns();
        wn_metrics_batch(backend->metrics, n, tokens, (size_t)backend->batch_tokens,
                         now_ns - began_ns);
        wn_lock_enter(&backend->lock);
        wn_sched_done(backend->sched, backend->chosen, n, now_ns, now_ns - began_ns);
        wn_lock_leave(&backend->lock);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static wn_status make_runners(wn_backend *backend, const wn_backend_options *options, wn_error *err)
{
    const wn_runner_options own = {.struct_size = sizeof own,
                                   .n_threads = options->n_threads,
                                   .batch_tokens = options->batch_tokens};
    WN_TRY(wn_runner_new(&backend->runner, backend->engine, &own, err));
    wn_runner_info info = WN_RUNNER_INFO_INIT;
    WN_TRY(wn_runner_get_info(backend->runner, &info, err));
    backend->batch_tokens = info.batch_tokens;
    backend->batch_rows = info.batch_seqs;
    backend->n_workers = options->n_workers;
    backend->makers = wn_mem_zalloc((size_t)options->n_workers, sizeof *backend->makers);
    if (backend->makers == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %d workers", options->n_workers);
    const wn_runner_options maker = {
        .struct_size = sizeof maker, .n_threads = 1, .tokenize_only = true};
    for (int32_t i = 0; i < options->n_workers; i++)
        WN_TRY(wn_runner_new(&backend->makers[i], backend->engine, &maker, err));
    return WN_OK;
}

static wn_status make_sched(wn_backend *backend, const wn_backend_options *options, wn_error *err)
{
    wn_sched_options sched = WN_SCHED_OPTIONS_DEFAULT;
    size_t n = (size_t)backend->batch_rows;
    sched.batch_tokens = (uint32_t)backend->batch_tokens;
    sched.batch_rows = (uint32_t)backend->batch_rows;
    if (options->max_wait_ns > 0)
        sched.max_wait_ns = options->max_wait_ns;
    backend->rows = wn_mem_alloc(n, sizeof *backend->rows);
    backend->chosen = wn_mem_alloc(n, sizeof *backend->chosen);
    if (backend->rows == NULL || backend->chosen == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a batch of %zu rows", n);
    return wn_sched_new(&backend->sched, &sched, err);
}

wn_status wn_backend_open(wn_backend **out, const wn_backend_options *options, wn_error *err)
{
    wn_backend *backend = wn_mem_zalloc(1, sizeof *backend);
    if (backend == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a model's threads");
    wn_status status;
    const wn_engine_options engine = {.struct_size = sizeof engine,
                                      .model_dir = options->model_dir,
                                      .cpu_level = options->cpu_level,
                                      .n_threads = options->n_threads};
    backend->metrics = options->metrics;
    wn_lock_init(&backend->lock);
    wn_cond_init(&backend->changed);
    WN_TRY_OUT(wn_engine_open(&backend->engine, &engine, err));
    WN_TRY_OUT(make_runners(backend, options, err));
    WN_TRY_OUT(make_sched(backend, options, err));
    WN_TRY_OUT(wn_thread_start(&backend->thread, "wn-compute", compute, backend, err));
    *out = backend;
    backend = NULL;
out:
    wn_backend_close(backend);
    return status;
}

void wn_backend_stop(wn_backend *backend)
{
    wn_lock_enter(&backend->lock);
    backend->closing = true;
    wn_cond_signal(&backend->changed);
    wn_lock_leave(&backend->lock);
    wn_thread_join(backend->thread);
    backend->thread = NULL;
}

void wn_backend_close(wn_backend *backend)
{
    if (backend == NULL)
        return;
    wn_backend_stop(backend);
    for (int32_t i = 0; backend->makers != NULL && i < backend->n_workers; i++)
        wn_runner_free(backend->makers[i]);
    wn_mem_free(backend->makers);
    wn_runner_free(backend->runner);
    wn_engine_close(backend->engine);
    wn_sched_free(backend->sched);
    wn_mem_free(backend->rows);
    wn_mem_free(backend->chosen);
    wn_cond_deinit(&backend->changed);
    wn_lock_deinit(&backend->lock);
    wn_mem_free(backend);
}

const wn_engine *wn_backend_engine(const wn_backend *backend)
{
    return backend->engine;
}

int32_t wn_backend_batch_tokens(const wn_backend *backend)
{
    return backend->batch_tokens;
}

static wn_status check_score(wn_backend *backend, const json_t *pair, wn_error *err)
{
    const json_t *query = json_object_get(pair, "query"), *text = json_object_get(pair, "document");
    double want = json_number_value(json_object_get(pair, "raw_score"));
    wn_str document = {json_string_value(text), json_string_length(text)};
    const wn_request request = {.struct_size = sizeof request,
                                .query = {json_string_value(query), json_string_length(query)},
                                .documents = &document,
                                .n_documents = 1,
                                .long_docs = WN_LONG_DOCS_TRUNCATE};
    wn_job *job;
    WN_TRY(wn_rank(&job, backend->runner, &request, err));
    size_t n;
    float got = wn_job_results(job, &n)[0].logit;
    wn_job_free(job);
    if (fabs((double)got - want) > SCORE_TOLERANCE * fmax(1, fabs(want)))
        WN_FAIL(err, WN_ERR_INTERNAL,
                "self-test: the score is %.6g, expected %.6g: this build or "
                "machine computes wrong scores",
                (double)got, want);
    return WN_OK;
}

wn_status wn_backend_self_test(wn_backend *backend, wn_error *err)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    WN_TRY(wn_engine_get_info(backend->engine, &info, err));
    if (!wn_str_equal(wn_str_from(info.model), WN_STR("built-in")))
        return WN_OK;
    wn_str rest = wn_builtin_reference();
    for (int i = 0; rest.len > 0 && i < 4; i++) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t n = end == NULL ? rest.len : (size_t)(end - rest.ptr);
        json_t *pair;
        WN_TRY(wn_json_parse(&pair, (wn_str){rest.ptr, n}, "reference", err));
        wn_status status = check_score(backend, pair, err);
        json_decref(pair);
        WN_TRY(status);
        rest = wn_str_slice(rest, WN_MIN(n + 1, rest.len), rest.len);
    }
    return WN_OK;
}

/* ---- tickets --------------------------------------------------------------------------------- */

static wn_status make_job(wn_backend *backend, wn_ticket *ticket, int32_t worker,
                          const wn_request *request, wn_error *err)
{
    WN_TRY(wn_job_new(&ticket->job, backend->makers[worker], request, err));
    size_t n = wn_job_n_rows(ticket->job);
    uint32_t *tokens = wn_mem_alloc(2 * n, sizeof *tokens);
    if (tokens == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu rows", n);
    for (size_t i = 0; i < n; i++)
        tokens[i] = wn_job_row_tokens(ticket->job, i);
    ticket->task.row_tokens = tokens;
    ticket->task.order = tokens + n;
    ticket->task.n_rows = (uint32_t)n;
    if (n > 0)
        wn_sched_prepare(&ticket->task);
    return WN_OK;
}

static void count_coming(wn_backend *backend, bool comes)
{
    wn_lock_enter(&backend->lock);
    backend->n_coming = comes ? backend->n_coming + 1 : backend->n_coming - 1;
    wn_lock_leave(&backend->lock);
}

wn_status wn_backend_make_job(wn_backend *backend, wn_ticket *ticket, int32_t worker,
                              const wn_request *request, wn_error *err)
{
    WN_ASSERT(worker >= 0 && worker < backend->n_workers);
    count_coming(backend, true);
    wn_status status = make_job(backend, ticket, worker, request, err);
    count_coming(backend, false);
    return status;
}

void wn_ticket_deinit(wn_ticket *ticket)
{
    wn_mem_free((void *)(uintptr_t)ticket->task.row_tokens);
    wn_job_free(ticket->job);
    ticket->task.row_tokens = NULL;
    ticket->job = NULL;
}

void wn_backend_submit(wn_backend *backend, wn_ticket *ticket)
{
    uint64_t now_ns = wn_clock_ns();
    ticket->admission = WN_ADMITTED;
    if (ticket->task.n_rows == 0) {
        ticket->task.outcome = WN_TASK_DONE;
        ticket->task.submitted_ns = ticket->task.started_ns = ticket->task.finished_ns = now_ns;
        ticket->done(ticket);
        return;
    }
    wn_lock_enter(&backend->lock);
    wn_admission admission = WN_REFUSED_TASKS;
    if (!backend->closing)
        admission = wn_sched_submit(backend->sched, &ticket->task, now_ns, &ticket->wait_ns);
    wn_cond_signal(&backend->changed);
    wn_lock_leave(&backend->lock);
    if (admission != WN_ADMITTED) { /* else it may be done, and gone */
        ticket->admission = admission;
        ticket->done(ticket);
    }
}

wn_admission wn_backend_foresee(wn_backend *backend, const wn_task *task, uint64_t tokens,
                                uint64_t *wait_ns)
{
    wn_lock_enter(&backend->lock);
    wn_admission admission = wn_sched_foresee(backend->sched, task, tokens, wn_clock_ns(), wait_ns);
    wn_lock_leave(&backend->lock);
    return admission;
}

void wn_backend_cancel(wn_backend *backend, wn_ticket *ticket)
{
    wn_lock_enter(&backend->lock);
    wn_sched_cancel(backend->sched, &ticket->task, wn_clock_ns());
    wn_cond_signal(&backend->changed);
    wn_lock_leave(&backend->lock);
}

wn_sched_stats wn_backend_look(wn_backend *backend)
{
    wn_lock_enter(&backend->lock);
    wn_sched_stats stats = wn_sched_look(backend->sched);
    wn_lock_leave(&backend->lock);
    return stats;
}
