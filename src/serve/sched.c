/* See sched.h.  A lane shares between its flows while tasks of theirs have waiting rows.  A flow's
 * account lives on while it has no task, until its place is needed: the one that has been idle
 * longest goes first. */
#define _GNU_SOURCE /* qsort_r */
#include "serve/sched.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>

#define WN_WHERE     "serve/sched"
#define PASSED_MAX   64  /* tasks and flows whose next row did not fit, before a batch is closed */
#define TIME_SHIFT   14  /* virtual time of a token is 2^14, to be divided among many tasks */
#define SPEED_MEMORY 0.9 /* how much of the past the measured speed keeps with each batch */

typedef struct wn_flow {
    uint64_t number;
    wn_lane lane;
    uint32_t n_tasks;        /* in the queue */
    uint64_t waiting_tokens; /* of its tasks */
    wn_heap tasks;           /* with waiting rows, by the virtual time of their end */
    uint32_t n_waiting;      /* of them */
    uint64_t virtual_now;    /* tokens served, divided among those that waited */
    wn_fair_entry turn;      /* in its lane; its weight counts while it has tasks */
    wn_list idle;            /* its link while it has none */
    struct wn_flow *next;    /* in its bucket */
    bool is_known;           /* it is in a bucket */
} flow;

typedef struct lane_queue {
    wn_fair flows;
    uint64_t weight; /* of its flows that have tasks */
    uint64_t waiting_tokens, waiting_rows;
} lane_queue;

struct wn_sched {
    wn_sched_options options;
    lane_queue lanes[WN_LANE_COUNT];
    flow *flows;       /* [max_flows] */
    flow **buckets;    /* [n_buckets] by number */
    size_t n_buckets;  /* a power of two */
    wn_list idle;      /* flows without tasks, the longest idle first */
    wn_heap deadlines; /* of tasks with waiting rows */
    wn_task *first_finished, **last_finished;
    uint64_t running_tokens, running_rows, dropped_rows, batches;
    uint32_t n_tasks, n_flows;
    int64_t bulk_debt;             /* percent times tokens that bulk waited for in vain */
    uint64_t window_end_ns;        /* 0: no batch waits to be filled */
    bool was_idle;                 /* nothing waited when a batch was last asked for */
    double speed_tokens, speed_ns; /* of the last batches, earlier ones counting less */
    uint64_t last_done_ns;
    bool measured;
};

/* ---- life ------------------------------------------------------------------------------------ */

