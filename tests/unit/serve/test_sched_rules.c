/* The scheduler's finer rules, in virtual time: many keys, both budgets, what bulk is owed, places,
 * the window, the measured speed. */
#include "tests/support/check.h"
#include "tests/support/check_sched.h"

#include "base/defs.h"

#define MS(n) ((uint64_t)(n)*1000000u)

static uint32_t tokens_of(const check_machine *m, size_t i)
{
    return m->rows[i].task->row_tokens[m->rows[i].row];
}

static void lax(wn_sched_options *options)
{
    options->max_wait_ns = MS(3600000);
}

static void rows_run_from_short_to_long_within_both_budgets(void **state)
{
    (void)state;
    check_machine m = check_machine_new(NULL);
    wn_task *task = check_task(1, 350, 1);
    for (uint32_t i = 0; i < 350; i++)
        check_tokens(task)[i] = i % 3 == 0 ? 1 : 1 + (i * 37) % 100;
    check_submit(&m, task);
    uint32_t last = 0, last_row = 0;
    size_t n_done = 0;
    bool rows_full = false, tokens_full = false;
    for (size_t n; (n = check_run(&m)) > 0; n_done += n) {
        size_t tokens = 0;
        for (size_t i = 0; i < n; i++) {
            assert_true(tokens_of(&m, i) > last ||
                        (tokens_of(&m, i) == last && m.rows[i].row > last_row));
            last = tokens_of(&m, i);
            last_row = m.rows[i].row;
            tokens += last;
        }
        rows_full |= n == CHECK_BATCH_ROWS;
        tokens_full |= tokens > CHECK_BATCH_TOKENS - 100;
    }
    assert_true(n_done == 350 && rows_full && tokens_full);
    check_finished(&m, task, WN_TASK_DONE, 350);
    check_machine_free(&m);
}

/* Whatever is queued, a small task is in the next batch. */
static void check_small_beside_large(size_t n_large, uint64_t large_key, uint64_t small_key)
{
    check_machine m = check_machine_new(lax);
    for (size_t i = 0; i < n_large; i++)
        check_submit(&m, check_task(large_key + i, 10000, 50));
    for (size_t i = 0; i < 30 * n_large; i++) /* they are newcomers no more */
        check_run(&m);
    check_begin(&m);
    wn_task *small = check_task(small_key, 5, 50);
    check_submit(&m, small);
    check_end(&m);
    assert_null(wn_sched_pop_finished(m.sched));
    check_run(&m);
    assert_int_equal(check_rows_of(&m, small), 5);
    check_finished(&m, small, WN_TASK_DONE, 5);
    check_drain(&m);
    check_machine_free(&m);
}

static void small_task_is_in_the_next_batch_beside_any_large_ones(void **state)
{
    (void)state;
    check_small_beside_large(1, 1, 1);   /* of its own key */
    check_small_beside_large(1, 1, 2);   /* of another */
    check_small_beside_large(20, 1, 99); /* of many */
}

static void keys_share_by_weight(void **state)
{
    (void)state;
    check_machine m = check_machine_new(lax);
    const uint32_t weights[] = {1, 2, 5};
    wn_task *tasks[WN_ARRAY_LEN(weights)];
    uint64_t tokens[WN_ARRAY_LEN(weights)] = {0};
    for (size_t i = 0; i < WN_ARRAY_LEN(weights); i++) {
        tasks[i] = check_task(i, 20000, 10 + 20 * (uint32_t)i);
        tasks[i]->weight = weights[i];
        check_submit(&m, tasks[i]);
    }
    for (size_t n = 0; n < 300; n++) {
        check_run(&m);
        for (size_t i = 0; i < m.n_rows; i++)
            tokens[m.rows[i].task->flow] += tokens_of(&m, i);
        for (size_t i = 0; i < WN_ARRAY_LEN(weights); i++) {
            for (size_t j = 0; j < WN_ARRAY_LEN(weights); j++)
                assert_true((double)tokens[i] / weights[i] <=
                            (double)tokens[j] / weights[j] + 2 * CHECK_QUANTUM + 100);
        }
    }
    for (size_t i = 0; i < WN_ARRAY_LEN(weights); i++)
        wn_sched_cancel(m.sched, tasks[i], m.now_ns);
    check_drain(&m);
    check_machine_free(&m);
}

