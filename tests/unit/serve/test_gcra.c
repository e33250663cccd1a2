/* The rate limit's arithmetic: what a fresh key gets, when it comes back, and, against a simulation
 * that keeps every charge, that random traffic is judged exactly. */
#include "tests/support/check.h"

#include "serve/gcra.h"

#define MINUTE_NS 60000000000ull
#define START_NS  123456789012345ull

static void a_fresh_key_gets_its_burst_and_not_one_more(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1, 2, 3, 7, 11, 59, 60, 61, 97, 500, 997, 2000, 9973};
    for (size_t i = 0; i < WN_ARRAY_LEN(rates); i++) {
        wn_gcra_policy policy = wn_gcra_policy_make(rates[i], 60);
        wn_gcra own = {0};
        assert_int_equal(policy.burst, rates[i]);
        for (uint64_t k = 0; k < rates[i]; k++) {
            wn_gcra_verdict verdict = wn_gcra_charge(&own, &own, &policy, 1, START_NS);
            assert_true(verdict.allowed);
            assert_int_equal(verdict.remaining, rates[i] - k - 1);
        }
        wn_gcra_verdict over = wn_gcra_charge(&own, &own, &policy, 1, START_NS);
        assert_false(over.allowed);
        assert_int_equal(over.remaining, 0);
        assert_int_equal(over.reset_ns, MINUTE_NS);
        assert_int_equal(over.retry_ns, (MINUTE_NS + rates[i] - 1) / rates[i]);
    }
}

static void a_unit_comes_back_when_retry_says(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        wn_gcra_policy policy = wn_gcra_policy_make(1 + check_random_below(100000), 60);
        uint64_t cost = 1 + check_random_below(policy.burst), now = START_NS;
        wn_gcra own = {0};
        wn_gcra_charge(&own, &own, &policy, policy.burst, now);
        wn_gcra_verdict refused = wn_gcra_charge(&own, &own, &policy, cost, now);
        assert_false(refused.allowed);
        assert_false(wn_gcra_charge(&own, &own, &policy, cost, now + refused.retry_ns - 1).allowed);
        assert_true(wn_gcra_charge(&own, &own, &policy, cost, now + refused.retry_ns).allowed);
    }
}

static void a_burst_is_whole_again_when_reset_says(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        wn_gcra_policy policy = wn_gcra_policy_make(1 + check_random_below(100000), 60);
        wn_gcra own = {0}, at;
        uint64_t cost = 1 + check_random_below(policy.burst);
        wn_gcra_verdict used = wn_gcra_charge(&own, &own, &policy, cost, START_NS);
        assert_true(used.allowed);
        at = own;
        uint64_t full = START_NS + used.reset_ns;
        assert_int_equal(wn_gcra_charge(&at, &own, &policy, 0, full).remaining, policy.burst);
        assert_int_equal(wn_gcra_charge(&at, &own, &policy, 0, full - 1).remaining,
                         policy.burst - 1);
    }
}

static void a_charge_over_the_burst_is_never_allowed(void **state)
{
    (void)state;
    wn_gcra_policy policy = wn_gcra_policy_make(100, 60);
    wn_gcra own = {0};
    wn_gcra_verdict verdict = wn_gcra_charge(&own, &own, &policy, 101, START_NS);
    assert_false(verdict.allowed);
    assert_true(verdict.retry_ns == UINT64_MAX);
    assert_int_equal(verdict.remaining, 100);
    assert_int_equal(verdict.reset_ns, 0);
}

static void a_cost_of_nothing_is_allowed_and_only_tells(void **state)
{
    (void)state;
    wn_gcra_policy policy = wn_gcra_policy_make(10, 60);
    wn_gcra own = {0};
    wn_gcra_charge(&own, &own, &policy, 10, START_NS);
    wn_gcra before = own;
    wn_gcra_verdict verdict = wn_gcra_charge(&own, &own, &policy, 0, START_NS);
    assert_true(verdict.allowed);
    assert_int_equal(verdict.remaining, 0);
    assert_memory_equal(&before, &own, sizeof own);
}

static void bursts_are_seconds_of_the_rate_and_at_least_one(void **state)
{
    (void)state;
    assert_int_equal(wn_gcra_policy_make(600, 10).burst, 100);
    assert_int_equal(wn_gcra_policy_make(1, 10).burst, 1);
    assert_int_equal(wn_gcra_policy_make(1, 0).burst, 1);
    assert_int_equal(wn_gcra_policy_make(WN_GCRA_PER_MINUTE_MAX, WN_GCRA_BURST_S_MAX).burst,
                     1440ull * WN_GCRA_PER_MINUTE_MAX);
}

