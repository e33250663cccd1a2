/* Fair turns: shares by weight, newcomers first, nobody starved. */
#include "tests/support/check.h"

#include "serve/fair.h"

enum { QUANTUM = 100, ROW = 7 };

static uint64_t served[8];

/* Serve once; which of the entries it was. */
static size_t serve(wn_fair *fair, const wn_fair_entry *entries, uint32_t cost)
{
    wn_fair_entry *turn = wn_fair_next(fair);
    assert_non_null(turn);
    size_t i = (size_t)(turn - entries);
    wn_fair_charge(fair, turn, cost);
    served[i] += cost;
    return i;
}

static void nobody_waits_for_nobody(void **state)
{
    (void)state;
    wn_fair fair;
    wn_fair_entry entry = {.weight = 1};
    wn_fair_init(&fair, QUANTUM);
    assert_null(wn_fair_next(&fair));
    wn_fair_join(&fair, &entry);
    for (size_t i = 0; i < 100; i++)
        serve(&fair, &entry, ROW);
    assert_ptr_equal(wn_fair_next(&fair), &entry);
    wn_fair_leave(&fair, &entry);
    assert_null(wn_fair_next(&fair));
}

static void shares_follow_the_weights_within_two_quanta(void **state)
{
    (void)state;
    wn_fair fair;
    wn_fair_entry e[3] = {{.weight = 1}, {.weight = 3}, {.weight = WN_FAIR_WEIGHT_MAX}};
    wn_fair_init(&fair, QUANTUM);
    memset(served, 0, sizeof served);
    for (size_t i = 0; i < 3; i++)
        wn_fair_join(&fair, &e[i]);
    for (size_t n = 0; n < 200000; n++) {
        serve(&fair, e, ROW);
        for (size_t i = 0; i < 3; i++) {
            for (size_t j = 0; j < 3; j++) {
                double lead = (double)served[i] / e[i].weight - (double)served[j] / e[j].weight;
                if (lead > (double)(QUANTUM + ROW) / e[i].weight + QUANTUM + ROW)
                    fail_msg("after %zu: %zu leads %zu by %f", n, i, j, lead);
            }
        }
    }
    assert_true(served[0] > 500 && served[1] > 2 * served[0] && served[2] > 300 * served[1]);
}

static void newcomer_goes_first_for_a_quantum_and_pays_for_it(void **state)
{
    (void)state;
    wn_fair fair;
    wn_fair_entry e[4] = {{.weight = 1}, {.weight = 1}, {.weight = 1}, {.weight = 1}};
    wn_fair_init(&fair, QUANTUM);
    memset(served, 0, sizeof served);
    for (size_t i = 0; i < 3; i++)
        wn_fair_join(&fair, &e[i]);
    for (size_t n = 0; n < 1000; n++)
        serve(&fair, e, ROW);
    wn_fair_join(&fair, &e[3]);
    uint64_t before = served[0] + served[1] + served[2];
    while (served[3] < QUANTUM)
        assert_int_equal(serve(&fair, e, ROW), 3);
    while (serve(&fair, e, ROW) != 3)
        ;
    /* the others have caught up before its next turn */
    assert_true(served[0] + served[1] + served[2] - before >= 2 * QUANTUM);
}

static void staying_away_for_a_moment_gains_nothing(void **state)
{
    (void)state;
    wn_fair fair;
    wn_fair_entry e[2] = {{.weight = 1}, {.weight = 1}};
    wn_fair_init(&fair, QUANTUM);
    wn_fair_join(&fair, &e[0]);
    for (size_t n = 0; n < 50; n++)
        serve(&fair, e, ROW);
    memset(served, 0, sizeof served);
    wn_fair_join(&fair, &e[1]);
    for (size_t n = 0; n < 2000; n++) { /* it leaves after each row and comes at once */
        if (serve(&fair, e, ROW) == 1) {
            wn_fair_leave(&fair, &e[1]);
            wn_fair_join(&fair, &e[1]);
        }
    }
    assert_true(served[1] <= served[0] + 2 * (QUANTUM + ROW));
}

static void one_that_takes_less_than_its_share_is_always_first(void **state)
{
    (void)state;
    wn_fair fair;
    wn_fair_entry e[2] = {{.weight = 1}, {.weight = 1}};
    wn_fair_init(&fair, QUANTUM);
    wn_fair_join(&fair, &e[0]);
    while (wn_fair_next(&fair)->is_new) /* a newcomer itself, for a quantum */
        serve(&fair, e, ROW);
    for (size_t n = 0; n < 500; n++) {
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(serve(&fair, e, ROW), 0);
        wn_fair_join(&fair, &e[1]);
        assert_int_equal(serve(&fair, e, ROW), 1);
        wn_fair_leave(&fair, &e[1]);
    }
}