static void bulk_gets_its_percent_of_a_busy_machine(void **state)
{
    (void)state;
    check_machine m = check_machine_new(lax);
    wn_task *bulk = check_task(1, 5000, 40);
    bulk->lane = WN_LANE_BULK;
    check_submit(&m, bulk);
    uint64_t bulk_tokens = 0;
    for (size_t n = 0; n < 500; n++) {
        check_submit(&m, check_task(2 + n % 3, 50, 30)); /* more than a batch */
        check_run(&m);
        bulk_tokens += check_rows_of(&m, bulk) * 40;
        assert_true(bulk_tokens * 20 + 2 * CHECK_BATCH_TOKENS >= m.tokens);
        assert_true(bulk_tokens * 20 <= m.tokens + 2 * CHECK_BATCH_TOKENS);
    }
    check_drain(&m);
    check_machine_free(&m);
}

static void bulk_takes_what_is_left(void **state)
{
    (void)state;
    check_machine m = check_machine_new(lax);
    wn_task *bulk = check_task(1, 500, 40);
    bulk->lane = WN_LANE_BULK;
    check_submit(&m, bulk);
    check_run(&m);
    assert_int_equal(check_rows_of(&m, bulk), 25); /* all of it */
    check_begin(&m);
    wn_task *task = check_task(1, 5, 100);
    check_submit(&m, task);
    check_end(&m);
    check_run(&m); /* one bulk batch later */
    assert_int_equal(check_rows_of(&m, task), 5);
    assert_int_equal(check_rows_of(&m, bulk), 12);
    check_finished(&m, task, WN_TASK_DONE, 5);
    check_drain(&m);
    check_machine_free(&m);
}

static void nothing_for_bulk(wn_sched_options *options)
{
    options->bulk_percent = 0;
}

static void no_percent_for_bulk_is_none(void **state)
{
    (void)state;
    check_machine m = check_machine_new(nothing_for_bulk);
    wn_task *bulk = check_task(1, 10, 40), *task = check_task(1, 200, 100);
    bulk->lane = WN_LANE_BULK;
    check_submit(&m, bulk);
    check_submit(&m, task);
    for (size_t n = 0; n < 20; n++) {
        check_run(&m);
        assert_int_equal(check_rows_of(&m, bulk), 0);
    }
    check_drain(&m);
    check_machine_free(&m);
}

static void nearly_all_for_bulk(wn_sched_options *options)
{
    options->bulk_percent = 99;
    options->batch_rows = 4;
}

static void batch_can_be_full_of_what_bulk_is_owed(void **state)
{
    (void)state;
    check_machine m = check_machine_new(nearly_all_for_bulk);
    wn_task *bulk = check_task(1, 100, 1), *task = check_task(1, 100, 100);
    bulk->lane = WN_LANE_BULK;
    check_submit(&m, bulk);
    check_submit(&m, task);
    check_run(&m); /* nothing is owed yet */
    assert_int_equal(check_rows_of(&m, task), 4);
    for (size_t n = 0; n < 25; n++) {
        check_run(&m);
        assert_int_equal(check_rows_of(&m, bulk), 4);
    }
    check_drain(&m);
    check_machine_free(&m);
}

static void cancelled_rows_do_not_run(void **state)
{
    (void)state;
    check_machine m = check_machine_new(NULL);
    wn_task *waiting = check_task(1, 10, 100), *running = check_task(1, 30, 100),
            *done = check_task(2, 1, 100);
    check_submit(&m, running);
    check_begin(&m);
    check_submit(&m, waiting);
    wn_sched_cancel(m.sched, waiting, m.now_ns); /* over at once */
    check_finished(&m, waiting, WN_TASK_CANCELLED, 0);
    wn_sched_cancel(m.sched, running, m.now_ns); /* its batch runs */
    wn_sched_cancel(m.sched, running, m.now_ns);
    assert_null(wn_sched_pop_finished(m.sched));
    assert_int_equal(wn_sched_look(m.sched).dropped_rows, 30);
    check_submit(&m, done);
    check_end(&m);
    check_run(&m);
    assert_int_equal(m.n_rows, 1);
    wn_sched_cancel(m.sched, running, m.now_ns); /* it is over */
    wn_sched_cancel(m.sched, done, m.now_ns);
    check_finished(&m, running, WN_TASK_CANCELLED, 10);
    check_finished(&m, done, WN_TASK_DONE, 1);
    assert_int_equal(check_run(&m), 0);
    check_machine_free(&m);
}

