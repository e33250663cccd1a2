/* The limiter: charges of both rates at once, refunds, requests at the same time, and what happens
 * when there is no room. */
#include "tests/support/check.h"

#include "base/thread.h"
#include "serve/limiter.h"

#define SECOND_NS 1000000000ull
#define START_NS  (1000 * SECOND_NS)

static const wn_limits limits = {.per_minute = {60, 6000}, .burst_s = 60, .concurrency = 2};
static const wn_limits no_limits = {.burst_s = 60};

static wn_limiter *make(size_t n_keys)
{
    wn_error err = {0};
    wn_limiter *limiter = NULL;
    assert_ok(wn_limiter_new_memory(&limiter, n_keys, &err), &err);
    return limiter;
}

static wn_decision charge(wn_limiter *limiter, uint64_t key, uint64_t requests, uint64_t tokens,
                          uint64_t now_ns)
{
    wn_decision decision;
    wn_cost cost = {{requests, tokens}};
    wn_limiter_charge(limiter, &decision, key, &limits, &cost, now_ns);
    return decision;
}

static void both_rates_are_charged_or_neither(void **state)
{
    (void)state;
    wn_limiter *limiter = make(64);
    wn_decision d = charge(limiter, 1, 1, 6000, START_NS);
    assert_true(d.allowed);
    assert_int_equal(d.of[WN_RATE_REQUESTS].remaining, 59);
    assert_int_equal(d.of[WN_RATE_TOKENS].remaining, 0);
    d = charge(limiter, 1, 1, 100, START_NS);
    assert_false(d.allowed);
    assert_int_equal(d.violated, WN_RATE_TOKENS);
    assert_int_equal(d.of[WN_RATE_TOKENS].retry_ns, SECOND_NS);
    assert_int_equal(d.of[WN_RATE_REQUESTS].remaining, 59);
    assert_int_equal(d.of[WN_RATE_REQUESTS].retry_ns, 0);
    assert_int_equal(charge(limiter, 1, 0, 0, START_NS).of[WN_RATE_REQUESTS].remaining, 59);
    d = charge(limiter, 2, 61, 1, START_NS);
    assert_false(d.allowed);
    assert_int_equal(d.violated, WN_RATE_REQUESTS);
    assert_int_equal(d.of[WN_RATE_TOKENS].remaining, 6000);
    wn_limiter_free(limiter);
}

static void the_rate_that_makes_wait_longest_is_named(void **state)
{
    (void)state;
    wn_limiter *limiter = make(64);
    assert_true(charge(limiter, 1, 60, 6000, START_NS).allowed);
    wn_decision d = charge(limiter, 1, 1, 200, START_NS);
    assert_int_equal(d.violated, WN_RATE_TOKENS);
    d = charge(limiter, 1, 2, 100, START_NS);
    assert_int_equal(d.violated, WN_RATE_REQUESTS);
    d = charge(limiter, 1, 2, 6001, START_NS);
    assert_int_equal(d.violated, WN_RATE_TOKENS);
    assert_true(d.of[WN_RATE_TOKENS].retry_ns == UINT64_MAX);
    wn_limiter_free(limiter);
}

static void a_standing_names_limit_and_burst(void **state)
{
    (void)state;
    wn_limiter *limiter = make(64);
    wn_limits short_burst = {.per_minute = {600, 0}, .burst_s = 10};
    wn_decision d;
    wn_limiter_charge(limiter, &d, 1, &short_burst, &(wn_cost){{1, 50}}, START_NS);
    assert_true(d.allowed);
    assert_int_equal(d.of[WN_RATE_REQUESTS].per_minute, 600);
    assert_int_equal(d.of[WN_RATE_REQUESTS].burst, 100);
    assert_int_equal(d.of[WN_RATE_REQUESTS].remaining, 99);
    assert_int_equal(d.of[WN_RATE_REQUESTS].reset_ns, SECOND_NS / 10);
    assert_int_equal(d.of[WN_RATE_TOKENS].per_minute, 0);
    assert_int_equal(d.of[WN_RATE_TOKENS].burst, 0);
    wn_limiter_free(limiter);
}

