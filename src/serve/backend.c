/* See backend.h. */
#include "serve/backend.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "data/json_bind.h"
#include "data/lines.h"

#include <math.h>

#define WN_WHERE        "serve/backend"
#define BATCH_TICKETS   16 /* requests that share one run */
#define SCORE_TOLERANCE 1e-3

struct wn_backend {
    wn_engine *engine;
    int32_t batch_tokens;
    wn_runner *runner;  /* of the compute thread */
    wn_runner **makers; /* [n_workers] make jobs */
    int32_t n_workers;
    wn_queue queue; /* tickets */
    wn_thread *thread;
};

static void run_tickets(wn_backend *backend, wn_ticket **tickets, size_t n)
{
    uint64_t started = wn_clock_ns();
    for (size_t i = 0; i < n; i++) {
        wn_ticket *ticket = tickets[i];
        ticket->started_ns = started;
        ticket->status = wn_run(backend->runner, &ticket->job, 1, &ticket->err);
        ticket->ended_ns = wn_clock_ns();
        ticket->done(ticket);
    }
}

static void compute(void *arg)
{
    wn_backend *backend = arg;
    for (wn_queue_item *item; (item = wn_queue_pop(&backend->queue)) != NULL;) {
        wn_ticket *ticket = (wn_ticket *)item;
        run_tickets(backend, &ticket, 1);
    }
}

static wn_status make_runners(wn_backend *backend, const wn_backend_options *options, wn_error *err)
{
    const wn_runner_options own = {.struct_size = sizeof own,
                                   .n_threads = options->n_threads,
                                   .batch_tokens = options->batch_tokens};
    WN_TRY(wn_runner_new(&backend->runner, backend->engine, &own, err));
    wn_runner_info info = WN_RUNNER_INFO_INIT;
    WN_TRY(wn_runner_get_info(backend->runner, &info, err));
    backend->batch_tokens = info.batch_tokens;
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
    wn_queue_init(&backend->queue);
    WN_TRY_OUT(wn_engine_open(&backend->engine, &engine, err));
    WN_TRY_OUT(make_runners(backend, options, err));
    WN_TRY_OUT(wn_thread_start(&backend->thread, "wn-compute", compute, backend, err));
    *out = backend;
    backend = NULL;
out:
    wn_backend_close(backend);
    return status;
}

void wn_backend_close(wn_backend *backend)
{
    if (backend == NULL)
        return;
    wn_queue_close(&backend->queue);
    wn_thread_join(backend->thread);
    for (int32_t i = 0; backend->makers != NULL && i < backend->n_workers; i++)
        wn_runner_free(backend->makers[i]);
    wn_mem_free(backend->makers);
    wn_runner_free(backend->runner);
    wn_engine_close(backend->engine);
    wn_queue_deinit(&backend->queue);
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

wn_status wn_backend_make_job(wn_backend *backend, wn_ticket *ticket, int32_t worker,
                              const wn_request *request, wn_error *err)
{
    WN_ASSERT(worker >= 0 && worker < backend->n_workers);
    return wn_job_new(&ticket->job, backend->makers[worker], request, err);
}

void wn_backend_submit(wn_backend *backend, wn_ticket *ticket)
{
    ticket->queued_ns = wn_clock_ns();
    wn_queue_push(&backend->queue, &ticket->item);
}
