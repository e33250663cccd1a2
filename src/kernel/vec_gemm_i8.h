/* The int8 product of the vector levels: a tile is a few rows by two vectors of columns, whose sums
 * stay in registers while k runs once.  Sums of whole numbers are exact, so their order is free;
 * what follows them is the scalar level's arithmetic.  How many rows a tile has is a level's own
 * choice, in gemm_i8_LEVEL.c.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_GEMM_I8_H
#define WN_KERNEL_VEC_GEMM_I8_H

#include "kernel/vec_pack_i8.h"
#include "kernel/vec_tiles.h"

enum {
    ROWS_MAX = 16,
    /* of a turn's steps; sums of pairs leave their registers when the compiler sees several, since
     * it adds them up in another order */
    UNROLLED = DOTS > 1 ? 1 : K_AT_ONCE
};
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

/* DOTS steps of k. */
static inline __attribute__((always_inline)) void step_i8(ivec *a, ivec *b, const uint8_t *x,
                                                          size_t stride, const uint8_t *panel,
                                                          const size_t m, const size_t vecs)
{
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
    size_t p = 0;
    for (; vecs > 1 && p + K_AT_ONCE <= n_steps; p += K_AT_ONCE) {
        ask_ahead(&ahead, weights->ahead_step);
#pragma GCC unroll UNROLLED
        for (size_t q = 0; q < K_AT_ONCE; q += DOTS)
            step_i8(a, b, x + (p + q) * K_STEP, stride, panel + (p + q) * K_STEP * NR, m, vecs);
    }
    for (; p < n_steps; p += DOTS)
        step_i8(a, b, x + p * K_STEP, stride, panel + p * K_STEP * NR, m, vecs);
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
