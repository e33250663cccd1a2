/* See backend.h. */
#include "serve/backend.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/seed.h"
#include "base/str.h"
#include "base/thread.h"
#include "data/license.h"
#include "serve/self_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WN_WHERE "serve/backend"
#define MOD      "serve.backend"

/* One batch.  Arrays are [batch_rows]. */
typedef struct batch {
    wn_sched_row *chosen;
    wn_row_digest *digests;
    float *logits;
    size_t *first;    /* the first row of the batch that equals it */
    wn_row_ref *rows; /* those of them that run */
    wn_digest_set set;
} batch;

struct wn_backend {
    wn_engine *engine;
    wn_metrics *metrics;
    wn_log *log;        /* NULL: none */
    wn_runner *runner;  /* of the compute thread */
    wn_runner **makers; /* [n_workers] make jobs */
    int32_t n_workers, batch_tokens, batch_rows;
    wn_score_cache *cache;    /* NULL: none */
    wn_vector_cache *vectors; /* of the compute thread; NULL: none */
    wn_vector_format vector_format;
    wn_buf cache_path;        /* of its file */
    char cache_model[64];     /* what the file is for */
    wn_row_planner *planners; /* [n_workers] */
    batch batch;              /* that runs */
    wn_thread *thread;
    wn_lock lock;    /* guards the rest */
    wn_cond changed; /* something was submitted, cancelled or closed */
    wn_sched *sched;
    size_t n_coming; /* requests that are being tokenised */
    bool closing;
};

/* ---- the compute thread ---------------------------------------------------------------------- */

static wn_ticket *ticket_of(const wn_sched_row *row)
{
    return (wn_ticket *)row->task;
}

static size_t job_row_of(const wn_sched_row *row)
{
    return ticket_of(row)->plan.rows[row->row];
}

/* Count what became of a row. */
static void count_row(const wn_backend *backend, bool *known, bool scored)
{
    wn_row_state state = scored ? WN_ROWS_DEDUPED : *known ? WN_ROWS_VECTORS : WN_ROWS_COMPUTED;
    wn_counter_add(&backend->metrics->rows[state], 1);
    *known |= scored;
}

/* A row that must run, with the vectors of its document where they are kept. */
static wn_row_ref ref_of(wn_backend *backend, const wn_sched_row *chosen)
{
    wn_row_plan *plan = &ticket_of(chosen)->plan;
    size_t row = job_row_of(chosen);
    wn_row_ref ref = {.job = ticket_of(chosen)->job, .row = row, .format = backend->vector_format};
    if (backend->vectors == NULL || row == WN_ROW_QUERY)
        return ref;
    ref.vectors = wn_vector_cache_find(backend->vectors, plan->documents[row]);
    ref.known = plan->known[row] = ref.vectors != NULL;
    if (!ref.known)
        ref.vectors = wn_vector_cache_reserve(backend->vectors, plan->documents[row],
                                              wn_job_vector_bytes(ref.job, row, ref.format));
    return ref;
}

/* Of the n chosen rows, those that must run: not those that were scored since they were planned,
 * and of equal ones the first.  Returns how many. */
static size_t choose_rows(wn_backend *backend, size_t n)
{
    batch *b = &backend->batch;
    size_t n_run = 0;
    for (size_t i = 0; i < n; i++) {
        size_t row = job_row_of(&b->chosen[i]);
        b->digests[i] =
            row == WN_ROW_QUERY ? (wn_row_digest){0} : ticket_of(&b->chosen[i])->plan.digests[row];
        b->logits[i] = NAN;
    }
    if (backend->cache != NULL)
        (void)wn_score_cache_find(backend->cache, b->digests, b->logits, n);
    WN_ASSERT(wn_digest_set_begin(&b->set, n)); /* it had room for batch_rows before */
    for (size_t i = 0; i < n; i++) {
        wn_job *job = ticket_of(&b->chosen[i])->job;
        size_t row = job_row_of(&b->chosen[i]);
        b->first[i] = row == WN_ROW_QUERY ? i : wn_digest_set_first(&b->set, b->digests, i);
        bool scored = !isnan(b->logits[i]) || b->first[i] != i;
        if (!isnan(b->logits[i]))
            wn_job_set_logit(job, row, b->logits[i]);
        if (!scored)
            b->rows[n_run++] = ref_of(backend, &b->chosen[i]);
        else if (wn_job_needs_query(job))
            b->rows[n_run++] = (wn_row_ref){.job = job, .row = WN_ROW_QUERY};
        if (row != WN_ROW_QUERY)
            count_row(backend, &ticket_of(&b->chosen[i])->plan.known[row], scored);
    }
    return n_run;
}

