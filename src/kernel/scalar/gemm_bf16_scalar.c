/* The bf16 product of the scalar level: the f32 one on rounded rows and weights, which tells what
 * the others are near to. A row is k halves; a panel is [k][NR] halves. */
#include "kernel/levels.h"
#include "kernel/lowp.h"

enum { NR = 8, MR = 4 };

/* Element (j, p) of w lies at w[j * row_stride + p * col_stride]. */
static void pack_strided(void *packed, const float *w, size_t row_stride, size_t col_stride,
                         size_t n, size_t k)
{
    uint16_t *out = packed;
    for (size_t j0 = 0; j0 < n; j0 += NR) {
        for (size_t p = 0; p < k; p++) {
            for (size_t j = j0; j < j0 + NR; j++)
                *out++ = j < n ? wn_bf16_round(w[j * row_stride + p * col_stride]) : 0;
        }
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
        uint16_t *row = (uint16_t *)(void *)((unsigned char *)rows + i * stride);
        for (size_t p = 0; p < k; p++)
            row[p] = wn_bf16_round(factor != NULL ? x[p] * factor[p] : x[p]);
    }
}

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    for (size_t i = 0; i < m; i++, y += ldy) {
        const uint16_t *row =
            (const uint16_t *)(const void *)((const unsigned char *)rows + i * stride);
        for (size_t j = 0; j < n; j++) {
            const uint16_t *column = (const uint16_t *)packed + j / NR * NR * k + j % NR;
            float sum = 0;
            for (size_t p = 0; p < k; p++)
                sum = fmaf(wn_bf16_widen(row[p]), wn_bf16_widen(column[p * NR]), sum);
            y[j] = bias != NULL ? sum + bias[j] : sum;
        }
        wn_act_f32_scalar(y, y, act, n);
    }
}

const wn_gemm wn_gemm_bf16_scalar = {
    .dtype = WN_DTYPE_BF16,
    .nr = NR,
    .mr = MR,
    .k_step = 1,
    .pack = pack,
    .pack_t = pack_t,
    .take_rows = take_rows,
    .multiply = multiply,
};
