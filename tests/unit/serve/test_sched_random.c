/* The scheduler under random histories: every row runs once or is dropped once, budgets and counts
 * hold, nobody starves; and a minute of overload in virtual time.  A history is a seed and a
 * length; one that fails is halved until it passes, and the shortest that fails is printed. */
#include "tests/support/check.h"
#include "tests/support/check_sched.h"

#include "base/clock.h"
#include "base/defs.h"

#define MS(n) ((uint64_t)(n)*1000000u)

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { HISTORIES = 200 };
#else
enum { HISTORIES = 1500 };
#endif
enum { STEPS = 400, TASKS_MAX = STEPS, BATCHES_MAX = 4, ROWS_MAX = 60 };

/* ---- random histories ------------------------------------------------------------------------ */

typedef struct batch {
    wn_sched_row rows[CHECK_BATCH_ROWS];
    size_t n;
} batch;

typedef struct story {
    wn_task task; /* first, so that a task leads to its story */
    uint32_t tokens[ROWS_MAX], order[ROWS_MAX];
    uint8_t n_runs[ROWS_MAX];
    bool is_in, is_out;
} story;

typedef struct world {
    uint64_t random, now_ns;
    wn_sched *sched;
    story stories[TASKS_MAX];
    size_t n_stories;
    batch batches[BATCHES_MAX]; /* n 0: free */
    uint64_t dropped;
    const char *wrong; /* the first promise that was broken */
} world;

static uint64_t next_random(world *w, uint64_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (w->random >> 11) % below;
}

static void expect(world *w, bool holds, const char *promise)
{
    if (!holds && w->wrong == NULL)
        w->wrong = promise;
}

static void submit_some(world *w)
{
    story *s = &w->stories[w->n_stories++];
    uint64_t wait_ns;
    *s = (story){.task = {.flow = next_random(w, 6),
                          .weight = 1 + (uint32_t)next_random(w, 5),
                          .lane = next_random(w, 3) == 0 ? WN_LANE_BULK : WN_LANE_INTERACTIVE,
                          .partial = next_random(w, 2) == 0,
                          .deadline_ns = UINT64_MAX,
                          .row_tokens = s->tokens,
                          .order = s->order}};
    s->task.n_rows = 1 + (uint32_t)next_random(w, next_random(w, 2) ? 5 : ROWS_MAX - 1);
    if (next_random(w, 3) == 0)
        s->task.deadline_ns = w->now_ns + MS(next_random(w, 3000));
    for (uint32_t i = 0; i < s->task.n_rows; i++)
        s->tokens[i] = 1 + (uint32_t)next_random(w, next_random(w, 9) ? 50 : CHECK_BATCH_TOKENS);
    wn_sched_prepare(&s->task);
    s->is_in = wn_sched_submit(w->sched, &s->task, w->now_ns, &wait_ns) == WN_ADMITTED;
    s->is_out = !s->is_in;
}

static void begin_batch(world *w, batch *b)
{
    uint64_t wake_ns, tokens = 0;
    size_t n_coming = next_random(w, 4) == 0;
    b->n = wn_sched_next_batch(w->sched, b->rows, n_coming, w->now_ns, &wake_ns);
    expect(w, b->n <= CHECK_BATCH_ROWS, "a batch has at most batch_rows");
    expect(w, b->n == 0 || wake_ns == UINT64_MAX, "no time to wake beside a batch");
    expect(w, wake_ns > w->now_ns, "the time to wake is not over");
    for (size_t i = 0; i < b->n; i++) {
        story *s = (story *)b->rows[i].task;
        expect(w, s->is_in && !s->is_out && s->task.outcome == WN_TASK_PENDING,
               "rows are of pending tasks");
        s->n_runs[b->rows[i].row]++;
        tokens += s->tokens[b->rows[i].row];
    }
    expect(w, tokens <= CHECK_BATCH_TOKENS, "a batch has at most batch_tokens");
}

