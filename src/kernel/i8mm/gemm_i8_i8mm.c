/* int8 product of the int8 matrix level: SMMLA multiplies a block of two rows by two columns, of
 * eight bytes each. */
#include "kernel/levels.h"
#include "kernel/neon/i8_neon.h"
#include "kernel/neon/pair_neon.h"

enum { GROUP = 8 };

static inline int32x4_t row_of_sums(const int32x4_t *blocks, bool second)
{
    return vreinterpretq_s32_s64(
        row_of(vreinterpretq_s64_s32(blocks[0]), vreinterpretq_s64_s32(blocks[1]), second));
}

static inline __attribute__((always_inline)) void tile_i8(float *y, size_t ldy,
                                                          const unsigned char *rows, size_t stride,
                                                          const tile_weights *weights,
                                                          const size_t count)
{
    const size_t pairs = (count + 1) / 2;
    size_t depth = wn_round_up(weights->k, I8_STEP);
    const int8_t *w = weights->panel, *row = (const int8_t *)rows;
    int32x4_t block[PAIRS][BLOCKS], a[TILE_ROWS], b[TILE_ROWS];
    int8x16_t low[PAIRS], high[PAIRS];
#pragma GCC unroll 16
    for (size_t i = 0; i < pairs * BLOCKS; i++)
        block[i / BLOCKS][i % BLOCKS] = vdupq_n_s32(0);
    for (size_t p = 0; p < depth; p += I8_STEP, w += I8_STEP * TILE_COLUMNS) {
        load_pairs(low, high, row + p, stride, count);
#pragma GCC unroll 16
        for (size_t i = 0; i < pairs * BLOCKS; i++) {
            int8x16_t w0 = vld1q_s8(w + i / pairs * PAIR_BYTES);
            int32x4_t *sum = &block[i % pairs][i / pairs];
            *sum = vmmlaq_s32(*sum, low[i % pairs], w0);
        }
#pragma GCC unroll 16
        for (size_t i = 0; i < pairs * BLOCKS; i++) {
            int8x16_t w1 = vld1q_s8(w + i / pairs * PAIR_BYTES + GROUP * TILE_COLUMNS);
            int32x4_t *sum = &block[i % pairs][i / pairs];
            *sum = vmmlaq_s32(*sum, high[i % pairs], w1);
        }
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < count; i++) {
        a[i] = row_of_sums(&block[i / 2][0], i % 2 != 0);
        b[i] = row_of_sums(&block[i / 2][2], i % 2 != 0);
    }
    store_i8(y, ldy, a, b, rows, stride, weights, depth, count);
}

TILES_UP_TO(8, tile_i8)

static void pack(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_i8(&wn_gemm_i8_i8mm, packed, w, ldw, n, k, GROUP);
}

static void pack_t(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_i8_t(&wn_gemm_i8_i8mm, packed, w, ldw, n, k, GROUP);
}

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    multiply_by(tiles, &wn_gemm_i8_i8mm, y, ldy, rows, stride, packed, bias, m, n, k, act);
}

const wn_gemm wn_gemm_i8_i8mm = {
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
