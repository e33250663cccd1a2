/* f32 product of the Neon level.  A tile reads four columns of x at a time and multiplies by one
 * lane of them (FMLA by element), which spares the instructions that would spread an element over a
 * vector: they run on the pipes of the multiply-adds.  Each element is the one chain over k of the
 * scalar level. */
#include "kernel/levels.h"
#include "kernel/neon/tile_neon.h"
#include "kernel/vec_gemm.h"

_Static_assert((int)NR == (int)TILE_COLUMNS, "packing is that of vec_gemm.h");

static inline const float *row_at(const unsigned char *rows, size_t stride, size_t i)
{
    return (const float *)(const void *)(rows + i * stride);
}

/* a, b += one lane of each x times the two vectors of a panel's row. */
#define ADD_LANE(lane)                                                                             \
    {                                                                                              \
        vec w0 = vld1q_f32(w + (lane)*NR), w1 = vld1q_f32(w + (lane)*NR + LANES);                  \
        _Pragma("GCC unroll 8") for (size_t i = 0; i < count; i++)                                 \
        {                                                                                          \
            a[i] = vfmaq_laneq_f32(a[i], w0, x[i], lane);                                          \
            b[i] = vfmaq_laneq_f32(b[i], w1, x[i], lane);                                          \
        }                                                                                          \
    }

static inline __attribute__((always_inline)) void
tile_lanes(float *y, size_t ldy, const unsigned char *rows, size_t stride,
           const tile_weights *weights, const size_t count)
{
    const float *w = weights->panel, *bias = weights->bias;
    size_t k = weights->k;
    vec a[TILE_ROWS], b[TILE_ROWS], x[TILE_ROWS];
#pragma GCC unroll 8
    for (size_t i = 0; i < count; i++)
        a[i] = b[i] = vec_splat(0.0f);
    size_t p = 0;
    for (; p + LANES <= k; p += LANES, w += LANES * NR) {
#pragma GCC unroll 8
        for (size_t i = 0; i < count; i++)
            x[i] = vld1q_f32(row_at(rows, stride, i) + p);
        ADD_LANE(0)
        ADD_LANE(1)
        ADD_LANE(2)
        ADD_LANE(3)
    }
    for (; p < k; p++, w += NR) {
#pragma GCC unroll 8
        for (size_t i = 0; i < count; i++)
            x[i] = vec_splat(row_at(rows, stride, i)[p]);
        ADD_LANE(0)
    }
    vec start[2];
    load_columns(start, bias, bias != NULL ? weights->n : 0);
#pragma GCC unroll 8
    for (size_t i = 0; i < count; i++) {
        if (bias != NULL) {
            a[i] += start[0];
            b[i] += start[1];
        }
        store_columns(y + i * ldy, a[i], b[i], weights->n);
    }
}

TILES_UP_TO(8, tile_lanes)

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    multiply_by(tiles, &wn_gemm_f32_neon, y, ldy, rows, stride, packed, bias, m, n, k, act);
}

const wn_gemm wn_gemm_f32_neon = {
    .dtype = WN_DTYPE_F32,
    .nr = NR,
    .mr = TILE_ROWS,
    .k_step = 1,
    .pack = pack_f32,
    .pack_t = pack_f32_t,
    .take_rows = wn_take_rows_f32_scalar,
    .multiply = multiply,
};