static void end_batch(world *w, batch *b)
{
    if (b->n > 0)
        wn_sched_done(w->sched, b->rows, b->n, w->now_ns, MS(next_random(w, 200)));
    b->n = 0;
}

static void pop_finished(world *w)
{
    for (wn_task *task; (task = wn_sched_pop_finished(w->sched)) != NULL;) {
        story *s = (story *)task;
        size_t n_run = 0;
        for (size_t i = 0; i < task->n_rows; i++) {
            expect(w, s->n_runs[i] <= 1, "a row runs once");
            n_run += s->n_runs[i];
        }
        expect(w, s->is_in && !s->is_out, "a task comes back once");
        expect(w, n_run == task->n_done, "done rows are those that ran");
        expect(w, task->outcome != WN_TASK_DONE || n_run == task->n_rows, "done is all rows");
        expect(w, task->outcome != WN_TASK_PARTIAL || task->partial, "partial was asked for");
        expect(w, task->outcome != WN_TASK_EXPIRED || !task->partial, "expired is whole");
        s->is_out = true;
        w->dropped += task->n_rows - n_run;
        task->of = NULL;
        memset(&task->turn, 0xA5, sizeof task->turn); /* it is not looked at again */
    }
}

static void check_counts(world *w)
{
    uint64_t n_rows = 0, n_tokens = 0, n_running = 0;
    size_t n_tasks = 0;
    for (size_t k = 0; k < w->n_stories; k++) {
        const story *s = &w->stories[k];
        n_tasks += !s->is_out;
        for (uint32_t i = 0; i < s->task.n_rows; i++) {
            if (!s->is_out && s->task.outcome == WN_TASK_PENDING && s->n_runs[i] == 0) {
                n_rows++;
                n_tokens += s->tokens[i];
            }
        }
    }
    for (size_t k = 0; k < BATCHES_MAX; k++)
        n_running += w->batches[k].n;
    wn_sched_stats stats = wn_sched_look(w->sched);
    expect(w, stats.tasks == n_tasks, "tasks are counted");
    expect(w, stats.running_rows == n_running, "running rows are counted");
    expect(w, stats.waiting_rows == n_rows, "waiting rows are counted");
    expect(w, stats.waiting_tokens == n_tokens, "waiting tokens are counted");
}

static void step(world *w)
{
    batch *b = &w->batches[next_random(w, BATCHES_MAX)];
    switch (next_random(w, 8)) {
    case 0:
    case 1:
    case 2:
        submit_some(w);
        break;
    case 3:
        if (w->n_stories > 0) {
            story *s = &w->stories[next_random(w, w->n_stories)];
            if (!s->is_out)
                wn_sched_cancel(w->sched, &s->task, w->now_ns);
        }
        break;
    case 4:
        w->now_ns += MS(next_random(w, 300));
        wn_sched_tick(w->sched, w->now_ns);
        expect(w, wn_sched_next_deadline(w->sched) > w->now_ns, "what is late is gone");
        break;
    default:
        if (b->n > 0)
            end_batch(w, b);
        else
            begin_batch(w, b);
    }
    pop_finished(w);
    check_counts(w);
}

static void finish(world *w)
{
    uint64_t wake_ns;
    for (size_t k = 0; k < BATCHES_MAX; k++)
        end_batch(w, &w->batches[k]);
    batch *b = &w->batches[0];
    for (size_t n = 0; n < TASKS_MAX * ROWS_MAX; n++) {
        begin_batch(w, b);
        end_batch(w, b);
        w->now_ns += MS(3);
    }
    expect(w, wn_sched_next_batch(w->sched, b->rows, 0, w->now_ns, &wake_ns) == 0, "it ends");
    pop_finished(w);
    check_counts(w);
    for (size_t k = 0; k < w->n_stories; k++)
        expect(w, w->stories[k].is_out, "every task comes back");
    wn_sched_stats stats = wn_sched_look(w->sched);
    expect(w, stats.dropped_rows == w->dropped, "dropped rows are counted");
    expect(w, stats.tasks == 0 && stats.flows == 0, "nothing is left");
}

