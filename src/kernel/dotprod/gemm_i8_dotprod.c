/* int8 product of the dot product level: a lane of SDOT is four bytes of a row by four of a column.
 * A tile reads sixteen bytes of each row at a time and multiplies by one lane of them, so a panel
 * is groups of four. */
#include "kernel/levels.h"
#include "kernel/neon/i8_neon.h"

enum { GROUP = 4 };

/* a, b += one lane of each x times four k of the panel's columns. */
#define ADD_LANE(lane)                                                                             \
    {                                                                                              \
        const int8_t *at = w + (lane)*GROUP * TILE_COLUMNS;                                        \
        int8x16_t w0 = vld1q_s8(at), w1 = vld1q_s8(at + I8_STEP);                                  \
        _Pragma("GCC unroll 8") for (size_t i = 0; i < count; i++)                                 \
        {                                                                                          \
            a[i] = vdotq_laneq_s32(a[i], w0, x[i], lane);                                          \
            b[i] = vdotq_laneq_s32(b[i], w1, x[i], lane);                                          \
        }                                                                                          \
    }

static inline __attribute__((always_inline)) void tile_i8(float *y, size_t ldy,
                                                          const unsigned char *rows, size_t stride,
                                                          const tile_weights *weights,
                                                          const size_t count)
{
    size_t depth = wn_round_up(weights->k, I8_STEP);
    const int8_t *w = weights->panel, *row = (const int8_t *)rows;
    int32x4_t a[TILE_ROWS], b[TILE_ROWS];
    int8x16_t x[TILE_ROWS];
#pragma GCC unroll 8
    for (size_t i = 0; i < count; i++)
        a[i] = b[i] = vdupq_n_s32(0);
    for (size_t p = 0; p < depth; p += I8_STEP, w += I8_STEP * TILE_COLUMNS) {
#pragma GCC unroll 8
        for (size_t i = 0; i < count; i++)
            x[i] = vld1q_s8(row + i * stride + p);
        ADD_LANE(0)
        ADD_LANE(1)
        ADD_LANE(2)
        ADD_LANE(3)
    }
    store_i8(y, ldy, a, b, rows, stride, weights, depth, count);
}

TILES_UP_TO(8, tile_i8)

static void pack(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_i8(&wn_gemm_i8_dotprod, packed, w, ldw, n, k, GROUP);
}

static void pack_t(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_i8_t(&wn_gemm_i8_dotprod, packed, w, ldw, n, k, GROUP);
}

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    multiply_by(tiles, &wn_gemm_i8_dotprod, y, ldy, rows, stride, packed, bias, m, n, k, act);
}

const wn_gemm wn_gemm_i8_dotprod = {
    .dtype = WN_DTYPE_I8,
    .nr = TILE_COLUMNS,
    .mr = TILE_ROWS,
    .k_step = I8_STEP,
    .limit = WN_I8_LIMIT,
    .column_extra = sizeof(float),
    .pack = pack,
    .pack_t = pack_t,
    .take_rows = take_rows_i8,
    .multiply = multiply,
};
