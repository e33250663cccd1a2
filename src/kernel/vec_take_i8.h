/* Rows of the vector levels' int8 products as bytes: k bytes q + OFFSET, unsigned as most
 * instructions want them, then the row's scale.  A level whose instructions take more of k at once
 * defines DEPTH_STEP, to which rows and panels are filled up, and one whose instructions take
 * signed bytes SIGNED_ROWS.
 * The arithmetic is the scalar level's, so the bytes are, too, but for a smaller limit.
 * An element that is not finite becomes some byte: its scale is NaN, and so is what it gives.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_TAKE_I8_H
#define WN_KERNEL_VEC_TAKE_I8_H

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
#if defined(SIGNED_ROWS)
    OFFSET = 0,
#else
    OFFSET = I8_LIMIT + 1,
#endif
    HAS_GROUPS = DOTS > 1 /* of elements of a column, see lowp.h */
};
_Static_assert((int)K_BLOCK == (int)STEP, "a block of bytes is a step of a sum");
_Static_assert(!HAS_GROUPS || (DOTS * K_STEP == WN_I8_GROUP && LANES % WN_I8_GROUP == 0),
               "a group is of the steps that are added up together, in one vector");

/* The binary logarithm of I8_LIMIT. */
#define I8_LIMIT_LOG2 (I8_LIMIT == 127 ? 6.98868469f : 5.97727992f)
_Static_assert(I8_LIMIT == 127 || I8_LIMIT == 63, "whose logarithm is known");

/* The offset in every byte of a row. */
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

/* The largest magnitudes of a row of k among the columns that meet in each lane. */
static inline ivec tops_of_lanes(const float *x, const float *factor, size_t k)
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
    return ivec_max(top[0], top[1]);
}