/* The first broken promise of a history, or NULL. */
static const char *live(uint64_t seed, size_t n_steps)
{
    static world w;
    memset(&w, 0, sizeof w);
    w.random = seed * 0x9E3779B97F4A7C15u + 1;
    wn_sched_options options = WN_SCHED_OPTIONS_DEFAULT;
    wn_error err;
    options.batch_tokens = CHECK_BATCH_TOKENS;
    options.batch_rows = CHECK_BATCH_ROWS;
    options.quantum_tokens = 1 + (uint32_t)next_random(&w, 500);
    options.bulk_percent = (uint32_t)next_random(&w, 100);
    options.max_tasks = 1 + (uint32_t)next_random(&w, 60);
    options.max_flows = 1 + (uint32_t)next_random(&w, 12);
    options.tokens_per_s = (double)next_random(&w, 20000);
    options.max_wait_ns = MS(500 + next_random(&w, 5000));
    assert_ok(wn_sched_new(&w.sched, &options, &err), &err);
    for (size_t i = 0; i < n_steps && w.wrong == NULL; i++)
        step(&w);
    if (w.wrong == NULL)
        finish(&w);
    wn_sched_free(w.sched);
    return w.wrong;
}

static void every_row_runs_once_or_is_dropped_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        const char *wrong = live(seed, STEPS), *shorter;
        size_t n = STEPS;
        if (wrong == NULL)
            continue;
        while (n > 1 && (shorter = live(seed, n / 2)) != NULL) {
            wrong = shorter;
            n /= 2;
        }
        fail_msg("seed %llu, %zu steps: not true that %s", (unsigned long long)seed, n, wrong);
    }
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void patient(wn_sched_options *options)
{
    options->max_wait_ns = UINT64_MAX;
}

static uint32_t tokens_of(const check_machine *m, size_t i)
{
    return m->rows[i].task->row_tokens[m->rows[i].row];
}

/* Between two rows of a key that waits, each other key is served at most what makes up for both
 * quanta and rows, by weight; newcomers' three quarters make that four times as long. */
static void no_key_waits_longer_than_its_bound(void **state)
{
    (void)state;
    enum { KEYS = 12, LONGEST = 200, BATCHES = 3000 };
    check_machine m = check_machine_new(patient);
    wn_task *tasks[KEYS];
    uint64_t waited[KEYS] = {0};
    double bound[KEYS] = {0}, worst = 0;
    for (size_t i = 0; i < KEYS; i++) {
        tasks[i] = check_task(i, 60000, LONGEST);
        tasks[i]->weight = 1 + (uint32_t)check_random_below(i % 2 == 0 ? 3 : 100);
        tasks[i]->partial = true;
        for (size_t r = 0; r < tasks[i]->n_rows; r++)
            check_tokens(tasks[i])[r] = 1 + (uint32_t)check_random_below(LONGEST);
    }
    for (size_t i = 0; i < KEYS; i++) {
        for (size_t j = 0; j < KEYS; j++)
            bound[i] += i == j ? 0 : 1.0 + (double)tasks[j]->weight / tasks[i]->weight;
        bound[i] = 4 * (bound[i] + 1) * (CHECK_QUANTUM + LONGEST);
    }
    for (size_t i = 0; i < KEYS; i++)
        check_submit(&m, tasks[i]);
    for (size_t n = 0; n < BATCHES; n++) {
        if (n % 2 == 0) /* somebody new each time */
            check_submit(&m, check_task(1000 + n, 5, 100));
        check_run(&m);
        for (size_t k = 0; k < m.n_rows; k++) {
            for (size_t i = 0; i < KEYS; i++) {
                waited[i] = m.rows[k].task == tasks[i] ? 0 : waited[i] + tokens_of(&m, k);
                worst = fmax(worst, (double)waited[i] / bound[i]);
            }
        }
        for (wn_task *over; (over = wn_sched_pop_finished(m.sched)) != NULL; free(over))
            assert_true(over->flow >= 1000);
    }
    printf("# longest wait: %.2f of its bound\n", worst);
    assert_true(worst <= 1);
    for (size_t i = 0; i < KEYS; i++)
        wn_sched_cancel(m.sched, tasks[i], m.now_ns);
    check_drain(&m);
    check_machine_free(&m);
}

