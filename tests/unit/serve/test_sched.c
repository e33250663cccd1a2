/* The scheduler in virtual time: fairness, lanes, budgets, admission, cancelling, deadlines; and a
 * random run of it all, in which every row is run or dropped exactly once. */
#include "tests/support/check.h"

#include "base/defs.h"
#include "serve/sched.h"

#define MS 1000000ULL

enum { BATCH_TOKENS = 2048, BATCH_ROWS = 64, ROWS_MAX = 12000 };

typedef struct request {
    wn_task task;
    uint32_t *tokens, *order;
    uint8_t *runs; /* how often each row ran */
} request;

static wn_sched *sched;
static wn_sched_row rows[BATCH_ROWS];
static uint64_t now, wake;

static int begin_with(uint64_t max_wait_ns, double tokens_per_s)
{
    wn_error err;
    wn_sched_options options = WN_SCHED_OPTIONS_DEFAULT;
    options.batch_tokens = BATCH_TOKENS;
    options.batch_rows = BATCH_ROWS;
    options.max_wait_ns = max_wait_ns;
    options.tokens_per_s = tokens_per_s;
    now = 1;
    assert_ok(wn_sched_new(&sched, &options, &err), &err);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return begin_with(10000 * MS, 10000);
}

static int begin_patient(void **state)
{
    (void)state;
    return begin_with(UINT64_MAX, 10000);
}

static int begin_unmeasured(void **state)
{
    (void)state;
    return begin_with(10000 * MS, 0);
}

static int finish(void **state)
{
    (void)state;
    wn_sched_free(sched);
    return 0;
}

static void init(request *r, uint64_t flow, uint32_t n, uint32_t tokens)
{
    *r = (request){.tokens = calloc(n, sizeof *r->tokens),
                   .order = calloc(n, sizeof *r->order),
                   .runs = calloc(n, 1)};
    for (uint32_t i = 0; i < n; i++)
        r->tokens[i] = tokens;
    r->task = (wn_task){.flow = flow,
                        .weight = 1,
                        .deadline_ns = UINT64_MAX,
                        .row_tokens = r->tokens,
                        .order = r->order,
                        .n_rows = n};
}

static void deinit(request *r)
{
    free(r->tokens);
    free(r->order);
    free(r->runs);
}

static wn_admission try_submit(request *r, uint64_t *wait_ns)
{
    wn_sched_prepare(&r->task);
    return wn_sched_submit(sched, &r->task, now, wait_ns);
}

static void submit(request *r)
{
    assert_int_equal(try_submit(r, NULL), WN_ADMITTED);
}

/* Choose a batch, check its budgets, run it at `speed` tokens a second; returns its rows. */
static size_t run_batch(double speed)
{
    size_t n = wn_sched_next_batch(sched, rows, 0, now, &wake);
    uint64_t tokens = 0;
    for (size_t i = 0; i < n; i++) {
        request *r = (request *)rows[i].task;
        tokens += r->tokens[rows[i].row];
        r->runs[rows[i].row]++;
    }
    assert_true(n <= BATCH_ROWS && tokens <= BATCH_TOKENS);
    if (n == 0)
        return 0;
    uint64_t took = (uint64_t)((double)tokens / speed * 1e9);
    now += took;
    wn_sched_done(sched, rows, n, now, took);
    return n;
}

static size_t count_rows_of(const request *r, size_t n)
{
    size_t own = 0;
    for (size_t i = 0; i < n; i++)
        own += rows[i].task == &r->task;
    return own;
}

static void task_runs_each_row_once_from_short_to_long(void **state)
{
    (void)state;
    request r;
    init(&r, 1, 40, 1);
    for (uint32_t i = 0; i < 40; i++)
        r.tokens[i] = 1 + (i * 37) % 200;
    submit(&r);
    uint32_t last = 0;
    for (size_t n; (n = run_batch(10000)) > 0;) {
        for (size_t i = 0; i < n; i++) {
            assert_true(r.tokens[rows[i].row] >= last);
            last = r.tokens[rows[i].row];
        }
    }
    assert_ptr_equal(wn_sched_pop_finished(sched), &r.task);
    assert_null(wn_sched_pop_finished(sched));
    assert_int_equal(r.task.outcome, WN_TASK_DONE);
    assert_int_equal(r.task.n_done, 40);
    for (uint32_t i = 0; i < 40; i++)
        assert_int_equal(r.runs[i], 1);
    assert_int_equal(wn_sched_look(sched).tasks, 0);
    deinit(&r);
}