static void task_whose_last_rows_run_can_be_cancelled(void **state)
{
    (void)state;
    check_machine m = check_machine_new(NULL);
    wn_task *task = check_task(1, 3, 10);
    check_submit(&m, task);
    check_begin(&m);
    wn_sched_cancel(m.sched, task, m.now_ns);
    assert_null(wn_sched_pop_finished(m.sched));
    check_end(&m);
    check_finished(&m, task, WN_TASK_CANCELLED, 3);
    assert_int_equal(wn_sched_look(m.sched).dropped_rows, 0);
    check_machine_free(&m);
}

static void deadline_ends_a_task_with_or_without_what_is_done(void **state)
{
    (void)state;
    check_machine m = check_machine_new(NULL); /* a batch takes 100 ms */
    assert_int_equal(wn_sched_next_deadline(m.sched), UINT64_MAX);
    wn_task *whole = check_task(1, 20, 100), *part = check_task(2, 20, 100);
    whole->deadline_ns = MS(250);
    part->deadline_ns = MS(250);
    part->partial = true;
    check_submit(&m, whole);
    check_submit(&m, part);
    assert_int_equal(wn_sched_next_deadline(m.sched), MS(250));
    check_run(&m);
    check_run(&m);
    check_begin(&m);
    wn_sched_tick(m.sched, MS(249));
    assert_int_equal(wn_sched_look(m.sched).dropped_rows, 0);
    wn_sched_tick(m.sched, MS(250)); /* a batch with rows of one of them runs */
    assert_int_equal(wn_sched_look(m.sched).dropped_rows, 10);
    assert_int_equal(wn_sched_next_deadline(m.sched), UINT64_MAX);
    check_end(&m);
    assert_int_equal(check_run(&m), 0);
    size_t n_done = part->n_done + whole->n_done;
    assert_int_equal(n_done, 30);
    for (wn_task *task; (task = wn_sched_pop_finished(m.sched)) != NULL; free(task)) {
        wn_outcome late = task == part ? WN_TASK_PARTIAL : WN_TASK_EXPIRED;
        assert_int_equal(task->outcome, task->n_done == 20 ? WN_TASK_DONE : late);
    }
    check_machine_free(&m);
}

static void forming_a_batch_leaves_out_what_is_too_late(void **state)
{
    (void)state;
    check_machine m = check_machine_new(NULL);
    wn_task *late = check_task(1, 5, 100), *part = check_task(1, 5, 100);
    late->deadline_ns = MS(60);
    part->deadline_ns = MS(60);
    part->partial = true;
    check_submit(&m, late);
    check_submit(&m, part);
    m.now_ns = MS(60);
    assert_int_equal(check_run(&m), 0);
    check_finished(&m, late, WN_TASK_EXPIRED, 0);
    check_finished(&m, part, WN_TASK_PARTIAL, 0);
    check_machine_free(&m);
}

static void queue_bound_follows_the_measured_speed(void **state)
{
    (void)state;
    check_machine m = check_machine_new(NULL);
    m.ns_per_token = 1000; /* 100 times faster than the guess */
    for (size_t i = 0; i < 100; i++) {
        check_submit(&m, check_task(1, 20, 50));
        check_drain(&m);
    }
    assert_near(wn_sched_look(m.sched).tokens_per_s, 1e6, 2e4);
    for (size_t i = 0; i < 4; i++)
        check_submit(&m, check_task(1, 10000, 100)); /* a second each */
    check_drain(&m);
    check_machine_free(&m);
}

