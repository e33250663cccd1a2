/* Rows and panels of bf16 products on AVX-512 vectors: halves in pairs along k, so that an
 * instruction that adds up two products finds both in one lane of 32 bits.  A row is [depth]
 * halves; a panel is [depth / 2][NR][2], with depth the level's wn_gemm_depth().
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_BF16_H
#define WN_KERNEL_VEC_BF16_H

#include "kernel/avx512bf16/round_bf16.h"
#include "kernel/vec_gemm.h"
#include "kernel/vec_shares.h"

#if defined(__AVX512BF16__)

/* Half of a panel; rows of w from n on count as zeros. */
static inline void pack_bf16_half(int32_t *packed, const float *w, size_t ldw, size_t n, size_t k,
                                  size_t depth)
{
    for (size_t p = 0; p < depth; p += 2 * LANES) {
        vec pairs[LANES];
        for (size_t j = 0; j < LANES; j++, w += ldw) {
            vec first = vec_splat(0.0f), second = first;
            if (j < n) {
                first = load_first(w + p, left_at(k, p));
                second = load_first(w + p + LANES, left_at(k, p + LANES));
            }
            pairs[j] = _mm512_castsi512_ps(round_bf16(first, second));
        }
        w -= LANES * ldw;
        vec_transpose(pairs);
        for (size_t i = 0; i < LANES && p + 2 * i < depth; i++, packed += NR)
            _mm512_store_si512(packed, _mm512_castps_si512(pairs[i]));
    }
}

static inline void pack_bf16(void *packed, const float *w, size_t ldw, size_t n, size_t k,
                             size_t depth)
{
    int32_t *panel = packed;
    for (size_t j = 0; j < n; j += NR, panel += NR * depth / 2) {
        size_t right = left_at(n, j + LANES);
        pack_bf16_half(panel, w + j * ldw, ldw, n - j, k, depth);
        pack_bf16_half(panel + LANES, w + (j + LANES) * ldw, ldw, right, k, depth);
    }
}