/* A task of 10,000 rows is under way; one of 5 comes, of this flow. */
static void check_small_beside_large(uint64_t flow)
{
    request large, small;
    init(&large, 1, 10000, 128);
    init(&small, flow, 5, 128);
    large.task.deadline_ns = UINT64_MAX;
    submit(&large);
    for (int i = 0; i < 50; i++)
        run_batch(10000);
    submit(&small);
    size_t n = run_batch(10000);
    assert_int_equal(count_rows_of(&small, n), 5);
    assert_true(n > 5); /* the rest of the batch is not wasted */
    assert_ptr_equal(wn_sched_pop_finished(sched), &small.task);
    wn_sched_cancel(sched, &large.task, now);
    deinit(&large);
    deinit(&small);
}

static void small_task_of_another_key_finishes_in_the_next_batch(void **state)
{
    (void)state;
    check_small_beside_large(2);
}

static void small_task_of_the_same_key_finishes_in_the_next_batch(void **state)
{
    (void)state;
    check_small_beside_large(1);
}

static void keys_share_by_weight(void **state)
{
    (void)state;
    request a, b;
    init(&a, 1, 6000, 100);
    init(&b, 2, 6000, 100);
    b.task.weight = 3;
    submit(&a);
    submit(&b);
    uint64_t of_a = 0, of_b = 0;
    for (int i = 0; i < 200; i++) {
        size_t n = run_batch(10000);
        of_a += 100 * count_rows_of(&a, n);
        of_b += 100 * count_rows_of(&b, n);
    }
    /* Within one quantum of each. */
    assert_true(of_b + 3 * 4096 + 100 >= 3 * of_a && of_b <= 3 * of_a + 3 * 4096 + 100);
    deinit(&a);
    deinit(&b);
}

static void key_that_asks_again_and_again_does_not_starve_others(void **state)
{
    (void)state;
    request quick, steady;
    init(&steady, 1, 6000, 128);
    submit(&steady);
    size_t of_steady = 0;
    for (int i = 0; i < 200; i++) {
        init(&quick, 2, 16, 128); /* a whole batch */
        submit(&quick);
        for (int k = 0; wn_sched_pop_finished(sched) == NULL; k++) {
            assert_true(k < 4);
            of_steady += count_rows_of(&steady, run_batch(10000));
        }
        deinit(&quick);
    }
    assert_in_range(of_steady, 200 * 16 * 9 / 10, 200 * 16 * 11 / 10);
    deinit(&steady);
}

static void bulk_gets_its_share_and_what_is_left(void **state)
{
    (void)state;
    request bulk, busy;
    init(&bulk, 1, 10000, 100);
    init(&busy, 2, 10000, 100);
    bulk.task.lane = WN_LANE_BULK;
    submit(&bulk);
    submit(&busy);
    size_t of_bulk = 0, all = 0;
    for (int i = 0; i < 400; i++) {
        size_t n = run_batch(10000);
        of_bulk += count_rows_of(&bulk, n);
        all += n;
    }
    assert_in_range(of_bulk * 1000 / all, 45, 75); /* 5 % and a little */
    wn_sched_cancel(sched, &busy.task, now);
    assert_int_equal(count_rows_of(&bulk, run_batch(10000)), BATCH_TOKENS / 100);
    deinit(&bulk);
    deinit(&busy);
}

static void rows_that_do_not_fit_do_not_close_the_batch(void **state)
{
    (void)state;
    request big, small;
    init(&big, 1, 3, 1500);
    init(&small, 2, 10, 50);
    submit(&big);
    submit(&small);
    size_t n = run_batch(10000);
    assert_int_equal(count_rows_of(&big, n), 1);
    assert_int_equal(count_rows_of(&small, n), 10);
    assert_int_equal(count_rows_of(&big, run_batch(10000)), 1);
    assert_int_equal(count_rows_of(&big, run_batch(10000)), 1);
    assert_int_equal(run_batch(10000), 0);
    deinit(&big);
    deinit(&small);
}

static void cancel_drops_rows_that_wait(void **state)
{
    (void)state;
    request r, idle = {0};
    init(&r, 1, 100, 128);
    submit(&r);
    run_batch(10000);
    size_t n = wn_sched_next_batch(sched, rows, 0, now, &wake);
    wn_sched_cancel(sched, &r.task, now);
    wn_sched_cancel(sched, &r.task, now);
    assert_null(wn_sched_pop_finished(sched)); /* a batch with its rows runs */
    assert_int_equal(wn_sched_look(sched).waiting_rows, 0);
    assert_int_equal(wn_sched_look(sched).dropped_rows, 100 - 2 * 16);
    wn_sched_done(sched, rows, n, now, 1);
    assert_ptr_equal(wn_sched_pop_finished(sched), &r.task);
    assert_int_equal(r.task.outcome, WN_TASK_CANCELLED);
    assert_int_equal(r.task.n_done, 32);
    assert_int_equal(run_batch(10000), 0);
    wn_sched_cancel(sched, &r.task, now);    /* too late: nothing */
    wn_sched_cancel(sched, &idle.task, now); /* never submitted: nothing */
    assert_null(wn_sched_pop_finished(sched));
    deinit(&r);
}

