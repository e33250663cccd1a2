/* Rows and weights of the vector levels' int8 products as bytes.
 * A row is k bytes q + OFFSET, unsigned as the instructions want them, then its scale.  A panel is
 * [k / 4][NR][4] bytes, then for each column the sum that a tile starts from, which takes back what
 * the offset adds, and its scale: NR numbers and NR floats.  A level whose instructions take more
 * of k at once defines DEPTH_STEP, to which rows and panels are filled up.
 * The arithmetic is the scalar level's, so the bytes are, too.  Attention packs the keys and values
 * of each sequence, so packing is as fast as memory.
 * An element that is not finite becomes some byte: its scale is NaN, and so is what it gives.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_PACK_I8_H
#define WN_KERNEL_VEC_PACK_I8_H

#include "kernel/gemm.h"
#include "kernel/lowp.h"
#include "kernel/vec_i8.h"
#include "kernel/vec_shares.h"

#if !defined(DEPTH_STEP)
#define DEPTH_STEP (K_STEP * DOTS)
#endif

enum {
    NR = 2 * LANES,
    K_STEP = 4,               /* columns of x in one lane */
    K_BLOCK = K_STEP * LANES, /* and in one vector of bytes */
    OFFSET = I8_LIMIT + 1,
    HAS_GROUPS = DOTS > 1 /* of elements of a column, see lowp.h */
};
_Static_assert((int)K_BLOCK == (int)STEP, "a block of bytes is a step of a sum");
_Static_assert(!HAS_GROUPS || (DOTS * K_STEP == WN_I8_GROUP && LANES % WN_I8_GROUP == 0),
               "a group is of the steps that are added up together, in one vector");

/* The binary logarithm of I8_LIMIT. */
#define I8_LIMIT_LOG2 (I8_LIMIT == 127 ? 6.98868469f : 5.97727992f)
_Static_assert(I8_LIMIT == 127 || I8_LIMIT == 63, "whose logarithm is known");

/* The offset in every byte. */
static inline ivec offset_bytes(void)
{
    return ivec_splat((int32_t)(0x01010101u * (unsigned)OFFSET));
}

static inline size_t depth_of(size_t k)
{
    return wn_round_up(k, DEPTH_STEP);
}

/* ---- quantising ------------------------------------------------------------------------------ */

/* The larger one of top and |x|, compared as bits, so that a NaN is more than infinity. */
static inline ivec larger_size(ivec top, vec x)
{
    return ivec_max(top, ivec_of_bits(vec_size(x)));
}

/* Columns from x on, left of them or a vector's, times factor (NULL: as they are). */
static inline vec load_columns(const float *x, const float *factor, size_t left)
{
    vec v = load_first(x, left);
    if (factor != NULL)
        v *= load_first(factor, left);
    return v;
}