static void slow_guess(wn_sched_options *options)
{
    options->tokens_per_s = 1e-12;
}

static void estimates_have_an_end(void **state)
{
    (void)state;
    check_machine m = check_machine_new(slow_guess);
    wn_task *task = check_task(1, 10, 100);
    uint64_t wait_ns;
    check_submit(&m, check_task(1, 10, 100));
    assert_true(wn_sched_look(m.sched).wait_s > 1e14);
    assert_int_equal(check_try(&m, task, &wait_ns), WN_REFUSED_WAIT);
    m.ns_per_token = 0; /* a clock that stands still */
    check_drain(&m);
    assert_true(isfinite(wn_sched_look(m.sched).tokens_per_s));
    check_submit(&m, task);
    check_drain(&m);
    check_machine_free(&m);
}

static void batches_at_the_same_time_add_their_speeds(void **state)
{
    (void)state;
    check_machine m = check_machine_new(NULL);
    for (size_t i = 0; i < 100; i++) {
        wn_sched_row rows[2][CHECK_BATCH_ROWS];
        size_t n[2];
        uint64_t wake_ns;
        check_submit(&m, check_task(1, 40, 50));
        for (size_t k = 0; k < 2; k++)
            n[k] = wn_sched_next_batch(m.sched, rows[k], 0, m.now_ns, &wake_ns);
        assert_true(n[0] == 20 && n[1] == 20);
        m.now_ns += MS(100);
        wn_sched_done(m.sched, rows[1], n[1], m.now_ns - MS(10), MS(90));
        assert_int_equal(wn_sched_look(m.sched).running_rows, 20);
        wn_sched_done(m.sched, rows[0], n[0], m.now_ns, MS(100));
        check_drain(&m);
        m.now_ns += MS(500); /* nobody asks */
    }
    assert_near(wn_sched_look(m.sched).tokens_per_s, 20000, 1500);
    check_machine_free(&m);
}

static void few_places(wn_sched_options *options)
{
    options->max_tasks = 8;
    options->max_flows = 3;
}

static void one_key_takes_half_of_the_places_at_most(void **state)
{
    (void)state;
    check_machine m = check_machine_new(few_places);
    uint64_t wait_ns;
    for (size_t i = 0; i < 4; i++)
        check_submit(&m, check_task(1, 1, 10));
    wn_task *task = check_task(1, 1, 10);
    assert_int_equal(check_try(&m, task, &wait_ns), WN_REFUSED_TASKS);
    task->flow = 2;
    check_submit(&m, task);
    check_submit(&m, check_task(2, 1, 10));
    check_submit(&m, check_task(3, 1, 10));
    assert_int_equal(wn_sched_look(m.sched).flows, 3);
    wn_task *fourth = check_task(4, 1, 10); /* no place for a key */
    assert_int_equal(check_try(&m, fourth, &wait_ns), WN_REFUSED_TASKS);
    fourth->flow = 3;
    assert_int_equal(check_try(&m, fourth, &wait_ns), WN_REFUSED_TASKS);
    check_drain(&m);
    fourth->flow = 4;
    check_submit(&m, fourth);
    for (uint64_t key = 5; key < 50; key++) { /* keys come and go */
        check_submit(&m, check_task(key, 1, 10));
        check_drain(&m);
    }
    check_machine_free(&m);
}

static void one_place(wn_sched_options *options)
{
    options->max_tasks = 1;
}

static void no_place_is_left_for_a_new_key(void **state)
{
    (void)state;
    check_machine m = check_machine_new(one_place);
    check_submit(&m, check_task(1, 1, 10));
    wn_task *task = check_task(2, 1, 10);
    uint64_t wait_ns;
    assert_int_equal(check_try(&m, task, &wait_ns), WN_REFUSED_TASKS);
    free(task);
    check_drain(&m);
    check_machine_free(&m);
}

/* Ask for a batch while so many requests are on their way, at a time; end it when there is one. */
static size_t ask(check_machine *m, size_t n_coming, uint64_t now_ns, uint64_t *wake_ns)
{
    m->began_ns = now_ns;
    m->n_rows = wn_sched_next_batch(m->sched, m->rows, n_coming, now_ns, wake_ns);
    if (m->n_rows > 0)
        check_end(m);
    return m->n_rows;
}

