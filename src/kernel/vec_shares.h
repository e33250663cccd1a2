/* What softmax is made of in the vector levels, for the rows of the kernel table and for those that
 * a product takes over.  A row is summed in four vectors of partial sums, which are added in one
 * fixed order.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_SHARES_H
#define WN_KERNEL_VEC_SHARES_H

#include "kernel/vec_math.h"

#include <math.h>
#include <string.h>

enum { PARTS = 4, STEP = PARTS * LANES };

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

/* The largest of scale * s. */
static inline float top_of_scores(const float *s, float scale, size_t n)
{
    const vec lowest = vec_splat(-INFINITY), factor = vec_splat(scale);
    vec top[2] = {lowest, lowest};
    for (size_t j0 = 0; j0 < n; j0 += 2 * LANES) {
#pragma GCC unroll 2
        for (size_t c = 0; c < 2; c++) {
            size_t j = j0 + c * LANES, left = left_at(n, j);
            vec v = load_first(s + j, left) * factor;
            top[c] = vec_max(top[c], blend_first(v, lowest, left));
        }
    }
    return max_lanes(vec_max(top[0], top[1]));
}

/* About 2^(factor * s - shift) of lanes that are there, else 0. */
static inline vec rough_share(const float *s, vec factor, vec shift, size_t left)
{
    return keep_first(exp2_rough_lanes(vec_fms(load_first(s, left), factor, shift)), left);
}

#endif