static void keys_do_not_share_anything(void **state)
{
    (void)state;
    wn_limiter *limiter = make(WN_LIMITER_KEYS);
    for (uint64_t key = 1; key <= 1000; key++)
        assert_int_equal(charge(limiter, key, 1, key, START_NS).of[WN_RATE_TOKENS].remaining,
                         6000 - key);
    for (uint64_t key = 1; key <= 1000; key++)
        assert_int_equal(charge(limiter, key, 0, 0, START_NS).of[WN_RATE_TOKENS].remaining,
                         6000 - key);
    wn_limiter_free(limiter);
}

static void a_refund_gives_back(void **state)
{
    (void)state;
    wn_limiter *limiter = make(64);
    wn_cost cost = {{0, 2000}};
    charge(limiter, 1, 1, 6000, START_NS);
    wn_limiter_refund(limiter, 1, &limits, &cost, START_NS);
    wn_decision d = charge(limiter, 1, 0, 0, START_NS);
    assert_int_equal(d.of[WN_RATE_TOKENS].remaining, 2000);
    assert_int_equal(d.of[WN_RATE_REQUESTS].remaining, 59);
    wn_limiter_refund(limiter, 2, &limits, &cost, START_NS);
    assert_int_equal(charge(limiter, 2, 0, 0, START_NS).of[WN_RATE_TOKENS].remaining, 6000);
    wn_limiter_refund(limiter, 1, &no_limits, &cost, START_NS);
    assert_int_equal(charge(limiter, 1, 0, 0, START_NS).of[WN_RATE_TOKENS].remaining, 2000);
    wn_limiter_free(limiter);
}

static void requests_at_the_same_time_are_limited(void **state)
{
    (void)state;
    wn_limiter *limiter = make(64);
    assert_true(wn_limiter_enter(limiter, 1, &limits));
    assert_true(wn_limiter_enter(limiter, 1, &limits));
    assert_false(wn_limiter_enter(limiter, 1, &limits));
    assert_true(wn_limiter_enter(limiter, 2, &limits));
    wn_limiter_leave(limiter, 1);
    assert_true(wn_limiter_enter(limiter, 1, &limits));
    assert_false(wn_limiter_enter(limiter, 1, &limits));
    assert_true(wn_limiter_enter(limiter, 1, &no_limits));
    wn_limiter_free(limiter);
}

static void leaving_more_often_than_entering_does_nothing(void **state)
{
    (void)state;
    wn_limiter *limiter = make(64);
    wn_limiter_leave(limiter, 1);
    assert_true(wn_limiter_enter(limiter, 1, &limits));
    wn_limiter_leave(limiter, 1);
    wn_limiter_leave(limiter, 1);
    assert_true(wn_limiter_enter(limiter, 1, &limits));
    assert_true(wn_limiter_enter(limiter, 1, &limits));
    assert_false(wn_limiter_enter(limiter, 1, &limits));
    wn_limiter_free(limiter);
}

static void without_limits_everything_is_allowed_and_takes_no_room(void **state)
{
    (void)state;
    wn_limiter *limiter = make(16);
    wn_decision d;
    charge(limiter, 1, 60, 6000, START_NS);
    for (uint64_t key = 2; key < 1000; key++) {
        wn_limiter_charge(limiter, &d, key, &no_limits, &(wn_cost){{1, WN_GCRA_COST_MAX}},
                          START_NS);
        assert_true(d.allowed);
        assert_int_equal(d.of[WN_RATE_TOKENS].per_minute, 0);
    }
    assert_false(charge(limiter, 1, 1, 1, START_NS).allowed);
    wn_limiter_free(limiter);
}

/* 16 keys is the smallest room, and all of it is one place. */
static void who_owes_for_the_shortest_time_makes_room(void **state)
{
    (void)state;
    wn_limiter *limiter = make(1);
    for (uint64_t key = 1; key <= 16; key++)
        charge(limiter, key, 1, key == 7 ? 100 : 1000 + key, START_NS);
    charge(limiter, 17, 1, 5000, START_NS);
    for (uint64_t key = 1; key <= 16; key++)
        assert_int_equal(charge(limiter, key, 0, 0, START_NS).of[WN_RATE_TOKENS].remaining,
                         key == 7 ? 6000 : 5000 - key);
    assert_int_equal(charge(limiter, 17, 0, 0, START_NS).of[WN_RATE_TOKENS].remaining, 1000);
    wn_limiter_free(limiter);
}

