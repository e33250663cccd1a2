/* One vector of the AVX-512 level: parts of vectors, sums, exp and the activations.
 * Every function is straight-line arithmetic of its lane, so a value depends on its input alone.
 * Sums add halves to halves.  Only files of this folder include it.  Thread rule: any. */
#ifndef WN_KERNEL_VEC_AVX512_H
#define WN_KERNEL_VEC_AVX512_H

#include "base/defs.h"
#include "kernel/poly.h"

#include <immintrin.h>

enum { LANES = 16 };

/* The lanes below n, for n < LANES. */
static inline __mmask16 below(size_t n)
{
    return (__mmask16)((1u << n) - 1u);
}

/* Read, write or keep the first n lanes, all of them from n = LANES on; the others are zero. */
static inline __m512 load_first(const float *p, size_t n)
{
    return n >= LANES ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(below(n), p);
}

static inline void store_first(float *p, __m512 v, size_t n)
{
    if (n >= LANES)
        _mm512_storeu_ps(p, v);
    else
        _mm512_mask_storeu_ps(p, below(n), v);
}

static inline __m512 keep_first(__m512 v, size_t n)
{
    return n >= LANES ? v : _mm512_maskz_mov_ps(below(n), v);
}

/* The first n lanes of v, the others from rest. */
static inline __m512 blend_first(__m512 v, __m512 rest, size_t n)
{
    return n >= LANES ? v : _mm512_mask_mov_ps(rest, below(n), v);
}

static inline float sum_lanes(__m512 v)
{
    __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}

static inline float max_lanes(__m512 v)
{
    __m256 a = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

/* e^x for x <= WN_EXP_HIGHEST */
static inline __m512 exp_lanes(__m512 x)
{
    const __m512 one = _mm512_set1_ps(1.0f);
    x = _mm512_max_ps(_mm512_set1_ps(WN_EXP_LOWEST), x);
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(WN_EXP_LOG2E)),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(WN_EXP_LN2_HI), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(WN_EXP_LN2_LO), r);
    __m512 q = _mm512_set1_ps(wn_exp_poly[0]);
#pragma GCC unroll 8
    for (int i = 1; i < WN_EXP_TERMS; i++)
        q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(wn_exp_poly[i]));
    q = _mm512_fmadd_ps(q, _mm512_mul_ps(r, r), _mm512_add_ps(r, one));
    return _mm512_scalef_ps(q, n);
}

static inline __m512 size_lanes(__m512 x)
{
    return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), x);
}

/* See poly.h. */
static inline __m512 gelu_lanes(__m512 x)
{
    __m512 t = _mm512_min_ps(_mm512_set1_ps(WN_GELU_LIMIT), size_lanes(x));
    __m512 v =
        _mm512_fmsub_ps(_mm512_mul_ps(t, t), _mm512_set1_ps(WN_GELU_SCALE), _mm512_set1_ps(1.0f));
    __m512 p = _mm512_set1_ps(wn_gelu_poly[0]);
#pragma GCC unroll 16
    for (int i = 1; i < WN_GELU_TERMS; i++)
        p = _mm512_fmadd_ps(p, v, _mm512_set1_ps(wn_gelu_poly[i]));
    __m512 tail = _mm512_fnmadd_ps(t, p, _mm512_set1_ps(0.5f));
    return _mm512_fnmadd_ps(t, tail, _mm512_max_ps(_mm512_setzero_ps(), x));
}

/* 1 / (1 + e^-x) */
static inline __m512 sigmoid_lanes(__m512 x)
{
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 down = _mm512_xor_ps(x, _mm512_set1_ps(-0.0f));
    __m512 e = exp_lanes(_mm512_min_ps(_mm512_set1_ps(WN_EXP_HIGHEST), down));
    return _mm512_div_ps(one, _mm512_add_ps(one, e));
}

/* (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x */
static inline __m512 tanh_lanes(__m512 x)
{
    const __m512 one = _mm512_set1_ps(1.0f), sign = _mm512_set1_ps(-0.0f);
    __m512 e = exp_lanes(_mm512_mul_ps(size_lanes(x), _mm512_set1_ps(-2.0f)));
    __m512 t = _mm512_div_ps(_mm512_sub_ps(one, e), _mm512_add_ps(one, e));
    return _mm512_or_ps(t, _mm512_and_ps(sign, x));
}

/* x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3) */
static inline __m512 gelu_tanh_lanes(__m512 x)
{
    __m512 cube = _mm512_fmadd_ps(_mm512_mul_ps(x, x), _mm512_set1_ps(WN_GELU_TANH_CUBE),
                                  _mm512_set1_ps(1.0f));
    __m512 u = _mm512_mul_ps(_mm512_mul_ps(x, _mm512_set1_ps(WN_GELU_TANH_SLOPE)), cube);
    return _mm512_mul_ps(x, sigmoid_lanes(u));
}

static inline __m512 silu_lanes(__m512 x)
{
    return _mm512_mul_ps(x, sigmoid_lanes(x));
}

static inline __m512 relu_lanes(__m512 x)
{
    return _mm512_max_ps(_mm512_setzero_ps(), x);
}

static inline __m512 same_lanes(__m512 x)
{
    return x;
}

#endif
