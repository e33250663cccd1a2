/* From logits to relevance and order.  Pure functions.
 * Invariant: the order is decided by the f32 logit; relevance never is NaN and rises with the logit
 * for one query.
 * Thread rule: any. */
#ifndef WN_RANK_SCORE_H
#define WN_RANK_SCORE_H

#include "model/config.h"
#include "winnow.h"

/* What the rule needs to know of the query. */
typedef struct wn_score_query {
    size_t n_vectors; /* query vectors, for WN_SCORE_MEAN */
    double weight;    /* sum of w_i |q_i|, for WN_SCORE_CALIBRATED */
} wn_score_query;

/* The model's own activation of a finite logit. */
double wn_score_relevance(const wn_config *config, float logit, const wn_score_query *query);

/* Sort: scored before not scored, not empty before empty, logit from high to low, index from low
 * to high. */
void wn_score_order(wn_result *results, size_t n);

#endif