static void stream_of_newcomers_leaves_a_quarter_to_the_others(void **state)
{
    (void)state;
    wn_fair fair;
    wn_fair_entry old = {.weight = 1};
    wn_fair_init(&fair, QUANTUM);
    wn_fair_join(&fair, &old);
    for (size_t n = 0; n < 50; n++)
        wn_fair_charge(&fair, &old, ROW);
    uint64_t for_old = 0, for_new = 0, gap = 0;
    for (size_t n = 0; n < 5000; n++) { /* there is always another newcomer */
        wn_fair_entry newcomer = {.weight = 1};
        wn_fair_join(&fair, &newcomer);
        wn_fair_entry *turn = wn_fair_next(&fair);
        wn_fair_charge(&fair, turn, ROW);
        wn_fair_leave(&fair, &newcomer);
        for_old += turn == &old ? ROW : 0;
        for_new += turn == &old ? 0 : ROW;
        gap = turn == &old ? 0 : gap + ROW;
        assert_true(gap <= QUANTUM + 4 * ROW);
    }
    assert_true(4 * for_old + QUANTUM >= for_old + for_new);
    assert_true(for_new > 2 * for_old);
}

static void account_is_settled_when_nobody_waits(void **state)
{
    (void)state;
    wn_fair fair;
    wn_fair_entry e[2] = {{.weight = 1}, {.weight = 1}};
    wn_fair_init(&fair, QUANTUM);
    wn_fair_join(&fair, &e[0]);
    for (size_t n = 0; n < 1000; n++)
        serve(&fair, e, ROW);
    wn_fair_leave(&fair, &e[0]);
    /* what e[0] took while it was alone costs it nothing now */
    wn_fair_join(&fair, &e[0]);
    wn_fair_join(&fair, &e[1]);
    memset(served, 0, sizeof served);
    for (size_t n = 0; n < 1000; n++)
        serve(&fair, e, ROW);
    assert_true(served[0] + 2 * QUANTUM > served[1] && served[1] + 2 * QUANTUM > served[0]);
}

static void entry_that_is_passed_over_keeps_its_place(void **state)
{
    (void)state;
    wn_fair fair;
    wn_fair_entry e[6], *order[6];
    wn_fair_init(&fair, QUANTUM);
    for (size_t i = 0; i < 6; i++) { /* three are newcomers no more */
        e[i] = (wn_fair_entry){.weight = 1};
        wn_fair_join(&fair, &e[i]);
        if (i < 3)
            wn_fair_charge(&fair, &e[i], QUANTUM);
    }
    for (size_t i = 0; i < 6; i++) {
        order[i] = wn_fair_next(&fair);
        wn_fair_skip(&fair, order[i]);
    }
    assert_null(wn_fair_next(&fair));
    for (size_t i = 6; i-- > 0;)
        wn_fair_restore(&fair, order[i]);
    for (size_t i = 0; i < 6; i++) {
        assert_ptr_equal(wn_fair_next(&fair), order[i]);
        wn_fair_leave(&fair, order[i]);
    }
}

/* Passing over those who wait does not make them newcomers' equals. */
static void lead_of_newcomers_is_kept_while_others_are_passed_over(void **state)
{
    (void)state;
    wn_fair fair;
    wn_fair_entry old = {.weight = 1};
    wn_fair_init(&fair, QUANTUM);
    wn_fair_join(&fair, &old);
    wn_fair_charge(&fair, &old, QUANTUM);
    for (size_t n = 0; n <= QUANTUM / ROW; n++) {
        wn_fair_entry newcomer = {.weight = 1};
        wn_fair_join(&fair, &newcomer);
        assert_ptr_equal(wn_fair_next(&fair), &newcomer);
        wn_fair_skip(&fair, &old);
        wn_fair_charge(&fair, &newcomer, ROW);
        wn_fair_restore(&fair, &old);
        wn_fair_leave(&fair, &newcomer);
    }
    wn_fair_entry last = {.weight = 1};
    wn_fair_join(&fair, &last);
    assert_ptr_equal(wn_fair_next(&fair), &old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_waits_for_nobody),
        cmocka_unit_test(shares_follow_the_weights_within_two_quanta),
        cmocka_unit_test(newcomer_goes_first_for_a_quantum_and_pays_for_it),
        cmocka_unit_test(staying_away_for_a_moment_gains_nothing),
        cmocka_unit_test(one_that_takes_less_than_its_share_is_always_first),
        cmocka_unit_test(stream_of_newcomers_leaves_a_quarter_to_the_others),
        cmocka_unit_test(account_is_settled_when_nobody_waits),
        cmocka_unit_test(entry_that_is_passed_over_keeps_its_place),
        cmocka_unit_test(lead_of_newcomers_is_kept_while_others_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