/* Hand the new scores to equal rows and to those that will come. */
static void spread_scores(wn_backend *backend, size_t n)
{
    batch *b = &backend->batch;
    for (size_t i = 0; i < n; i++) {
        const wn_sched_row *own = &b->chosen[i], *first = &b->chosen[b->first[i]];
        size_t row = job_row_of(own);
        if (row == WN_ROW_QUERY)
            continue;
        b->logits[i] = wn_job_logit(ticket_of(first)->job, job_row_of(first));
        wn_job_set_logit(ticket_of(own)->job, row, b->logits[i]);
    }
    if (backend->cache != NULL)
        wn_score_cache_add(backend->cache, b->digests, b->logits, n);
}

static size_t tokens_of_rows(const wn_row_ref *rows, size_t n)
{
    size_t tokens = 0;
    for (size_t i = 0; i < n; i++)
        tokens += rows[i].row == WN_ROW_QUERY ? wn_job_usage(rows[i].job).query_tokens
                                              : wn_job_row_tokens(rows[i].job, rows[i].row);
    return tokens;
}

/* Score n chosen rows.  Returns how long it took. */
static uint64_t run_batch(wn_backend *backend, size_t n)
{
    const wn_row_ref *rows = backend->batch.rows;
    uint64_t began_ns = wn_clock_ns();
    size_t n_run = choose_rows(backend, n);
    /* It fails only for rows that are not there, which ours are not. */
    WN_ASSERT(wn_run_rows(backend->runner, rows, n_run, NULL) == WN_OK);
    if (backend->vectors != NULL)
        wn_vector_cache_end_batch(backend->vectors);
    uint64_t took_ns = wn_clock_ns() - began_ns;
    if (n_run > 0)
        wn_metrics_batch(backend->metrics, n_run, tokens_of_rows(rows, n_run),
                         (size_t)backend->batch_tokens, took_ns);
    spread_scores(backend, n);
    return took_ns;
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
        size_t n = wn_sched_next_batch(backend->sched, backend->batch.chosen, backend->n_coming,
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
        uint64_t took_ns = run_batch(backend, n);
        wn_lock_enter(&backend->lock);
        wn_sched_done(backend->sched, backend->batch.chosen, n, wn_clock_ns(), took_ns);
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

/* Log what is wrong with the cache's file. */
static void log_cache(wn_log *log, const char *event, const wn_error *problem)
{
    if (log == NULL || problem->status == WN_OK)
        return;
    wn_log_line line = wn_log_begin(log, WN_LOG_WARN, MOD, event);
    wn_log_text(&line, "reason", wn_str_from(problem->message));
    wn_log_end(&line);
}

/* Scores depend on the model, the kernels and the program. */
static wn_status make_cache(wn_backend *backend, const wn_backend_options *options, wn_error *err)
{
    wn_error ignored;
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    WN_TRY(wn_engine_get_info(backend->engine, &info, err));
    (void)snprintf(backend->cache_model, sizeof backend->cache_model, "%s %s %s %s%s",
                   info.fingerprint, info.cpu_level, info.dtype, wn_version(),
                   backend->vector_format == WN_VECTOR_INT8 ? " int8 vectors" : "");
    if (options->cache_dir != NULL &&
        !wn_buf_printf(&backend->cache_path, "%s/scores-%s", options->cache_dir, info.fingerprint))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a path");
    const wn_score_cache_options cache = {
        .max_bytes = (size_t)options->cache_bytes,
        .path = options->cache_dir == NULL ? NULL : backend->cache_path.ptr,
        .model = backend->cache_model,
    };
    if (options->cache_bytes == 0 || info.kind == WN_KIND_LISTWISE) /* no score is a pair's */
        return WN_OK;
    WN_TRY(wn_score_cache_open(&backend->cache, &cache, &ignored, err));
    log_cache(options->log, "cache_file_not_used", &ignored);
    return WN_OK;
}

/* Only models that read documents for themselves have vectors to keep. */
static wn_status make_vectors(wn_backend *backend, const wn_backend_options *options, wn_error *err)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    WN_TRY(wn_engine_get_info(backend->engine, &info, err));
    bool reads_apart = info.kind == WN_KIND_LATE_INTERACTION || info.kind == WN_KIND_EMBEDDER;
    if (!reads_apart || options->vector_bytes == 0)
        return WN_OK;
    backend->vector_format = options->vector_format;
    return wn_vector_cache_new(&backend->vectors, options->vector_bytes, err);
}

static wn_status make_planners(wn_backend *backend, wn_error *err)
{
    uint8_t key[WN_DIGEST_KEY_BYTES];
    backend->planners = wn_mem_zalloc((size_t)backend->n_workers, sizeof *backend->planners);
    if (backend->planners == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %d workers", backend->n_workers);
    if (backend->cache != NULL)
        memcpy(key, wn_score_cache_key(backend->cache), sizeof key);
    else if (!wn_random_bytes(key, sizeof key))
        WN_FAIL(err, WN_ERR_INTERNAL, "no random bytes for a key");
    for (int32_t i = 0; i < backend->n_workers; i++) {
        backend->planners[i].cache = backend->cache;
        backend->planners[i].keeps_vectors = backend->vectors != NULL;
        WN_TRY(wn_row_digester_new(&backend->planners[i].digester, key, err));
    }
    return WN_OK;
}

static wn_status make_batch(batch *b, size_t n, wn_error *err)
{
    b->chosen = wn_mem_alloc(n, sizeof *b->chosen);
    b->digests = wn_mem_alloc(n, sizeof *b->digests);
    b->logits = wn_mem_alloc(n, sizeof *b->logits);
    b->first = wn_mem_alloc(n, sizeof *b->first);
    b->rows = wn_mem_alloc(n, sizeof *b->rows);
    if (b->chosen == NULL || b->digests == NULL || b->logits == NULL || b->first == NULL ||
        b->rows == NULL || !wn_digest_set_begin(&b->set, n))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a batch of %zu rows", n);
    return WN_OK;
}

static void free_batch(batch *b)
{
    wn_mem_free(b->chosen);
    wn_mem_free(b->digests);
    wn_mem_free(b->logits);
    wn_mem_free(b->first);
    wn_mem_free(b->rows);
    wn_digest_set_deinit(&b->set);
}

static wn_status make_sched(wn_backend *backend, const wn_backend_options *options, wn_error *err)
{
    wn_sched_options sched = WN_SCHED_OPTIONS_DEFAULT;
    sched.batch_tokens = (uint32_t)backend->batch_tokens;
    sched.batch_rows = (uint32_t)backend->batch_rows;
    if (options->max_wait_ns > 0)
        sched.max_wait_ns = options->max_wait_ns;
    WN_TRY(make_batch(&backend->batch, (size_t)backend->batch_rows, err));
    return wn_sched_new(&backend->sched, &sched, err);
}

static wn_status check_license(const wn_backend *backend, const wn_backend_options *options,
                               wn_error *err)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    if (!options->commercial)
        return WN_OK;
    WN_TRY(wn_engine_get_info(backend->engine, &info, err));
    return wn_license_require_commercial(info.license, info.model, err);
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
                                      .dtype = options->dtype,
                                      .task = options->task,
                                      .n_threads = options->n_threads};
    backend->metrics = options->metrics;
    backend->log = options->log;
    wn_lock_init(&backend->lock);
    wn_cond_init(&backend->changed);
    WN_TRY_OUT(wn_engine_open(&backend->engine, &engine, err));
    WN_TRY_OUT(check_license(backend, options, err));
    WN_TRY_OUT(make_runners(backend, options, err));
    WN_TRY_OUT(make_vectors(backend, options, err));
    WN_TRY_OUT(make_cache(backend, options, err));
    WN_TRY_OUT(make_planners(backend, err));
    WN_TRY_OUT(make_sched(backend, options, err));
    WN_TRY_OUT(wn_thread_start(&backend->thread, "wn-compute", compute, backend, err));
    *out = backend;
    backend = NULL;
out:
    wn_backend_close(backend);
    return status;
}

