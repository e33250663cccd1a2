/* How good an order is: nDCG@10, MRR@10 and recall@3 of one query.  Values in, values out.
 * Ties count against the system: of equally scored documents the less relevant comes first, so a
 * system that scores everything alike earns as little as it can.
 * Thread rule: any. */
#ifndef WN_EVAL_QUALITY_H
#define WN_EVAL_QUALITY_H

#include "base/defs.h"

typedef enum wn_metric {
    WN_METRIC_NDCG10 = 0, /* discounted gain of the first ten over that of the best order */
    WN_METRIC_MRR10,      /* 1 / place of the first relevant document, 0 beyond the tenth */
    WN_METRIC_RECALL3,    /* relevant documents among the first three, of at most three */
    WN_METRICS
} wn_metric;

#define WN_QUALITY_DEPTH 10 /* places that count */
#define WN_GRADE_MAX     30 /* grades are 0, not relevant, to this */

typedef struct wn_quality {
    double value[WN_METRICS]; /* each 0..1 */
} wn_quality;

/* "nDCG@10", "MRR@10", "recall@3". */
const char *wn_metric_name(wn_metric metric);

/* The same for programs: "ndcg10", "mrr10", "recall3". */
const char *wn_metric_key(wn_metric metric);

/* The first places of the order by score, high to low; equal scores: lower grade first, then lower
 * index.  Returns how many there are, at most WN_QUALITY_DEPTH.
 * Shapes:  top [WN_QUALITY_DEPTH]; scores, grades [n].
 * Needs:   no score is NaN. */
size_t wn_quality_top(size_t *top, const double *scores, const double *grades, size_t n);

/* Measure a query's order by score.  Documents n_scored.. were not returned: they take no place in
 * the order, yet the best order knows them.  All zero when no document is relevant.
 * Shapes:  scores [n_scored], grades [n] of 0..WN_GRADE_MAX, n_scored <= n.
 * Needs:   no score is NaN. */
wn_quality wn_quality_of(const double *scores, size_t n_scored, const double *grades, size_t n);

#endif
