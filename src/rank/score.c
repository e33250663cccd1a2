/* See score.h. */
#include "rank/score.h"

#include <math.h>
#include <stdlib.h>

/* The form that does not overflow for either sign. */
static double sigmoid(double x)
{
    if (x >= 0)
        return 1.0 / (1.0 + exp(-x));
    double e = exp(x);
    return e / (1.0 + e);
}

double wn_score_relevance(const wn_config *config, float logit, const wn_score_query *query)
{
    switch (config->score_rule) {
    case WN_SCORE_SIGMOID:
        return sigmoid((double)logit - config->score_shift);
    case WN_SCORE_CALIBRATED:
        return sigmoid(config->late.calibration_a * (double)logit / fmax(query->weight, 1e-9) +
                       config->late.calibration_b);
    case WN_SCORE_MEAN:
        return (double)logit / (double)WN_MAX(query->n_vectors, (size_t)1);
    case WN_SCORE_IDENTITY:
    case WN_SCORE_COSINE:
        break;
    }
    return logit;
}

static int compare(const void *left, const void *right)
{
    const wn_result *a = left, *b = right;
    if (a->scored != b->scored)
        return a->scored ? -1 : 1;
    if (a->empty != b->empty)
        return a->empty ? 1 : -1;
    if (a->logit != b->logit)
        return a->logit > b->logit ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The comparison is total, because no two results have one index, so qsort's order is fixed. */
void wn_score_order(wn_result *results, size_t n)
{
    if (n > 1)
        qsort(results, n, sizeof *results, compare);
}
