/* The three measures.  Only ten places count, so the order is never sorted in full: each document
 * is inserted into the ten best seen so far.  The comparison is total, so the outcome is the same
 * on every machine. Source:  Jarvelin & Kekalainen 2002, with the gain 2^grade - 1 of Burges et al.
 * 2005. */
#include "eval/quality.h"

#include <math.h>

#define RECALL_DEPTH 3

const char *wn_metric_name(wn_metric metric)
{
    static const char *const names[WN_METRICS] = {"nDCG@10", "MRR@10", "recall@3"};
    return names[metric];
}

const char *wn_metric_key(wn_metric metric)
{
    static const char *const keys[WN_METRICS] = {"ndcg10", "mrr10", "recall3"};
    return keys[metric];
}

/* Whether document a comes before document b; false for two that are equal. */
static bool comes_before(double score_a, double grade_a, double score_b, double grade_b)
{
    return score_a != score_b ? score_a > score_b : grade_a < grade_b;
}

size_t wn_quality_top(size_t *top, const double *scores, const double *grades, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t place = count;
        while (place > 0 &&
               comes_before(scores[i], grades[i], scores[top[place - 1]], grades[top[place - 1]]))
            place--;
        if (place == WN_QUALITY_DEPTH)
            continue;
        count = WN_MIN(count + 1, (size_t)WN_QUALITY_DEPTH);
        for (size_t j = count - 1; j > place; j--)
            top[j] = top[j - 1];
        top[place] = i;
    }
    return count;
}

static double discounted_gain(const size_t *order, const double *grades, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (exp2(grades[order[i]]) - 1) / log2((double)i + 2);
    return sum;
}

wn_quality wn_quality_of(const double *scores, size_t n_scored, const double *grades, size_t n)
{
    wn_quality quality = {{0}};
    size_t top[WN_QUALITY_DEPTH], best[WN_QUALITY_DEPTH];
    size_t n_top = wn_quality_top(top, scores, grades, n_scored);
    size_t n_best = wn_quality_top(best, grades, grades, n);
    double ideal = discounted_gain(best, grades, n_best);
    if (ideal <= 0)
        return quality;
    size_t n_relevant = 0, n_found = 0, first = n_top;
    for (size_t i = 0; i < n; i++)
        n_relevant += grades[i] > 0;
    for (size_t i = 0; i < WN_MIN(n_top, (size_t)RECALL_DEPTH); i++)
        n_found += grades[top[i]] > 0;
    for (size_t i = n_top; i-- > 0;)
        first = grades[top[i]] > 0 ? i : first;
    quality.value[WN_METRIC_NDCG10] = discounted_gain(top, grades, n_top) / ideal;
    quality.value[WN_METRIC_MRR10] = first < n_top ? 1.0 / (double)(first + 1) : 0.0;
    quality.value[WN_METRIC_RECALL3] =
        (double)n_found / (double)WN_MIN(n_relevant, (size_t)RECALL_DEPTH);
    return quality;
}
