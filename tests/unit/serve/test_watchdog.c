/* When somebody counts as stuck, in virtual time. */
#include "tests/support/check.h"

#include "serve/watchdog.h"

#define LIMIT 30
#define START 1000

static void idle_is_never_stuck(void **state)
{
    (void)state;
    wn_watchdog dog = {0};
    for (uint64_t t = START; t < START + 10 * LIMIT; t += 7)
        assert_false(wn_watchdog_look(&dog, 5, false, LIMIT, t));
}

static void work_that_gets_done_is_not_stuck(void **state)
{
    (void)state;
    wn_watchdog dog = {0};
    for (uint64_t t = START, done = 0; t < START + 10 * LIMIT; t += LIMIT)
        assert_false(wn_watchdog_look(&dog, done++, true, LIMIT, t));
}

static void work_with_nothing_done_is_stuck_behind_the_limit(void **state)
{
    (void)state;
    wn_watchdog dog = {0};
    assert_false(wn_watchdog_look(&dog, 5, true, LIMIT, START));
    assert_false(wn_watchdog_look(&dog, 5, true, LIMIT, START + LIMIT));
    assert_true(wn_watchdog_look(&dog, 5, true, LIMIT, START + LIMIT + 1));
    assert_true(wn_watchdog_look(&dog, 5, true, LIMIT, START + 9 * LIMIT));
}

static void it_counts_from_when_work_came(void **state)
{
    (void)state;
    wn_watchdog dog = {0};
    assert_false(wn_watchdog_look(&dog, 5, false, LIMIT, START));
    assert_false(wn_watchdog_look(&dog, 5, false, LIMIT, START + 100));
    assert_false(wn_watchdog_look(&dog, 5, true, LIMIT, START + 100 + LIMIT));
    assert_true(wn_watchdog_look(&dog, 5, true, LIMIT, START + 101 + LIMIT));
}

static void it_recovers_as_soon_as_something_is_done_or_nothing_left(void **state)
{
    (void)state;
    wn_watchdog dog = {0};
    assert_false(wn_watchdog_look(&dog, 5, true, LIMIT, START));
    assert_true(wn_watchdog_look(&dog, 5, true, LIMIT, START + 2 * LIMIT));
    assert_false(wn_watchdog_look(&dog, 6, true, LIMIT, START + 2 * LIMIT + 1));
    assert_true(wn_watchdog_look(&dog, 6, true, LIMIT, START + 4 * LIMIT));
    assert_false(wn_watchdog_look(&dog, 6, false, LIMIT, START + 4 * LIMIT + 1));
    /* another model under the same name begins at zero */
    assert_false(wn_watchdog_look(&dog, 0, true, LIMIT, START + 5 * LIMIT + 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_is_never_stuck),
        cmocka_unit_test(work_that_gets_done_is_not_stuck),
        cmocka_unit_test(work_with_nothing_done_is_stuck_behind_the_limit),
        cmocka_unit_test(it_counts_from_when_work_came),
        cmocka_unit_test(it_recovers_as_soon_as_something_is_done_or_nothing_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
