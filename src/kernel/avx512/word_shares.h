/* Shares of softmax as bytes, 64 at once, in whole numbers of 16 bits: half as many instructions as
 * in f32.  A share is 2^-x with x in 1/1024: the whole part shifts the product of two powers, one
 * of each five of the other bits.  The largest is 127.
 * Thread rule: any. */
#ifndef WN_KERNEL_WORD_SHARES_H
#define WN_KERNEL_WORD_SHARES_H

#include "kernel/avx512/vec_i8_avx512.h"

#if defined(__AVX512VNNI__)
#define HAS_WORD_SHARES

#define SHARE_UNITS 1024.0f  /* of x */
#define SHARE_TOP   0x1p22f  /* the largest score in units; one is then off by a quarter */
#define SHARE_FAR   65535.0f /* of which nothing is left */
enum { SHARE_WORDS = 256 };  /* of a byte's step */

/* 127 * SHARE_WORDS * 2^(-i / 32), and 2^15 * 2^(-i / 1024). */
static const int16_t share_powers[2][32] __attribute__((aligned(64))) = {
    {32512, 31815, 31134, 30466, 29814, 29175, 28550, 27938, 27339, 26753, 26180,
     25619, 25070, 24533, 24007, 23493, 22989, 22497, 22015, 21543, 21081, 20630,
     20188, 19755, 19332, 18918, 18512, 18115, 17727, 17347, 16976, 16612},
    {32767, 32746, 32724, 32702, 32679, 32657, 32635, 32613, 32591, 32569, 32547,
     32525, 32503, 32481, 32459, 32437, 32415, 32393, 32371, 32349, 32327, 32306,
     32284, 32262, 32240, 32218, 32196, 32175, 32153, 32131, 32109, 32088},
};

/* 32 shares of x as words. */
static inline __m512i words_of(__m512i x)
{
    __m512i fine = _mm512_load_si512(share_powers[1]), coarse = _mm512_load_si512(share_powers[0]);
    coarse = _mm512_permutexvar_epi16(_mm512_srli_epi16(x, 5), coarse);
    __m512i power = _mm512_mulhrs_epi16(coarse, _mm512_permutexvar_epi16(x, fine));
    return _mm512_srlv_epi16(power, _mm512_srli_epi16(x, 10));
}

/* The nearest whole numbers; the lowest one where there is none. */
static inline ivec ivec_of_numbers(vec v)
{
    return (ivec)_mm512_cvtps_epi32(v);
}

static inline bool ivec_any_negative(ivec v)
{
    return _mm512_movepi32_mask((__m512i)v) != 0;
}

/* A sum of words in steps of bytes; a lane of it holds a million keys. */
static inline float word_sum(ivec words)
{
    return sum_lanes(vec_of_sums(words)) * (1.0f / SHARE_WORDS);
}

/* 64 shares as bytes in order, from x of 16 each; they are added to the sum as words. */
static inline ivec share_words(ivec *sum, const ivec x[4])
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i ones = _mm512_set1_epi16(1), step = _mm512_set1_epi16((1 << 15) / SHARE_WORDS);
    __m512i a = words_of(_mm512_packus_epi32((__m512i)x[0], (__m512i)x[1]));
    __m512i b = words_of(_mm512_packus_epi32((__m512i)x[2], (__m512i)x[3]));
    __m512i both = _mm512_dpwssd_epi32((__m512i)*sum, a, ones);
    *sum = (ivec)_mm512_dpwssd_epi32(both, b, ones);
    a = _mm512_packus_epi16(_mm512_mulhrs_epi16(a, step), _mm512_mulhrs_epi16(b, step));
    return (ivec)_mm512_permutexvar_epi32(order, a);
}

#endif
#endif
