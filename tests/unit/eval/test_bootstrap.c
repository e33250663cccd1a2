/* Resampling: known intervals, the same ones every time, pairs that stay pairs. */
#include "tests/support/check.h"

#include "eval/bootstrap.h"

#include <math.h>

#define N_RESAMPLES 4000

static double means[N_RESAMPLES], other[N_RESAMPLES];

static void percentiles_lie_between_their_neighbours(void **state)
{
    (void)state;
    double outcomes[41]; /* 0..40, shuffled: 2.5% lies at 1, 97.5% at 39 */
    for (size_t i = 0; i < 41; i++)
        outcomes[i] = (double)(i * 7 % 41);
    wn_estimate e = wn_bootstrap_estimate(12, outcomes, 41);
    assert_near(e.mean, 12, 0);
    assert_near(e.low, 1, 1e-12);
    assert_near(e.high, 39, 1e-12);
    double two[] = {8, 4};
    e = wn_bootstrap_estimate(6, two, 2);
    assert_near(e.low, 4.1, 1e-12);
    assert_near(e.high, 7.9, 1e-12);
    double one[] = {3};
    e = wn_bootstrap_estimate(3, one, 1);
    assert_near(e.low, 3, 0);
    assert_near(e.high, 3, 0);
}

static void equal_values_leave_no_doubt(void **state)
{
    (void)state;
    const double values[] = {0.25, 0.25, 0.25};
    wn_bootstrap_means(means, N_RESAMPLES, values, 3, 1);
    wn_estimate e = wn_bootstrap_estimate(0.25, means, N_RESAMPLES);
    assert_near(e.low, 0.25, 0);
    assert_near(e.high, 0.25, 0);
}

/* The mean of 400 coin tosses has a standard error of 0.025, so 95% lie within 0.049 of a half. */
static void interval_has_the_width_of_the_normal_law(void **state)
{
    (void)state;
    double values[400];
    for (size_t i = 0; i < 400; i++)
        values[i] = (double)(i % 2);
    for (uint64_t seed = 0; seed < 10; seed++) {
        wn_bootstrap_means(means, N_RESAMPLES, values, 400, seed);
        double sum = 0;
        for (size_t r = 0; r < N_RESAMPLES; r++)
            sum += means[r];
        assert_near(sum / N_RESAMPLES, 0.5, 0.0025);
        wn_estimate e = wn_bootstrap_estimate(0.5, means, N_RESAMPLES);
        assert_near(e.low, 0.451, 0.004);
        assert_near(e.high, 0.549, 0.004);
    }
}

/* A resample of three leaves a given value out with a chance of (2/3)^3. */
static void every_value_is_drawn_with_replacement(void **state)
{
    (void)state;
    const double values[] = {1, 100, 10000};
    size_t without[3] = {0};
    wn_bootstrap_means(means, N_RESAMPLES, values, 3, 5);
    for (size_t r = 0; r < N_RESAMPLES; r++) {
        long sum = lround(means[r] * 3);
        without[0] += sum % 100 == 0;
        without[1] += sum / 100 % 100 == 0;
        without[2] += sum / 10000 == 0;
    }
    for (size_t i = 0; i < 3; i++)
        assert_near((double)without[i] / N_RESAMPLES, 8.0 / 27, 0.03);
}

static void same_seed_gives_the_same_pairs(void **state)
{
    (void)state;
    double a[50], b[50];
    for (size_t i = 0; i < 50; i++) {
        a[i] = (double)(i * 31 % 50);
        b[i] = a[i] + 3;
    }
    wn_bootstrap_means(means, N_RESAMPLES, a, 50, 9);
    wn_bootstrap_means(other, N_RESAMPLES, b, 50, 9);
    for (size_t r = 0; r < N_RESAMPLES; r++)
        assert_near(other[r] - means[r], 3, 1e-12);
    wn_bootstrap_means(other, N_RESAMPLES, a, 50, 10);
    assert_true(memcmp(means, other, sizeof means) != 0);
}

/* SplitMix64 started at 0 gives 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f, ...; in
 * quarters of the range that is 3, 1, 0, 3 and 0, 1, 0, 3. */
static void generator_is_the_published_one(void **state)
{
    (void)state;
    const double values[] = {0, 1, 4, 9};
    wn_bootstrap_means(means, 2, values, 4, 0);
    assert_near(means[0], (9 + 1 + 0 + 9) / 4.0, 0);
    assert_near(means[1], (0 + 1 + 0 + 9) / 4.0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_lie_between_their_neighbours),
        cmocka_unit_test(equal_values_leave_no_doubt),
        cmocka_unit_test(interval_has_the_width_of_the_normal_law),
        cmocka_unit_test(every_value_is_drawn_with_replacement),
        cmocka_unit_test(same_seed_gives_the_same_pairs),
        cmocka_unit_test(generator_is_the_published_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
