/* One vector of the AVX2 level: parts of vectors, sums, exp and the activations.
 * Every function is straight-line arithmetic of its lane, so a value depends on its input alone.
 * Sums add halves to halves.  Only files of this folder include it.  Thread rule: any. */
#ifndef WN_KERNEL_VEC_AVX2_H
#define WN_KERNEL_VEC_AVX2_H

#include "base/defs.h"
#include "kernel/poly.h"

#include <immintrin.h>

enum { LANES = 8 };

/* All bits of the lanes below n, for n < LANES. */
static inline __m256i below(size_t n)
{
    static const int32_t ones[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + LANES - n));
}

/* Read, write or keep the first n lanes, all of them from n = LANES on; the others are zero. */
static inline __m256 load_first(const float *p, size_t n)
{
    return n >= LANES ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, below(n));
}

static inline void store_first(float *p, __m256 v, size_t n)
{
    if (n >= LANES)
        _mm256_storeu_ps(p, v);
    else
        _mm256_maskstore_ps(p, below(n), v);
}

static inline __m256 keep_first(__m256 v, size_t n)
{
    return n >= LANES ? v : _mm256_and_ps(v, _mm256_castsi256_ps(below(n)));
}

/* The first n lanes of v, the others from rest. */
static inline __m256 blend_first(__m256 v, __m256 rest, size_t n)
{
    return n >= LANES ? v : _mm256_blendv_ps(rest, v, _mm256_castsi256_ps(below(n)));
}

static inline float sum_lanes(__m256 v)
{
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}

static inline float max_lanes(__m256 v)
{
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

/* e^x for x <= WN_EXP_HIGHEST */
static inline __m256 exp_lanes(__m256 x)
{
    const __m256 one = _mm256_set1_ps(1.0f);
    x = _mm256_max_ps(_mm256_set1_ps(WN_EXP_LOWEST), x);
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(WN_EXP_LOG2E)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(WN_EXP_LN2_HI), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(WN_EXP_LN2_LO), r);
    __m256 q = _mm256_set1_ps(wn_exp_poly[0]);
#pragma GCC unroll 8
    for (int i = 1; i < WN_EXP_TERMS; i++)
        q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(wn_exp_poly[i]));
    q = _mm256_fmadd_ps(q, _mm256_mul_ps(r, r), _mm256_add_ps(r, one));
    __m256i power = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_mul_ps(q, _mm256_castsi256_ps(_mm256_slli_epi32(power, 23)));
}

static inline __m256 size_lanes(__m256 x)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
}

/* See poly.h. */
static inline __m256 gelu_lanes(__m256 x)
{
    __m256 t = _mm256_min_ps(_mm256_set1_ps(WN_GELU_LIMIT), size_lanes(x));
    __m256 v =
        _mm256_fmsub_ps(_mm256_mul_ps(t, t), _mm256_set1_ps(WN_GELU_SCALE), _mm256_set1_ps(1.0f));
    __m256 p = _mm256_set1_ps(wn_gelu_poly[0]);
#pragma GCC unroll 16
    for (int i = 1; i < WN_GELU_TERMS; i++)
        p = _mm256_fmadd_ps(p, v, _mm256_set1_ps(wn_gelu_poly[i]));
    __m256 tail = _mm256_fnmadd_ps(t, p, _mm256_set1_ps(0.5f));
    return _mm256_fnmadd_ps(t, tail, _mm256_max_ps(_mm256_setzero_ps(), x));
}

/* 1 / (1 + e^-x) */
static inline __m256 sigmoid_lanes(__m256 x)
{
    const __m256 one = _mm256_set1_ps(1.0f);
    __m256 down = _mm256_xor_ps(x, _mm256_set1_ps(-0.0f));
    __m256 e = exp_lanes(_mm256_min_ps(_mm256_set1_ps(WN_EXP_HIGHEST), down));
    return _mm256_div_ps(one, _mm256_add_ps(one, e));
}

/* (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x */
static inline __m256 tanh_lanes(__m256 x)
{
    const __m256 one = _mm256_set1_ps(1.0f), sign = _mm256_set1_ps(-0.0f);
    __m256 e = exp_lanes(_mm256_mul_ps(size_lanes(x), _mm256_set1_ps(-2.0f)));
    __m256 t = _mm256_div_ps(_mm256_sub_ps(one, e), _mm256_add_ps(one, e));
    return _mm256_or_ps(t, _mm256_and_ps(sign, x));
}

/* x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3) */
static inline __m256 gelu_tanh_lanes(__m256 x)
{
    __m256 cube = _mm256_fmadd_ps(_mm256_mul_ps(x, x), _mm256_set1_ps(WN_GELU_TANH_CUBE),
                                  _mm256_set1_ps(1.0f));
    __m256 u = _mm256_mul_ps(_mm256_mul_ps(x, _mm256_set1_ps(WN_GELU_TANH_SLOPE)), cube);
    return _mm256_mul_ps(x, sigmoid_lanes(u));
}

static inline __m256 silu_lanes(__m256 x)
{
    return _mm256_mul_ps(x, sigmoid_lanes(x));
}

static inline __m256 relu_lanes(__m256 x)
{
    return _mm256_max_ps(_mm256_setzero_ps(), x);
}

static inline __m256 same_lanes(__m256 x)
{
    return x;
}

#endif
