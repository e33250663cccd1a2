/* What softmax is made of in the vector levels, for the rows of the kernel table and for those that
 * a product takes over.  A row is summed in four vectors of partial sums, which are added in one
 * fixed order.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_SHARES_H
#define WN_KERNEL_VEC_SHARES_H

#include "kernel/vec_math.h"

#include <math.h>
#include <string.h>

enum { PARTS = 4, STEP = PARTS * LANES, SHARE_ROWS = 8 };

typedef struct row_sum {
    vec part[PARTS];
} row_sum;

static inline row_sum row_sum_zero(void)
{
    vec zero = vec_splat(0.0f);
    return (row_sum){{zero, zero, zero, zero}};
}

static inline float row_sum_total(const row_sum *s)
{
    return sum_lanes((s->part[0] + s->part[1]) + (s->part[2] + s->part[3]));
}

/* Columns of a row of n from j on. */
static inline size_t left_at(size_t n, size_t j)
{
    return j < n ? n - j : 0;
}

/* The largest. */
static inline float top_of_scores(const float *s, size_t n)
{
    const vec lowest = vec_splat(-INFINITY);
    vec top = lowest, other = lowest;
    size_t j = 0;
    for (; j + 2 * LANES <= n; j += 2 * LANES) {
        top = vec_max(top, load_first(s + j, LANES));
        other = vec_max(other, load_first(s + j + LANES, LANES));
    }
    for (; j < n; j += LANES)
        top = vec_max(top, blend_first(load_first(s + j, n - j), lowest, n - j));
    return max_lanes(vec_max(top, other));
}

/* v = about 2^(factor * (s - top) + lift) of a step of scores, of which left are there, the others
 * 0; added to the sum.  None is more than that of the top, however large the scores are. */
static inline __attribute__((always_inline)) void rough_shares(vec v[PARTS], row_sum *sum,
                                                               const float *s, vec factor, vec top,
                                                               vec lift, const size_t left)
{
#pragma GCC unroll 4
    for (size_t c = 0; c < PARTS; c++) {
        size_t rest = left_at(left, c * LANES);
        vec x = vec_fma(load_first(s + c * LANES, rest) - top, factor, lift);
        v[c] = keep_first(exp2_rough_lanes(x), rest);
        sum->part[c] += v[c];
    }
}

#endif
