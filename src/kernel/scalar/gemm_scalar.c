/* Matrix product of the scalar level and its packing.
 * Each element is one chain of fused multiply-adds over k in rising order that starts from 0: the
 * order that every level keeps, so that all levels give the same bits.  fmaf() is exact on every
 * machine; where the processor has the instruction, libm uses it. */
#include "kernel/levels.h"

#include <math.h>
#include <string.h>

enum { NR = 8, MR = 4 };

static void pack(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    float *out = packed;
    for (size_t j0 = 0; j0 < n; j0 += NR) {
        for (size_t p = 0; p < k; p++) {
            for (size_t j = j0; j < j0 + NR; j++)
                *out++ = j < n ? w[j * ldw + p] : 0.0f;
        }
    }
}

static void pack_t(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    float *out = packed;
    for (size_t j0 = 0; j0 < n; j0 += NR) {
        for (size_t p = 0; p < k; p++) {
            for (size_t j = j0; j < j0 + NR; j++)
                *out++ = j < n ? w[p * ldw + j] : 0.0f;
        }
    }
}

/* acc = the first m rows of x times one panel of w. */
static void multiply_tile(float acc[MR][NR], const float *x, size_t ldx, const float *w, size_t m,
                          size_t k)
{
    memset(acc, 0, sizeof(float[MR][NR]));
    for (size_t p = 0; p < k; p++) {
        for (size_t i = 0; i < m; i++) {
            for (size_t j = 0; j < NR; j++)
                acc[i][j] = fmaf(x[i * ldx + p], w[p * NR + j], acc[i][j]);
        }
    }
}

void wn_take_rows_f32_scalar(void *rows, size_t stride, const float *x, size_t ldx,
                             const float *factor, size_t m, size_t k)
{
    for (size_t i = 0; i < m; i++, x += ldx) {
        float *row = (float *)(void *)((unsigned char *)rows + i * stride);
        memcpy(row, x, k * sizeof *x);
        for (size_t p = 0; factor != NULL && p < k; p++)
            row[p] *= factor[p];
    }
}

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    const float *x = rows, *w = packed;
    size_t ldx = stride / sizeof(float);
    for (size_t i0 = 0; i0 < m; i0 += MR) {
        size_t n_rows = WN_MIN(m - i0, (size_t)MR);
        for (size_t j0 = 0; j0 < n; j0 += NR) {
            size_t cols = WN_MIN(n - j0, (size_t)NR);
            float acc[MR][NR];
            multiply_tile(acc, x + i0 * ldx, ldx, w + j0 * k, n_rows, k);
            for (size_t i = 0; i < n_rows; i++) {
                float *out = y + (i0 + i) * ldy + j0;
                for (size_t j = 0; j < cols; j++)
                    out[j] = bias != NULL ? acc[i][j] + bias[j0 + j] : acc[i][j];
                wn_act_f32_scalar(out, out, act, cols);
            }
        }
    }
}

const wn_gemm wn_gemm_f32_scalar = {
    .dtype = WN_DTYPE_F32,
    .nr = NR,
    .mr = MR,
    .k_step = 1,
    .pack = pack,
    .pack_t = pack_t,
    .take_rows = wn_take_rows_f32_scalar,
    .multiply = multiply,
};