static void batch_that_is_not_full_waits_for_what_is_on_its_way(void **state)
{
    (void)state;
    check_machine m = check_machine_new(NULL);
    uint64_t wake_ns = 0;
    assert_int_equal(ask(&m, 3, MS(1), &wake_ns), 0);
    assert_true(wake_ns == UINT64_MAX); /* nothing to wait with */
    check_submit(&m, check_task(1, 5, 10));
    assert_int_equal(ask(&m, 3, MS(2), &wake_ns), 5); /* the machine was idle */
    check_submit(&m, check_task(1, 5, 10));
    assert_int_equal(ask(&m, 1, MS(5), &wake_ns), 0);
    assert_true(wake_ns == MS(7));
    assert_int_equal(ask(&m, 1, MS(6), &wake_ns), 0);
    assert_true(wake_ns == MS(7)); /* not longer because somebody asks */
    assert_int_equal(ask(&m, 1, MS(7), &wake_ns), 5);
    assert_true(wake_ns == UINT64_MAX);
    check_submit(&m, check_task(1, 5, 10));
    assert_int_equal(ask(&m, 1, MS(20), &wake_ns), 0);
    assert_true(wake_ns == MS(22));                    /* a window of its own */
    assert_int_equal(ask(&m, 0, MS(20), &wake_ns), 5); /* nobody is on the way any more */
    check_submit(&m, check_task(1, 20, 50));           /* full of tokens */
    assert_int_equal(ask(&m, 1, MS(30), &wake_ns), 20);
    check_submit(&m, check_task(1, CHECK_BATCH_ROWS, 1)); /* full of rows */
    assert_int_equal(ask(&m, 1, MS(40), &wake_ns), CHECK_BATCH_ROWS);
    assert_int_equal(ask(&m, 1, MS(50), &wake_ns), 0); /* idle again */
    check_submit(&m, check_task(1, 5, 10));
    assert_int_equal(ask(&m, 1, MS(50), &wake_ns), 5);
    check_drain(&m);
    check_machine_free(&m);
}

/* Two tasks of different lanes; the machine is not idle. */
static void submit_to_both_lanes(check_machine *m, uint32_t n_rows, uint32_t tokens)
{
    wn_task *bulk = check_task(2, n_rows, tokens);
    bulk->lane = WN_LANE_BULK;
    check_submit(m, check_task(1, n_rows, tokens));
    check_submit(m, bulk);
}

static void both_lanes_together_fill_a_batch(void **state)
{
    (void)state;
    check_machine m = check_machine_new(NULL);
    uint64_t wake_ns = 0;
    check_submit(&m, check_task(1, 1, 10));
    assert_int_equal(ask(&m, 1, MS(1), &wake_ns), 1);
    submit_to_both_lanes(&m, CHECK_BATCH_ROWS / 2, 1); /* full of rows */
    assert_int_equal(ask(&m, 1, MS(2), &wake_ns), CHECK_BATCH_ROWS);
    submit_to_both_lanes(&m, 1, CHECK_BATCH_TOKENS / 2); /* full of tokens */
    assert_int_equal(ask(&m, 1, MS(3), &wake_ns), 2);
    submit_to_both_lanes(&m, 1, CHECK_BATCH_TOKENS / 2 - 1);
    assert_int_equal(ask(&m, 1, MS(4), &wake_ns), 0);
    assert_int_equal(ask(&m, 0, MS(4), &wake_ns), 2);
    check_drain(&m);
    check_machine_free(&m);
}

static void batch_is_closed_when_many_rows_do_not_fit(void **state)
{
    (void)state;
    for (size_t n = 30; n <= 100; n += 70) {
        check_machine m = check_machine_new(lax);
        wn_task *small = check_task(501, 1, 50);
        check_submit(&m, check_task(500, 1, 600));
        for (size_t i = 0; i < n; i++)
            check_submit(&m, check_task(i % 2 == 0 ? 7 : i, 1, 500));
        check_submit(&m, small);
        check_run(&m);
        assert_int_equal(m.n_rows, n == 30 ? 2 : 1);
        assert_int_equal(check_rows_of(&m, small), n == 30 ? 1 : 0);
        check_drain(&m);
        check_machine_free(&m);
    }
}