static wn_status make_flows(wn_sched *s, wn_error *err)
{
    uint32_t max = s->options.max_flows;
    for (s->n_buckets = 1; s->n_buckets < max;)
        s->n_buckets *= 2;
    s->flows = wn_mem_zalloc(max, sizeof *s->flows);
    s->buckets = wn_mem_zalloc(s->n_buckets, sizeof(flow *));
    if (s->flows == NULL || s->buckets == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %u flows", max);
    wn_list_init(&s->idle);
    for (uint32_t i = 0; i < max; i++)
        wn_list_push(&s->idle, &s->flows[i].idle);
    return WN_OK;
}

wn_status wn_sched_new(wn_sched **out, const wn_sched_options *options, wn_error *err)
{
    WN_ASSERT(options->batch_tokens >= 1 && options->batch_rows >= 1 && options->max_flows >= 1 &&
              options->bulk_percent < 100);
    wn_sched *s = wn_mem_zalloc(1, sizeof *s);
    if (s == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a scheduler");
    s->options = *options;
    /* So that one batch serves at least two who have waited equally long. */
    s->options.quantum_tokens = WN_MIN(options->quantum_tokens, options->batch_tokens / 2 + 1);
    for (size_t i = 0; i < WN_LANE_COUNT; i++)
        wn_fair_init(&s->lanes[i].flows, s->options.quantum_tokens);
    s->last_finished = &s->first_finished;
    s->was_idle = true;
    s->speed_tokens = options->tokens_per_s;
    s->measured = options->tokens_per_s > 0;
    s->speed_ns = s->measured ? 1e9 : 0;
    wn_status status = make_flows(s, err);
    if (status != WN_OK) {
        wn_sched_free(s);
        return status;
    }
    *out = s;
    return WN_OK;
}

void wn_sched_free(wn_sched *s)
{
    if (s == NULL)
        return;
    wn_mem_free(s->flows);
    wn_mem_free(s->buckets);
    wn_mem_free(s);
}

/* ---- flows ----------------------------------------------------------------------------------- */

static flow **bucket_of(const wn_sched *s, uint64_t number)
{
    return &s->buckets[wn_hash_bytes(0, &number, sizeof number) & (s->n_buckets - 1)];
}

static flow *find_flow(const wn_sched *s, uint64_t number, wn_lane lane)
{
    flow *f = *bucket_of(s, number);
    while (f != NULL && (f->number != number || f->lane != lane))
        f = f->next;
    return f;
}

static void forget_flow(wn_sched *s, flow *f)
{
    flow **at = bucket_of(s, f->number);
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
}

/* A new account, in the place of the flow that has been idle longest.
 * Needs:   one is. */
static flow *open_flow(wn_sched *s, uint64_t number, wn_lane lane)
{
    wn_list *longest = wn_list_first(&s->idle);
    WN_ASSERT(longest != NULL);
    flow *f = WN_CONTAINER_OF(longest, flow, idle), **bucket = bucket_of(s, number);
    if (f->is_known)
        forget_flow(s, f);
    wn_list_remove(&f->idle);
    *f = (flow){.number = number, .lane = lane, .is_known = true, .next = *bucket};
    wn_list_push(&s->idle, &f->idle);
    *bucket = f;
    return f;
}

/* ---- admission ------------------------------------------------------------------------------- */

static int by_tokens(const void *a, const void *b, void *arg)
{
    const uint32_t *tokens = arg, i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    if (tokens[i] != tokens[j])
        return tokens[i] < tokens[j] ? -1 : 1;
    return (i > j) - (i < j);
}

void wn_sched_prepare(wn_task *task)
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
static double tokens_until_done(const wn_sched *s, const wn_task *task, const flow *f)
{
    const lane_queue *l = &s->lanes[task->lane];
    bool queued = f != NULL && f->n_tasks > 0;
    double cost = (double)task->waiting_tokens, weight = task->weight;
    double all = cost + (double)s->lanes[WN_LANE_INTERACTIVE].waiting_tokens;
    if (task->lane == WN_LANE_BULK)
        all += (double)s->lanes[WN_LANE_BULK].waiting_tokens;
    double own = cost + (queued ? (double)f->waiting_tokens : 0);
    own = WN_MIN(own, cost * (queued ? f->n_tasks + 1 : 1));
    double others = (double)l->weight - (queued ? f->turn.weight : 0);
    return (double)s->running_tokens + WN_MIN(all, own * (others + weight) / weight);
}

/* One flow gets at most as many places as it leaves to all others. */
static bool has_place(const wn_sched *s, const flow *f)
{
    uint32_t places = s->options.max_tasks - s->n_tasks;
    return f == NULL ? places > 0 && !wn_list_is_empty(&s->idle) : places > f->n_tasks;
}

static wn_admission admit(const wn_sched *s, const wn_task *task, const flow *f, uint64_t now_ns,
                          uint64_t *wait_ns)
{
    *wait_ns = 0;
    if (!has_place(s, f))
        return WN_REFUSED_TASKS;
    if (!s->measured)
        return WN_ADMITTED;
    double end = tokens_until_done(s, task, f) / tokens_per_ns(s);
    double wait = end - (double)task->waiting_tokens / tokens_per_ns(s);
    *wait_ns = (uint64_t)WN_MIN(WN_MAX(wait, 0.0), 1e18);
    if (wait > (double)s->options.max_wait_ns)
        return WN_REFUSED_WAIT;
    if (!task->partial && task->deadline_ns != UINT64_MAX &&
        (double)now_ns + end > (double)task->deadline_ns)
        return WN_REFUSED_DEADLINE;
    return WN_ADMITTED;
}

/* ---- tasks come and go ----------------------------------------------------------------------- */

static void start_waiting(wn_sched *s, wn_task *task)
{
    flow *f = task->of;
    lane_queue *l = &s->lanes[f->lane];
    if (f->waiting_tokens == 0)
        wn_fair_join(&l->flows, &f->turn);
    wn_heap_put(&f->tasks, &task->turn, f->virtual_now + (task->waiting_tokens << TIME_SHIFT));
    f->n_waiting++;
    f->waiting_tokens += task->waiting_tokens;
    l->waiting_tokens += task->waiting_tokens;
    l->waiting_rows += task->n_rows;
    if (task->deadline_ns != UINT64_MAX)
        wn_heap_put(&s->deadlines, &task->deadline, task->deadline_ns);
}

/* So many rows with so many tokens of a task wait no longer. */
static void stop_waiting(wn_sched *s, wn_task *task, uint32_t n_rows, uint64_t tokens)
{
    flow *f = task->of;
    lane_queue *l = &s->lanes[f->lane];
    task->waiting_tokens -= tokens;
    f->waiting_tokens -= tokens;
    l->waiting_tokens -= tokens;
    l->waiting_rows -= n_rows;
    if (task->waiting_tokens == 0) {
        wn_heap_remove(&f->tasks, &task->turn);
        f->n_waiting--;
        if (task->deadline_ns != UINT64_MAX)
            wn_heap_remove(&s->deadlines, &task->deadline);
    }
    if (f->waiting_tokens == 0)
        wn_fair_leave(&l->flows, &f->turn);
    if (s->lanes[WN_LANE_BULK].waiting_tokens == 0) /* nobody waits for what is owed */
        s->bulk_debt = WN_MIN(s->bulk_debt, (int64_t)0);
}

wn_admission wn_sched_foresee(const wn_sched *s, const wn_task *task, uint64_t tokens,
                              uint64_t now_ns, uint64_t *wait_ns)
{
    wn_task such = *task;
    such.waiting_tokens = tokens;
    return admit(s, &such, find_flow(s, task->flow, task->lane), now_ns, wait_ns);
}

wn_admission wn_sched_submit(wn_sched *s, wn_task *task, uint64_t now_ns, uint64_t *wait_ns)
{
    WN_ASSERT(task->n_rows >= 1 && task->row_tokens[task->order[0]] >= 1 &&
              task->row_tokens[task->order[task->n_rows - 1]] <= s->options.batch_tokens);
    uint64_t wait;
    flow *f = find_flow(s, task->flow, task->lane);
    wn_admission admission = admit(s, task, f, now_ns, &wait);
    if (wait_ns != NULL)
        *wait_ns = wait;
    if (admission != WN_ADMITTED)
        return admission;
    if (f == NULL)
        f = open_flow(s, task->flow, task->lane);
    if (f->n_tasks++ == 0) {
        wn_list_remove(&f->idle);
        s->n_flows++;
    } else {
        s->lanes[f->lane].weight -= f->turn.weight;
    }
    s->lanes[f->lane].weight += task->weight;
    f->turn.weight = task->weight;
    s->n_tasks++;
    task->of = f;
    task->outcome = WN_TASK_PENDING;
    task->n_done = task->n_taken = 0;
    task->submitted_ns = now_ns;
    task->started_ns = task->finished_ns = 0;
    start_waiting(s, task);
    return WN_ADMITTED;
}

/* A task of which nothing waits and nothing runs leaves its flow and waits to be popped. */
static void finish_if_over(wn_sched *s, wn_task *task, uint64_t now_ns)
{
    flow *f = task->of;
    if (task->waiting_tokens > 0 || task->n_done < task->n_taken)
        return;
    if (task->outcome == WN_TASK_PENDING)
        task->outcome = WN_TASK_DONE;
    task->finished_ns = now_ns;
    task->of = NULL;
    task->next = NULL;
    *s->last_finished = task;
    s->last_finished = &task->next;
    s->n_tasks--;
    if (--f->n_tasks == 0) {
        s->lanes[f->lane].weight -= f->turn.weight;
        s->n_flows--;
        wn_list_push(&s->idle, &f->idle);
    }
}

/* End a task early: at once, or when its rows that run are done. */
static void end_early(wn_sched *s, wn_task *task, wn_outcome outcome, uint64_t now_ns)
{
    uint32_t n = task->n_rows - task->n_taken;
    task->outcome = outcome;
    s->dropped_rows += n;
    if (n > 0)
        stop_waiting(s, task, n, task->waiting_tokens);
    finish_if_over(s, task, now_ns);
}

void wn_sched_cancel(wn_sched *s, wn_task *task, uint64_t now_ns)
{
    if (task->of != NULL && task->outcome == WN_TASK_PENDING)
        end_early(s, task, WN_TASK_CANCELLED, now_ns);
}

void wn_sched_tick(wn_sched *s, uint64_t now_ns)
{
    while (s->deadlines.top != NULL && s->deadlines.top->key <= now_ns) {
        wn_task *task = WN_CONTAINER_OF(s->deadlines.top, wn_task, deadline);
        end_early(s, task, task->partial ? WN_TASK_PARTIAL : WN_TASK_EXPIRED, now_ns);
    }
}

uint64_t wn_sched_next_deadline(const wn_sched *s)
{
    return s->deadlines.top == NULL ? UINT64_MAX : s->deadlines.top->key;
}

wn_task *wn_sched_pop_finished(wn_sched *s)
{
    wn_task *task = s->first_finished;
    if (task == NULL)
        return NULL;
    s->first_finished = task->next;
    if (task->next == NULL)
        s->last_finished = &s->first_finished;
    return task;
}

/* ---- batches --------------------------------------------------------------------------------- */

/* A task whose next row does not fit, or a flow all of whose tasks were passed over. */
typedef struct passed {
    flow *flow;
    wn_task *task; /* NULL: the flow */
} passed;

typedef struct batch {
    wn_sched_row *rows;
    size_t n;
    uint32_t room; /* tokens */
    uint64_t now_ns;
    passed passed[PASSED_MAX];
    size_t n_passed;
} batch;

static void pass_over(lane_queue *l, batch *b, flow *f, wn_task *task)
{
    b->passed[b->n_passed++] = (passed){f, task};
    if (task != NULL)
        wn_heap_remove(&f->tasks, &task->turn);
    else
        wn_fair_skip(&l->flows, &f->turn);
}

static void put_back(lane_queue *l, batch *b)
{
    while (b->n_passed > 0) {
        passed last = b->passed[--b->n_passed];
        if (last.task != NULL)
            wn_heap_restore(&last.flow->tasks, &last.task->turn);
        else
            wn_fair_restore(&l->flows, &last.flow->turn);
    }
}

static uint32_t next_tokens(const wn_task *task)
{
    return task->row_tokens[task->order[task->n_taken]];
}

/* The task whose turn it is among those whose next row fits; NULL when there is none. */
static wn_task *choose(lane_queue *l, batch *b)
{
    wn_fair_entry *turn;
    while (b->n_passed < PASSED_MAX && (turn = wn_fair_next(&l->flows)) != NULL) {
        flow *f = WN_CONTAINER_OF(turn, flow, turn);
        wn_task *task = NULL;
        if (f->tasks.top != NULL)
            task = WN_CONTAINER_OF(f->tasks.top, wn_task, turn);
        if (task != NULL && next_tokens(task) <= b->room)
            return task;
        pass_over(l, b, f, task);
    }
    return NULL;
}

static void take_row(wn_sched *s, wn_task *task, batch *b)
{
    flow *f = task->of;
    uint32_t tokens = next_tokens(task);
    b->rows[b->n++] = (wn_sched_row){task, task->order[task->n_taken]};
    b->room -= tokens;
    if (task->n_taken++ == 0)
        task->started_ns = b->now_ns;
    wn_fair_charge(&s->lanes[f->lane].flows, &f->turn, tokens);
    f->virtual_now += ((uint64_t)tokens << TIME_SHIFT) / f->n_waiting;
    stop_waiting(s, task, 1, tokens);
}

/* Rows of a lane until the batch is full or, for what bulk is owed, until the debt is paid. */
static void fill(wn_sched *s, wn_lane lane, batch *b, bool owed)
{
    const lane_queue *bulk = &s->lanes[WN_LANE_BULK];
    int64_t percent = s->options.bulk_percent;
    wn_task *task;
    while (b->n < s->options.batch_rows && (!owed || s->bulk_debt > 0) &&
           (task = choose(&s->lanes[lane], b)) != NULL) {
        int64_t tokens = next_tokens(task);
        take_row(s, task, b);
        if (owed)
            s->bulk_debt -= (100 - percent) * tokens;
        else if (lane == WN_LANE_INTERACTIVE && bulk->waiting_tokens > 0)
            s->bulk_debt += percent * tokens;
    }
    put_back(&s->lanes[lane], b);
}

/* Whether a batch should wait for more rows; the end of the window is set once for each. */
static bool waits_for_more(wn_sched *s, size_t n_coming, uint64_t now_ns)
{
    uint64_t tokens = s->lanes[0].waiting_tokens + s->lanes[1].waiting_tokens,
             rows = s->lanes[0].waiting_rows + s->lanes[1].waiting_rows;
    if (n_coming == 0 || s->was_idle || rows >= s->options.batch_rows ||
        tokens >= s->options.batch_tokens)
        return false;
    if (s->window_end_ns == 0)
        s->window_end_ns = now_ns + s->options.window_ns;
    return now_ns < s->window_end_ns;
}

size_t wn_sched_next_batch(wn_sched *s, wn_sched_row *rows, size_t n_coming, uint64_t now_ns,
                           uint64_t *wake_ns)
{
    batch b = {.rows = rows, .room = s->options.batch_tokens, .now_ns = now_ns};
    wn_sched_tick(s, now_ns);
    *wake_ns = UINT64_MAX;
    if (s->lanes[0].waiting_rows + s->lanes[1].waiting_rows == 0) {
        s->was_idle = true;
        return 0;
    }
    if (waits_for_more(s, n_coming, now_ns)) {
        *wake_ns = s->window_end_ns;
        return 0;
    }
    s->window_end_ns = 0;
    s->was_idle = false;
    fill(s, WN_LANE_BULK, &b, true);
    fill(s, WN_LANE_INTERACTIVE, &b, false);
    fill(s, WN_LANE_BULK, &b, false);
    s->running_rows += b.n;
    s->running_tokens += s->options.batch_tokens - b.room;
    return b.n;
}

void wn_sched_done(wn_sched *s, const wn_sched_row *rows, size_t n, uint64_t now_ns,
                   uint64_t took_ns)
{
    uint64_t tokens = 0;
    for (size_t i = 0; i < n; i++) {
        wn_task *task = rows[i].task;
        tokens += task->row_tokens[rows[i].row];
        task->n_done++;
        finish_if_over(s, task, now_ns);
    }
    s->batches++;
    s->running_rows -= n;
    s->running_tokens -= tokens;
    /* Time in which another batch ran too has been counted with that one. */
    took_ns = WN_MAX(WN_MIN(took_ns, now_ns - s->last_done_ns), (uint64_t)1);
    s->last_done_ns = now_ns;
    if (tokens < s->options.batch_tokens / 2 && n < s->options.batch_rows)
        return; /* what a small batch takes is mostly not for its tokens */
    s->speed_tokens = s->speed_tokens * SPEED_MEMORY + (double)tokens;
    s->speed_ns = s->speed_ns * SPEED_MEMORY + (double)took_ns;
    s->measured = true;
}

wn_sched_stats wn_sched_look(const wn_sched *s)
{
    wn_sched_stats stats = {
        .waiting_rows = s->lanes[0].waiting_rows + s->lanes[1].waiting_rows,
        .waiting_tokens = s->lanes[0].waiting_tokens + s->lanes[1].waiting_tokens,
        .running_rows = s->running_rows,
        .dropped_rows = s->dropped_rows,
        .batches = s->batches,
        .tasks = s->n_tasks,
        .flows = s->n_flows,
        .tokens_per_s = s->measured ? tokens_per_ns(s) * 1e9 : 0,
    };
    if (s->measured)
        stats.wait_s = (double)(s->lanes[WN_LANE_INTERACTIVE].waiting_tokens + s->running_tokens) /
                       stats.tokens_per_s;
    return stats;
}
