/* The int8 product of the vector levels: a tile is a few rows by two vectors of columns, whose sums
 * stay in registers while k runs once.  Sums of whole numbers are exact, so their order is free;
 * what follows them is the scalar level's arithmetic.  How many rows a tile has is a level's own
 * choice, in gemm_i8_LEVEL.c.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_GEMM_I8_H
#define WN_KERNEL_VEC_GEMM_I8_H

#include "kernel/vec_pack_i8.h"
#include "kernel/vec_tiles.h"

enum { ROWS_MAX = 16 };
_Static_assert(!HAS_GROUPS || (I8_LIMIT + OFFSET) * WN_I8_GROUP_MAX <= INT16_MAX,
               "the sum of a group must not wrap; rows of finite numbers hold no larger bytes");

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

/* Four bytes of a row in each lane. */
static inline ivec four_of(const uint8_t *row)
{
    int32_t four;
    memcpy(&four, row, sizeof four);
    return ivec_splat(four);
}

/* m rows by n columns, n <= vecs * LANES; m and vecs are constants of each instance. */
static inline __attribute__((always_inline)) void multiply_i8(float *y, size_t ldy,
                                                              const uint8_t *rows, size_t stride,
                                                              const tile_weights *weights,
                                                              const size_t m, const size_t vecs)
{
    size_t n = weights->n, depth = depth_of(weights->k);
    size_t n_steps = wn_round_up(weights->k, K_STEP * DOTS) / K_STEP; /* what fills up is zeros */
    const uint8_t *panel = weights->panel, *x = rows;
    uintptr_t ahead = weights->ahead;
    const float *bias = weights->bias;
    const columns *c = (const columns *)(const void *)(panel + NR * depth);
    ivec a[ROWS_MAX], b[ROWS_MAX], start0 = ivec_load(c->start),
                                   start1 = ivec_load(c->start + LANES);
#pragma GCC unroll 16
    for (size_t i = 0; i < m; i++) {
        a[i] = start0;
        b[i] = start1;
    }
    for (size_t p = 0, end; p < n_steps;) {
        end = ask_ahead(&ahead, weights->n_tiles, p, n_steps);
        for (; p < end; p += DOTS, x += DOTS * K_STEP) {
            ivec w0[DOTS], w1[DOTS];
#pragma GCC unroll 2
            for (size_t s = 0; s < DOTS; s++, panel += K_STEP * NR) {
                w0[s] = ivec_load(panel);
                w1[s] = vecs > 1 ? ivec_load(panel + K_BLOCK) : w0[s];
            }
#pragma GCC unroll 16
            for (size_t i = 0; i < m; i++) {
                ivec v[DOTS];
#pragma GCC unroll 2
                for (size_t s = 0; s < DOTS; s++)
                    v[s] = four_of(x + i * stride + s * K_STEP);
                a[i] = ivec_dots(a[i], v, w0);
                if (vecs > 1)
                    b[i] = ivec_dots(b[i], v, w1);
            }
        }
    }
    store_sums(y, ldy, a, rows + depth, stride, c->scale, bias, n, m);
    if (vecs > 1)
        store_sums(y + LANES, ldy, b, rows + depth, stride, c->scale + LANES,
                   bias != NULL ? bias + LANES : NULL, n - LANES, m);
}

/* A tile for TILES_UP_TO(). */
static inline __attribute__((always_inline)) void tile_i8(float *y, size_t ldy,
                                                          const unsigned char *rows, size_t stride,
                                                          const tile_weights *w, const size_t count)
{
    if (w->n > LANES)
        multiply_i8(y, ldy, rows, stride, w, count, 2);
    else
        multiply_i8(y, ldy, rows, stride, w, count, 1);
}

#endif
