/* Kernels of the AVX2 level that work row by row.  A row is summed in four vectors of partial
 * sums, which are added in one fixed order; the last columns are masked, never peeled off, so the
 * order depends on n alone. */
#include "kernel/levels.h"
#include "kernel/avx2/vec_avx2.h"
#include "base/dtype.h"

#include <math.h>
#include <string.h>

enum { PARTS = 4, STEP = PARTS * LANES };

typedef struct sums {
    __m256 part[PARTS];
} sums;

static inline sums sums_zero(void)
{
    __m256 zero = _mm256_setzero_ps();
    return (sums){{zero, zero, zero, zero}};
}

static inline float sums_total(const sums *s)
{
    return sum_lanes(_mm256_add_ps(_mm256_add_ps(s->part[0], s->part[1]),
                                   _mm256_add_ps(s->part[2], s->part[3])));
}

/* Columns of a row of n from j on. */
static inline size_t left_at(size_t n, size_t j)
{
    return j < n ? n - j : 0;
}

/* y = x + residual; returns the mean of y. */
static inline float add_residual(float *y, const float *x, const float *residual, size_t n)
{
    sums s = sums_zero();
    for (size_t j0 = 0; j0 < n; j0 += STEP) {
#pragma GCC unroll 4
        for (size_t c = 0; c < PARTS; c++) {
            size_t j = j0 + c * LANES, left = left_at(n, j);
            __m256 v = load_first(x + j, left);
            if (residual != NULL)
                v = _mm256_add_ps(v, load_first(residual + j, left));
            store_first(y + j, v, left);
            s.part[c] = _mm256_add_ps(s.part[c], v);
        }
    }
    return sums_total(&s) / (float)n;
}

/* Sum of (x - centre)^2 */
static inline float squares_about(const float *x, float centre, size_t n)
{
    const __m256 middle = _mm256_set1_ps(centre);
    sums s = sums_zero();
    for (size_t j0 = 0; j0 < n; j0 += STEP) {
#pragma GCC unroll 4
        for (size_t c = 0; c < PARTS; c++) {
            size_t j = j0 + c * LANES, left = left_at(n, j);
            __m256 v = keep_first(_mm256_sub_ps(load_first(x + j, left), middle), left);
            s.part[c] = _mm256_fmadd_ps(v, v, s.part[c]);
        }
    }
    return sums_total(&s);
}

void wn_norm_f32_avx2(float *y, const float *x, const float *residual, const float *gain,
                      const float *bias, float eps, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, x += n, y += n) {
        float mean = add_residual(y, x, residual, n);
        float scale = 1.0f / sqrtf(squares_about(y, mean, n) / (float)n + eps);
        const __m256 middle = _mm256_set1_ps(mean), s = _mm256_set1_ps(scale);
        for (size_t j = 0; j < n; j += LANES) {
            __m256 v = _mm256_mul_ps(_mm256_sub_ps(load_first(y + j, n - j), middle), s);
            __m256 b = bias != NULL ? load_first(bias + j, n - j) : _mm256_setzero_ps();
            store_first(y + j, _mm256_fmadd_ps(v, load_first(gain + j, n - j), b), n - j);
        }
        residual = residual != NULL ? residual + n : NULL;
    }
}

/* s = scale * s; returns the largest. */
static inline float scale_row(float *s, float scale, size_t n)
{
    const __m256 lowest = _mm256_set1_ps(-INFINITY), factor = _mm256_set1_ps(scale);
    __m256 top[2] = {lowest, lowest};
    for (size_t j0 = 0; j0 < n; j0 += 2 * LANES) {
#pragma GCC unroll 2
        for (size_t c = 0; c < 2; c++) {
            size_t j = j0 + c * LANES, left = left_at(n, j);
            __m256 v = _mm256_mul_ps(load_first(s + j, left), factor);
            store_first(s + j, v, left);
            top[c] = _mm256_max_ps(top[c], blend_first(v, lowest, left));
        }
    }
    return max_lanes(_mm256_max_ps(top[0], top[1]));
}

/* s = e^(s - top); returns the sum. */
static inline float exp_row(float *s, float top, size_t n)
{
    const __m256 highest = _mm256_set1_ps(top);
    sums total = sums_zero();
    for (size_t j0 = 0; j0 < n; j0 += STEP) {
#pragma GCC unroll 4
        for (size_t c = 0; c < PARTS; c++) {
            size_t j = j0 + c * LANES, left = left_at(n, j);
            __m256 v = exp_lanes(_mm256_sub_ps(load_first(s + j, left), highest));
            store_first(s + j, v, left);
            total.part[c] = _mm256_add_ps(total.part[c], keep_first(v, left));
        }
    }
    return sums_total(&total);
}

void wn_softmax_f32_avx2(float *s, size_t ld, float scale, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, s += ld) {
        float top = scale_row(s, scale, n);
        const __m256 share = _mm256_set1_ps(1.0f / exp_row(s, top, n));
        for (size_t j = 0; j < ld; j += LANES)
            store_first(s + j, _mm256_mul_ps(load_first(s + j, left_at(n, j)), share), ld - j);
    }
}

/* The first n of eight stored halves, zeros behind them. */
static inline __m128i load_halves(const unsigned char *p, size_t n)
{
    uint16_t h[LANES] = {0};
    if (n >= LANES)
        return _mm_loadu_si128((const __m128i *)(const void *)p);
    memcpy(h, p, n * sizeof *h);
    return _mm_loadu_si128((const __m128i *)(const void *)h);
}

void wn_add_row_avx2(float *y, const void *row, int dtype, size_t n)
{
    const unsigned char *bytes = row;
    size_t size = wn_dtype_size((wn_dtype)dtype);
    for (size_t j = 0; j < n; j += LANES) {
        const unsigned char *at = bytes + j * size;
        __m256 v;
        if (dtype == WN_DTYPE_F32)
            v = load_first((const float *)(const void *)at, n - j);
        else if (dtype == WN_DTYPE_F16)
            v = _mm256_cvtph_ps(load_halves(at, n - j));
        else
            v = _mm256_castsi256_ps(
                _mm256_slli_epi32(_mm256_cvtepu16_epi32(load_halves(at, n - j)), 16));
        store_first(y + j, _mm256_add_ps(load_first(y + j, n - j), v), n - j);
    }
}

void wn_normalize_f32_avx2(float *y, float *length, const float *x, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, x += n, y += n) {
        float norm = sqrtf(squares_about(x, 0.0f, n));
        const __m256 scale = _mm256_set1_ps(1.0f / WN_MAX(norm, 1e-12f));
        for (size_t j = 0; j < n; j += LANES)
            store_first(y + j, _mm256_mul_ps(load_first(x + j, n - j), scale), n - j);
        if (length != NULL)
            length[i] = norm;
    }
}
