/* See sched.h.  A flow is listed in its lane as long as it may have something to run, and once more
 * when it has run out: only when its turn comes and it is still empty it goes.  Otherwise a key
 * that sends one request after the other would be new each time, and before everybody else. */
#define _GNU_SOURCE /* qsort_r */
#include "serve/sched.h"

#include "base/mem.h"

#include <stdlib.h>

#define WN_WHERE     "serve/sched"
#define BUCKETS      1024 /* of flows by number */
#define PASSED_MAX   64   /* heads that did not fit, before a batch is closed */
#define SPEED_MEMORY 0.9  /* how much of the past the measured speed keeps with each batch */

typedef struct wn_flow {
    uint64_t number;
    wn_lane lane;
    uint32_t weight, n_tasks;
    wn_task_list fresh, backlog, aside; /* tasks with rows that wait */
    int64_t deficit;
    uint64_t waiting_tokens;
    struct wn_flow *next, *prev; /* in its lane */
    struct wn_flow *chain;       /* in its bucket */
    bool is_new;
} flow;

typedef struct flow_list {
    flow *first, *last;
} flow_list;

typedef struct lane_queue {
    flow_list fresh, backlog, aside;
    uint64_t waiting_tokens, waiting_rows;
    uint64_t weight; /* of its listed flows that have tasks */
} lane_queue;

struct wn_sched {
    wn_sched_options options;
    lane_queue lanes[WN_LANE_COUNT];
    flow *buckets[BUCKETS];
    flow *spare;  /* linked by next */
    wn_task *all; /* pending tasks, linked by all_next */
    wn_task_list finished;
    uint64_t earliest_ns; /* no pending task has an earlier deadline */
    uint64_t running_tokens, running_rows, dropped_rows;
    uint32_t n_tasks, n_flows;
    double bulk_credit; /* tokens that the bulk lane may take before interactive rows */
    double speed_tokens, speed_ns;
    bool measured;
};

/* ---- lists ----------------------------------------------------------------------------------- */

/* Append to, put in front of, and remove from a doubly linked list with first and last. */
#define APPEND(list, item)                                                                         \
    do {                                                                                           \
        (item)->next = NULL;                                                                       \
        (item)->prev = (list)->last;                                                               \
        *((list)->last == NULL ? &(list)->first : &(list)->last->next) = (item);                   \
        (list)->last = (item);                                                                     \
    } while (0)
#define PREPEND(list, item)                                                                        \
    do {                                                                                           \
        (item)->prev = NULL;                                                                       \
        (item)->next = (list)->first;                                                              \
        *((list)->first == NULL ? &(list)->last : &(list)->first->prev) = (item);                  \
        (list)->first = (item);                                                                    \
    } while (0)
#define REMOVE(list, item)                                                                         \
    do {                                                                                           \
        *((item)->prev == NULL ? &(list)->first : &(item)->prev->next) = (item)->next;             \
        *((item)->next == NULL ? &(list)->last : &(item)->next->prev) = (item)->prev;              \
    } while (0)

static flow_list *list_of_flow(wn_sched *s, const flow *f)
{
    lane_queue *l = &s->lanes[f->lane];
    return f->is_new ? &l->fresh : &l->backlog;
}

static wn_task_list *list_of_task(const wn_task *task)
{
    return task->is_new ? &task->of->fresh : &task->of->backlog;
}

static size_t bucket_of(uint64_t number, wn_lane lane)
{
    return (size_t)((number * 2 + lane) * 0x9e3779b97f4a7c15U >> 54) % BUCKETS;
}

static flow *find_flow(const wn_sched *s, uint64_t number, wn_lane lane)
{
    flow *f = s->buckets[bucket_of(number, lane)];
    while (f != NULL && (f->number != number || f->lane != lane))
        f = f->chain;
    return f;
}

