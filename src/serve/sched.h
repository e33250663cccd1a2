/* Which rows run next.  A pure state machine over requests ("tasks") of many keys ("flows"): no
 * clock, no lock, no thread; the time is an argument.
 *
 * Two lanes: interactive rows first; bulk rows get what is left of a batch, and a share of the
 * tokens that is never less than bulk_percent.  In a lane, deficit round-robin over flows, and in a
 * flow once more over its tasks; a flow or task that was idle is served before those with a backlog
 * for one quantum, so that a task of 10,000 rows delays one of 5 by at most one batch.  Rows of a
 * task go from short to long, so a batch holds near lengths, and a batch is closed when the next
 * row of no candidate fits.
 * Admission is by tokens: a task is refused when it would have to wait too long, where a task of a
 * quiet flow waits for its fair share only, however much others have queued.
 * Source:  Shreedhar & Varghese 1995 (deficit round-robin); RFC 8290 section 4.1 (new flows first).
 * Cost:    submit sorts the task's rows; choosing a row is O(1) amortised.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_SCHED_H
#define WN_SERVE_SCHED_H

#include "base/status.h"

typedef struct wn_sched wn_sched;

typedef struct wn_sched_options {
    uint32_t batch_tokens, batch_rows; /* of one batch */
    uint32_t quantum_tokens; /* a flow of weight 1 gets so many in a round, at most half a batch */
    uint32_t bulk_percent;
    uint64_t max_wait_ns; /* a task that would wait longer is refused */
    uint32_t max_tasks;   /* in the queue; more are refused */
    double tokens_per_s;  /* the speed before it is measured; 0: not known, and nothing is refused
                             for its time */
} wn_sched_options;
#define WN_SCHED_OPTIONS_DEFAULT                                                                   \
    {                                                                                              \
        2048, 1024, 4096, 5, 10000000000, 100000, 0                                                \
    }

typedef enum wn_lane { WN_LANE_INTERACTIVE = 0, WN_LANE_BULK, WN_LANE_COUNT } wn_lane;

typedef enum wn_outcome {
    WN_TASK_PENDING = 0,
    WN_TASK_DONE,    /* all rows were run */
    WN_TASK_PARTIAL, /* its deadline came; n_done rows were run */
    WN_TASK_EXPIRED, /* its deadline came, and part of it is of no use */
    WN_TASK_CANCELLED
} wn_outcome;

typedef struct wn_task_list {
    struct wn_task *first, *last;
} wn_task_list;

/* One request's rows.  The caller sets the first part, keeps the struct in place from submit until
 * pop_finished() returns it, and reads the second part then. */
typedef struct wn_task {
    uint64_t flow;   /* the key's number */
    uint32_t weight; /* of the flow, 1..WN_SCHED_WEIGHT_MAX; the latest one counts */
    wn_lane lane;
    bool partial;               /* at the deadline what is done is the result */
    uint64_t deadline_ns;       /* UINT64_MAX: none */
    const uint32_t *row_tokens; /* [n_rows] each 1..batch_tokens; borrowed */
    uint32_t *order;            /* [n_rows] room for the machine; borrowed */
    uint32_t n_rows;

    wn_outcome outcome;
    uint32_t n_done; /* rows that were run: order[0] .. order[n_done - 1] in some order */
    uint64_t submitted_ns, started_ns, finished_ns; /* started: its first row was chosen */

    /* The machine's own. */
    struct wn_flow *of;
    struct wn_task *next, *prev;         /* in its flow's list, or among the finished */
    struct wn_task *all_next, *all_prev; /* among all that are pending */
    uint32_t next_row, n_running;
    uint64_t waiting_tokens;
    int64_t deficit;
    bool is_new, dead;
} wn_task;

#define WN_SCHED_WEIGHT_MAX 1000

typedef enum wn_admission {
    WN_ADMITTED = 0,
    WN_REFUSED_WAIT,     /* it would wait longer than max_wait_ns */
    WN_REFUSED_DEADLINE, /* it cannot be done by its deadline */
    WN_REFUSED_TASKS,    /* max_tasks are queued */
    WN_REFUSED_MEMORY
} wn_admission;

typedef struct wn_sched_row {
    wn_task *task;
    uint32_t row;
} wn_sched_row;

typedef struct wn_sched_stats {
    uint64_t waiting_rows, waiting_tokens, running_rows;
    uint64_t dropped_rows; /* in all: cancelled or expired before they ran */
    uint32_t tasks, flows;
    double tokens_per_s, wait_s; /* measured speed; how long a task of a new flow would wait */
} wn_sched_stats;

/* Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_sched_free(). */
WN_MUST_USE wn_status wn_sched_new(wn_sched **out, const wn_sched_options *options, wn_error *err);

/* Free; NULL is allowed.  Tasks that are pending are forgotten. */
void wn_sched_free(wn_sched *sched);

/* Queue a task.  *wait_ns (may be NULL) is how long it will wait, or would have.
 * Needs:   n_rows >= 1. */
wn_admission wn_sched_submit(wn_sched *sched, wn_task *task, uint64_t now_ns, uint64_t *wait_ns);

/* Drop the rows of a pending task that wait; it is finished when those that run are done. */
void wn_sched_cancel(wn_sched *sched, wn_task *task, uint64_t now_ns);

/* Choose the next batch.  Returns the number of rows, 0 when none waits.
 * Shapes:  rows [batch_rows]. */
size_t wn_sched_next_batch(wn_sched *sched, wn_sched_row *rows, uint64_t now_ns);

/* A batch that was chosen has run, and took so long. */
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
