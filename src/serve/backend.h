/* A loaded model with the threads that score: requests go in as tickets, their rows share packed
 * batches, tickets come back with results.
 * Thread rule: as each function says; a ticket belongs to the backend between wn_backend_submit()
 * and the call of its done(). */
#ifndef WN_SERVE_BACKEND_H
#define WN_SERVE_BACKEND_H

#include "base/queue.h"
#include "base/status.h"

typedef struct wn_backend wn_backend;

typedef struct wn_backend_options {
    const char *model_dir;           /* NULL: the built-in model */
    const char *cpu_level;           /* NULL: the best */
    int32_t n_threads, batch_tokens; /* 0: default */
    int32_t n_workers;               /* threads that will make jobs */
} wn_backend_options;

/* One ranking on its way through a backend. */
typedef struct wn_ticket {
    wn_queue_item item;
    wn_job *job;
    wn_status status; /* after done(): of the scoring */
    wn_error err;
    uint64_t queued_ns, started_ns, ended_ns;
    void (*done)(struct wn_ticket *ticket); /* called on a compute thread; must not block */
    void *owner;
} wn_ticket;

/* Load a model and start its threads.
 * Fails:   as wn_engine_open() and wn_runner_new().
 * Owns:    caller closes *out with wn_backend_close(). */
WN_MUST_USE wn_status wn_backend_open(wn_backend **out, const wn_backend_options *options,
                                      wn_error *err);

/* Finish the tickets that were submitted, stop the threads, free.  NULL is allowed. */
void wn_backend_close(wn_backend *backend);

/* The loaded engine, for its facts.
 * Thread:  any. */
const wn_engine *wn_backend_engine(const wn_backend *backend);

/* Token budget of a batch.
 * Thread:  any. */
int32_t wn_backend_batch_tokens(const wn_backend *backend);

/* Score the reference pairs of the built-in model, or any text for other models.
 * Fails:   WN_ERR_INTERNAL when a score is not what it has to be; it names both.
 * Thread:  before the first ticket. */
WN_MUST_USE wn_status wn_backend_self_test(wn_backend *backend, wn_error *err);

/* Tokenise a request into ticket->job, on the calling thread.
 * Needs:   0 <= worker < n_workers, each used by one thread at a time.
 * Fails:   as wn_job_new().
 * Owns:    caller frees ticket->job; borrows the request's texts until then. */
WN_MUST_USE wn_status wn_backend_make_job(wn_backend *backend, wn_ticket *ticket, int32_t worker,
                                          const wn_request *request, wn_error *err);

/* Queue a ticket that has a job.
 * Thread:  any. */
void wn_backend_submit(wn_backend *backend, wn_ticket *ticket);

#endif