static void deadline_expires_a_task_or_ends_it_in_part(void **state)
{
    (void)state;
    request whole, part;
    init(&whole, 1, 100, 128);
    init(&part, 2, 100, 128);
    whole.task.deadline_ns = part.task.deadline_ns = now + 1000 * MS;
    part.task.partial = true;
    submit(&whole);
    submit(&part);
    assert_int_equal(wn_sched_next_deadline(sched), now + 1000 * MS);
    for (int i = 0; i < 3; i++)
        run_batch(10000); /* 204.8 ms each */
    wn_sched_tick(sched, now);
    assert_null(wn_sched_pop_finished(sched));
    now = whole.task.deadline_ns;
    wn_sched_tick(sched, now);
    for (int i = 0; i < 2; i++) {
        wn_task *task = wn_sched_pop_finished(sched);
        assert_non_null(task);
        assert_int_equal(task->outcome, task == &part.task ? WN_TASK_PARTIAL : WN_TASK_EXPIRED);
    }
    assert_true(part.task.n_done > 0 && part.task.n_done < 100);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(part.runs[part.order[i]], i < part.task.n_done);
    assert_int_equal(wn_sched_next_deadline(sched), UINT64_MAX);
    deinit(&whole);
    deinit(&part);
}

static void flooding_key_is_refused_while_a_quiet_one_is_served(void **state)
{
    (void)state;
    enum { N = 400 };
    static request flood[N];
    request quiet;
    uint64_t wait;
    int n = 0;
    for (; n < N; n++) {
        init(&flood[n], 1, 50, 128); /* 0.64 s at 10,000 tokens a second */
        if (try_submit(&flood[n], &wait) != WN_ADMITTED)
            break;
    }
    assert_in_range(n, 16, 17); /* 10 s of work */
    assert_in_range(wait, 10000 * MS, 11000 * MS);
    init(&quiet, 2, 5, 128);
    assert_int_equal(try_submit(&quiet, &wait), WN_ADMITTED);
    assert_true(wait < 100 * MS);
    assert_int_equal(count_rows_of(&quiet, run_batch(10000)), 5);
    for (int i = 0; i <= n; i++)
        deinit(&flood[i]);
    deinit(&quiet);
}

static void task_that_cannot_meet_its_deadline_is_refused(void **state)
{
    (void)state;
    request first, late, part;
    init(&first, 1, 16, 128);
    init(&late, 1, 100, 128);
    init(&part, 1, 100, 128);
    submit(&first);
    run_batch(10000);
    late.task.deadline_ns = part.task.deadline_ns = now + 100 * MS; /* it takes 1.28 s */
    part.task.partial = true;
    assert_int_equal(try_submit(&late, NULL), WN_REFUSED_DEADLINE);
    assert_int_equal(try_submit(&part, NULL), WN_ADMITTED);
    deinit(&first);
    deinit(&late);
    deinit(&part);
}

static void nothing_is_refused_before_the_speed_is_known(void **state)
{
    (void)state;
    request r, late;
    uint64_t wait = 1;
    init(&r, 1, 10000, 128);
    init(&late, 2, 10, 128);
    submit(&r);
    late.task.deadline_ns = now + 1;
    assert_int_equal(try_submit(&late, &wait), WN_ADMITTED);
    assert_int_equal(wait, 0);
    assert_true(wn_sched_look(sched).wait_s == 0);
    run_batch(20000);
    assert_in_range(wn_sched_look(sched).tokens_per_s, 19000, 21000);
    deinit(&r);
    deinit(&late);
}

static void speed_is_measured(void **state)
{
    (void)state;
    request r;
    init(&r, 1, 5000, 128);
    submit(&r);
    for (int i = 0; i < 100; i++)
        run_batch(50000);
    assert_in_range(wn_sched_look(sched).tokens_per_s, 49000, 51000);
    deinit(&r);
}

