/* Row kernels of the vector levels: the members of the kernel table with these names.  The last
 * columns are masked, never peeled off, so that the order of a sum depends on n alone.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_ROWS_H
#define WN_KERNEL_VEC_ROWS_H

#include "base/dtype.h"
#include "kernel/kernel.h"
#include "kernel/vec_shares.h"

#include <math.h>

/* y = x + residual, or x alone (residual NULL), which is not stored, for a step of which left are
 * there; added to the sum. */
static inline __attribute__((always_inline)) void
add_step(float *y, const float *x, const float *residual, row_sum *sum, const size_t left)
{
#pragma GCC unroll 4
    for (size_t c = 0; c < PARTS; c++) {
        size_t at = c * LANES, rest = left_at(left, at);
        vec v = load_first(x + at, rest);
        if (residual != NULL) {
            v += load_first(residual + at, rest);
            store_first(y + at, v, rest);
        }
        sum->part[c] += v;
    }
}

/* y = x + residual; returns the mean of y. */
static inline float add_residual(float *y, const float *x, const float *residual, size_t n)
{
    row_sum sum = row_sum_zero();
    size_t j = 0;
    for (; j + STEP <= n; j += STEP)
        add_step(y + j, x + j, residual + j, &sum, STEP);
    if (j < n)
        add_step(y + j, x + j, residual + j, &sum, n - j);
    return row_sum_total(&sum) / (float)n;
}

static inline float mean_of(const float *x, size_t n)
{
    row_sum sum = row_sum_zero();
    size_t j = 0;
    for (; j + STEP <= n; j += STEP)
        add_step(NULL, x + j, NULL, &sum, STEP);
    if (j < n)
        add_step(NULL, x + j, NULL, &sum, n - j);
    return row_sum_total(&sum) / (float)n;
}

/* (x - middle)^2 of a step of which left are there, added to the sum. */
static inline __attribute__((always_inline)) void square_step(const float *x, vec middle,
                                                              row_sum *sum, const size_t left)
{
#pragma GCC unroll 4
    for (size_t c = 0; c < PARTS; c++) {
        size_t rest = left_at(left, c * LANES);
        vec v = keep_first(load_first(x + c * LANES, rest) - middle, rest);
        sum->part[c] = vec_fma(v, v, sum->part[c]);
    }
}

/* Sum of (x - centre)^2 */
static inline float squares_about(const float *x, float centre, size_t n)
{
    const vec middle = vec_splat(centre);
    row_sum sum = row_sum_zero();
    size_t j = 0;
    for (; j + STEP <= n; j += STEP)
        square_step(x + j, middle, &sum, STEP);
    if (j < n)
        square_step(x + j, middle, &sum, n - j);
    return row_sum_total(&sum);
}

/* y = (x - middle) * scale * gain + bias (NULL: none) for one vector of which left are there. */
static inline __attribute__((always_inline)) void norm_lanes(float *y, const float *x, vec middle,
                                                             vec scale, const float *gain,
                                                             const float *bias, const size_t left)
{
    vec v = (load_first(x, left) - middle) * scale;
    vec b = bias != NULL ? load_first(bias, left) : vec_splat(0.0f);
    store_first(y, vec_fma(v, load_first(gain, left), b), left);
}

static inline void norm_row(float *y, const float *x, float mean, float variance, const float *gain,
                            const float *bias, float eps, size_t n)
{
    const vec middle = vec_splat(mean), scale = vec_splat(1.0f / sqrtf(variance + eps));
    size_t j = 0;
    for (; j + LANES <= n; j += LANES)
        norm_lanes(y + j, x + j, middle, scale, gain + j, bias != NULL ? bias + j : NULL, LANES);
    if (j < n)
        norm_lanes(y + j, x + j, middle, scale, gain + j, bias != NULL ? bias + j : NULL, n - j);
}

/* Ask for a row that is read soon. */
static inline void ask_for_row(const float *x, size_t n)
{
    for (size_t j = 0; j < n; j += WN_ALIGN / sizeof *x)
        __builtin_prefetch(x + j);
}

/* A few rows at a time: while one waits for its sum, the next ones are added up, and while these
 * are in the first-level cache, the next few come. */
static inline void norm_f32(float *y, const float *x, const float *residual, const float *gain,
                            const float *bias, float eps, size_t m, size_t n)
{
    enum { ROWS = 4 };
    float mean[ROWS], variance[ROWS];
    for (size_t few; m > 0; m -= few, x += few * n, y += few * n) {
        const float *z = residual != NULL ? y : x;
        few = WN_MIN(m, (size_t)ROWS);
        for (size_t i = 0; i < few; i++)
            mean[i] = residual != NULL ? add_residual(y + i * n, x + i * n, residual + i * n, n)
                                       : mean_of(x + i * n, n);
        for (size_t i = 0; i < few; i++) {
            if (few + i < m)
                ask_for_row(x + (few + i) * n, n);
            variance[i] = squares_about(z + i * n, mean[i], n) / (float)n;
        }
        for (size_t i = 0; i < few; i++)
            norm_row(y + i * n, z + i * n, mean[i], variance[i], gain, bias, eps, n);
        residual = residual != NULL ? residual + few * n : NULL;
    }
}

