/* Shares of softmax as bytes, 64 at once, by F16.  A share is 2^-x with x in 1/1024.  The bits of
 * F16 less x are a first guess, a line between powers of 2, which a polynomial of its fraction
 * corrects to 1.8e-3; the product of both becomes a word, in steps of bytes like those of
 * word_shares.h.
 * Thread rule: any. */
#ifndef WN_KERNEL_F16_SHARES_H
#define WN_KERNEL_F16_SHARES_H

#include "kernel/amx/vec_f16.h"
#include "kernel/vec_take_i8.h"

#include <math.h>

enum {
    TOP_ROWS = LANES, /* whose tops are found together */
    SHARE_BITS = 22   /* of x; a NaN, or one below 0 or too large, has others */
};

/* Whole numbers added to it are the lowest bits of an f32. */
#define SHARE_WHOLE 0x1.8p23f

/* What all steps need, in registers. */
typedef struct share_constants {
    __m512i largest, fraction, one; /* bits of the largest guess, of a fraction, of 1.0 */
    vec_f16 cube, square, slope, start;
    __m512i ones, step, order; /* words */
    __m512i whole;
    vec units; /* of a score */
} share_constants;

/* Loaded as pairs: a single word would take a shuffle. */
static inline __m512i words_splat(unsigned word)
{
    return _mm512_set1_epi32((int)(word << 16 | word));
}

static inline vec_f16 f16_splat_bits(unsigned word)
{
    return _mm512_castsi512_ph(words_splat(word));
}

/* For scores times factor.  The largest guess is 2^15; the polynomial, made by tools/fit_shares.py,
 * is near 2^(m - 1) / m times 127 * SHARE_WORDS / 2^15 for 1 <= m < 2. */
static inline __attribute__((always_inline)) share_constants share_constants_of(float factor)
{
    return (share_constants){
        .largest = words_splat(0x7800),
        .fraction = words_splat(0x03FF),
        .one = words_splat(0x3C00),
        .cube = f16_splat_bits(0xAEC6),
        .square = f16_splat_bits(0x399D),
        .slope = f16_splat_bits(0xBD75),
        .start = f16_splat_bits(0x3F0A),
        .ones = words_splat(1),
        .step = words_splat((1 << 15) / SHARE_WORDS),
        .order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        .whole = _mm512_castps_si512(vec_splat(SHARE_WHOLE)),
        .units = vec_splat(factor * SHARE_UNITS),
    };
}

/* The largest of each of m <= TOP_ROWS rows of n scores; of others -infinity. */
static inline vec tops_of_scores(const float *s, size_t lds, size_t m, size_t n)
{
    const vec lowest = vec_splat(-INFINITY);
    vec rows[TOP_ROWS];
    for (size_t i = 0; i < TOP_ROWS; i++) {
        const float *row = i < m ? s + i * lds : NULL;
        vec first = lowest, second = lowest;
        size_t p = i < m ? 0 : n;
        for (; p + 2 * LANES <= n; p += 2 * LANES) {
            first = vec_max(first, load_first(row + p, LANES));
            second = vec_max(second, load_first(row + p + LANES, LANES));
        }
        for (; p < n; p += LANES)
            first = vec_max(first, blend_first(load_first(row + p, n - p), lowest, n - p));
        rows[i] = vec_max(first, second);
    }
    vec_transpose(rows);
#pragma GCC unroll 4
    for (size_t few = LANES / 2; few > 0; few /= 2) {
#pragma GCC unroll 8
        for (size_t i = 0; i < few; i++)
            rows[i] = vec_max(rows[i], rows[i + few]);
    }
    return rows[0];
}

/* word_sum() of LANES rows, with its bits. */
static inline vec word_sums(const ivec words[LANES])
{
    vec rows[LANES];
    for (size_t i = 0; i < LANES; i++)
        rows[i] = vec_of_sums(words[i]);
    vec_transpose(rows);
#pragma GCC unroll 4
    for (size_t few = LANES / 2; few > 0; few /= 2) {
#pragma GCC unroll 8
        for (size_t i = 0; i < few; i++)
            rows[i] += rows[i + few];
    }
    return rows[0] * vec_splat(1.0f / SHARE_WORDS);
}

/* What x is taken from: the top in units and one more, so that nothing lost by rounding takes x
 * below 0; NAN where units are too small for the scores. */
static inline vec share_starts(const share_constants *c, vec top)
{
    vec in_units = top * c->units;
    __mmask16 fits = _mm512_cmp_ps_mask(vec_size(in_units), vec_splat(SHARE_TOP), _CMP_LE_OQ);
    return _mm512_mask_add_ps(vec_splat(NAN), fits, in_units, vec_splat(SHARE_WHOLE + 1.0f));
}

