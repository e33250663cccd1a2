/* The vector operations that the AVX2 kernels share: masked tails, sums, exp, GELU.
 * Sums add lanes in one fixed tree.  Only files of this folder include it.  Thread rule: any. */
#ifndef WN_KERNEL_VEC_AVX2_H
#define WN_KERNEL_VEC_AVX2_H

#include "base/defs.h"
#include "kernel/poly.h"

#include <immintrin.h>

enum { LANES = 8 };

typedef __m256i wn_tail; /* the first lanes, fewer than all */

static inline wn_tail tail_of(size_t n)
{
    static const int32_t ones[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + LANES - n));
}

static inline __m256 load_tail(const float *p, wn_tail tail)
{
    return _mm256_maskload_ps(p, tail);
}

static inline void store_tail(float *p, __m256 v, wn_tail tail)
{
    _mm256_maskstore_ps(p, tail, v);
}

static inline __m256 keep_tail(__m256 v, wn_tail tail)
{
    return _mm256_and_ps(v, _mm256_castsi256_ps(tail));
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

static inline __m256 exp_lanes(__m256 x)
{
    x = _mm256_max_ps(x, _mm256_set1_ps(WN_EXP_LOWEST));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(WN_EXP_LOG2E)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(WN_EXP_LN2_HI), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(WN_EXP_LN2_LO), r);
    __m256 y = _mm256_set1_ps(wn_exp_poly[0]);
    for (int i = 1; i < WN_EXP_TERMS; i++)
        y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(wn_exp_poly[i]));
    __m256i power =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(y, _mm256_castsi256_ps(power));
}

static inline __m256 gelu_lanes(__m256 x)
{
    __m256 t =
        _mm256_fmsub_ps(_mm256_mul_ps(x, x), _mm256_set1_ps(WN_GELU_SCALE), _mm256_set1_ps(1.0f));
    __m256 q = _mm256_set1_ps(wn_gelu_poly[0]);
    for (int i = 1; i < WN_GELU_TERMS; i++)
        q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(wn_gelu_poly[i]));
    __m256 y = _mm256_mul_ps(x, _mm256_fmadd_ps(x, q, _mm256_set1_ps(0.5f)));
    __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
    __m256 far = _mm256_cmp_ps(size, _mm256_set1_ps(WN_GELU_LIMIT), _CMP_GT_OQ);
    return _mm256_blendv_ps(y, _mm256_max_ps(x, _mm256_setzero_ps()), far);
}

#endif