/* One pair of rows of w of sixteen columns, of which n are there. */
static inline __m512i pair_rows(const float *w, size_t ldw, size_t n, size_t n_rows)
{
    static const uint16_t order[2 * LANES] __attribute__((aligned(64))) = {
        0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
        8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    vec even = n_rows > 0 ? load_first(w, n) : vec_splat(0.0f);
    vec odd = n_rows > 1 ? load_first(w + ldw, n) : vec_splat(0.0f);
    return _mm512_permutexvar_epi16(_mm512_load_si512(order), round_bf16(even, odd));
}

static inline void pack_bf16_t(void *packed, const float *w, size_t ldw, size_t n, size_t k,
                               size_t depth)
{
    int32_t *out = packed;
    for (size_t j = 0; j < n; j += NR) {
        for (size_t p = 0; p < depth; p += 2, out += NR) {
            const float *row = w + p * ldw + j;
            size_t n_rows = left_at(k, p);
            _mm512_store_si512(out, pair_rows(row, ldw, n - j, n_rows));
            _mm512_store_si512(out + LANES,
                               pair_rows(row + LANES, ldw, left_at(n, j + LANES), n_rows));
        }
    }
}

/* pack_bf16() of rows that are halves; k is whole vectors of them. */
static inline void pack_halves_bf16(void *packed, const void *w, size_t stride, size_t n, size_t k)
{
    const unsigned char *rows = w;
    for (size_t j = 0; j < wn_round_up(n, NR); j += LANES) {
        int32_t *half = (int32_t *)packed + j / NR * NR * k / 2 + j % NR;
        for (size_t p = 0; p < k; p += 2 * LANES) {
            vec pairs[LANES];
            for (size_t i = 0; i < LANES; i++)
                pairs[i] = j + i < n ? _mm512_castsi512_ps(_mm512_load_si512(
                                           rows + (j + i) * stride + p * sizeof(uint16_t)))
                                     : vec_splat(0.0f);
            vec_transpose(pairs);
            for (size_t i = 0; i < LANES; i++, half += NR)
                _mm512_store_si512(half, _mm512_castps_si512(pairs[i]));
        }
    }
}

/* Sixteen halves of a row and of the next one, pair by pair; n_rows of both are there. */
static inline __m512i pair_halves(const unsigned char *row, size_t stride, size_t n_rows)
{
    __m512i even = _mm512_setzero_si512(), odd = even;
    if (n_rows > 0)
        even = _mm512_cvtepu16_epi32(load_halves(row, LANES));
    if (n_rows > 1)
        odd = _mm512_cvtepu16_epi32(load_halves(row + stride, LANES));
    return _mm512_or_si512(even, _mm512_slli_epi32(odd, 16));
}

/* pack_bf16_t() of rows that are halves; n is whole vectors of them. */
static inline void pack_halves_bf16_t(void *packed, const void *w, size_t stride, size_t n,
                                      size_t k, size_t depth)
{
    int32_t *out = packed;
    for (size_t j = 0; j < n; j += NR) {
        const unsigned char *row = (const unsigned char *)w + j * sizeof(uint16_t);
        for (size_t p = 0; p < depth; p += 2, row += 2 * stride, out += NR) {
            size_t n_rows = left_at(k, p);
            _mm512_store_si512(out, pair_halves(row, stride, n_rows));
            _mm512_store_si512(out + LANES,
                               pair_halves(row + LANES * sizeof(uint16_t), stride, n_rows));
        }
    }
}

static inline vec load_scaled(const float *x, const float *factor, size_t n)
{
    vec v = load_first(x, n);
    if (factor != NULL)
        v *= load_first(factor, n);
    return v;
}

/* Whole vectors are stored: a row's bytes are a multiple of theirs. */
static inline void take_rows_bf16(void *rows, size_t stride, const float *x, size_t ldx,
                                  const float *factor, size_t m, size_t k, size_t depth)
{
    unsigned char *row = rows;
    for (size_t i = 0; i < m; i++, row += stride, x += ldx) {
        for (size_t p = 0; p < depth; p += 2 * LANES) {
            const float *f = factor != NULL ? factor + p : NULL;
            vec first = load_scaled(x + p, f, left_at(k, p));
            vec second =
                load_scaled(x + p + LANES, f != NULL ? f + LANES : NULL, left_at(k, p + LANES));
            _mm512_store_si512(row + p * sizeof(uint16_t), round_bf16(first, second));
        }
    }
}

/* s = its shares as yet undivided, of a step of which left are there. */
static inline __attribute__((always_inline)) void share_step(float *s, row_sum *sum, vec factor,
                                                             vec top, const size_t left)
{
    vec v[PARTS];
    rough_shares(v, sum, s, factor, top, vec_splat(0.0f), left);
#pragma GCC unroll 4
    for (size_t c = 0; c < PARTS; c++)
        store_first(s + c * LANES, v[c], left_at(left, c * LANES));
}

/* n scores become shares as yet undivided; returns their sum. */
static inline float share_row(float *s, vec factor, vec top, size_t n)
{
    row_sum sum = row_sum_zero();
    size_t p = 0;
    for (; p + STEP <= n; p += STEP)
        share_step(s + p, &sum, factor, top, STEP);
    if (p < n)
        share_step(s + p, &sum, factor, top, n - p);
    return row_sum_total(&sum);
}

/* A few rows at a time find their tops first, and their sums before any is divided: the next row
 * need not wait for one. */
static inline void take_shares_bf16(void *rows, size_t stride, float *s, size_t lds, float scale,
                                    size_t first, size_t end, size_t m, size_t k, size_t depth)
{
    const vec factor = vec_splat(scale * WN_EXP_LOG2E);
    size_t n = end - first;
    unsigned char *row = rows;
    for (size_t few; m > 0; m -= few) {
        float tops[SHARE_ROWS], sums[SHARE_ROWS];
        few = WN_MIN(m, (size_t)SHARE_ROWS);
        for (size_t i = 0; i < few; i++)
            tops[i] = top_of_scores(s + i * lds + first, n);
        for (size_t i = 0; i < few; i++)
            sums[i] = share_row(s + i * lds + first, factor, vec_splat(tops[i]), n);
        for (size_t i = 0; i < few; i++, row += stride, s += lds) {
            const vec inverse = vec_splat(n > 0 ? 1.0f / sums[i] : 0.0f);
            if (n < k) {
                memset(s, 0, first * sizeof *s);
                memset(s + end, 0, (k - end) * sizeof *s);
            }
            for (size_t p = 0; p < depth; p += 2 * LANES) {
                vec a = load_first(s + p, left_at(k, p)) * inverse;
                vec b = load_first(s + p + LANES, left_at(k, p + LANES)) * inverse;
                _mm512_store_si512(row + p * sizeof(uint16_t), round_bf16(a, b));
            }
        }
    }
}

#endif
#endif
