/* A vector of the AVX-512 level; see scalar/vec_scalar.h for what each operation does.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_AVX512_H
#define WN_KERNEL_VEC_AVX512_H

#include "base/defs.h"

#include <immintrin.h>

typedef __m512 vec;
enum { LANES = 16 };

static inline vec vec_splat(float x)
{
    return _mm512_set1_ps(x);
}

/* The lanes below n, for n < LANES. */
static inline __mmask16 below(size_t n)
{
    return (__mmask16)((1u << n) - 1u);
}

static inline vec load_first(const float *p, size_t n)
{
    return n >= LANES ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(below(n), p);
}

static inline vec gather_first(const float *p, const int32_t *row, int32_t step, int32_t next,
                               size_t n)
{
    const __m512i count = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __mmask16 mask = n >= LANES ? 0xFFFF : below(n);
    __m512i at = _mm512_mullo_epi32(_mm512_maskz_loadu_epi32(mask, row), _mm512_set1_epi32(step));
    at = _mm512_add_epi32(at, _mm512_mullo_epi32(count, _mm512_set1_epi32(next)));
    return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, at, p, 4);
}

static inline void store_first(float *p, vec v, size_t n)
{
    if (n >= LANES)
        _mm512_storeu_ps(p, v);
    else
        _mm512_mask_storeu_ps(p, below(n), v);
}

static inline vec keep_first(vec v, size_t n)
{
    return n >= LANES ? v : _mm512_maskz_mov_ps(below(n), v);
}

static inline vec blend_first(vec v, vec rest, size_t n)
{
    return n >= LANES ? v : _mm512_mask_mov_ps(rest, below(n), v);
}

/* The first n of sixteen stored halves, zeros behind them. */
static inline __m256i load_halves(const unsigned char *p, size_t n)
{
    return n >= LANES ? _mm256_loadu_si256((const __m256i *)(const void *)p)
                      : _mm256_maskz_loadu_epi16(below(n), p);
}

static inline vec load_first_f16(const unsigned char *p, size_t n)
{
    return _mm512_cvtph_ps(load_halves(p, n));
}

static inline vec load_first_bf16(const unsigned char *p, size_t n)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_halves(p, n)), 16));
}

static inline float sum_lanes(vec v)
{
    __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}

static inline float max_lanes(vec v)
{
    __m256 a = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

static inline vec vec_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline vec vec_fms(vec a, vec b, vec c)
{
    return _mm512_fmsub_ps(a, b, c);
}

static inline vec vec_fnma(vec a, vec b, vec c)
{
    return _mm512_fnmadd_ps(a, b, c);
}

static inline vec vec_min(vec a, vec b)
{
    return _mm512_min_ps(a, b);
}

static inline vec vec_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}

static inline vec vec_size(vec x)
{
    return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), x);
}

static inline vec vec_size_up_to(vec x, vec limit)
{
    enum { LEAST_SIZE = 2, WITHOUT_SIGN = 2 << 2 };
    return _mm512_range_ps(x, limit, LEAST_SIZE | WITHOUT_SIGN);
}

static inline vec vec_with_sign(vec x, vec s)
{
    return _mm512_or_ps(x, _mm512_and_ps(_mm512_set1_ps(-0.0f), s));
}

static inline vec vec_pick(const float table[16], vec at)
{
    return _mm512_permutexvar_ps(_mm512_castps_si512(at), _mm512_loadu_ps(table));
}

static inline vec vec_shift_bits(vec x, const int count)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(x), (unsigned)count));
}

static inline vec vec_add_bits(vec a, vec b)
{
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}

/* Transpose sixteen rows of sixteen: pairs, pairs of pairs, then quarters of the register. */
static inline void vec_transpose(vec r[LANES])
{
    vec t[LANES];
#pragma GCC unroll 8
    for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 4) {
        r[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xEE);
        r[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    /* r[4 g + c] now holds rows 4 g..4 g + 3 of the columns c, c + 4, c + 8, c + 12. */
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        t[c] = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88);
        t[4 + c] = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xDD);
        t[8 + c] = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88);
        t[12 + c] = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xDD);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        r[c] = _mm512_shuffle_f32x4(t[c], t[8 + c], 0x88);
        r[4 + c] = _mm512_shuffle_f32x4(t[4 + c], t[12 + c], 0x88);
        r[8 + c] = _mm512_shuffle_f32x4(t[c], t[8 + c], 0xDD);
        r[12 + c] = _mm512_shuffle_f32x4(t[4 + c], t[12 + c], 0xDD);
    }
}

#endif
