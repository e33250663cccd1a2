/* Weights of the vector levels' int8 products as bytes.  A panel is [k / 4][NR][4] bytes, then for
 * each column the sum that a tile starts from, which takes back what the offset of rows adds if
 * they have one, and its scale: NR numbers and NR floats.
 * The arithmetic is the scalar level's, so the bytes are, too, but for columns that are shrunk.
 * Attention packs the keys and values of each sequence, so packing is as fast as memory.
 * An element that is not finite becomes some byte: its scale is NaN, and so is what it gives.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_PACK_I8_H
#define WN_KERNEL_VEC_PACK_I8_H

#include "kernel/vec_take_i8.h"

/* What a panel holds behind its bytes. */
typedef struct columns {
#if !defined(SIGNED_ROWS)
    int32_t start[NR];
#endif
    float scale[NR];
} columns;

/* sum + OFFSET times the bytes of a column, lane by lane. */
static inline ivec add_offsets(ivec sum, ivec bytes)
{
    return OFFSET != 0 ? ivec_dot(sum, offset_bytes(), bytes) : sum;
}

/* What sums of LANES columns start from. */
static inline void store_start(columns *c, size_t first, ivec start)
{
#if defined(SIGNED_ROWS)
    (void)c, (void)first, (void)start;
#else
    ivec_store(c->start + first, start);
#endif
}

enum { COLUMN_EXTRA = sizeof(columns) / NR };

static inline size_t panel_bytes(size_t k)
{
    return NR * depth_of(k) + sizeof(columns);
}

/* The nearest whole numbers, of numbers that are bytes. */
static inline vec whole_of(vec v)
{
    const vec magic = vec_splat(0x1.8p23f);
    return v + magic - magic;
}

/* top, or the largest sums of the positive numbers of a group and of the sizes of its negative ones
 * where these are larger. */
static inline vec larger_group(vec top, vec bytes)
{
    const vec zero = vec_splat(0.0f);
    top = vec_max(top, vec_group_sums(vec_max(bytes, zero)));
    return vec_max(top, vec_group_sums(vec_max(-bytes, zero)));
}

/* By what the bytes of a column that is a row of w are multiplied. */
static inline float shrink_of_row(const float *w, vec inverse, size_t k)
{
    vec top = vec_splat(0.0f);
    for (size_t p = 0; p < k; p += LANES)
        top = larger_group(top, whole_of(load_first(w + p, k - p) * inverse));
    return wn_i8_shrink(max_lanes(top));
}

/* Weights as numbers that are to be rounded to bytes. */
static inline vec scale_weights(vec w, vec inverse, vec shrink)
{
    w *= inverse;
    if (HAS_GROUPS)
        w = whole_of(w) * shrink;
    return w;
}

/* K_BLOCK columns of x from w on as bytes in order; those from left on are zero. */
static inline __attribute__((always_inline)) vec weight_bytes(const float *w, float inverse,
                                                              float shrink, const size_t left)
{
    vec v[K_STEP];
#pragma GCC unroll 4
    for (size_t c = 0; c < K_STEP; c++) {
        size_t at = c * LANES, rest = left > at ? left - at : 0;
        v[c] = scale_weights(load_first(w + at, rest), vec_splat(inverse), vec_splat(shrink));
    }
    return vec_of_bits(bytes_in_order(v[0], v[1], v[2], v[3]));
}

/* What the numbers of LANES columns are multiplied by. */
typedef struct column_factors {
    float inverse[LANES], shrink[LANES];
} column_factors;

/* K_BLOCK columns of x from w on, or as many as the depth has left; those from left on are zero,
 * and of LANES rows of w those from n on: bytes of a panel's half.  Returns sum + OFFSET times the
 * bytes' sum, lane by lane. */
static inline __attribute__((always_inline)) ivec pack_block(uint8_t *half, const float *w,
                                                             size_t ldw, const column_factors *f,
                                                             ivec sum, const size_t n,
                                                             const size_t left)
{
    vec rows[LANES];
#pragma GCC unroll 16
    for (size_t j = 0; j < LANES; j++)
        rows[j] = weight_bytes(w + j * ldw, f->inverse[j], f->shrink[j], j < n ? left : 0);
    vec_transpose(rows);
#pragma GCC unroll 16
    for (size_t i = 0; i < LANES; i++) {
        ivec bytes = ivec_of_bits(rows[i]);
        if (i * K_STEP >= depth_of(left))
            break;
        sum = add_offsets(sum, bytes);
        ivec_store(half + i * K_STEP * NR, bytes);
    }
    return sum;
}

/* LANES columns of a panel, its column `first` and on, from the rows of w; those from n on zero. */
static inline void pack_half(uint8_t *half, columns *c, size_t first, const float *w, size_t ldw,
                             size_t n, size_t k)
{
    float tops[LANES];
    column_factors f;
    ivec sum = ivec_splat(0);
    size_t p = 0;
    tops_of_rows(tops, w, ldw, NULL, n, k);
    for (size_t j = 0; j < LANES; j++)
        f.inverse[j] = wn_i8_inverse(tops[j], WN_I8_LIMIT);
    for (size_t j = 0; j < LANES; j++) {
        f.shrink[j] = 1.0f;
        if (HAS_GROUPS && j < n)
            f.shrink[j] = shrink_of_row(w + j * ldw, vec_splat(f.inverse[j]), k);
        c->scale[first + j] = wn_i8_scale(tops[j], WN_I8_LIMIT) / f.shrink[j];
    }
    for (; n >= LANES && p + K_BLOCK <= k; p += K_BLOCK)
        sum = pack_block(half + p * NR, w + p, ldw, &f, sum, LANES, K_BLOCK);
    for (; p < k; p += K_BLOCK)
        sum = pack_block(half + p * NR, w + p, ldw, &f, sum, n, k - p);
    store_start(c, first, -sum);
}