/* The flow of a task, listed as new when it is not listed. */
static flow *get_flow(wn_sched *s, uint64_t number, wn_lane lane)
{
    flow *f = find_flow(s, number, lane);
    if (f != NULL)
        return f;
    f = s->spare;
    if (f != NULL)
        s->spare = f->next;
    else
        f = wn_mem_alloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    flow **bucket = &s->buckets[bucket_of(number, lane)];
    *f = (flow){.number = number, .lane = lane, .weight = 1, .chain = *bucket, .is_new = true};
    *bucket = f;
    f->deficit = s->options.quantum_tokens;
    APPEND(&s->lanes[lane].fresh, f);
    s->n_flows++;
    return f;
}

/* A flow without tasks is forgotten. */
static void forget_flow(wn_sched *s, flow *f)
{
    flow **at = &s->buckets[bucket_of(f->number, f->lane)];
    while (*at != f)
        at = &(*at)->chain;
    *at = f->chain;
    REMOVE(list_of_flow(s, f), f);
    f->next = s->spare;
    s->spare = f;
    s->n_flows--;
}

/* ---- life ------------------------------------------------------------------------------------ */

wn_status wn_sched_new(wn_sched **out, const wn_sched_options *options, wn_error *err)
{
    wn_sched *s = wn_mem_zalloc(1, sizeof *s);
    if (s == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a scheduler");
    s->options = *options;
    /* So that one batch serves at least two who have waited equally long. */
    s->options.quantum_tokens = WN_MIN(options->quantum_tokens, options->batch_tokens / 2 + 1);
    s->earliest_ns = UINT64_MAX;
    s->speed_tokens = options->tokens_per_s;
    s->measured = options->tokens_per_s > 0;
    s->speed_ns = s->measured ? 1e9 : 0;
    *out = s;
    return WN_OK;
}

static void free_chain(flow *f, bool in_bucket)
{
    for (flow *next; f != NULL; f = next) {
        next = in_bucket ? f->chain : f->next;
        wn_mem_free(f);
    }
}

void wn_sched_free(wn_sched *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        free_chain(s->buckets[i], true);
    free_chain(s->spare, false);
    wn_mem_free(s);
}

/* ---- tasks come and go ----------------------------------------------------------------------- */

static int by_tokens(const void *a, const void *b, void *arg)
{
    const uint32_t *tokens = arg, i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    if (tokens[i] != tokens[j])
        return tokens[i] < tokens[j] ? -1 : 1;
    return i < j ? -1 : i > j;
}

static void sort_rows(wn_task *task)
{
    task->waiting_tokens = 0;
    for (uint32_t i = 0; i < task->n_rows; i++) {
        task->order[i] = i;
        task->waiting_tokens += task->row_tokens[i];
    }
    qsort_r(task->order, task->n_rows, sizeof *task->order, by_tokens,
            (void *)(uintptr_t)task->row_tokens);
}

static double tokens_per_ns(const wn_sched *s)
{
    return s->speed_tokens / s->speed_ns;
}

/* Tokens that run until the task is done: all that are there and its own, or, if that is less, the
 * fair shares that the other tasks of its flow and the other flows get meanwhile. */
static double tokens_until_done(const wn_sched *s, const wn_task *task)
{
    const flow *f = find_flow(s, task->flow, task->lane);
    const lane_queue *l = &s->lanes[task->lane];
    bool listed = f != NULL && f->n_tasks > 0;
    double cost = (double)task->waiting_tokens, weight = task->weight;
    double all = cost + (double)s->lanes[WN_LANE_INTERACTIVE].waiting_tokens;
    if (task->lane == WN_LANE_BULK)
        all += (double)s->lanes[WN_LANE_BULK].waiting_tokens;
    double own = cost + (listed ? (double)f->waiting_tokens : 0);
    own = WN_MIN(own, cost * (listed ? f->n_tasks + 1 : 1));
    double others = (double)l->weight - (listed ? f->weight : 0);
    return (double)s->running_tokens + WN_MIN(all, own * (others + weight) / weight);
}

static wn_admission admit(const wn_sched *s, const wn_task *task, uint64_t now_ns,
                          uint64_t *wait_ns)
{
    *wait_ns = 0;
    if (s->n_tasks >= s->options.max_tasks)
        return WN_REFUSED_TASKS;
    if (!s->measured)
        return WN_ADMITTED;
    double end = tokens_until_done(s, task) / tokens_per_ns(s);
    double wait = end - (double)task->waiting_tokens / tokens_per_ns(s);
    *wait_ns = (uint64_t)WN_MAX(wait, 0.0);
    if (wait > (double)s->options.max_wait_ns)
        return WN_REFUSED_WAIT;
    if (!task->partial && task->deadline_ns != UINT64_MAX &&
        (double)now_ns + end > (double)task->deadline_ns)
        return WN_REFUSED_DEADLINE;
    return WN_ADMITTED;
}

wn_admission wn_sched_submit(wn_sched *s, wn_task *task, uint64_t now_ns, uint64_t *wait_ns)
{
    uint64_t wait;
    sort_rows(task);
    wn_admission admission = admit(s, task, now_ns, &wait);
    if (wait_ns != NULL)
        *wait_ns = wait;
    if (admission != WN_ADMITTED)
        return admission;
    flow *f = get_flow(s, task->flow, task->lane);
    if (f == NULL)
        return WN_REFUSED_MEMORY;
    lane_queue *l = &s->lanes[task->lane];
    l->weight += task->weight;
    l->weight -= f->n_tasks > 0 ? f->weight : 0;
    f->weight = task->weight;
    f->n_tasks++;
    f->waiting_tokens += task->waiting_tokens;
    l->waiting_tokens += task->waiting_tokens;
    l->waiting_rows += task->n_rows;
    task->of = f;
    task->outcome = WN_TASK_PENDING;
    task->n_done = task->next_row = task->n_running = 0;
    task->submitted_ns = now_ns;
    task->started_ns = task->finished_ns = 0;
    task->deficit = s->options.quantum_tokens;
    task->is_new = true;
    task->dead = false;
    APPEND(&f->fresh, task);
    task->all_prev = NULL;
    task->all_next = s->all;
    if (s->all != NULL)
        s->all->all_prev = task;
    s->all = task;
    s->n_tasks++;
    s->earliest_ns = WN_MIN(s->earliest_ns, task->deadline_ns);
    return WN_ADMITTED;
}

/* The task leaves its flow and waits to be popped. */
static void finish(wn_sched *s, wn_task *task, wn_outcome outcome, uint64_t now_ns)
{
    flow *f = task->of;
    f->n_tasks--;
    if (f->n_tasks == 0)
        s->lanes[f->lane].weight -= f->weight;
    *(task->all_prev == NULL ? &s->all : &task->all_prev->all_next) = task->all_next;
    if (task->all_next != NULL)
        task->all_next->all_prev = task->all_prev;
    s->n_tasks--;
    task->of = NULL;
    task->outcome = outcome;
    task->finished_ns = now_ns;
    APPEND(&s->finished, task);
}

/* Take the rows that wait out of the queue. */
static void drop_rows(wn_sched *s, wn_task *task)
{
    flow *f = task->of;
    lane_queue *l = &s->lanes[f->lane];
    uint32_t n = task->n_rows - task->next_row;
    if (n > 0)
        REMOVE(list_of_task(task), task);
    f->waiting_tokens -= task->waiting_tokens;
    l->waiting_tokens -= task->waiting_tokens;
    l->waiting_rows -= n;
    s->dropped_rows += n;
    task->waiting_tokens = 0;
    task->next_row = task->n_rows;
}

/* End a task early: at once, or when its rows that run are done. */
static void end(wn_sched *s, wn_task *task, wn_outcome outcome, uint64_t now_ns)
{
    drop_rows(s, task);
    task->dead = true;
    task->outcome = outcome;
    if (task->n_running == 0)
        finish(s, task, outcome, now_ns);
}

void wn_sched_cancel(wn_sched *s, wn_task *task, uint64_t now_ns)
{
    if (task->of == NULL || task->outcome == WN_TASK_CANCELLED)
        return;
    end(s, task, WN_TASK_CANCELLED, now_ns);
}

void wn_sched_tick(wn_sched *s, uint64_t now_ns)
{
    if (now_ns < s->earliest_ns)
        return;
    s->earliest_ns = UINT64_MAX;
    for (wn_task *task = s->all, *next; task != NULL; task = next) {
        next = task->all_next;
        if (task->dead)
            continue;
        if (task->deadline_ns <= now_ns)
            end(s, task, task->partial ? WN_TASK_PARTIAL : WN_TASK_EXPIRED, now_ns);
        else
            s->earliest_ns = WN_MIN(s->earliest_ns, task->deadline_ns);
    }
}

wn_task *wn_sched_pop_finished(wn_sched *s)
{
    wn_task *task = s->finished.first;
    if (task != NULL)
        REMOVE(&s->finished, task);
    return task;
}

uint64_t wn_sched_next_deadline(const wn_sched *s)
{
    return s->earliest_ns;
}

/* ---- batches --------------------------------------------------------------------------------- */

typedef struct batch {
    wn_sched_row *rows;
    size_t n;
    uint32_t room; /* tokens */
    uint32_t n_passed;
    uint64_t now_ns;
} batch;

/* The task of a flow whose turn it is and whose next row fits; NULL when there is none. */
static wn_task *choose_task(wn_sched *s, flow *f, batch *b)
{
    while (b->n_passed < PASSED_MAX) {
        wn_task *task = f->fresh.first != NULL ? f->fresh.first : f->backlog.first;
        if (task == NULL)
            return NULL;
        if (task->deficit <= 0) {
            task->deficit += s->options.quantum_tokens;
            REMOVE(list_of_task(task), task);
            task->is_new = false;
            APPEND(&f->backlog, task);
        } else if (task->row_tokens[task->order[task->next_row]] > b->room) {
            REMOVE(list_of_task(task), task);
            PREPEND(&f->aside, task);
            b->n_passed++;
        } else {
            return task;
        }
    }
    return NULL;
}

static void take_row(wn_sched *s, wn_task *task, batch *b)
{
    flow *f = task->of;
    lane_queue *l = &s->lanes[f->lane];
    uint32_t row = task->order[task->next_row++], tokens = task->row_tokens[row];
    b->rows[b->n++] = (wn_sched_row){task, row};
    b->room -= tokens;
    if (task->n_running++ == 0 && task->n_done == 0)
        task->started_ns = b->now_ns;
    task->deficit -= tokens;
    task->waiting_tokens -= tokens;
    f->deficit -= tokens;
    f->waiting_tokens -= tokens;
    l->waiting_tokens -= tokens;
    l->waiting_rows--;
    s->running_rows++;
    s->running_tokens += tokens;
    if (task->next_row == task->n_rows)
        REMOVE(list_of_task(task), task);
    double share = s->options.bulk_percent / (100.0 - s->options.bulk_percent);
    if (f->lane == WN_LANE_INTERACTIVE)
        s->bulk_credit = WN_MIN(s->bulk_credit + tokens * share, (double)s->options.batch_tokens);
    else
        s->bulk_credit = WN_MAX(s->bulk_credit - tokens, 0);
}

/* The next flow of a lane that has a row which fits; its task in *task. */
static flow *choose_flow(wn_sched *s, lane_queue *l, wn_task **task, batch *b)
{
    while (b->n_passed < PASSED_MAX) {
        flow *f = l->fresh.first != NULL ? l->fresh.first : l->backlog.first;
        if (f == NULL)
            return NULL;
        if (f->waiting_tokens == 0) {
            if (!f->is_new && f->n_tasks == 0) {
                forget_flow(s, f);
                continue;
            }
            REMOVE(list_of_flow(s, f), f);
            if (f->is_new)
                APPEND(&l->backlog, f);
            else
                PREPEND(&l->aside, f);
            f->is_new = false;
        } else if (f->deficit <= 0) {
            f->deficit += (int64_t)s->options.quantum_tokens * f->weight;
            REMOVE(list_of_flow(s, f), f);
            f->is_new = false;
            APPEND(&l->backlog, f);
        } else {
            *task = choose_task(s, f, b);
            if (*task != NULL)
                return f;
            REMOVE(list_of_flow(s, f), f);
            PREPEND(&l->aside, f);
        }
    }
    return NULL;
}

/* Rows of a lane until the batch is full, or limit tokens are taken. */
static void fill(wn_sched *s, lane_queue *l, batch *b, double limit)
{
    uint32_t before = b->room;
    wn_task *task;
    while (b->n < s->options.batch_rows && (double)(before - b->room) < limit &&
           choose_flow(s, l, &task, b) != NULL)
        take_row(s, task, b);
}

/* Put back in front what was passed over, in its old order. */
static void put_back(wn_sched *s, lane_queue *l)
{
    for (flow *f; (f = l->aside.first) != NULL;) {
        REMOVE(&l->aside, f);
        PREPEND(list_of_flow(s, f), f);
    }
    for (int i = 0; i < 2; i++) {
        for (flow *f = i == 0 ? l->fresh.first : l->backlog.first; f != NULL; f = f->next) {
            for (wn_task *task; (task = f->aside.first) != NULL;) {
                REMOVE(&f->aside, task);
                PREPEND(list_of_task(task), task);
            }
        }
    }
}

size_t wn_sched_next_batch(wn_sched *s, wn_sched_row *rows, uint64_t now_ns)
{
    lane_queue *interactive = &s->lanes[WN_LANE_INTERACTIVE], *bulk = &s->lanes[WN_LANE_BULK];
    batch b = {.rows = rows, .room = s->options.batch_tokens, .now_ns = now_ns};
    wn_sched_tick(s, now_ns);
    if (interactive->waiting_rows == 0 && bulk->waiting_rows == 0)
        return 0;
    /* A whole row may be taken once the credit is worth one batch's share of the longest row. */
    if (bulk->waiting_rows > 0 && s->bulk_credit >= (double)s->options.batch_tokens / 2)
        fill(s, bulk, &b, s->bulk_credit);
    put_back(s, bulk);
    b.n_passed = 0;
    fill(s, interactive, &b, (double)b.room + 1);
    put_back(s, interactive);
    b.n_passed = 0;
    fill(s, bulk, &b, (double)b.room + 1);
    put_back(s, bulk);
    return b.n;
}

void wn_sched_done(wn_sched *s, const wn_sched_row *rows, size_t n, uint64_t now_ns,
                   uint64_t took_ns)
{
    uint64_t tokens = 0;
    for (size_t i = 0; i < n; i++) {
        wn_task *task = rows[i].task;
        tokens += task->row_tokens[rows[i].row];
        task->n_running--;
        task->n_done++;
        if (task->n_running > 0 || task->next_row < task->n_rows)
            continue;
        bool complete = task->n_done == task->n_rows && task->outcome != WN_TASK_CANCELLED;
        finish(s, task, complete ? WN_TASK_DONE : task->outcome, now_ns);
    }
    s->running_rows -= n;
    s->running_tokens -= tokens;
    if (tokens < s->options.batch_tokens / 2)
        return; /* what a small batch takes is mostly not for its tokens */
    s->speed_tokens = s->speed_tokens * SPEED_MEMORY + (double)tokens;
    s->speed_ns = s->speed_ns * SPEED_MEMORY + (double)WN_MAX(took_ns, (uint64_t)1);
    s->measured = true;
}

wn_sched_stats wn_sched_look(const wn_sched *s)
{
    wn_sched_stats stats = {
        .waiting_rows = s->lanes[0].waiting_rows + s->lanes[1].waiting_rows,
        .waiting_tokens = s->lanes[0].waiting_tokens + s->lanes[1].waiting_tokens,
        .running_rows = s->running_rows,
        .dropped_rows = s->dropped_rows,
        .tasks = s->n_tasks,
        .flows = s->n_flows,
        .tokens_per_s = s->measured ? tokens_per_ns(s) * 1e9 : 0,
    };
    if (s->measured)
        stats.wait_s = (double)(s->lanes[WN_LANE_INTERACTIVE].waiting_tokens + s->running_tokens) /
                       stats.tokens_per_s;
    return stats;
}