/* A task of a key ends at the latest when it would if all its tasks shared alike. */
static void large_task_of_a_key_ends_beside_a_stream_of_small_ones(void **state)
{
    (void)state;
    enum { ROWS = 400, TOKENS = 50, AT_ONCE = 3 };
    check_machine m = check_machine_new(patient);
    wn_task *large = check_task(1, ROWS, TOKENS);
    check_submit(&m, large);
    while (large->outcome == WN_TASK_PENDING) {
        while (wn_sched_look(m.sched).tasks < 1 + AT_ONCE)
            check_submit(&m, check_task(1, 8, 42));
        check_run(&m);
        /* beside what waits, a batch of small ones may come between */
        assert_true(m.tokens <= (2 * AT_ONCE + 1) * ROWS * TOKENS);
    }
    assert_true(m.tokens >= 2 * ROWS * TOKENS);
    check_drain(&m);
    check_machine_free(&m);
}

static void equal_tasks_of_a_key_end_one_after_the_other(void **state)
{
    (void)state;
    check_machine m = check_machine_new(patient);
    wn_task *tasks[6];
    for (size_t i = 0; i < WN_ARRAY_LEN(tasks); i++)
        check_submit(&m, tasks[i] = check_task(1, 200, 50));
    for (size_t i = 0; i < WN_ARRAY_LEN(tasks); i++) {
        for (size_t n = 0; n < 10; n++)
            check_run(&m);
        check_finished(&m, tasks[i], WN_TASK_DONE, 200);
    }
    check_machine_free(&m);
}

/* ---- overload -------------------------------------------------------------------------------- */

static void lasting_overload_costs_no_throughput_and_no_quiet_key(void **state)
{
    (void)state;
    enum { SECONDS = 120, TOKENS_PER_S = 10000, FLOODER = 1, QUIET = 2 };
    const uint64_t timeout_ns = MS(55000);
    check_machine m = check_machine_new(NULL);
    uint64_t next_flood = 0, next_quiet = 0, wait_ns, good_tokens = 0, worst_ns = 0;
    size_t n_refused = 0, n_quiet = 0, n_expired = 0;
    while (m.now_ns < MS(1000) * SECONDS) {
        check_begin(&m);
        uint64_t end_ns = m.now_ns, idle_ns = WN_MIN(next_flood, next_quiet);
        for (size_t i = 0; i < m.n_rows; i++)
            end_ns += tokens_of(&m, i) * m.ns_per_token;
        end_ns = m.n_rows == 0 ? WN_MAX(idle_ns, m.now_ns) : end_ns;
        while (WN_MIN(next_flood, next_quiet) <= end_ns) {
            bool quiet = next_quiet <= next_flood;
            uint64_t now_ns = quiet ? next_quiet : next_flood;
            wn_task *task = quiet ? check_task(QUIET, 5, 20)
                                  : check_task(FLOODER, 1 + (uint32_t)check_random_below(40), 50);
            task->deadline_ns = now_ns + timeout_ns;
            wn_sched_prepare(task);
            /* five times of what the machine can do */
            if (quiet)
                next_quiet += MS(200);
            else
                next_flood += task->waiting_tokens * m.ns_per_token / 5;
            if (wn_sched_submit(m.sched, task, now_ns, &wait_ns) != WN_ADMITTED) {
                assert_true(!quiet && wait_ns > 0);
                n_refused++;
                free(task);
            }
        }
        if (m.n_rows > 0)
            check_end(&m);
        m.now_ns = end_ns;
        for (wn_task *over; (over = wn_sched_pop_finished(m.sched)) != NULL; free(over)) {
            n_expired += over->outcome != WN_TASK_DONE;
            n_quiet += over->flow == QUIET;
            for (size_t i = 0; over->outcome == WN_TASK_DONE && i < over->n_rows; i++)
                good_tokens += over->row_tokens[i];
            if (over->flow == QUIET)
                worst_ns = WN_MAX(worst_ns, m.now_ns + timeout_ns - over->deadline_ns);
        }
    }
    double goodput = (double)good_tokens / (SECONDS * TOKENS_PER_S);
    printf("# goodput %.3f, %zu refused, %zu late; quiet key: %zu of %d, slowest %.0f ms\n",
           goodput, n_refused, n_expired, n_quiet, SECONDS * 5, (double)worst_ns / 1e6);
    assert_true(goodput >= 0.9 && n_refused > 1000);
    assert_true(n_quiet >= SECONDS * 5 - 2);
    /* the batch that runs, and the one that it is in */
    assert_true(worst_ns <= 2 * MS(CHECK_BATCH_TOKENS / (TOKENS_PER_S / 1000)));
    assert_true(wn_sched_look(m.sched).wait_s <= 11);
    check_drain(&m);
    check_machine_free(&m);
}

