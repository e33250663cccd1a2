/* Whole numbers of the AVX-512 levels; see scalar/vec_i8_scalar.h for what each operation does.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_I8_AVX512_H
#define WN_KERNEL_VEC_I8_AVX512_H

#include "kernel/avx512/vec_avx512.h"

/* Numbers of 32 bits, not the compiler's vector of no type: as that, its sums would leave their
 * registers at each step of a product. */
typedef int32_t ivec __attribute__((vector_size(64)));

static inline ivec ivec_load(const void *p)
{
    return (ivec)_mm512_loadu_si512(p);
}

static inline void ivec_store(void *p, ivec v)
{
    _mm512_storeu_si512(p, (__m512i)v);
}

static inline ivec ivec_splat(int32_t x)
{
    return (ivec)_mm512_set1_epi32(x);
}

static inline ivec ivec_of_bits(vec v)
{
    return (ivec)_mm512_castps_si512(v);
}

static inline vec vec_of_bits(ivec v)
{
    return _mm512_castsi512_ps((__m512i)v);
}

static inline vec vec_of_sums(ivec v)
{
    return _mm512_cvtepi32_ps((__m512i)v);
}

static inline ivec ivec_max(ivec a, ivec b)
{
    return (ivec)_mm512_max_epi32((__m512i)a, (__m512i)b);
}

static inline int32_t ivec_max_lanes(ivec v)
{
    __m256i b = _mm256_max_epi32(_mm512_castsi512_si256((__m512i)v),
                                 _mm512_extracti64x4_epi64((__m512i)v, 1));
    __m128i a = _mm_max_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1));
    a = _mm_max_epi32(a, _mm_shuffle_epi32(a, 0x4E));
    return _mm_cvtsi128_si32(_mm_max_epi32(a, _mm_shuffle_epi32(a, 0xB1)));
}

static inline ivec ivec_add_bytes(ivec a, ivec b)
{
    return (ivec)_mm512_add_epi8((__m512i)a, (__m512i)b);
}

static inline vec vec_group_sums(vec v)
{
    v += _mm512_shuffle_f32x4(v, v, 0xB1);
    return v + _mm512_permute_ps(v, 0xB1);
}

#if defined(__AVX512VNNI__)
enum { I8_LIMIT = 127, DOTS = 1 };

static inline ivec ivec_dot(ivec sum, ivec u, ivec s)
{
    return (ivec)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)u, (__m512i)s);
}

static inline ivec ivec_dots(ivec sum, const ivec u[DOTS], const ivec s[DOTS])
{
    return ivec_dot(sum, u[0], s[0]);
}
#else
enum { I8_LIMIT = 63, DOTS = 2 };

static inline ivec add_pairs(ivec sum, __m512i pairs)
{
    return sum + (ivec)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
}

static inline ivec ivec_dot(ivec sum, ivec u, ivec s)
{
    return add_pairs(sum, _mm512_maddubs_epi16((__m512i)u, (__m512i)s));
}

static inline ivec ivec_dots(ivec sum, const ivec u[DOTS], const ivec s[DOTS])
{
    __m512i first = _mm512_maddubs_epi16((__m512i)u[0], (__m512i)s[0]);
    __m512i second = _mm512_maddubs_epi16((__m512i)u[1], (__m512i)s[1]);
    return add_pairs(sum, _mm512_add_epi16(first, second));
}
#endif

/* In each quarter of the register four bytes of a, of b, of c, of d. */
static inline __m512i narrow(vec a, vec b, vec c, vec d)
{
    return _mm512_packs_epi16(_mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b)),
                              _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d)));
}

static inline ivec bytes_in_order(vec a, vec b, vec c, vec d)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return (ivec)_mm512_permutexvar_epi32(order, narrow(a, b, c, d));
}

static inline ivec bytes_in_turn(vec a, vec b, vec c, vec d)
{
    __m128i turn = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return (ivec)_mm512_shuffle_epi8(narrow(a, b, c, d), _mm512_broadcast_i32x4(turn));
}

#endif