static void save_cache(wn_backend *backend)
{
    wn_error err;
    if (backend->cache != NULL && backend->cache_path.len > 0 &&
        wn_score_cache_save(backend->cache, &err) != WN_OK)
        log_cache(backend->log, "cache_file_not_written", &err);
}

void wn_backend_stop(wn_backend *backend)
{
    wn_lock_enter(&backend->lock);
    bool was_closing = backend->closing;
    backend->closing = true;
    wn_cond_signal(&backend->changed);
    wn_lock_leave(&backend->lock);
    wn_thread_join(backend->thread);
    backend->thread = NULL;
    if (!was_closing)
        save_cache(backend);
}

void wn_backend_close(wn_backend *backend)
{
    if (backend == NULL)
        return;
    wn_backend_stop(backend);
    for (int32_t i = 0; backend->makers != NULL && i < backend->n_workers; i++)
        wn_runner_free(backend->makers[i]);
    for (int32_t i = 0; backend->planners != NULL && i < backend->n_workers; i++) {
        wn_row_digester_free(backend->planners[i].digester);
        wn_digest_set_deinit(&backend->planners[i].set);
    }
    wn_mem_free(backend->planners);
    wn_score_cache_free(backend->cache);
    wn_vector_cache_free(backend->vectors);
    wn_buf_deinit(&backend->cache_path);
    wn_mem_free(backend->makers);
    wn_runner_free(backend->runner);
    wn_engine_close(backend->engine);
    wn_sched_free(backend->sched);
    free_batch(&backend->batch);
    wn_cond_deinit(&backend->changed);
    wn_lock_deinit(&backend->lock);
    wn_mem_free(backend);
}

