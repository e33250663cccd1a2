/* Kernels of the scalar level that work row by row.  Sums are kept in double, so this level's
 * results are within one rounding of the exact ones. */
#include "kernel/levels.h"
#include "base/dtype.h"

#include <math.h>

/* x + residual at j, rounded to f32 as the other levels do. */
static double added(const float *x, const float *residual, size_t j)
{
    return (double)(residual != NULL ? x[j] + residual[j] : x[j]);
}

void wn_norm_f32_scalar(float *y, const float *x, const float *residual, const float *gain,
                        const float *bias, float eps, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++) {
        double sum = 0, squares = 0;
        for (size_t j = 0; j < n; j++)
            sum += added(x, residual, j);
        double mean = sum / (double)n;
        for (size_t j = 0; j < n; j++) {
            double centred = added(x, residual, j) - mean;
            squares += centred * centred;
        }
        double scale = 1 / sqrt(squares / (double)n + (double)eps);
        for (size_t j = 0; j < n; j++) {
            double value = (added(x, residual, j) - mean) * scale * (double)gain[j];
            y[j] = (float)(bias != NULL ? value + (double)bias[j] : value);
        }
        y += n;
        x += n;
        residual = residual != NULL ? residual + n : NULL;
    }
}

void wn_rms_norm_f32_scalar(float *y, const float *x, const float *residual, const float *gain,
                            float eps, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++) {
        double squares = 0;
        for (size_t j = 0; j < n; j++)
            squares += added(x, residual, j) * added(x, residual, j);
        double scale = 1 / sqrt(squares / (double)n + (double)eps);
        for (size_t j = 0; j < n; j++)
            y[j] = (float)(added(x, residual, j) * scale * (double)gain[j]);
        y += n;
        x += n;
        residual = residual != NULL ? residual + n : NULL;
    }
}

void wn_turn_f32_scalar(float *x, size_t ldx, const float *cos, const float *sin, size_t m,
                        size_t half)
{
    for (size_t i = 0; i < m; i++, x += ldx) {
        for (size_t j = 0; j < half; j++) {
            float a = x[j], b = x[half + j];
            x[j] = a * cos[j] - b * sin[j];
            x[half + j] = b * cos[j] + a * sin[j];
        }
    }
}

void wn_alibi_f32_scalar(float *s, size_t ld, float scale, float slope, size_t first, size_t m,
                         size_t n)
{
    for (size_t i = 0; i < m; i++, s += ld) {
        for (size_t j = 0; j < n; j++)
            s[j] = s[j] * scale - slope * fabsf((float)j - (float)(first + i));
    }
}

void wn_add_relative_f32_scalar(float *s, size_t ld, const wn_relative_terms *t, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, s += ld) {
        for (size_t j = 0; j < n; j++) {
            size_t b = (size_t)t->bucket[(ptrdiff_t)j - (ptrdiff_t)i];
            s[j] += t->by_query != NULL ? t->by_query[i * t->ldq + b] : 0.0f;
            s[j] += t->by_key != NULL ? t->by_key[b * t->ldk + j] : 0.0f;
        }
    }
}

void wn_softmax_f32_scalar(float *s, size_t ld, float scale, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, s += ld) {
        float top = -INFINITY;
        for (size_t j = 0; j < n; j++) {
            s[j] *= scale;
            top = s[j] > top ? s[j] : top;
        }
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            s[j] = expf(s[j] - top);
            sum += (double)s[j];
        }
        for (size_t j = 0; j < n; j++)
            s[j] = (float)((double)s[j] / sum);
    }
}

static float apply(float x, wn_act act)
{
    switch (act) {
    case WN_ACT_NONE:
        return x;
    case WN_ACT_GELU:
        return 0.5f * x * (1.0f + erff(x * 0.70710678f));
    case WN_ACT_GELU_TANH:
        return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    case WN_ACT_RELU:
        return x < 0.0f ? 0.0f : x;
    case WN_ACT_SILU:
        return x / (1.0f + expf(-x));
    case WN_ACT_TANH:
        return tanhf(x);
    }
    return x;
}

void wn_act_f32_scalar(float *y, const float *x, wn_act act, size_t n)
{
    for (size_t j = 0; j < n; j++)
        y[j] = apply(x[j], act);
}

void wn_gate_f32_scalar(float *y, const float *gate, const float *up, wn_act act, size_t n)
{
    for (size_t j = 0; j < n; j++)
        y[j] = apply(gate[j], act) * up[j];
}

void wn_add_row_scalar(float *y, const void *row, wn_dtype dtype, size_t n)
{
    enum { CHUNK = 64 };
    float wide[CHUNK];
    size_t size = wn_dtype_size(dtype);
    const unsigned char *bytes = row;
    for (size_t j0 = 0; j0 < n; j0 += CHUNK) {
        size_t count = WN_MIN(n - j0, (size_t)CHUNK);
        wn_dtype_to_f32(wide, bytes + j0 * size, dtype, count);
        for (size_t j = 0; j < count; j++)
            y[j0 + j] += wide[j];
    }
}

void wn_normalize_f32_scalar(float *y, const float *x, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, x += n, y += n) {
        double squares = 0;
        for (size_t j = 0; j < n; j++)
            squares += (double)x[j] * (double)x[j];
        double scale = 1 / WN_MAX(sqrt(squares), 1e-12);
        for (size_t j = 0; j < n; j++)
            y[j] = (float)((double)x[j] * scale);
    }
}

void wn_max_rows_scalar(float *best, const float *x, size_t ldx, const uint8_t *keep, size_t m,
                        size_t n)
{
    for (size_t i = 0; i < m; i++, x += ldx) {
        for (size_t j = 0; j < n && (keep == NULL || keep[i]); j++)
            best[j] = x[j] > best[j] ? x[j] : best[j];
    }
}