/* What does not fit loses neither its turn nor its place: of many keys the first that came, of one
 * key the smallest. */
static void row_that_is_passed_over_keeps_its_place(void **state)
{
    (void)state;
    enum { N = 5 };
    const uint32_t tokens[N] = {600, 500, 450, 100, 440};
    const size_t batch_of[2][N] = {{2, 1, 0, 0, 0}, {0, 1, 1, 0, 2}}; /* of one key; of five */
    for (size_t k = 0; k < 2; k++) {
        check_machine m = check_machine_new(lax);
        wn_task *tasks[N];
        for (size_t i = 0; i < N; i++)
            check_submit(&m, tasks[i] = check_task(k * i, 1, tokens[i]));
        for (size_t n = 0; n < 3; n++) {
            check_run(&m);
            for (size_t i = 0; i < N; i++)
                assert_int_equal(check_rows_of(&m, tasks[i]), batch_of[k][i] == n);
        }
        check_drain(&m);
        check_machine_free(&m);
    }
}

/* For an idle machine and a busy one, new flows and known ones: the same word, the same wait. */
static void what_is_foreseen_is_what_submitting_says(void **state)
{
    (void)state;
    check_machine machine = check_machine_new(NULL);
    unsigned seen[8] = {0};
    for (uint64_t i = 0; i < 60; i++) {
        wn_task *task = check_task(i % 7, 1 + (uint32_t)i, 300);
        uint64_t tokens = 300 * (1 + i), foreseen_ns = 0, wait_ns = 0;
        if (i % 3 == 1)
            task->deadline_ns = machine.now_ns + (1 + i) * 1000000;
        wn_admission foreseen =
            wn_sched_foresee(machine.sched, task, tokens, machine.now_ns, &foreseen_ns);
        wn_admission said = check_try(&machine, task, &wait_ns);
        assert_int_equal(foreseen, said);
        assert_int_equal(foreseen_ns, wait_ns);
        seen[said]++;
        if (said != WN_ADMITTED)
            free(task);
    }
    assert_true(seen[WN_ADMITTED] > 0 && seen[WN_REFUSED_WAIT] > 0 &&
                seen[WN_REFUSED_DEADLINE] > 0);
    check_drain(&machine);
    check_machine_free(&machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_run_from_short_to_long_within_both_budgets),
        cmocka_unit_test(small_task_is_in_the_next_batch_beside_any_large_ones),
        cmocka_unit_test(keys_share_by_weight),
        cmocka_unit_test(bulk_gets_its_percent_of_a_busy_machine),
        cmocka_unit_test(bulk_takes_what_is_left),
        cmocka_unit_test(no_percent_for_bulk_is_none),
        cmocka_unit_test(batch_can_be_full_of_what_bulk_is_owed),
        cmocka_unit_test(cancelled_rows_do_not_run),
        cmocka_unit_test(task_whose_last_rows_run_can_be_cancelled),
        cmocka_unit_test(deadline_ends_a_task_with_or_without_what_is_done),
        cmocka_unit_test(forming_a_batch_leaves_out_what_is_too_late),
        cmocka_unit_test(queue_bound_follows_the_measured_speed),
        cmocka_unit_test(estimates_have_an_end),
        cmocka_unit_test(what_is_foreseen_is_what_submitting_says),
        cmocka_unit_test(batches_at_the_same_time_add_their_speeds),
        cmocka_unit_test(one_key_takes_half_of_the_places_at_most),
        cmocka_unit_test(no_place_is_left_for_a_new_key),
        cmocka_unit_test(batch_that_is_not_full_waits_for_what_is_on_its_way),
        cmocka_unit_test(both_lanes_together_fill_a_batch),
        cmocka_unit_test(batch_is_closed_when_many_rows_do_not_fit),
        cmocka_unit_test(row_that_is_passed_over_keeps_its_place),
    };
    wn_sched_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
