/* The resampler and its generator.  The generator is ours so that intervals are the same on every
 * machine and with every C library.
 * Source:  Efron & Tibshirani 1993, chapter 13; SplitMix64, Steele et al. 2014; range by
 *          multiplication, Lemire 2019, without the rejection: n queries are drawn with a bias of
 * at most n / 2^64. */
#include "eval/bootstrap.h"

#include <math.h>
#include <stdlib.h>

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Uniform in 0..n-1. */
static size_t random_below(uint64_t *state, size_t n)
{
    return (size_t)(((__uint128_t)next_random(state) * n) >> 64);
}

void wn_bootstrap_means(double *means, size_t n_resamples, const double *values, size_t n,
                        uint64_t seed)
{
    uint64_t state = seed;
    for (size_t r = 0; r < n_resamples; r++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += values[random_below(&state, n)];
        means[r] = sum / (double)n;
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, size_t n, double share)
{
    double place = share * (double)(n - 1);
    size_t below = (size_t)floor(place);
    size_t above = WN_MIN(below + 1, n - 1);
    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

wn_estimate wn_bootstrap_estimate(double mean, double *outcomes, size_t n)
{
    qsort(outcomes, n, sizeof *outcomes, compare_doubles);
    return (wn_estimate){mean, percentile(outcomes, n, 0.025), percentile(outcomes, n, 0.975)};
}
