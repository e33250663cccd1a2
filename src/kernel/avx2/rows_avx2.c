/* Kernels of the AVX2 level that work row by row.  A row's sums run lane by lane over the row and
 * end in one fixed tree, so they depend on the row's length alone.  Activations that only heads use
 * (tanh) and rare ones are the scalar level's. */
#include "base/dtype.h"
#include "kernel/levels.h"
#include "kernel/avx2/vec_avx2.h"

#include <math.h>

/* z = x + residual, or x, at j. */
static inline __m256 load_sum(const float *x, const float *residual, size_t j)
{
    __m256 v = _mm256_loadu_ps(x + j);
    return residual != NULL ? _mm256_add_ps(v, _mm256_loadu_ps(residual + j)) : v;
}

static inline __m256 load_sum_tail(const float *x, const float *residual, size_t j, wn_tail tail)
{
    __m256 v = load_tail(x + j, tail);
    return residual != NULL ? _mm256_add_ps(v, load_tail(residual + j, tail)) : v;
}

static float mean_of(const float *x, const float *residual, size_t n)
{
    __m256 sum = _mm256_setzero_ps();
    size_t j = 0;
    for (; j + LANES <= n; j += LANES)
        sum = _mm256_add_ps(sum, load_sum(x, residual, j));
    if (j < n)
        sum = _mm256_add_ps(sum, load_sum_tail(x, residual, j, tail_of(n - j)));
    return sum_lanes(sum) / (float)n;
}

static float variance_of(const float *x, const float *residual, float mean, size_t n)
{
    __m256 sum = _mm256_setzero_ps(), m = _mm256_set1_ps(mean);
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        __m256 c = _mm256_sub_ps(load_sum(x, residual, j), m);
        sum = _mm256_fmadd_ps(c, c, sum);
    }
    if (j < n) {
        wn_tail tail = tail_of(n - j);
        __m256 c = keep_tail(_mm256_sub_ps(load_sum_tail(x, residual, j, tail), m), tail);
        sum = _mm256_fmadd_ps(c, c, sum);
    }
    return sum_lanes(sum) / (float)n;
}

void wn_norm_f32_avx2(float *y, const float *x, const float *residual, const float *gain,
                      const float *bias, float eps, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, y += n, x += n) {
        float mean = mean_of(x, residual, n);
        float scale = 1.0f / sqrtf(variance_of(x, residual, mean, n) + eps);
        __m256 centre = _mm256_set1_ps(mean), s = _mm256_set1_ps(scale);
        size_t j = 0;
        for (; j + LANES <= n; j += LANES) {
            __m256 v = _mm256_mul_ps(_mm256_sub_ps(load_sum(x, residual, j), centre), s);
            __m256 g = _mm256_loadu_ps(gain + j);
            __m256 b = bias != NULL ? _mm256_loadu_ps(bias + j) : _mm256_setzero_ps();
            _mm256_storeu_ps(y + j, _mm256_fmadd_ps(v, g, b));
        }
        if (j < n) {
            wn_tail tail = tail_of(n - j);
            __m256 v = _mm256_mul_ps(_mm256_sub_ps(load_sum_tail(x, residual, j, tail), centre), s);
            __m256 b = bias != NULL ? load_tail(bias + j, tail) : _mm256_setzero_ps();
            store_tail(y + j, _mm256_fmadd_ps(v, load_tail(gain + j, tail), b), tail);
        }
        residual = residual != NULL ? residual + n : NULL;
    }
}

/* Largest of scale * s[j]; scale may be negative. */
static float top_of(const float *s, float scale, size_t n)
{
    __m256 top = _mm256_set1_ps(-INFINITY), c = _mm256_set1_ps(scale);
    float rest = -INFINITY;
    size_t j = 0;
    for (; j + LANES <= n; j += LANES)
        top = _mm256_max_ps(top, _mm256_mul_ps(_mm256_loadu_ps(s + j), c));
    for (; j < n; j++)
        rest = WN_MAX(rest, s[j] * scale);
    float all = max_lanes(top);
    return WN_MAX(all, rest);
}

void wn_softmax_f32_avx2(float *s, size_t ld, float scale, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, s += ld) {
        __m256 top = _mm256_set1_ps(top_of(s, scale, n)), c = _mm256_set1_ps(scale);
        __m256 sum = _mm256_setzero_ps();
        size_t j = 0;
        for (; j + LANES <= n; j += LANES) {
            __m256 e = exp_lanes(_mm256_sub_ps(_mm256_mul_ps(_mm256_loadu_ps(s + j), c), top));
            _mm256_storeu_ps(s + j, e);
            sum = _mm256_add_ps(sum, e);
        }
        if (j < n) {
            wn_tail tail = tail_of(n - j);
            __m256 e = exp_lanes(_mm256_sub_ps(_mm256_mul_ps(load_tail(s + j, tail), c), top));
            store_tail(s + j, e, tail);
            sum = _mm256_add_ps(sum, keep_tail(e, tail));
        }
        float inverse = 1.0f / sum_lanes(sum);
        for (j = 0; j < n; j++)
            s[j] *= inverse;
        for (; j < ld; j++)
            s[j] = 0.0f;
    }
}

void wn_act_f32_avx2(float *y, const float *x, wn_act act, size_t n)
{
    size_t j = 0;
    if (act == WN_ACT_GELU) {
        for (; j + LANES <= n; j += LANES)
            _mm256_storeu_ps(y + j, gelu_lanes(_mm256_loadu_ps(x + j)));
        if (j < n) {
            wn_tail tail = tail_of(n - j);
            store_tail(y + j, gelu_lanes(load_tail(x + j, tail)), tail);
        }
    } else {
        wn_act_f32_scalar(y, x, act, n);
    }
}

void wn_add_row_avx2(float *y, const void *row, int dtype, size_t n)
{
    const unsigned char *bytes = row;
    size_t j = 0, size = wn_dtype_size((wn_dtype)dtype);
    for (; j + LANES <= n; j += LANES) {
        __m256 v;
        if (dtype == WN_DTYPE_F32) {
            v = _mm256_loadu_ps((const float *)(const void *)(bytes + 4 * j));
        } else if (dtype == WN_DTYPE_F16) {
            v = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(bytes + 2 * j)));
        } else {
            v = _mm256_castsi256_ps(
                _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(
                                      (const __m128i *)(const void *)(bytes + 2 * j))),
                                  16));
        }
        _mm256_storeu_ps(y + j, _mm256_add_ps(_mm256_loadu_ps(y + j), v));
    }
    if (j < n)
        wn_add_row_scalar(y + j, bytes + j * size, dtype, n - j);
}

void wn_normalize_f32_avx2(float *y, float *length, const float *x, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, x += n, y += n) {
        __m256 sum = _mm256_setzero_ps();
        size_t j = 0;
        for (; j + LANES <= n; j += LANES) {
            __m256 v = _mm256_loadu_ps(x + j);
            sum = _mm256_fmadd_ps(v, v, sum);
        }
        if (j < n) {
            __m256 v = load_tail(x + j, tail_of(n - j));
            sum = _mm256_fmadd_ps(v, v, sum);
        }
        float norm = sqrtf(sum_lanes(sum)), scale = 1.0f / WN_MAX(norm, 1e-12f);
        for (j = 0; j < n; j++)
            y[j] = x[j] * scale;
        if (length != NULL)
            length[i] = norm;
    }
}
