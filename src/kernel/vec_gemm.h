/* Matrix product of the vector levels: one tile, and packing for it.
 * A tile is a few rows by two vectors of columns; each element is the chain of fused multiply-adds
 * of the scalar level.  How many rows a tile has is a level's own choice, in gemm_LEVEL.c.
 * Weights are packed once, but attention packs the keys and values of each sequence, so packing is
 * as fast as memory.
 * Source: Goto and van de Geijn 2008, without their copy of x: a block of rows fits the cache.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_GEMM_H
#define WN_KERNEL_VEC_GEMM_H

#include "kernel/vec_tiles.h"

enum {
    NR = 2 * LANES,
    ROWS_MAX = 16,
    PREFETCH = LANES >= 16 /* whether a tile stores more cache lines than the core takes at once */
};

/* The accumulators of a tile of rows x vecs, from zero, while the outputs' cache lines come.  rows
 * and vecs are constants of each instance. */
static inline __attribute__((always_inline)) void begin_tile(float *y, size_t ldy, vec *a, vec *b,
                                                             const size_t rows, const size_t vecs)
{
#pragma GCC unroll 16
    for (size_t i = 0; i < rows; i++) {
        a[i] = b[i] = vec_splat(0.0f);
        if (PREFETCH)
            __builtin_prefetch(y + i * ldy, 1);
        if (PREFETCH && vecs > 1)
            __builtin_prefetch(y + i * ldy + LANES, 1);
    }
}

/* rows x n outputs from their accumulators, n <= vecs * LANES. */
static inline __attribute__((always_inline)) void end_tile(float *y, size_t ldy, vec *a, vec *b,
                                                           const float *bias, size_t n,
                                                           const size_t rows, const size_t vecs)
{
    if (bias != NULL) {
        vec b0 = load_first(bias, n);
        vec b1 = vecs > 1 ? load_first(bias + LANES, n - LANES) : b0;
#pragma GCC unroll 16
        for (size_t i = 0; i < rows; i++) {
            a[i] += b0;
            b[i] += b1;
        }
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < rows; i++) {
        store_first(y + i * ldy, a[i], n);
        if (vecs > 1)
            store_first(y + i * ldy + LANES, b[i], n - LANES);
    }
}

/* One step of k. */
static inline __attribute__((always_inline)) void step_f32(vec *a, vec *b, const float *x,
                                                           size_t ldx, const float *w,
                                                           const size_t rows, const size_t vecs)
{
    vec w0 = load_first(w, LANES), w1 = vecs > 1 ? load_first(w + LANES, LANES) : w0;
#pragma GCC unroll 16
    for (size_t i = 0; i < rows; i++) {
        vec v = vec_splat(x[i * ldx]);
        a[i] = vec_fma(v, w0, a[i]);
        if (vecs > 1)
            b[i] = vec_fma(v, w1, b[i]);
    }
}

static inline __attribute__((always_inline)) void multiply_f32(float *y, size_t ldy, const float *x,
                                                               size_t ldx,
                                                               const tile_weights *weights,
                                                               const size_t rows, const size_t vecs)
{
    const float *w = weights->panel;
    uintptr_t ahead = weights->ahead;
    size_t k = weights->k, p = 0;
    vec a[ROWS_MAX], b[ROWS_MAX];
    begin_tile(y, ldy, a, b, rows, vecs);
    for (; vecs > 1 && p + K_AT_ONCE <= k; p += K_AT_ONCE, w += K_AT_ONCE * NR) {
        ask_ahead(&ahead, weights->ahead_step);
#pragma GCC unroll 16
        for (size_t q = 0; q < K_AT_ONCE; q++)
            step_f32(a, b, x + p + q, ldx, w + q * NR, rows, vecs);
    }
    for (; p < k; p++, w += NR)
        step_f32(a, b, x + p, ldx, w, rows, vecs);
    end_tile(y, ldy, a, b, weights->bias, weights->n, rows, vecs);
}

/* A tile for TILES_UP_TO(). */
static inline __attribute__((always_inline)) void tile_f32(float *y, size_t ldy,
                                                           const unsigned char *rows, size_t stride,
                                                           const tile_weights *w,
                                                           const size_t count)
{
    const float *x = (const float *)(const void *)rows;
    size_t ldx = stride / sizeof *x;
    if (w->n > LANES)
        multiply_f32(y, ldy, x, ldx, w, count, 2);
    else
        multiply_f32(y, ldy, x, ldx, w, count, 1);
}

/* Half of a panel; rows of w from n on count as zeros. */
static inline void pack_half(float *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    for (size_t p = 0; p < k; p += LANES) {
        vec rows[LANES];
        for (size_t j = 0; j < LANES; j++)
            rows[j] = j < n ? load_first(w + j * ldw + p, k - p) : vec_splat(0.0f);
        vec_transpose(rows);
        for (size_t i = 0; i < LANES && p + i < k; i++)
            store_first(packed + (p + i) * NR, rows[i], LANES);
    }
}

static inline void pack_f32(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    float *panel = packed;
    for (size_t j = 0; j < n; j += NR, panel += NR * k) {
        size_t left = n - j;
        pack_half(panel, w + j * ldw, ldw, left, k);
        pack_half(panel + LANES, w + (j + LANES) * ldw, ldw, left > LANES ? left - LANES : 0, k);
    }
}

static inline void pack_f32_t(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    float *out = packed;
    for (size_t j = 0; j < n; j += NR) {
        size_t left = n - j, right = left > LANES ? left - LANES : 0;
        for (size_t p = 0; p < k; p++, out += NR) {
            const float *row = w + p * ldw + j;
            store_first(out, load_first(row, left), LANES);
            store_first(out + LANES, load_first(row + LANES, right), LANES);
        }
    }
}

#endif