static void overload_keeps_its_goodput(void **state)
{
    (void)state;
    /* 5 times what can be done is offered for 60 s: what is admitted is done in time. */
    enum { N = 6000 };
    static request requests[N];
    uint64_t start = now, tokens_done = 0;
    int made = 0, refused = 0;
    while (now < start + 60000 * MS) {
        double offered = (double)(now - start) / 1e9 * 50000;
        while (made < N && made * 10 * 100.0 <= offered) {
            request *r = &requests[made++];
            init(r, (uint64_t)made % 2, 10, 100);
            r->task.deadline_ns = now + 15000 * MS;
            refused += try_submit(r, NULL) != WN_ADMITTED;
        }
        size_t n = run_batch(10000);
        now += n == 0 ? MS : 0;
        for (wn_task *t; (t = wn_sched_pop_finished(sched)) != NULL;)
            tokens_done += t->outcome == WN_TASK_DONE ? 1000 : 0;
    }
    assert_true(refused > 0);
    assert_true((double)tokens_done >= 0.9 * 10000 * 50); /* all but the last 10 s, which wait */
    for (int i = 0; i < made; i++)
        deinit(&requests[i]);
}

/* ---- a random life --------------------------------------------------------------------------- */

enum { LIVES = 300, STEPS = 400, AT_ONCE = 24 };

static void random_task(request *r)
{
    init(r, check_random_below(6), 1 + (uint32_t)check_random_below(60), 1);
    for (uint32_t i = 0; i < r->task.n_rows; i++)
        r->tokens[i] =
            1 + (uint32_t)check_random_below(check_random_below(8) == 0 ? BATCH_TOKENS : 300);
    r->task.weight = 1 + (uint32_t)check_random_below(5);
    r->task.lane = check_random_below(4) == 0 ? WN_LANE_BULK : WN_LANE_INTERACTIVE;
    r->task.partial = check_random_below(2) == 0;
    if (check_random_below(3) == 0)
        r->task.deadline_ns = now + check_random_below(3000) * MS;
}

static void check_end(const request *r)
{
    uint32_t ran = 0;
    for (uint32_t i = 0; i < r->task.n_rows; i++) {
        assert_true(r->runs[i] <= 1);
        ran += r->runs[i];
    }
    assert_int_equal(ran, r->task.n_done);
    if (r->task.outcome == WN_TASK_DONE)
        assert_int_equal(ran, r->task.n_rows);
    else
        assert_true(ran < r->task.n_rows || r->task.outcome == WN_TASK_CANCELLED);
}

static void random_life(void)
{
    static request tasks[AT_ONCE];
    bool used[AT_ONCE] = {false};
    for (int step = 0; step < STEPS; step++) {
        size_t i = check_random_below(AT_ONCE);
        if (!used[i]) {
            random_task(&tasks[i]);
            used[i] = try_submit(&tasks[i], NULL) == WN_ADMITTED;
            if (!used[i])
                deinit(&tasks[i]);
        } else if (check_random_below(6) == 0) {
            wn_sched_cancel(sched, &tasks[i].task, now);
        }
        if (check_random_below(2) == 0)
            run_batch(20000);
        now += check_random_below(20) * MS;
        for (wn_task *task; (task = wn_sched_pop_finished(sched)) != NULL;) {
            request *r = (request *)task;
            check_end(r);
            used[r - tasks] = false;
            deinit(r);
        }
    }
    while (run_batch(20000) > 0)
        ;
    for (wn_task *task; (task = wn_sched_pop_finished(sched)) != NULL;) {
        request *r = (request *)task;
        check_end(r);
        used[r - tasks] = false;
        deinit(r);
    }
    for (int i = 0; i < AT_ONCE; i++)
        assert_false(used[i]);
    wn_sched_stats stats = wn_sched_look(sched);
    assert_true(stats.tasks == 0 && stats.waiting_rows == 0 && stats.waiting_tokens == 0 &&
                stats.running_rows == 0);
}

static void every_row_is_run_or_dropped_once(void **state)
{
    (void)state;
    for (int i = 0; i < LIVES; i++)
        random_life();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(task_runs_each_row_once_from_short_to_long),
        TEST(small_task_of_another_key_finishes_in_the_next_batch),
        TEST(small_task_of_the_same_key_finishes_in_the_next_batch),
        cmocka_unit_test_setup_teardown(keys_share_by_weight, begin_patient, finish),
        TEST(key_that_asks_again_and_again_does_not_starve_others),
        cmocka_unit_test_setup_teardown(bulk_gets_its_share_and_what_is_left, begin_patient,
                                        finish),
        TEST(rows_that_do_not_fit_do_not_close_the_batch),
        TEST(cancel_drops_rows_that_wait),
        cmocka_unit_test_setup_teardown(deadline_expires_a_task_or_ends_it_in_part,
                                        begin_unmeasured, finish),
        cmocka_unit_test_setup_teardown(nothing_is_refused_before_the_speed_is_known,
                                        begin_unmeasured, finish),
        TEST(flooding_key_is_refused_while_a_quiet_one_is_served),
        TEST(task_that_cannot_meet_its_deadline_is_refused),
        TEST(speed_is_measured),
        TEST(overload_keeps_its_goodput),
        TEST(every_row_is_run_or_dropped_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