static inline void rms_norm_f32(float *y, const float *x, const float *residual, const float *gain,
                                float eps, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, x += n, y += n) {
        const float *z = x;
        if (residual != NULL) {
            add_residual(y, x, residual, n);
            z = y;
            residual += n;
        }
        const vec scale = vec_splat(1.0f / sqrtf(squares_about(z, 0.0f, n) / (float)n + eps));
        for (size_t j = 0; j < n; j += LANES)
            store_first(y + j, load_first(z + j, n - j) * scale * load_first(gain + j, n - j),
                        n - j);
    }
}

static inline void turn_f32(float *x, size_t ldx, const float *cos, const float *sin, size_t m,
                            size_t half)
{
    for (size_t i = 0; i < m; i++, x += ldx) {
        for (size_t j = 0; j < half; j += LANES) {
            const vec c = load_first(cos + j, half - j), s = load_first(sin + j, half - j);
            vec a = load_first(x + j, half - j), b = load_first(x + half + j, half - j);
            store_first(x + j, vec_fnma(b, s, a * c), half - j);
            store_first(x + half + j, vec_fma(a, s, b * c), half - j);
        }
    }
}

/* 0, 1, 2, ... */
static inline vec count_lanes(void)
{
    float lane[LANES];
    for (int32_t i = 0; i < LANES; i++)
        lane[i] = (float)i;
    return load_first(lane, LANES);
}

static inline void alibi_f32(float *s, size_t ld, float scale, float slope, size_t first, size_t m,
                             size_t n)
{
    const vec factor = vec_splat(scale), fall = vec_splat(slope), lane = count_lanes();
    for (size_t i = 0; i < m; i++, s += ld) {
        for (size_t j = 0; j < n; j += LANES) {
            vec away = vec_size(lane + vec_splat((float)j - (float)(first + i)));
            store_first(s + j, vec_fnma(away, fall, load_first(s + j, n - j) * factor), n - j);
        }
    }
}

static inline void add_relative_f32(float *s, size_t ld, const wn_relative_terms *t, size_t m,
                                    size_t n)
{
    const int32_t ldk = (int32_t)t->ldk;
    for (size_t i = 0; i < m; i++, s += ld) {
        const int32_t *bucket = t->bucket - i;
        for (size_t j = 0; j < n; j += LANES) {
            size_t left = n - j;
            vec v = load_first(s + j, left);
            if (t->by_query != NULL)
                v += gather_first(t->by_query + i * t->ldq, bucket + j, 1, 0, left);
            if (t->by_key != NULL)
                v += gather_first(t->by_key + j, bucket + j, ldk, 1, left);
            store_first(s + j, v, left);
        }
    }
}

/* s = e^(factor * s - top) of a step of which left are there; added to the sum. */
static inline __attribute__((always_inline)) void exp_step(float *s, row_sum *sum, vec factor,
                                                           vec top, const size_t left)
{
#pragma GCC unroll 4
    for (size_t c = 0; c < PARTS; c++) {
        size_t rest = left_at(left, c * LANES);
        vec v = exp_lanes(vec_fms(load_first(s + c * LANES, rest), factor, top));
        store_first(s + c * LANES, v, rest);
        sum->part[c] += keep_first(v, rest);
    }
}

/* s = e^(scale * s - top); returns the sum. */
static inline float exp_row(float *s, float scale, float top, size_t n)
{
    const vec factor = vec_splat(scale), highest = vec_splat(top);
    row_sum sum = row_sum_zero();
    size_t j = 0;
    for (; j + STEP <= n; j += STEP)
        exp_step(s + j, &sum, factor, highest, STEP);
    if (j < n)
        exp_step(s + j, &sum, factor, highest, n - j);
    return row_sum_total(&sum);
}

static inline void softmax_f32(float *s, size_t ld, float scale, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, s += ld) {
        float top = scale * top_of_scores(s, n);
        const vec share = vec_splat(1.0f / exp_row(s, scale, top, n));
        for (size_t j = 0; j < n; j += LANES)
            store_first(s + j, load_first(s + j, n - j) * share, n - j);
    }
}

static inline void add_row(float *y, const void *row, wn_dtype dtype, size_t n)
{
    const unsigned char *bytes = row;
    size_t size = wn_dtype_size(dtype);
    for (size_t j = 0; j < n; j += LANES) {
        const unsigned char *at = bytes + j * size;
        vec v;
        if (dtype == WN_DTYPE_F32)
            v = load_first((const float *)(const void *)at, n - j);
        else if (dtype == WN_DTYPE_F16)
            v = load_first_f16(at, n - j);
        else
            v = load_first_bf16(at, n - j);
        store_first(y + j, load_first(y + j, n - j) + v, n - j);
    }
}

static inline void normalize_f32(float *y, const float *x, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, x += n, y += n) {
        float norm = sqrtf(squares_about(x, 0.0f, n));
        const vec scale = vec_splat(1.0f / WN_MAX(norm, 1e-12f));
        for (size_t j = 0; j < n; j += LANES)
            store_first(y + j, load_first(x + j, n - j) * scale, n - j);
    }
}

/* A vector of columns at a time, so that their maxima stay in a register. */
static inline void max_rows(float *best, const float *x, size_t ldx, const uint8_t *keep, size_t m,
                            size_t n)
{
    for (size_t j = 0; j < n; j += LANES) {
        vec top = load_first(best + j, n - j);
        for (size_t i = 0; i < m; i++) {
            if (keep == NULL || keep[i])
                top = vec_max(load_first(x + i * ldx + j, n - j), top);
        }
        store_first(best + j, top, n - j);
    }
}

#endif