/* ---- cost ------------------------------------------------------------------------------------ */

static void costs_stay_small_for_many_keys_and_rows(void **state)
{
    (void)state;
    enum { KEYS = 1000, ROWS = 10000, BATCHES = 500, BATCH_ROWS = 512 };
    static wn_sched_row rows[BATCH_ROWS];
    static wn_task *tasks[KEYS];
    wn_sched *sched;
    wn_sched_options options = WN_SCHED_OPTIONS_DEFAULT;
    wn_error err;
    uint64_t wait_ns, wake_ns, prepare_ns = 0, submit_ns = 0, batch_ns = 0, n_rows = 0;
    options.batch_tokens = 16384;
    options.batch_rows = BATCH_ROWS;
    options.max_wait_ns = UINT64_MAX;
    assert_ok(wn_sched_new(&sched, &options, &err), &err);
    for (size_t i = 0; i < KEYS; i++) {
        tasks[i] = check_task(i, ROWS, 100);
        for (size_t r = 0; r < ROWS; r++)
            check_tokens(tasks[i])[r] = 1 + (uint32_t)check_random_below(200);
        uint64_t began = wn_clock_ns();
        wn_sched_prepare(tasks[i]);
        prepare_ns += wn_clock_ns() - began;
        began = wn_clock_ns();
        assert_int_equal(wn_sched_submit(sched, tasks[i], 0, &wait_ns), WN_ADMITTED);
        submit_ns += wn_clock_ns() - began;
    }
    for (size_t n = 0; n < BATCHES; n++) {
        uint64_t began = wn_clock_ns();
        size_t n_batch = wn_sched_next_batch(sched, rows, 0, 0, &wake_ns);
        wn_sched_done(sched, rows, n_batch, n * MS(1), MS(1));
        batch_ns += wn_clock_ns() - began;
        n_rows += n_batch;
    }
    printf("# %d keys, tasks of %d rows: prepare %.0f us, submit %.0f ns, batch %.0f ns a row\n",
           KEYS, ROWS, (double)prepare_ns / KEYS / 1e3, (double)submit_ns / KEYS,
           (double)batch_ns / (double)n_rows);
    for (size_t i = 0; i < KEYS; i++)
        wn_sched_cancel(sched, tasks[i], 0);
    size_t n_over = 0;
    for (wn_task *over; (over = wn_sched_pop_finished(sched)) != NULL; free(over))
        n_over++;
    assert_int_equal(n_over, KEYS);
    wn_sched_free(sched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_runs_once_or_is_dropped_once),
        cmocka_unit_test(no_key_waits_longer_than_its_bound),
        cmocka_unit_test(large_task_of_a_key_ends_beside_a_stream_of_small_ones),
        cmocka_unit_test(equal_tasks_of_a_key_end_one_after_the_other),
        cmocka_unit_test(lasting_overload_costs_no_throughput_and_no_quiet_key),
        cmocka_unit_test(costs_stay_small_for_many_keys_and_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
