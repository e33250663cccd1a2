/* How sure a mean is: the percentile bootstrap over queries.  A resample draws as many queries as
 * there are, with replacement; its mean is one possible outcome.  Resamples depend on the seed and
 * the number of queries alone, so two systems measured on the same queries with the same seed are
 * resampled in pairs and the differences of their means are outcomes of the difference.
 * Thread rule: any. */
#ifndef WN_EVAL_BOOTSTRAP_H
#define WN_EVAL_BOOTSTRAP_H

#include "base/defs.h"

#define WN_BOOTSTRAP_RESAMPLES 2000

typedef struct wn_estimate {
    double mean;
    double low, high; /* 95% of the outcomes lie between */
} wn_estimate;

/* The mean of each resample.
 * Shapes:  means [n_resamples], values [n], n >= 1. */
void wn_bootstrap_means(double *means, size_t n_resamples, const double *values, size_t n,
                        uint64_t seed);

/* The given mean with the 2.5th and 97.5th percentile of the outcomes, interpolated between
 * neighbours.
 * Shapes:  outcomes [n], n >= 1; sorted in place. */
wn_estimate wn_bootstrap_estimate(double mean, double *outcomes, size_t n);

#endif
