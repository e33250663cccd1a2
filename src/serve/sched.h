/* Which rows run next.  A pure state machine over requests ("tasks") of many keys ("flows"): no
 * clock, no lock, no thread, time is an argument; no memory after wn_sched_new().
 *
 * Two lanes: interactive rows first; bulk rows get what is left of a batch, and a share of the
 * tokens that is never less than bulk_percent.  In a lane flows share by weight, as fair.h says.
 * In a flow that task is first which would end first if all of them shared alike: none ends later
 * than if they did, small ones are not held up by large ones, and nobody starves.  So a task of
 * 10,000 rows delays one of 5 by at most one batch.
 * Rows of a task go from short to long, so a batch holds near lengths, and a batch is closed when
 * the next row of no candidate fits.
 * Admission is by tokens: a task is refused when it would have to wait too long, where a task of a
 * quiet flow waits for its fair share only, however much others have queued.
 * Source:  Friedman & Henderson 2003, "Fairness and efficiency in web server protocols" (the order
 *          in a flow).
 * Cost:    O(1) to O(log tasks) amortised for each task that comes, goes or is passed over and each
 *          row that is chosen; wn_sched_prepare() sorts.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_SCHED_H
#define WN_SERVE_SCHED_H

#include "base/status.h"
#include "serve/fair.h"

typedef struct wn_sched wn_sched;

typedef struct wn_sched_options {
    uint32_t batch_tokens, batch_rows; /* of one batch */
    uint32_t quantum_tokens; /* of a newcomer, and of a turn; at most half a batch counts */
    uint32_t bulk_percent;   /* 0..99 */
    uint64_t max_wait_ns;    /* a task that would wait longer is refused */
    uint64_t window_ns;  /* while the machine is busy, how long a batch that is not full waits for a
                           request on its way; 0: not at all */
    uint32_t max_tasks;  /* in the queue; more are refused, and of one flow more than places are
                           left */
    uint32_t max_flows;  /* with tasks in the queue */
    double tokens_per_s; /* the speed before it is measured; 0: not known, and nothing is refused
                            for its time */
} wn_sched_options;
#define WN_SCHED_OPTIONS_DEFAULT                                                                   \
    {                                                                                              \
        .batch_tokens = 2048, .batch_rows = 1024, .quantum_tokens = 4096, .bulk_percent = 5,       \
        .max_wait_ns = 10000000000, .window_ns = 2000000, .max_tasks = 100000, .max_flows = 4096   \
    }

typedef enum wn_lane { WN_LANE_INTERACTIVE = 0, WN_LANE_BULK, WN_LANE_COUNT } wn_lane;

typedef enum wn_outcome {
    WN_TASK_PENDING = 0,
    WN_TASK_DONE,    /* all rows were run */
    WN_TASK_PARTIAL, /* its deadline came; n_done rows were run */
    WN_TASK_EXPIRED, /* its deadline came, and part of it is of no use */
    WN_TASK_CANCELLED
} wn_outcome;

/* One request's rows.  The caller sets the first part, then wn_sched_prepare(), keeps the struct in
 * place from submit until pop_finished() returns it, and reads the second part then. */
typedef struct wn_task {
    uint64_t flow;   /* the key's number */
    uint32_t weight; /* of the flow, 1..WN_SCHED_WEIGHT_MAX; the latest one counts */
    wn_lane lane;
    bool partial;               /* at the deadline what is done is the result */
    uint64_t deadline_ns;       /* UINT64_MAX: none */
    const uint32_t *row_tokens; /* [n_rows] each 1..batch_tokens; borrowed */
    uint32_t *order;            /* [n_rows] made by wn_sched_prepare(); borrowed */
    uint32_t n_rows;

    wn_outcome outcome;
    uint32_t n_done; /* rows that were run: order[0] .. order[n_done - 1] in some order */
    uint64_t submitted_ns, started_ns, finished_ns; /* started: its first row was chosen */

    struct wn_task *next; /* among the finished; the caller's to use afterwards */

    /* The machine's own. */
    struct wn_flow *of; /* NULL: not in the queue */
    uint32_t n_taken;   /* rows given to batches */
    uint64_t waiting_tokens;
    wn_heap_node turn; /* among the tasks of its flow, while rows wait */
    wn_heap_node deadline;
} wn_task;

#define WN_SCHED_WEIGHT_MAX WN_FAIR_WEIGHT_MAX

typedef enum wn_admission {
    WN_ADMITTED = 0,
    WN_REFUSED_WAIT,     /* it would wait longer than max_wait_ns */
    WN_REFUSED_DEADLINE, /* it cannot be done by its deadline */
    WN_REFUSED_TASKS     /* max_tasks or max_flows are queued */
} wn_admission;

typedef struct wn_sched_row {
    wn_task *task;
    uint32_t row;
} wn_sched_row;

typedef struct wn_sched_stats {
    uint64_t waiting_rows, waiting_tokens, running_rows;
    uint64_t dropped_rows; /* in all: cancelled or expired before they ran */
    uint64_t batches;      /* that have run, in all */
    uint32_t tasks, flows;
    double tokens_per_s, wait_s; /* measured speed; how long a task of a new flow would wait */
} wn_sched_stats;

/* Make a scheduler.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_sched_free(). */
WN_MUST_USE wn_status wn_sched_new(wn_sched **out, const wn_sched_options *options, wn_error *err);

/* Free; NULL is allowed.  Tasks that are pending are forgotten. */
void wn_sched_free(wn_sched *sched);

/* Put the rows of a task in order and count its tokens.
 * Needs:   n_rows >= 1.
 * Thread:  any; it takes long enough to be done outside of a lock. */
void wn_sched_prepare(wn_task *task);

/* Queue a prepared task.  *wait_ns (may be NULL) is how long it will wait, or would have. */
wn_admission wn_sched_submit(wn_sched *sched, wn_task *task, uint64_t now_ns, uint64_t *wait_ns);

/* What wn_sched_submit() would say of a task with so many tokens in all.  Of the task, only flow,
 * weight, lane, deadline_ns and partial are looked at. */
wn_admission wn_sched_foresee(const wn_sched *sched, const wn_task *task, uint64_t tokens,
                              uint64_t now_ns, uint64_t *wait_ns);

/* Drop the rows of a pending task that wait; it is finished when those that run are done.  Nothing
 * happens to a task that is not pending. */
void wn_sched_cancel(wn_sched *sched, wn_task *task, uint64_t now_ns);

/* Choose the next batch.  Returns the number of rows; 0 when none waits, or when it is worth
 * waiting for more: n_coming requests are on their way, the batch is not full, and the machine was
 * not idle before.  Then *wake_ns is when to ask again at the latest, else UINT64_MAX.
 * Shapes:  rows [batch_rows]. */
size_t wn_sched_next_batch(wn_sched *sched, wn_sched_row *rows, size_t n_coming, uint64_t now_ns,
                           uint64_t *wake_ns);

/* A batch that was chosen has run, and took so long.  Several may run at a time. */
void wn_sched_done(wn_sched *sched, const wn_sched_row *rows, size_t n, uint64_t now_ns,
                   uint64_t took_ns);

/* Finish tasks whose deadline has come. */
void wn_sched_tick(wn_sched *sched, uint64_t now_ns);

/* The next finished task, or NULL. */
wn_task *wn_sched_pop_finished(wn_sched *sched);

/* The earliest deadline of a pending task; UINT64_MAX: none. */
uint64_t wn_sched_next_deadline(const wn_sched *sched);

/* What waits, and how fast it goes. */
wn_sched_stats wn_sched_look(const wn_sched *sched);

#endif