static void a_refund_undoes_a_charge_and_no_more(void **state)
{
    (void)state;
    wn_gcra_policy policy = wn_gcra_policy_make(600, 60);
    wn_gcra own = {0}, at;
    wn_gcra_charge(&own, &own, &policy, 500, START_NS);
    wn_gcra_refund(&own, &policy, 200, START_NS);
    assert_int_equal(wn_gcra_charge(&at, &own, &policy, 0, START_NS).remaining, 300);
    wn_gcra_refund(&own, &policy, 100000, START_NS);
    assert_int_equal(wn_gcra_charge(&at, &own, &policy, 0, START_NS).remaining, 600);
    wn_gcra_charge(&own, &own, &policy, 10, START_NS);
    wn_gcra_refund(&own, &policy, 10, START_NS + MINUTE_NS);
    wn_gcra_charge(&own, &own, &policy, 600, START_NS + MINUTE_NS);
    assert_false(wn_gcra_charge(&own, &own, &policy, 1, START_NS + MINUTE_NS).allowed);
}

static void the_largest_rates_and_costs_do_not_overflow(void **state)
{
    (void)state;
    uint64_t late = (1ull << 62) - 1;
    wn_gcra_policy fast = wn_gcra_policy_make(WN_GCRA_PER_MINUTE_MAX, WN_GCRA_BURST_S_MAX);
    wn_gcra own = {0};
    wn_gcra_verdict verdict = wn_gcra_charge(&own, &own, &fast, WN_GCRA_COST_MAX, late);
    assert_true(verdict.allowed);
    assert_int_equal(verdict.remaining, fast.burst - WN_GCRA_COST_MAX);
    assert_int_equal(verdict.reset_ns, WN_GCRA_COST_MAX * 60);
    wn_gcra_policy slow = wn_gcra_policy_make(1, WN_GCRA_BURST_S_MAX);
    own = (wn_gcra){0};
    assert_int_equal(slow.burst, 1440);
    verdict = wn_gcra_charge(&own, &own, &slow, 1440, late);
    assert_true(verdict.allowed);
    assert_int_equal(verdict.reset_ns, WN_GCRA_BURST_S_MAX * 1000000000ull);
    verdict = wn_gcra_charge(&own, &own, &slow, WN_GCRA_COST_MAX, late);
    assert_true(verdict.retry_ns == UINT64_MAX);
    wn_gcra_refund(&own, &slow, WN_GCRA_COST_MAX, late);
    assert_int_equal(wn_gcra_charge(&own, &own, &slow, 0, late).remaining, 1440);
}

static void a_clock_that_goes_back_gives_nothing_for_free(void **state)
{
    (void)state;
    wn_gcra_policy policy = wn_gcra_policy_make(10, 60);
    wn_gcra own = {0};
    wn_gcra_charge(&own, &own, &policy, 10, START_NS);
    wn_gcra_verdict verdict = wn_gcra_charge(&own, &own, &policy, 1, START_NS - MINUTE_NS);
    assert_false(verdict.allowed);
    assert_int_equal(verdict.remaining, 0);
    assert_int_equal(verdict.retry_ns, MINUTE_NS + MINUTE_NS / 10);
}

static void a_changed_rate_scales_what_is_owed(void **state)
{
    (void)state;
    wn_gcra_policy slow = wn_gcra_policy_make(7, 60), fast = wn_gcra_policy_make(700, 60);
    wn_gcra own = {0}, at;
    wn_gcra_charge(&own, &own, &slow, 5, START_NS);
    assert_int_equal(wn_gcra_charge(&at, &own, &fast, 0, START_NS).remaining, 200);
    wn_gcra_charge(&own, &own, &fast, 0, START_NS);
    assert_int_equal(wn_gcra_charge(&at, &own, &slow, 0, START_NS).remaining, 2);
    wn_gcra_policy tight = wn_gcra_policy_make(700, 1);
    wn_gcra_verdict verdict = wn_gcra_charge(&at, &own, &tight, 1, START_NS);
    assert_false(verdict.allowed);
    assert_int_equal(verdict.remaining, 0);
    const wn_gcra between = {.full_ns = START_NS, .part = 6}; /* 6/7 of a nanosecond */
    wn_gcra_policy slowest = wn_gcra_policy_make(1, 60), half = wn_gcra_policy_make(2, 60);
    assert_int_equal(wn_gcra_charge(&at, &between, &slow, 0, START_NS - 1).reset_ns, 2);
    assert_int_equal(wn_gcra_charge(&at, &between, &half, 0, START_NS - 1).reset_ns, 2);
    assert_int_equal(wn_gcra_charge(&at, &between, &slowest, 0, START_NS - 1).reset_ns, 1);
}

