/* Whole numbers of the AVX2 and AVX-VNNI levels; see scalar/vec_i8_scalar.h for what each operation
 * does.  Thread rule: any. */
#ifndef WN_KERNEL_VEC_I8_AVX2_H
#define WN_KERNEL_VEC_I8_AVX2_H

#include "kernel/avx2/vec_avx2.h"

/* Numbers of 32 bits, not the compiler's vector of no type: as that, its sums would leave their
 * registers at each step of a product. */
typedef int32_t ivec __attribute__((vector_size(32)));

static inline ivec ivec_load(const void *p)
{
    return (ivec)_mm256_loadu_si256(p);
}

static inline void ivec_store(void *p, ivec v)
{
    _mm256_storeu_si256(p, (__m256i)v);
}

static inline ivec ivec_splat(int32_t x)
{
    return (ivec)_mm256_set1_epi32(x);
}

static inline ivec ivec_of_bits(vec v)
{
    return (ivec)_mm256_castps_si256(v);
}

static inline vec vec_of_bits(ivec v)
{
    return _mm256_castsi256_ps((__m256i)v);
}

static inline vec vec_of_sums(ivec v)
{
    return _mm256_cvtepi32_ps((__m256i)v);
}

static inline ivec ivec_max(ivec a, ivec b)
{
    return (ivec)_mm256_max_epi32((__m256i)a, (__m256i)b);
}

static inline int32_t ivec_max_lanes(ivec v)
{
    __m128i a =
        _mm_max_epi32(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));
    a = _mm_max_epi32(a, _mm_shuffle_epi32(a, 0x4E));
    return _mm_cvtsi128_si32(_mm_max_epi32(a, _mm_shuffle_epi32(a, 0xB1)));
}

static inline ivec ivec_add_bytes(ivec a, ivec b)
{
    return (ivec)_mm256_add_epi8((__m256i)a, (__m256i)b);
}

static inline vec vec_group_sums(vec v)
{
    v += _mm256_permute2f128_ps(v, v, 1);
    return v + _mm256_permute_ps(v, 0xB1);
}

#if defined(__AVXVNNI__)
enum { I8_LIMIT = 127, DOTS = 1 };

static inline ivec ivec_dot(ivec sum, ivec u, ivec s)
{
    return (ivec)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)u, (__m256i)s);
}

static inline ivec ivec_dots(ivec sum, const ivec u[DOTS], const ivec s[DOTS])
{
    return ivec_dot(sum, u[0], s[0]);
}
#else
enum { I8_LIMIT = 63, DOTS = 2 };

static inline ivec add_pairs(ivec sum, __m256i pairs)
{
    return sum + (ivec)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

static inline ivec ivec_dot(ivec sum, ivec u, ivec s)
{
    return add_pairs(sum, _mm256_maddubs_epi16((__m256i)u, (__m256i)s));
}

static inline ivec ivec_dots(ivec sum, const ivec u[DOTS], const ivec s[DOTS])
{
    __m256i first = _mm256_maddubs_epi16((__m256i)u[0], (__m256i)s[0]);
    __m256i second = _mm256_maddubs_epi16((__m256i)u[1], (__m256i)s[1]);
    return add_pairs(sum, _mm256_add_epi16(first, second));
}
#endif

/* In each half of the register four bytes of a, of b, of c, of d. */
static inline __m256i narrow(vec a, vec b, vec c, vec d)
{
    return _mm256_packs_epi16(_mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b)),
                              _mm256_packs_epi32(_mm256_cvtps_epi32(c), _mm256_cvtps_epi32(d)));
}

static inline ivec bytes_in_order(vec a, vec b, vec c, vec d)
{
    return (ivec)_mm256_permutevar8x32_epi32(narrow(a, b, c, d),
                                             _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

static inline ivec bytes_in_turn(vec a, vec b, vec c, vec d)
{
    __m128i turn = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return (ivec)_mm256_shuffle_epi8(narrow(a, b, c, d), _mm256_broadcastsi128_si256(turn));
}

#endif