static void who_owes_nothing_makes_room_for_all(void **state)
{
    (void)state;
    wn_limiter *limiter = make(16);
    for (uint64_t round = 0; round < 50; round++)
        for (uint64_t key = 1; key <= 16; key++) {
            uint64_t now = START_NS + round * 61 * SECOND_NS;
            assert_true(charge(limiter, round * 100 + key, 60, 6000, now).allowed);
            assert_false(charge(limiter, round * 100 + key, 1, 1, now).allowed);
        }
    wn_limiter_free(limiter);
}

static void a_request_inside_keeps_its_room(void **state)
{
    (void)state;
    wn_limiter *limiter = make(16);
    assert_true(wn_limiter_enter(limiter, 1, &limits));
    assert_true(wn_limiter_enter(limiter, 1, &limits));
    for (uint64_t key = 2; key <= 100; key++)
        charge(limiter, key, 1, 1, START_NS);
    assert_false(wn_limiter_enter(limiter, 1, &limits));
    wn_limiter_free(limiter);
}

static void a_refused_charge_takes_no_room(void **state)
{
    (void)state;
    wn_limiter *limiter = make(16);
    for (uint64_t key = 1; key <= 16; key++)
        charge(limiter, key, 60, 1, START_NS);
    for (uint64_t key = 17; key <= 100; key++)
        assert_false(charge(limiter, key, 61, 1, START_NS).allowed);
    for (uint64_t key = 1; key <= 16; key++)
        assert_false(charge(limiter, key, 1, 1, START_NS).allowed);
    wn_limiter_free(limiter);
}

enum { N_THREADS = 4, N_CHARGES = 5000 };

typedef struct worker {
    wn_limiter *limiter;
    uint64_t n_allowed, n_inside_max;
} worker;

static void charge_often(void *arg)
{
    worker *own = arg;
    wn_limits many = {.per_minute = {N_CHARGES, 0}, .burst_s = 60, .concurrency = 2};
    for (int i = 0; i < N_CHARGES; i++) {
        wn_decision d;
        wn_limiter_charge(own->limiter, &d, 5, &many, &(wn_cost){{1, 0}}, START_NS);
        own->n_allowed += d.allowed ? 1 : 0;
        if (wn_limiter_enter(own->limiter, 6, &many))
            wn_limiter_leave(own->limiter, 6);
    }
}

static void threads_together_get_no_more_than_one_alone(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_limiter *limiter = make(64);
    worker workers[N_THREADS];
    wn_thread *threads[N_THREADS];
    uint64_t n_allowed = 0;
    for (int i = 0; i < N_THREADS; i++) {
        workers[i] = (worker){.limiter = limiter};
        assert_ok(wn_thread_start(&threads[i], "charge", charge_often, &workers[i], &err), &err);
    }
    for (int i = 0; i < N_THREADS; i++) {
        wn_thread_join(threads[i]);
        n_allowed += workers[i].n_allowed;
    }
    assert_int_equal(n_allowed, N_CHARGES);
    wn_limits one = {.burst_s = 60, .concurrency = 1};
    assert_true(wn_limiter_enter(limiter, 6, &one));
    wn_limiter_free(limiter);
    wn_limiter_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_rates_are_charged_or_neither),
        cmocka_unit_test(the_rate_that_makes_wait_longest_is_named),
        cmocka_unit_test(a_standing_names_limit_and_burst),
        cmocka_unit_test(keys_do_not_share_anything),
        cmocka_unit_test(a_refund_gives_back),
        cmocka_unit_test(requests_at_the_same_time_are_limited),
        cmocka_unit_test(leaving_more_often_than_entering_does_nothing),
        cmocka_unit_test(without_limits_everything_is_allowed_and_takes_no_room),
        cmocka_unit_test(who_owes_for_the_shortest_time_makes_room),
        cmocka_unit_test(who_owes_nothing_makes_room_for_all),
        cmocka_unit_test(a_request_inside_keeps_its_room),
        cmocka_unit_test(a_refused_charge_takes_no_room),
        cmocka_unit_test(threads_together_get_no_more_than_one_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
