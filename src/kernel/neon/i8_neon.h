/* int8 of the Neon levels: quantising, packing and the last step of a product; the bits are those
 * of the scalar level.  Rows are bytes up to depth, then the scale.  A panel is groups of 4 or 8
 * bytes, as many consecutive k of a column as the product takes at once,
 * [depth / group][column][group]; then the columns' scales.
 * Thread rule: any. */
#ifndef WN_KERNEL_I8_NEON_H
#define WN_KERNEL_I8_NEON_H

#include "kernel/lowp.h"
#include "kernel/neon/tile_neon.h"

enum { I8_STEP = 16 }; /* bytes of a vector */

/* The largest magnitude so far, as bits: in their order a NaN is more than infinity. */
static inline uint32x4_t wider(uint32x4_t top, vec v)
{
    return vmaxq_u32(top, vreinterpretq_u32_f32(vabsq_f32(v)));
}

static inline float as_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Four vectors of values as bytes, each to the nearest, ties to even; NaN to 0. */
static inline int8x16_t quantize(const vec v[4], vec inverse)
{
    int32x4_t q[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        q[i] = vcvtnq_s32_f32(v[i] * inverse);
    int16x8_t low = vuzp1q_s16(vreinterpretq_s16_s32(q[0]), vreinterpretq_s16_s32(q[1]));
    int16x8_t high = vuzp1q_s16(vreinterpretq_s16_s32(q[2]), vreinterpretq_s16_s32(q[3]));
    return vuzp1q_s8(vreinterpretq_s8_s16(low), vreinterpretq_s8_s16(high));
}

/* The first n of four consecutive floats, times their factors where there are any. */
static inline vec load_scaled(const float *x, const float *factor, size_t n)
{
    vec v = load_first(x, n);
    return factor != NULL ? v * load_first(factor, n) : v;
}

/* One row of n values to depth bytes, zeros behind them; returns its scale.  Byte p goes to
 * out[p / group * next + p % group]. */
static inline __attribute__((always_inline)) float quantize_row(int8_t *out, const float *x,
                                                                const float *factor, size_t n,
                                                                size_t depth, const size_t group,
                                                                const size_t next)
{
    uint32x4_t top = vdupq_n_u32(0);
    for (size_t p = 0; p < n; p += LANES)
        top = wider(top, load_scaled(x + p, factor != NULL ? factor + p : NULL, n - p));
    float largest = as_float(vmaxvq_u32(top));
    vec inverse = vec_splat(wn_i8_inverse(largest, WN_I8_LIMIT));
    for (size_t p = 0; p < depth; p += I8_STEP) {
        int8_t bytes[I8_STEP];
        vec v[4];
        for (size_t i = 0, at = p; i < 4; i++, at += LANES)
            v[i] = load_scaled(x + at, factor != NULL ? factor + at : NULL, left_of(n, at));
        vst1q_s8(bytes, quantize(v, inverse));
        for (size_t i = 0; i < I8_STEP; i += group)
            memcpy(out + (p + i) / group * next, bytes + i, group);
    }
    return wn_i8_scale(largest, WN_I8_LIMIT);
}

/* take_rows() of an int8 product. */
static inline void take_rows_i8(void *rows, size_t stride, const float *x, size_t ldx,
                                const float *factor, size_t m, size_t k)
{
    size_t depth = wn_round_up(k, I8_STEP);
    for (size_t i = 0; i < m; i++, x += ldx) {
        int8_t *row = (int8_t *)rows + i * stride;
        float scale = quantize_row(row, x, factor, k, depth, I8_STEP, I8_STEP);
        memcpy(row + depth, &scale, sizeof scale);
    }
}

/* pack(): a column is a row of w. */
static inline __attribute__((always_inline)) void pack_i8(const wn_gemm *gemm, void *packed,
                                                          const float *w, size_t ldw, size_t n,
                                                          size_t k, const size_t group)
{
    size_t depth = wn_round_up(k, I8_STEP);
    int8_t *panel = packed;
    for (size_t j0 = 0; j0 < n; j0 += TILE_COLUMNS, panel += wn_gemm_panel_bytes(gemm, k)) {
        for (size_t j = 0; j < TILE_COLUMNS; j++) {
            float scale = quantize_row(panel + j * group, w + (j0 + j) * ldw, NULL,
                                       j0 + j < n ? k : 0, depth, group, TILE_COLUMNS * group);
            memcpy(panel + depth * TILE_COLUMNS + j * sizeof scale, &scale, sizeof scale);
        }
    }
}

/* Bytes of four k of four columns, from w [k][], of which rows and columns are there. */
static inline int8x16_t quantize_block(const float *w, size_t ldw, size_t n_rows, size_t n_cols,
                                       vec inverse)
{
    static const uint8_t turned[I8_STEP] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
    vec v[4];
    for (size_t i = 0; i < 4; i++)
        v[i] = load_first(w + i * ldw, i < n_rows ? n_cols : 0);
    int8x16_t by_row = quantize(v, inverse);
    return vqtbl1q_s8(by_row, vld1q_u8(turned));
}

/* Half a panel of pack_t(), four columns from w [k][] on, of which n are there. */
static inline __attribute__((always_inline)) void pack_half_i8_t(int8_t *panel, float *scales,
                                                                 const float *w, size_t ldw,
                                                                 size_t n, size_t k, size_t depth,
                                                                 const size_t group)
{
    float top[LANES], inverse[LANES];
    uint32x4_t bits = vdupq_n_u32(0);
    for (size_t p = 0; p < k; p++)
        bits = wider(bits, load_first(w + p * ldw, n));
    vst1q_f32(top, vreinterpretq_f32_u32(bits));
    for (size_t j = 0; j < LANES; j++) {
        scales[j] = wn_i8_scale(top[j], WN_I8_LIMIT);
        inverse[j] = wn_i8_inverse(top[j], WN_I8_LIMIT);
    }
    for (size_t p = 0; p < depth; p += 4) {
        int8_t bytes[I8_STEP], *out = panel + p / group * group * TILE_COLUMNS + p % group;
        vst1q_s8(bytes, quantize_block(w + p * ldw, ldw, left_of(k, p), n, vld1q_f32(inverse)));
        for (size_t j = 0; j < LANES; j++)
            memcpy(out + j * group, bytes + 4 * j, 4);
    }
}

/* pack_t(): w is [k][n]. */
static inline __attribute__((always_inline)) void pack_i8_t(const wn_gemm *gemm, void *packed,
                                                            const float *w, size_t ldw, size_t n,
                                                            size_t k, const size_t group)
{
    size_t depth = wn_round_up(k, I8_STEP);
    int8_t *panel = packed;
    for (size_t j0 = 0; j0 < n; j0 += TILE_COLUMNS, panel += wn_gemm_panel_bytes(gemm, k)) {
        float scales[TILE_COLUMNS];
        for (size_t h = 0; h < TILE_COLUMNS; h += LANES)
            pack_half_i8_t(panel + h * group, scales + h, w + j0 + h, ldw, left_of(n, j0 + h), k,
                           depth, group);
        memcpy(panel + depth * TILE_COLUMNS, scales, sizeof scales);
    }
}

/* y = fma(sum * column's scale, row's scale, bias) for sums a and b of the columns' halves; scales
 * and rows' ends are where the layout has them. */
static inline __attribute__((always_inline)) void
store_i8(float *y, size_t ldy, const int32x4_t a[TILE_ROWS], const int32x4_t b[TILE_ROWS],
         const unsigned char *rows, size_t stride, const tile_weights *w, size_t depth,
         const size_t count)
{
    const float *scales = (const float *)w->panel + depth * TILE_COLUMNS / sizeof(float);
    vec start[2], scale0 = vld1q_f32(scales), scale1 = vld1q_f32(scales + LANES);
    load_columns(start, w->bias, w->bias != NULL ? w->n : 0);
#pragma GCC unroll 8
    for (size_t i = 0; i < count; i++) {
        float row_scale;
        memcpy(&row_scale, rows + i * stride + depth, sizeof row_scale);
        vec v = vec_splat(row_scale);
        store_columns(y + i * ldy, vec_fma(vcvtq_f32_s32(a[i]) * scale0, v, start[0]),
                      vec_fma(vcvtq_f32_s32(b[i]) * scale1, v, start[1]), w->n);
    }
}

#endif