static inline void pack_i8(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    uint8_t *panel = packed;
    for (size_t j = 0; j < n; j += NR, panel += panel_bytes(k)) {
        columns *c = (columns *)(void *)(panel + NR * depth_of(k));
        size_t left = n - j, right = left > LANES ? left - LANES : 0;
        pack_half(panel, c, 0, w + j * ldw, ldw, left, k);
        pack_half(panel + K_BLOCK, c, LANES, w + (j + LANES) * ldw, ldw, right, k);
    }
}

/* Rows of w [k][] from some column on, of floats or of bf16. */
typedef struct weight_rows {
    const void *at;
    size_t stride; /* in bytes */
} weight_rows;

/* LANES columns of row p, those from n on zero. */
static inline __attribute__((always_inline)) vec load_row(const weight_rows *w, size_t p, size_t n,
                                                          const wn_dtype dtype)
{
    const unsigned char *row = (const unsigned char *)w->at + p * w->stride;
    if (dtype == WN_DTYPE_BF16)
        return load_first_bf16(row, n);
    return load_first((const float *)(const void *)row, n);
}

/* The largest magnitudes of LANES columns. */
static inline __attribute__((always_inline)) vec tops_of_columns(const weight_rows *w, size_t n,
                                                                 size_t k, const wn_dtype dtype)
{
    ivec top = ivec_splat(0);
    for (size_t p = 0; p < k; p++)
        top = larger_size(top, load_row(w, p, n, dtype));
    return vec_of_bits(top);
}

/* The largest groups of LANES columns. */
static inline __attribute__((always_inline)) vec
groups_of_columns(const weight_rows *w, size_t n, size_t k, vec inverse, const wn_dtype dtype)
{
    const vec zero = vec_splat(0.0f);
    vec top = zero;
    for (size_t p = 0; p < k && HAS_GROUPS; p += WN_I8_GROUP) {
        for (size_t first = p; first < p + 4; first += 2) {
            vec positive = zero, negative = zero;
#pragma GCC unroll 4
            for (size_t i = 0; i < 4; i++) {
                size_t at = first + i % 2 + i / 2 * 4;
                vec v = whole_of(load_row(w, at, at < k ? n : 0, dtype) * inverse);
                positive += vec_max(v, zero);
                negative += vec_max(-v, zero);
            }
            top = vec_max(top, vec_max(positive, negative));
        }
    }
    return top;
}

/* LANES columns of a panel, its column `first` and on, from the columns of w; those from n on
 * zero. */
static inline __attribute__((always_inline)) void pack_half_t(uint8_t *half, columns *c,
                                                              size_t first, const weight_rows *w,
                                                              size_t n, size_t k,
                                                              const wn_dtype dtype)
{
    float tops[LANES], groups[LANES];
    column_factors f;
    ivec sum = ivec_splat(0);
    store_first(tops, tops_of_columns(w, n, k, dtype), LANES);
    for (size_t j = 0; j < LANES; j++)
        f.inverse[j] = wn_i8_inverse(tops[j], WN_I8_LIMIT);
    const vec inverse = load_first(f.inverse, LANES);
    store_first(groups, groups_of_columns(w, n, k, inverse, dtype), LANES);
    for (size_t j = 0; j < LANES; j++) {
        f.shrink[j] = wn_i8_shrink(groups[j]);
        c->scale[first + j] = wn_i8_scale(tops[j], WN_I8_LIMIT) / f.shrink[j];
    }
    const vec shrink = load_first(f.shrink, LANES);
    for (size_t p = 0; p < depth_of(k); p += K_STEP) {
        vec v[K_STEP];
#pragma GCC unroll 4
        for (size_t q = 0; q < K_STEP; q++)
            v[q] = scale_weights(load_row(w, p + q, p + q < k ? n : 0, dtype), inverse, shrink);
        ivec bytes = bytes_in_turn(v[0], v[1], v[2], v[3]);
        sum = add_offsets(sum, bytes);
        ivec_store(half + p * NR, bytes);
    }
    store_start(c, first, -sum);
}

/* The rows from column j on. */
static inline weight_rows columns_from(const weight_rows *w, size_t j, wn_dtype dtype)
{
    const unsigned char *row = w->at;
    return (weight_rows){row + j * wn_dtype_size(dtype), w->stride};
}

static inline __attribute__((always_inline)) void
pack_t_of(uint8_t *panel, const weight_rows *w, size_t n, size_t k, const wn_dtype dtype)
{
    for (size_t j = 0; j < n; j += NR, panel += panel_bytes(k)) {
        columns *c = (columns *)(void *)(panel + NR * depth_of(k));
        const weight_rows left = columns_from(w, j, dtype);
        const weight_rows right = columns_from(w, j + LANES, dtype);
        size_t n_right = n - j > LANES ? n - j - LANES : 0;
        pack_half_t(panel, c, 0, &left, n - j, k, dtype);
        pack_half_t(panel + K_BLOCK, c, LANES, &right, n_right, k, dtype);
    }
}

static inline void pack_i8_t(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_t_of(packed, &(weight_rows){w, ldw * sizeof *w}, n, k, WN_DTYPE_F32);
}

static inline void pack_i8_halves_t(void *packed, const void *w, size_t stride, size_t n, size_t k)
{
    pack_t_of(packed, &(weight_rows){w, stride}, n, k, WN_DTYPE_BF16);
}

#endif
