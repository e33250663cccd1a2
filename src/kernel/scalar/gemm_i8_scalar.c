/* The int8 product of the scalar level: the definition of the others, but for what a limit of 63
 * changes (lowp.h).
 * A row is k bytes, then its scale at depth k.  A panel is [k][NR] bytes, then NR scales. */
#include "kernel/levels.h"
#include "kernel/lowp.h"

enum { NR = 8, MR = 4 };

/* The largest magnitude of n values, stride apart; a NaN counts as more than infinity. */
static float top_of(const float *x, size_t stride, const float *factor, size_t n)
{
    uint32_t top = 0;
    for (size_t p = 0; p < n; p++) {
        float v = factor != NULL ? x[p * stride] * factor[p] : x[p * stride];
        uint32_t bits = wn_f32_bits(v) & 0x7FFFFFFFu;
        top = WN_MAX(top, bits);
    }
    float value;
    memcpy(&value, &top, sizeof value);
    return value;
}

static int8_t quantize(float x, float inverse)
{
    return inverse > 0 ? (int8_t)rintf(x * inverse) : 0;
}

/* Element (j, p) of w lies at w[j * row_stride + p * col_stride]. */
static void pack_strided(void *packed, const float *w, size_t row_stride, size_t col_stride,
                         size_t n, size_t k)
{
    for (size_t j = 0; j < n; j++) {
        int8_t *panel = (int8_t *)packed + j / NR * wn_gemm_panel_bytes(&wn_gemm_i8_scalar, k);
        const float *column = w + j * row_stride;
        float top = top_of(column, col_stride, NULL, k), scale = wn_i8_scale(top, WN_I8_LIMIT);
        float inverse = wn_i8_inverse(top, WN_I8_LIMIT);
        if (j % NR == 0)
            memset(panel, 0, wn_gemm_panel_bytes(&wn_gemm_i8_scalar, k));
        for (size_t p = 0; p < k; p++)
            panel[p * NR + j % NR] = quantize(column[p * col_stride], inverse);
        memcpy(panel + k * NR + j % NR * sizeof scale, &scale, sizeof scale);
    }
}

static void pack(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_strided(packed, w, ldw, 1, n, k);
}

static void pack_t(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_strided(packed, w, 1, ldw, n, k);
}

static void take_rows(void *rows, size_t stride, const float *x, size_t ldx, const float *factor,
                      size_t m, size_t k)
{
    for (size_t i = 0; i < m; i++, x += ldx) {
        int8_t *row = (int8_t *)rows + i * stride;
        float top = top_of(x, 1, factor, k), scale = wn_i8_scale(top, WN_I8_LIMIT);
        float inverse = wn_i8_inverse(top, WN_I8_LIMIT);
        for (size_t p = 0; p < k; p++)
            row[p] = quantize(factor != NULL ? x[p] * factor[p] : x[p], inverse);
        memcpy(row + k, &scale, sizeof scale);
    }
}

static int32_t dot(const int8_t *row, const int8_t *column, size_t k)
{
    int32_t sum = 0;
    for (size_t p = 0; p < k; p++)
        sum += row[p] * column[p * NR];
    return sum;
}

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    for (size_t i = 0; i < m; i++, y += ldy) {
        const int8_t *row = (const int8_t *)rows + i * stride;
        float row_scale, scale;
        memcpy(&row_scale, row + k, sizeof row_scale);
        for (size_t j = 0; j < n; j++) {
            const int8_t *panel =
                (const int8_t *)packed + j / NR * wn_gemm_panel_bytes(&wn_gemm_i8_scalar, k);
            memcpy(&scale, panel + k * NR + j % NR * sizeof scale, sizeof scale);
            y[j] = fmaf((float)dot(row, panel + j % NR, k) * scale, row_scale,
                        bias != NULL ? bias[j] : 0.0f);
        }
        wn_act_f32_scalar(y, y, act, n);
    }
}

const wn_gemm wn_gemm_i8_scalar = {
    .dtype = WN_DTYPE_I8,
    .nr = NR,
    .mr = MR,
    .k_step = 1,
    .limit = WN_I8_LIMIT,
    .column_extra = sizeof(float),
    .pack = pack,
    .pack_t = pack_t,
    .take_rows = take_rows,
    .multiply = multiply,
};