/* The reference: a bucket in exact fractions, filled by counting.  What it holds is a number of
 * units times MINUTE_NS, so a nanosecond brings per_minute. */
typedef struct bucket {
    __uint128_t holds, capacity;
    uint64_t at_ns;
} bucket;

static bool bucket_take(bucket *b, uint64_t per_minute, uint64_t cost, uint64_t now_ns)
{
    b->holds += (__uint128_t)(now_ns - b->at_ns) * per_minute;
    b->holds = b->holds > b->capacity ? b->capacity : b->holds;
    b->at_ns = now_ns;
    __uint128_t need = (__uint128_t)cost * MINUTE_NS;
    bool allowed = need <= b->holds;
    b->holds -= allowed ? need : 0;
    return allowed;
}

static void random_traffic_is_judged_as_by_a_token_bucket(void **state)
{
    (void)state;
    for (int run = 0; run < 300; run++) {
        uint64_t rate =
            1 + (check_random_bits() % WN_GCRA_PER_MINUTE_MAX >> check_random_below(30));
        wn_gcra_policy policy = wn_gcra_policy_make(rate, (uint32_t)check_random_below(200));
        wn_gcra own = {0};
        bucket b = {(__uint128_t)policy.burst * MINUTE_NS, (__uint128_t)policy.burst * MINUTE_NS,
                    START_NS};
        uint64_t now = START_NS;
        for (int i = 0; i < 200; i++) {
            uint64_t cost = check_random_below(2 + (policy.burst >> check_random_below(8)));
            now += check_random_bits() % (1 + (MINUTE_NS >> check_random_below(36)));
            wn_gcra_verdict verdict = wn_gcra_charge(&own, &own, &policy, cost, now);
            if (verdict.allowed != bucket_take(&b, rate, cost, now) ||
                verdict.remaining != (uint64_t)(b.holds / MINUTE_NS))
                fail_msg("run %d, charge %d of %llu: allowed %d, remaining %llu, expected %llu",
                         run, i, (unsigned long long)cost, verdict.allowed,
                         (unsigned long long)verdict.remaining,
                         (unsigned long long)(b.holds / MINUTE_NS));
        }
    }
}

/* What the promise to users says: in any minute at most a minute's rate and one burst. */
static void no_minute_sees_more_than_rate_and_burst(void **state)
{
    (void)state;
    enum { N = 3000 };
    static uint64_t times[N], costs[N];
    for (int run = 0; run < 20; run++) {
        wn_gcra_policy policy = wn_gcra_policy_make(10 + check_random_below(300), 60);
        wn_gcra own = {0};
        uint64_t now = START_NS, sum = 0;
        for (int i = 0, first = 0; i < N; i++) {
            now += check_random_below(300000000);
            times[i] = now;
            costs[i] = 1 + check_random_below(3);
            if (!wn_gcra_charge(&own, &own, &policy, costs[i], now).allowed)
                costs[i] = 0;
            for (sum += costs[i]; times[first] + MINUTE_NS < now; first++)
                sum -= costs[first];
            assert_in_range(sum, 0, policy.per_minute + policy.burst);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_key_gets_its_burst_and_not_one_more),
        cmocka_unit_test(a_unit_comes_back_when_retry_says),
        cmocka_unit_test(a_burst_is_whole_again_when_reset_says),
        cmocka_unit_test(a_charge_over_the_burst_is_never_allowed),
        cmocka_unit_test(a_cost_of_nothing_is_allowed_and_only_tells),
        cmocka_unit_test(bursts_are_seconds_of_the_rate_and_at_least_one),
        cmocka_unit_test(a_refund_undoes_a_charge_and_no_more),
        cmocka_unit_test(the_largest_rates_and_costs_do_not_overflow),
        cmocka_unit_test(a_clock_that_goes_back_gives_nothing_for_free),
        cmocka_unit_test(a_changed_rate_scales_what_is_owed),
        cmocka_unit_test(random_traffic_is_judged_as_by_a_token_bucket),
        cmocka_unit_test(no_minute_sees_more_than_rate_and_burst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
