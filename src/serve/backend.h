/* A loaded model with the threads that score: requests go in as tickets, their rows share packed
 * batches, tickets come back with results.
 * Thread rule: as each function says; a ticket belongs to the backend between wn_backend_submit()
 * and the call of its done(). */
#ifndef WN_SERVE_BACKEND_H
#define WN_SERVE_BACKEND_H

#include "base/log.h"
#include "serve/metrics.h"
#include "serve/row_plan.h"
#include "serve/sched.h"
#include "serve/vector_cache.h"

typedef struct wn_backend wn_backend;

typedef struct wn_backend_options {
    const char *model_dir;           /* NULL: the built-in model */
    const char *cpu_level;           /* NULL: the best */
    const char *dtype;               /* NULL: the best */
    const char *task;                /* as of wn_engine_options */
    int32_t n_threads, batch_tokens; /* 0: default */
    int32_t n_workers;               /* threads that will make jobs */
    uint64_t max_wait_ns;            /* of the queue */
    wn_metrics *metrics;             /* counts batches and rows */
    uint64_t cache_bytes;            /* of scores; 0: none are kept */
    const char *cache_dir;           /* where scores outlive the process; NULL: nowhere */
    uint64_t vector_bytes;           /* of documents' vectors; 0: none are kept */
    wn_vector_format vector_format;
    wn_log *log;     /* of what is wrong with the cache's file; NULL: none */
    bool commercial; /* refuse weights whose licence is not known to allow commercial use */
} wn_backend_options;

/* One ranking on its way through a backend. */
typedef struct wn_ticket {
    wn_task task; /* first; flow, weight, lane, deadline_ns and partial are the owner's to set */
    wn_job *job;
    wn_row_plan plan;       /* of the job: row i of the task is row plan.rows[i] of the job */
    wn_admission admission; /* after done(): whether it was refused; task.outcome tells the rest */
    uint64_t wait_ns;       /* estimated when it was submitted */
    void (*done)(struct wn_ticket *ticket); /* must not block */
    void *owner;
} wn_ticket;

/* Load a model and start its threads.
 * Fails:   as wn_engine_open() and wn_runner_new().
 * Owns:    caller closes *out with wn_backend_close(). */
WN_MUST_USE wn_status wn_backend_open(wn_backend **out, const wn_backend_options *options,
                                      wn_error *err);

/* Finish the tickets that were submitted and stop the threads; further ones are refused.  Scores
 * that outlive the process are written.  Stopping again does nothing.
 * Thread:  any, one at a time. */
void wn_backend_stop(wn_backend *backend);

/* Stop and free.  NULL is allowed. */
void wn_backend_close(wn_backend *backend);

/* The loaded engine, for its facts.
 * Thread:  any. */
const wn_engine *wn_backend_engine(const wn_backend *backend);

/* What the model takes: weights, the workspace of its batches, its caches.
 * Thread:  any. */
uint64_t wn_backend_bytes(const wn_backend *backend);

/* Token budget of a batch.
 * Thread:  any. */
int32_t wn_backend_batch_tokens(const wn_backend *backend);

/* See wn_self_test().
 * Thread:  before the first ticket. */
WN_MUST_USE wn_status wn_backend_self_test(wn_backend *backend, wn_error *err);

/* Tokenise a request into ticket->job, on the calling thread, and plan its rows.  Rows that were
 * scored before in the same scope have their scores at once.
 * Needs:   0 <= worker < n_workers, each used by one thread at a time.
 * Fails:   as wn_job_new().
 * Owns:    caller frees with wn_ticket_deinit(); borrows the request's texts until then. */
WN_MUST_USE wn_status wn_backend_make_job(wn_backend *backend, wn_ticket *ticket, int32_t worker,
                                          uint64_t scope, const wn_request *request, wn_error *err);

/* Make the results of a ticket that is done; with partial, documents that lack a score are results
 * without one.
 * Fails:   as wn_job_end(). */
WN_MUST_USE wn_status wn_ticket_end(wn_ticket *ticket, bool partial, wn_error *err);

/* Free the job; a ticket of zeros is allowed. */
void wn_ticket_deinit(wn_ticket *ticket);

/* What submitting a task of so many tokens would come to; see wn_sched_foresee().
 * Thread:  any. */
wn_admission wn_backend_foresee(wn_backend *backend, const wn_task *task, uint64_t tokens,
                                uint64_t *wait_ns);

/* Queue a ticket that has a job.  Its done() is called once, on a compute thread, or, when it is
 * refused or has no rows, before this returns.
 * Thread:  any. */
void wn_backend_submit(wn_backend *backend, wn_ticket *ticket);

/* What a ticket has queued need not be computed; done() is called as soon as nothing of it runs.
 * Nothing happens to a ticket that is not queued.
 * Thread:  any. */
void wn_backend_cancel(wn_backend *backend, wn_ticket *ticket);

/* Rows of a ticket that are not yet computed.
 * Thread:  any. */
uint64_t wn_backend_left(wn_backend *backend, const wn_ticket *ticket);

/* What waits, and how fast it goes.
 * Thread:  any. */
wn_sched_stats wn_backend_look(wn_backend *backend);

/* The scores and vectors that are kept; zeros when none are.
 * Thread:  any. */
wn_score_cache_stats wn_backend_look_cache(const wn_backend *backend);
wn_vector_cache_stats wn_backend_look_vectors(const wn_backend *backend);

/* Bytes that the caches may take.
 * Thread:  any. */
uint64_t wn_backend_cache_bytes(const wn_backend *backend);

#endif