/* The largest magnitude of a row of k. */
static inline float top_of_row(const float *x, const float *factor, size_t k)
{
    ivec top[2] = {ivec_splat(0), ivec_splat(0)};
    size_t p = 0;
    for (; p + 2 * LANES <= k; p += 2 * LANES) {
#pragma GCC unroll 2
        for (size_t c = 0; c < 2; c++) {
            size_t at = p + c * LANES;
            top[c] = larger_size(top[c],
                                 load_columns(x + at, factor != NULL ? factor + at : NULL, LANES));
        }
    }
    for (; p < k; p += LANES)
        top[0] =
            larger_size(top[0], load_columns(x + p, factor != NULL ? factor + p : NULL, k - p));
    int32_t bits = ivec_max_lanes(ivec_max(top[0], top[1]));
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* K_BLOCK columns from x on as bytes in order; those from left on are zero. */
static inline __attribute__((always_inline)) ivec quantize(const float *x, const float *factor,
                                                           vec inverse, const size_t left)
{
    vec v[K_STEP];
#pragma GCC unroll 4
    for (size_t c = 0; c < K_STEP; c++) {
        size_t at = c * LANES, rest = left > at ? left - at : 0;
        v[c] = load_columns(x + at, factor != NULL ? factor + at : NULL, rest) * inverse;
    }
    return bytes_in_order(v[0], v[1], v[2], v[3]);
}

static inline void take_row(uint8_t *row, const float *x, const float *factor, size_t k)
{
    float top = top_of_row(x, factor, k), scale = wn_i8_scale(top, I8_LIMIT);
    const vec inverse = vec_splat(wn_i8_inverse(top, I8_LIMIT));
    size_t p = 0;
    for (; p + K_BLOCK <= k; p += K_BLOCK) {
        ivec bytes = quantize(x + p, factor != NULL ? factor + p : NULL, inverse, K_BLOCK);
        ivec_store(row + p, ivec_add_bytes(bytes, offset_bytes()));
    }
    if (p < k) {
        ivec bytes = quantize(x + p, factor != NULL ? factor + p : NULL, inverse, k - p);
        ivec_store(row + p, ivec_add_bytes(bytes, offset_bytes()));
    }
    memcpy(row + depth_of(k), &scale, sizeof scale);
}

static inline void take_rows_i8(void *rows, size_t stride, const float *x, size_t ldx,
                                const float *factor, size_t m, size_t k)
{
    for (size_t i = 0; i < m; i++)
        take_row((uint8_t *)rows + i * stride, x + i * ldx, factor, k);
}

/* A block of a row from its scores, of which left are there. */
static inline __attribute__((always_inline)) ivec
share_bytes(row_sum *sum, const float *s, vec factor, vec shift, const size_t left)
{
    vec v[K_STEP];
    rough_shares(v, sum, s, factor, shift, left);
    return ivec_add_bytes(bytes_in_order(v[0], v[1], v[2], v[3]), offset_bytes());
}

/* The largest share is I8_LIMIT, and the row's scale the inverse of their sum. */
static inline void take_shares_i8(void *taken, float *s, float scale, size_t first, size_t end,
                                  size_t k)
{
    uint8_t *row = taken, *to = row + first;
    size_t n = end - first, p = 0;
    s += first;
    const float steep = scale * WN_EXP_LOG2E, top = steep * top_of_scores(s, n);
    const vec factor = vec_splat(steep), shift = vec_splat(top - I8_LIMIT_LOG2);
    row_sum sum = row_sum_zero();
    if (n < k)
        memset(row, OFFSET, depth_of(k));
    for (; p + K_BLOCK <= n; p += K_BLOCK)
        ivec_store(to + p, share_bytes(&sum, s + p, factor, shift, K_BLOCK));
    if (p < n) {
        ivec bytes = share_bytes(&sum, s + p, factor, shift, n - p);
        if (n == k)
            ivec_store(to + p, bytes);
        else
            memcpy(to + p, &bytes, n - p);
    }
    const float inverse = n > 0 ? 1.0f / row_sum_total(&sum) : 0.0f;
    memcpy(row + depth_of(k), &inverse, sizeof inverse);
}

/* ---- packing --------------------------------------------------------------------------------- */

/* What a panel holds behind its bytes. */
typedef struct columns {
    int32_t start[NR];
    float scale[NR];
} columns;

enum { COLUMN_EXTRA = sizeof(columns) / NR };

static inline size_t panel_bytes(size_t k)
{
    return NR * depth_of(k) + sizeof(columns);
}

/* K_BLOCK columns of x from w on, or as many as the depth has left; those from left on are zero,
 * and of LANES rows of w those from n on: bytes of a panel's half.  Returns sum + OFFSET times the
 * bytes' sum, lane by lane. */
static inline __attribute__((always_inline)) ivec pack_block(uint8_t *half, const float *w,
                                                             size_t ldw, const float *inverse,
                                                             ivec sum, const size_t n,
                                                             const size_t left)
{
    vec rows[LANES];
#pragma GCC unroll 16
    for (size_t j = 0; j < LANES; j++)
        rows[j] = vec_of_bits(quantize(w + j * ldw, NULL, vec_splat(inverse[j]), j < n ? left : 0));
    vec_transpose(rows);
#pragma GCC unroll 16
    for (size_t i = 0; i < LANES; i++) {
        ivec bytes = ivec_of_bits(rows[i]);
        if (i * K_STEP >= depth_of(left))
            break;
        sum = ivec_dot(sum, offset_bytes(), bytes);
        ivec_store(half + i * K_STEP * NR, bytes);
    }
    return sum;
}

/* The largest quarter of a group in a column that is a row of w. */
static inline float quarter_of_row(const float *w, size_t k)
{
    ivec top = ivec_splat(0);
    for (size_t p = 0; p < k; p += LANES) {
        vec quarters = vec_size(load_first(w + p, k - p)) * vec_splat(0.25f);
        top = larger_size(top, vec_group_sums(quarters));
    }
    int32_t bits = ivec_max_lanes(top);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* LANES columns of a panel from the rows of w, those from n on zero. */
static inline void pack_half(uint8_t *half, int32_t *start, float *scale, const float *w,
                             size_t ldw, size_t n, size_t k)
{
    float inverse[LANES];
    ivec sum = ivec_splat(0);
    size_t p = 0;
    for (size_t j = 0; j < LANES; j++) {
        float top = j < n ? top_of_row(w + j * ldw, NULL, k) : 0.0f;
        float quarter = HAS_GROUPS && j < n ? quarter_of_row(w + j * ldw, k) : 0.0f;
        scale[j] = wn_i8_column_scale(top, quarter);
        inverse[j] = wn_i8_column_inverse(top, quarter);
    }
    for (; n >= LANES && p + K_BLOCK <= k; p += K_BLOCK)
        sum = pack_block(half + p * NR, w + p, ldw, inverse, sum, LANES, K_BLOCK);
    for (; p < k; p += K_BLOCK)
        sum = pack_block(half + p * NR, w + p, ldw, inverse, sum, n, k - p);
    ivec_store(start, -sum);
}

static inline void pack_i8(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    uint8_t *panel = packed;
    for (size_t j = 0; j < n; j += NR, panel += panel_bytes(k)) {
        columns *c = (columns *)(void *)(panel + NR * depth_of(k));
        size_t left = n - j, right = left > LANES ? left - LANES : 0;
        pack_half(panel, c->start, c->scale, w + j * ldw, ldw, left, k);
        pack_half(panel + K_BLOCK, c->start + LANES, c->scale + LANES, w + (j + LANES) * ldw, ldw,
                  right, k);
    }
}

/* The largest magnitudes and quarters of groups of LANES columns, those from n on zero. */
static inline void tops_of_columns(float *tops, float *quarters, const float *w, size_t ldw,
                                   size_t n, size_t k)
{
    ivec top = ivec_splat(0), quarter = ivec_splat(0);
    for (size_t p = 0; p < k; p += WN_I8_GROUP) {
        vec v[WN_I8_GROUP];
#pragma GCC unroll 8
        for (size_t c = 0; c < WN_I8_GROUP; c++) {
            v[c] = vec_size(load_first(w + (p + c) * ldw, p + c < k ? n : 0));
            top = ivec_max(top, ivec_of_bits(v[c]));
            v[c] *= vec_splat(0.25f);
        }
        quarter = larger_size(quarter, (v[0] + v[4]) + (v[1] + v[5]));
        quarter = larger_size(quarter, (v[2] + v[6]) + (v[3] + v[7]));
    }
    store_first(tops, vec_of_bits(top), LANES);
    store_first(quarters, vec_of_bits(HAS_GROUPS ? quarter : ivec_splat(0)), LANES);
}

/* LANES columns of a panel from the columns of w, those from n on zero. */
static inline void pack_half_t(uint8_t *half, int32_t *start, float *scale, const float *w,
                               size_t ldw, size_t n, size_t k)
{
    float tops[LANES], quarters[LANES], inverses[LANES];
    ivec sum = ivec_splat(0);
    tops_of_columns(tops, quarters, w, ldw, n, k);
    for (size_t j = 0; j < LANES; j++) {
        scale[j] = wn_i8_column_scale(tops[j], quarters[j]);
        inverses[j] = wn_i8_column_inverse(tops[j], quarters[j]);
    }
    const vec inverse = load_first(inverses, LANES);
    for (size_t p = 0; p < depth_of(k); p += K_STEP) {
        vec v[K_STEP];
#pragma GCC unroll 4
        for (size_t c = 0; c < K_STEP; c++)
            v[c] = load_first(w + (p + c) * ldw, p + c < k ? n : 0) * inverse;
        ivec bytes = bytes_in_turn(v[0], v[1], v[2], v[3]);
        sum = ivec_dot(sum, offset_bytes(), bytes);
        ivec_store(half + p * NR, bytes);
    }
    ivec_store(start, -sum);
}

static inline void pack_i8_t(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    uint8_t *panel = packed;
    for (size_t j = 0; j < n; j += NR, panel += panel_bytes(k)) {
        columns *c = (columns *)(void *)(panel + NR * depth_of(k));
        size_t left = n - j, right = left > LANES ? left - LANES : 0;
        pack_half_t(panel, c->start, c->scale, w + j, ldw, left, k);
        pack_half_t(panel + K_BLOCK, c->start + LANES, c->scale + LANES, w + j + LANES, ldw, right,
                    k);
    }
}

#endif