/* The largest magnitude of a row of k. */
static inline float top_of_row(const float *x, const float *factor, size_t k)
{
    int32_t bits = ivec_max_lanes(tops_of_lanes(x, factor, k));
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Those of LANES rows; of rows from n on 0.  Lanes are turned into rows once for all: one after the
 * other, each row would wait for its own. */
static inline void tops_of_rows(float tops[LANES], const float *x, size_t ldx, const float *factor,
                                size_t n, size_t k)
{
    vec rows[LANES];
    ivec top = ivec_splat(0);
    for (size_t j = 0; j < LANES; j++)
        rows[j] = j < n ? vec_of_bits(tops_of_lanes(x + j * ldx, factor, k)) : vec_splat(0.0f);
    vec_transpose(rows);
#pragma GCC unroll 16
    for (size_t j = 0; j < LANES; j++)
        top = ivec_max(top, ivec_of_bits(rows[j]));
    store_first(tops, vec_of_bits(top), LANES);
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

static inline void take_row(uint8_t *row, const float *x, const float *factor, vec inverse,
                            float scale, size_t k)
{
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
    enum { SHORT_BYTES = 24 << 10 }; /* of rows that a first-level cache holds for a second look */
    size_t few = k * LANES * sizeof *x <= SHORT_BYTES ? LANES : 1;
    uint8_t *row = rows;
    for (size_t n; m > 0; m -= n) {
        float tops[LANES], inverse[LANES], scale[LANES];
        n = WN_MIN(few, m);
        if (2 * n >= LANES)
            tops_of_rows(tops, x, ldx, factor, n, k);
        else
            for (size_t i = 0; i < n; i++)
                tops[i] = top_of_row(x + i * ldx, factor, k);
        for (size_t i = 0; i < n; i++) {
            inverse[i] = wn_i8_inverse(tops[i], I8_LIMIT);
            scale[i] = wn_i8_scale(tops[i], I8_LIMIT);
        }
        for (size_t i = 0; i < n; i++, row += stride, x += ldx)
            take_row(row, x, factor, vec_splat(inverse[i]), scale[i], k);
    }
}

/* A block of a row from its scores, of which left are there. */
static inline __attribute__((always_inline)) ivec
share_bytes(row_sum *sum, const float *s, vec factor, vec top, const size_t left)
{
    vec v[K_STEP];
    rough_shares(v, sum, s, factor, top, vec_splat(I8_LIMIT_LOG2), left);
    return ivec_add_bytes(bytes_in_order(v[0], v[1], v[2], v[3]), offset_bytes());
}

/* The first n bytes of a block, or all, whatever they are. */
static inline void store_block(uint8_t *to, ivec bytes, size_t n, bool all)
{
    if (all)
        ivec_store(to, bytes);
    else
        memcpy(to, &bytes, n);
}

/* n scores become shares of which the largest is I8_LIMIT; returns their sum. */
static inline float share_row_f32(uint8_t *to, const float *s, vec factor, vec top, size_t n,
                                  bool to_the_end)
{
    row_sum sum = row_sum_zero();
    size_t p = 0;
    for (; p + K_BLOCK <= n; p += K_BLOCK)
        ivec_store(to + p, share_bytes(&sum, s + p, factor, top, K_BLOCK));
    if (p < n)
        store_block(to + p, share_bytes(&sum, s + p, factor, top, n - p), n - p, to_the_end);
    return row_sum_total(&sum);
}

#if defined(HAS_WORD_SHARES)

/* Of a row. */
typedef struct share_row_sums {
    ivec words, signs; /* sum of its shares; bits that any score's distance from the top has */
} share_row_sums;

/* A block of a row by words, of which left are there, from scores and their top in units. */
static inline __attribute__((always_inline)) ivec
share_words_of(share_row_sums *sums, const float *s, vec units, vec top, const size_t left)
{
    ivec x[K_STEP];
#pragma GCC unroll 4
    for (size_t c = 0; c < K_STEP; c++) {
        size_t at = c * LANES, rest = left > at ? left - at : 0;
        vec far = vec_fnma(load_first(s + at, rest), units, top);
        x[c] = ivec_of_numbers(blend_first(far, vec_splat(SHARE_FAR), rest));
        sums->signs |= x[c];
    }
    return ivec_add_bytes(share_words(&sums->words, x), offset_bytes());
}

/* The same as share_row_f32() by words; NAN when scores are too large for units, or a distance is
 * no whole number of them. */
static inline float share_row_words(uint8_t *to, const float *s, float factor, float top, size_t n,
                                    bool to_the_end)
{
    const float top_in_units = top * (factor * SHARE_UNITS);
    const vec units = vec_splat(factor * SHARE_UNITS), highest = vec_splat(top_in_units);
    share_row_sums sums = {ivec_splat(0), ivec_splat(0)};
    if (!(fabsf(top_in_units) <= SHARE_TOP))
        return NAN;
    size_t p = 0;
    for (; p + K_BLOCK <= n; p += K_BLOCK)
        ivec_store(to + p, share_words_of(&sums, s + p, units, highest, K_BLOCK));
    if (p < n)
        store_block(to + p, share_words_of(&sums, s + p, units, highest, n - p), n - p, to_the_end);
    return ivec_any_negative(sums.signs) ? NAN : word_sum(sums.words);
}

/* By words, but for scores that are no numbers or so far apart that words do not count it. */
static inline float share_row(uint8_t *to, const float *s, float factor, float top, size_t n,
                              bool to_the_end)
{
    float sum = share_row_words(to, s, factor, top, n, to_the_end);
    if (__builtin_expect(isnan(sum), 0))
        sum = share_row_f32(to, s, vec_splat(factor), vec_splat(top), n, to_the_end);
    return sum;
}

#else

static inline float share_row(uint8_t *to, const float *s, float factor, float top, size_t n,
                              bool to_the_end)
{
    return share_row_f32(to, s, vec_splat(factor), vec_splat(top), n, to_the_end);
}

#endif

/* A row's scale is the inverse of the sum of its shares.  A few rows at a time find their tops
 * first: the next row need not wait for one. */
static inline void take_shares_i8(void *rows, size_t stride, float *s, size_t lds, float scale,
                                  size_t first, size_t end, size_t m, size_t k)
{
    const float factor = scale * WN_EXP_LOG2E;
    size_t n = end - first;
    uint8_t *row = rows;
    s += first;
    for (size_t few; m > 0; m -= few) {
        float tops[SHARE_ROWS];
        few = WN_MIN(m, (size_t)SHARE_ROWS);
        for (size_t i = 0; i < few; i++)
            tops[i] = top_of_scores(s + i * lds, n);
        for (size_t i = 0; i < few; i++, row += stride, s += lds) {
            if (n < k)
                memset(row, OFFSET, depth_of(k));
            float sum = share_row(row + first, s, factor, tops[i], n, n == k);
            float inverse = n > 0 ? 1.0f / sum : 0.0f;
            memcpy(row + depth_of(k), &inverse, sizeof inverse);
        }
    }
}

#endif