/* 32 shares of x as words. */
static inline __m512i f16_shares(const share_constants *c, __m512i x)
{
    enum { AND_OR = 0xEA };
    __m512i guess = _mm512_subs_epu16(c->largest, x);
    __m512i one = _mm512_ternarylogic_epi32(guess, c->fraction, c->one, AND_OR);
    vec_f16 m = _mm512_castsi512_ph(one);
    vec_f16 p = _mm512_fmadd_ph(_mm512_fmadd_ph(c->cube, m, c->square), m, c->slope);
    p = _mm512_fmadd_ph(p, m, c->start);
    return _mm512_cvtph_epi16(_mm512_mul_ph(_mm512_castsi512_ph(guess), p));
}

static inline ivec or_both(ivec bits, ivec a, ivec b)
{
    enum { OR_OR = 0xFE };
    return (ivec)_mm512_ternarylogic_epi32((__m512i)bits, (__m512i)a, (__m512i)b, OR_OR);
}

/* Of a row: its shares as words, added up; the bits of all x. */
typedef struct row_shares {
    ivec sum, bits;
} row_shares;

/* 64 shares as bytes in order, of which left are there and the others 0. */
static inline __attribute__((always_inline)) ivec shares_of_step(const share_constants *c,
                                                                 row_shares *row, const float *s,
                                                                 vec start, const size_t left)
{
    ivec x[K_STEP];
#pragma GCC unroll 4
    for (size_t i = 0; i < K_STEP; i++) {
        size_t rest = left_at(left, i * LANES);
        vec from = vec_fnma(load_first(s + i * LANES, rest), c->units, start);
        from = blend_first(from, vec_splat(SHARE_WHOLE + SHARE_FAR), rest);
        x[i] = (ivec)_mm512_sub_epi32(_mm512_castps_si512(from), c->whole);
    }
    row->bits = or_both(or_both(row->bits, x[0], x[1]), x[2], x[3]);
    __m512i a = f16_shares(c, _mm512_packus_epi32((__m512i)x[0], (__m512i)x[1]));
    __m512i b = f16_shares(c, _mm512_packus_epi32((__m512i)x[2], (__m512i)x[3]));
    __m512i sum = _mm512_dpwssd_epi32((__m512i)row->sum, a, c->ones);
    row->sum = (ivec)_mm512_dpwssd_epi32(sum, b, c->ones);
    a = _mm512_packus_epi16(_mm512_mulhrs_epi16(a, c->step), _mm512_mulhrs_epi16(b, c->step));
    return (ivec)_mm512_permutexvar_epi32(c->order, a);
}

/* Whether bits are those of an x that does not count. */
static inline bool has_other_bits(ivec bits)
{
    const __m512i others = _mm512_set1_epi32(-(1 << SHARE_BITS));
    return _mm512_test_epi32_mask((__m512i)bits, others) != 0;
}

/* n scores become bytes; returns their sum.  Where an x does not count, they are made in f32. */
static inline float share_row_f16(const share_constants *c, unsigned char *to, const float *s,
                                  float start, float top, float factor, size_t n, bool to_the_end)
{
    row_shares row = {ivec_splat(0), ivec_splat(0)};
    size_t p = 0;
    for (; p + K_BLOCK <= n; p += K_BLOCK)
        ivec_store(to + p, shares_of_step(c, &row, s + p, vec_splat(start), K_BLOCK));
    if (p < n)
        store_block(to + p, shares_of_step(c, &row, s + p, vec_splat(start), n - p), n - p,
                    to_the_end);
    if (__builtin_expect(has_other_bits(row.bits), 0))
        return share_row_f32(to, s, vec_splat(factor), vec_splat(top), n, to_the_end);
    return word_sum(row.sum);
}

static inline void take_shares_f16(void *rows, size_t stride, float *s, size_t lds, float scale,
                                   size_t first, size_t end, size_t m, size_t k)
{
    const float factor = scale * WN_EXP_LOG2E;
    const share_constants c = share_constants_of(factor);
    size_t n = end - first;
    unsigned char *row = rows;
    s += first;
    for (size_t few; m > 0; m -= few) {
        float tops[TOP_ROWS], starts[TOP_ROWS];
        few = WN_MIN(m, (size_t)TOP_ROWS);
        vec top = tops_of_scores(s, lds, few, n);
        store_first(tops, top, LANES);
        store_first(starts, share_starts(&c, top), LANES);
        for (size_t i = 0; i < few; i++, row += stride, s += lds) {
            if (n < k)
                memset(row, 0, depth_of(k));
            float sum = share_row_f16(&c, row + first, s, starts[i], tops[i], factor, n, n == k);
            float inverse = n > 0 ? 1.0f / sum : 0.0f;
            memcpy(row + depth_of(k), &inverse, sizeof inverse);
        }
    }
}

#endif
