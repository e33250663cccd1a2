/* bf16 product of the bf16 level: BFMMLA multiplies a block of two rows by two columns, of four
 * halves each.  It adds pairs of products in a fixed order, rounds to odd and takes subnormals as
 * zeros.  A row is its halves. */
#include "kernel/levels.h"
#include "kernel/neon/pair_neon.h"

enum { GROUP = 4, STEP = 8 };

static inline bfloat16x4_t narrow(vec v)
{
    return vcvt_bf16_f32(v);
}

static void take_rows(void *rows, size_t stride, const float *x, size_t ldx, const float *factor,
                      size_t m, size_t k)
{
    size_t depth = wn_round_up(k, STEP);
    for (size_t i = 0; i < m; i++, x += ldx) {
        bfloat16_t *row = (bfloat16_t *)(void *)((unsigned char *)rows + i * stride);
        for (size_t p = 0; p < depth; p += LANES) {
            vec v = load_first(x + p, left_of(k, p));
            if (factor != NULL)
                v *= load_first(factor + p, left_of(k, p));
            vst1_bf16(row + p, narrow(v));
        }
    }
}

static void pack(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    bfloat16_t *out = packed;
    size_t depth = wn_round_up(k, STEP);
    for (size_t j0 = 0; j0 < n; j0 += TILE_COLUMNS) {
        for (size_t p = 0; p < depth; p += GROUP) {
            for (size_t j = j0; j < j0 + TILE_COLUMNS; j++, out += GROUP)
                vst1_bf16(out, narrow(load_first(w + j * ldw + p, j < n ? left_of(k, p) : 0)));
        }
    }
}

static void pack_t(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    bfloat16_t *out = packed;
    size_t depth = wn_round_up(k, STEP);
    for (size_t j0 = 0; j0 < n; j0 += TILE_COLUMNS) {
        for (size_t p = 0; p < depth; p += GROUP) {
            for (size_t j = j0; j < j0 + TILE_COLUMNS; j += LANES) {
                vec r[LANES];
                for (size_t i = 0; i < GROUP; i++)
                    r[i] = load_first(w + (p + i) * ldw + j, p + i < k ? left_of(n, j) : 0);
                vec_transpose(r);
                for (size_t i = 0; i < LANES; i++, out += GROUP)
                    vst1_bf16(out, narrow(r[i]));
            }
        }
    }
}

static inline vec row_of_sums(const vec *blocks, bool second)
{
    return vreinterpretq_f32_s64(
        row_of(vreinterpretq_s64_f32(blocks[0]), vreinterpretq_s64_f32(blocks[1]), second));
}

/* sum + a block of rows times one of columns */
static inline vec add_block(vec sum, int8x16_t rows, int8x16_t columns)
{
    return vbfmmlaq_f32(sum, vreinterpretq_bf16_s8(rows), vreinterpretq_bf16_s8(columns));
}

static inline __attribute__((always_inline)) void
tile_bf16(float *y, size_t ldy, const unsigned char *rows, size_t stride,
          const tile_weights *weights, const size_t count)
{
    const size_t pairs = (count + 1) / 2;
    size_t bytes = wn_round_up(weights->k, STEP) * sizeof(bfloat16_t);
    const int8_t *w = weights->panel, *row = (const int8_t *)rows;
    vec block[PAIRS][BLOCKS], start[2];
    int8x16_t low[PAIRS], high[PAIRS];
#pragma GCC unroll 16
    for (size_t i = 0; i < pairs * BLOCKS; i++)
        block[i / BLOCKS][i % BLOCKS] = vec_splat(0.0f);
    for (size_t p = 0; p < bytes; p += PAIR_BYTES, w += PAIR_BYTES * TILE_COLUMNS) {
        load_pairs(low, high, row + p, stride, count);
#pragma GCC unroll 16
        for (size_t i = 0; i < pairs * BLOCKS; i++) {
            vec *sum = &block[i % pairs][i / pairs];
            *sum = add_block(*sum, low[i % pairs], vld1q_s8(w + i / pairs * PAIR_BYTES));
        }
#pragma GCC unroll 16
        for (size_t i = 0; i < pairs * BLOCKS; i++) {
            vec *sum = &block[i % pairs][i / pairs];
            *sum = add_block(*sum, high[i % pairs],
                             vld1q_s8(w + i / pairs * PAIR_BYTES + PAIR_BYTES * BLOCKS));
        }
    }
    load_columns(start, weights->bias, weights->bias != NULL ? weights->n : 0);
#pragma GCC unroll 8
    for (size_t i = 0; i < count; i++)
        store_columns(y + i * ldy, row_of_sums(&block[i / 2][0], i % 2 != 0) + start[0],
                      row_of_sums(&block[i / 2][2], i % 2 != 0) + start[1], weights->n);
}

TILES_UP_TO(8, tile_bf16)

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    multiply_by(tiles, &wn_gemm_bf16_neonbf16, y, ldy, rows, stride, packed, bias, m, n, k, act);
}

const wn_gemm wn_gemm_bf16_neonbf16 = {
    .dtype = WN_DTYPE_BF16,
    .nr = TILE_COLUMNS,
    .mr = TILE_ROWS,
    .k_step = STEP,
    .pack = pack,
    .pack_t = pack_t,
    .take_rows = take_rows,
    .multiply = multiply,
};