const wn_engine *wn_backend_engine(const wn_backend *backend)
{
    return backend->engine;
}

uint64_t wn_backend_bytes(const wn_backend *backend)
{
    wn_engine_info engine = WN_ENGINE_INFO_INIT;
    wn_runner_info runner = WN_RUNNER_INFO_INIT;
    WN_ASSERT(wn_engine_get_info(backend->engine, &engine, NULL) == WN_OK);
    WN_ASSERT(wn_runner_get_info(backend->runner, &runner, NULL) == WN_OK);
    return (uint64_t)engine.weight_bytes + engine.mapped_bytes + runner.activation_bytes +
           runner.scratch_bytes + wn_backend_cache_bytes(backend);
}

int32_t wn_backend_batch_tokens(const wn_backend *backend)
{
    return backend->batch_tokens;
}

wn_status wn_backend_self_test(wn_backend *backend, wn_error *err)
{
    return wn_self_test(backend->runner, backend->engine, err);
}

/* ---- tickets --------------------------------------------------------------------------------- */

static wn_status make_job(wn_backend *backend, wn_ticket *ticket, int32_t worker, uint64_t scope,
                          const wn_request *request, wn_error *err)
{
    wn_row_plan *plan = &ticket->plan;
    WN_TRY(wn_job_new(&ticket->job, backend->makers[worker], request, err));
    WN_TRY(wn_row_plan_make(plan, &backend->planners[worker], scope, ticket->job, err));
    ticket->task.row_tokens = plan->tokens;
    ticket->task.order = plan->order;
    ticket->task.n_rows = (uint32_t)plan->n;
    if (plan->n > 0)
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
                              uint64_t scope, const wn_request *request, wn_error *err)
{
    WN_ASSERT(worker >= 0 && worker < backend->n_workers);
    count_coming(backend, true);
    wn_status status = make_job(backend, ticket, worker, scope, request, err);
    count_coming(backend, false);
    return status;
}

wn_status wn_ticket_end(wn_ticket *ticket, bool partial, wn_error *err)
{
    wn_row_plan_end(&ticket->plan, ticket->job);
    return wn_job_end(ticket->job, partial, err);
}

void wn_ticket_deinit(wn_ticket *ticket)
{
    wn_row_plan_deinit(&ticket->plan);
    wn_job_free(ticket->job);
    ticket->job = NULL;
}

void wn_backend_submit(wn_backend *backend, wn_ticket *ticket)
{
    uint64_t now_ns = wn_clock_ns();
    ticket->admission = WN_ADMITTED;
    wn_counter_add(&backend->metrics->rows[WN_ROWS_CACHED], ticket->plan.n_cached);
    wn_counter_add(&backend->metrics->rows[WN_ROWS_DEDUPED], ticket->plan.n_same);
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

uint64_t wn_backend_left(wn_backend *backend, const wn_ticket *ticket)
{
    wn_lock_enter(&backend->lock);
    uint64_t left = ticket->task.n_rows - ticket->task.n_done;
    wn_lock_leave(&backend->lock);
    return left;
}

wn_sched_stats wn_backend_look(wn_backend *backend)
{
    wn_lock_enter(&backend->lock);
    wn_sched_stats stats = wn_sched_look(backend->sched);
    wn_lock_leave(&backend->lock);
    return stats;
}

wn_score_cache_stats wn_backend_look_cache(const wn_backend *backend)
{
    return backend->cache == NULL ? (wn_score_cache_stats){0} : wn_score_cache_look(backend->cache);
}

wn_vector_cache_stats wn_backend_look_vectors(const wn_backend *backend)
{
    return backend->vectors == NULL ? (wn_vector_cache_stats){0}
                                    : wn_vector_cache_look(backend->vectors);
}

uint64_t wn_backend_cache_bytes(const wn_backend *backend)
{
    return wn_backend_look_cache(backend).n_bytes + wn_backend_look_vectors(backend).max_bytes;
}
