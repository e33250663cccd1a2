/* The vector operations that the AVX-512 kernels share: masked tails, sums, exp, GELU.
 * Sums add lanes in one fixed tree.  Only files of this folder include it.  Thread rule: any. */
#ifndef WN_KERNEL_VEC_AVX512_H
#define WN_KERNEL_VEC_AVX512_H

#include "base/defs.h"
#include "kernel/poly.h"

#include <immintrin.h>

enum { LANES = 16 };

typedef __mmask16 wn_tail; /* the first lanes, fewer than all */

static inline wn_tail tail_of(size_t n)
{
    return (wn_tail)((1u << n) - 1u);
}

static inline __m512 load_tail(const float *p, wn_tail tail)
{
    return _mm512_maskz_loadu_ps(tail, p);
}

static inline void store_tail(float *p, __m512 v, wn_tail tail)
{
    _mm512_mask_storeu_ps(p, tail, v);
}

static inline __m512 keep_tail(__m512 v, wn_tail tail)
{
    return _mm512_maskz_mov_ps(tail, v);
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
    return _mm512_reduce_max_ps(v);
}

static inline __m512 exp_lanes(__m512 x)
{
    x = _mm512_max_ps(x, _mm512_set1_ps(WN_EXP_LOWEST));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(WN_EXP_LOG2E)),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(WN_EXP_LN2_HI), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(WN_EXP_LN2_LO), r);
    __m512 y = _mm512_set1_ps(wn_exp_poly[0]);
    for (int i = 1; i < WN_EXP_TERMS; i++)
        y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(wn_exp_poly[i]));
    return _mm512_scalef_ps(y, n);
}

static inline __m512 gelu_lanes(__m512 x)
{
    __m512 t =
        _mm512_fmsub_ps(_mm512_mul_ps(x, x), _mm512_set1_ps(WN_GELU_SCALE), _mm512_set1_ps(1.0f));
    __m512 q = _mm512_set1_ps(wn_gelu_poly[0]);
    for (int i = 1; i < WN_GELU_TERMS; i++)
        q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(wn_gelu_poly[i]));
    __m512 y = _mm512_mul_ps(x, _mm512_fmadd_ps(x, q, _mm512_set1_ps(0.5f)));
    __mmask16 far = _mm512_cmp_ps_mask(_mm512_abs_ps(x), _mm512_set1_ps(WN_GELU_LIMIT), _CMP_GT_OQ);
    return _mm512_mask_max_ps(y, far, x, _mm512_setzero_ps());
}

#endif
