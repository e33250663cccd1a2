/* The int8 product of the vector levels: a tile is a few rows by two vectors of columns, whose sums
 * stay in registers while k runs once.  Sums of whole numbers are exact, so their order is free;
 * what follows them is the scalar level's arithmetic.  How many rows a tile has is a level's own
 * choice, in gemm_i8_LEVEL.c.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_GEMM_I8_H
#define WN_KERNEL_VEC_GEMM_I8_H

#include "kernel/vec_act.h"
#include "kernel/vec_pack_i8.h"

enum {
    ROWS_MAX = 16,
    PREFETCH = LANES >= 16 /* whether a tile stores more cache lines than the core takes at once */
};
_Static_assert(I8_LIMIT == 127 || (I8_LIMIT + OFFSET) * 2 * WN_I8_LIMIT <= INT16_MAX,
               "sums of pairs must not saturate");

/* y = sums * the column's scale * the row's + bias for the rows of a tile, n columns of it. */
static inline __attribute__((always_inline)) void
store_sums(float *y, size_t ldy, const ivec *sums, const uint8_t *row_scale, size_t stride,
           const float *scale, const float *bias, size_t n, const size_t m)
{
    const vec s = load_first(scale, LANES);
    const vec b = bias != NULL ? load_first(bias, n) : vec_splat(0.0f);
#pragma GCC unroll 16
    for (size_t i = 0; i < m; i++) {
        float r;
        memcpy(&r, row_scale + i * stride, sizeof r);
        store_first(y + i * ldy, vec_fma(vec_of_sums(sums[i]) * s, vec_splat(r), b), n);
    }
}

/* m rows by n columns, n <= vecs * LANES; m and vecs are constants of each instance. */
static inline __attribute__((always_inline)) void
multiply_tile(float *y, size_t ldy, const uint8_t *rows, size_t stride, const uint8_t *panel,
              const float *bias, size_t n, size_t depth, const size_t m, const size_t vecs)
{
    const columns *c = (const columns *)(const void *)(panel + NR * depth);
    ivec a[ROWS_MAX], b[ROWS_MAX], start0 = ivec_load(c->start),
                                   start1 = ivec_load(c->start + LANES);
#pragma GCC unroll 16
    for (size_t i = 0; i < m; i++) {
        a[i] = start0;
        b[i] = start1;
        if (PREFETCH)
            __builtin_prefetch(y + i * ldy, 1);
        if (PREFETCH && vecs > 1)
            __builtin_prefetch(y + i * ldy + LANES, 1);
    }
    for (size_t p = 0; p < depth; p += K_STEP, panel += K_STEP * NR) {
        ivec w0 = ivec_load(panel), w1 = vecs > 1 ? ivec_load(panel + K_BLOCK) : w0;
#pragma GCC unroll 16
        for (size_t i = 0; i < m; i++) {
            int32_t four;
            memcpy(&four, rows + i * stride + p, sizeof four);
            ivec x = ivec_splat(four);
            a[i] = ivec_dot(a[i], x, w0);
            if (vecs > 1)
                b[i] = ivec_dot(b[i], x, w1);
        }
    }
    store_sums(y, ldy, a, rows + depth, stride, c->scale, bias, n, m);
    if (vecs > 1)
        store_sums(y + LANES, ldy, b, rows + depth, stride, c->scale + LANES,
                   bias != NULL ? bias + LANES : NULL, n - LANES, m);
}

typedef void tile_fn(float *y, size_t ldy, const uint8_t *rows, size_t stride, const uint8_t *panel,
                     const float *bias, size_t n, size_t depth);

/* The tiles of so many rows, one vector and two vectors wide; their names for a table. */
#define TILE(m, vecs)                                                                              \
    static void tile_##m##_##vecs(float *y, size_t ldy, const uint8_t *rows, size_t stride,        \
                                  const uint8_t *panel, const float *bias, size_t n, size_t depth) \
    {                                                                                              \
        multiply_tile(y, ldy, rows, stride, panel, bias, n, depth, m, vecs);                       \
    }
#define TILES(m) TILE(m, 1) TILE(m, 2)
#define PAIR(m)                                                                                    \
    {                                                                                              \
        tile_##m##_1, tile_##m##_2                                                                 \
    }

/* y = act(rows . w^T + bias) by tiles of up to mr rows; tiles go by rows - 1, then by whether the
 * second vector is in use.  The loop over panels is outside, as in the f32 product. */
static inline void multiply_by(tile_fn *const tiles[][2], size_t mr, float *y, size_t ldy,
                               const uint8_t *rows, size_t stride, const uint8_t *panel,
                               const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    size_t n_tiles = (m + mr - 1) / mr;
    for (size_t j = 0; j < n; j += NR, panel += panel_bytes(k)) {
        size_t cols = WN_MIN(n - j, (size_t)NR);
        for (size_t t = 0; t < n_tiles; t++) {
            size_t i = t * m / n_tiles, count = (t + 1) * m / n_tiles - i;
            float *out = y + i * ldy + j;
            tiles[count - 1][cols > LANES](out, ldy, rows + i * stride, stride, panel,
                                           bias != NULL ? bias + j : NULL, cols, depth_of(k));
            if (act != WN_ACT_NONE)
                act_block(out, ldy, out, ldy, act, count, cols);
        }
    }
}

#endif
