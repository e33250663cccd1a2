/* A vector of the AVX2 level; see scalar/vec_scalar.h for what each operation does.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_AVX2_H
#define WN_KERNEL_VEC_AVX2_H

#include "base/defs.h"

#include <immintrin.h>
#include <string.h>

typedef __m256 vec;
enum { LANES = 8 };

static inline vec vec_splat(float x)
{
    return _mm256_set1_ps(x);
}

/* All bits of the lanes below n, for n < LANES. */
static inline __m256i below(size_t n)
{
    static const int32_t ones[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + LANES - n));
}

static inline vec load_first(const float *p, size_t n)
{
    return n >= LANES ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, below(n));
}

static inline void store_first(float *p, vec v, size_t n)
{
    if (n >= LANES)
        _mm256_storeu_ps(p, v);
    else
        _mm256_maskstore_ps(p, below(n), v);
}

static inline vec keep_first(vec v, size_t n)
{
    return n >= LANES ? v : _mm256_and_ps(v, _mm256_castsi256_ps(below(n)));
}

static inline vec blend_first(vec v, vec rest, size_t n)
{
    return n >= LANES ? v : _mm256_blendv_ps(rest, v, _mm256_castsi256_ps(below(n)));
}

static inline vec gather_first(const float *p, const int32_t *row, int32_t step, int32_t next,
                               size_t n)
{
    const __m256i count = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i mask = n >= LANES ? _mm256_set1_epi32(-1) : below(n);
    __m256i at = _mm256_mullo_epi32(_mm256_maskload_epi32(row, mask), _mm256_set1_epi32(step));
    at = _mm256_add_epi32(at, _mm256_mullo_epi32(count, _mm256_set1_epi32(next)));
    return _mm256_mask_i32gather_ps(_mm256_setzero_ps(), p, at, _mm256_castsi256_ps(mask), 4);
}

/* The first n of eight stored halves, zeros behind them. */
static inline __m128i load_halves(const unsigned char *p, size_t n)
{
    uint16_t h[LANES] = {0};
    if (n >= LANES)
        return _mm_loadu_si128((const __m128i *)(const void *)p);
    memcpy(h, p, n * sizeof *h);
    return _mm_loadu_si128((const __m128i *)(const void *)h);
}

static inline vec load_first_f16(const unsigned char *p, size_t n)
{
    return _mm256_cvtph_ps(load_halves(p, n));
}

static inline vec load_first_bf16(const unsigned char *p, size_t n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_halves(p, n)), 16));
}

static inline float sum_lanes(vec v)
{
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}

static inline float max_lanes(vec v)
{
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

static inline vec vec_fma(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

static inline vec vec_fms(vec a, vec b, vec c)
{
    return _mm256_fmsub_ps(a, b, c);
}

static inline vec vec_fnma(vec a, vec b, vec c)
{
    return _mm256_fnmadd_ps(a, b, c);
}

static inline vec vec_min(vec a, vec b)
{
    return _mm256_min_ps(a, b);
}

static inline vec vec_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}

static inline vec vec_size(vec x)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
}

static inline vec vec_size_up_to(vec x, vec limit)
{
    return vec_min(limit, vec_size(x));
}

static inline vec vec_with_sign(vec x, vec s)
{
    return _mm256_or_ps(x, _mm256_and_ps(_mm256_set1_ps(-0.0f), s));
}

/* Of both halves of the table; the fourth bit, as the sign, chooses. */
static inline vec vec_pick(const float table[16], vec at)
{
    const __m256i i = _mm256_castps_si256(at);
    __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), i);
    __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + LANES), i);
    return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(i, 28)));
}

static inline vec vec_shift_bits(vec x, const int count)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(x), count));
}

static inline vec vec_add_bits(vec a, vec b)
{
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}

/* Transpose eight rows of eight: pairs, pairs of pairs, then halves of the register. */
static inline void vec_transpose(vec r[LANES])
{
    vec t[LANES];
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < LANES; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    /* r[4 g + c] now holds rows 4 g..4 g + 3 of the columns c and c + 4. */
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        t[c] = _mm256_permute2f128_ps(r[c], r[4 + c], 0x20);
        t[4 + c] = _mm256_permute2f128_ps(r[c], r[4 + c], 0x31);
    }
#pragma GCC unroll 8
    for (int i = 0; i < LANES; i++)
        r[i] = t[i];
}

#endif
