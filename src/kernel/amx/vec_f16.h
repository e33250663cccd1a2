/* A vector of 32 numbers of 16 bits, for values that are rounded to 8 bits next: half as many
 * instructions as in f32, and half the memory.
 * Every processor with AMX has AVX512-FP16; the level asks for both.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_F16_H
#define WN_KERNEL_VEC_F16_H

#include "kernel/vec_i8.h"

#include <string.h>

#define F16_MAX 65504.0f

/* Numbers are kept as multiples of this: up to 4e6, and as finely as F16 is down to 4e-3. */
#define F16_UNIT 64.0f

__extension__ typedef _Float16 f16; /* of C23 */
typedef __m512h vec_f16;
enum { F16_LANES = 32 };

static inline vec_f16 f16_splat(float x)
{
    return _mm512_set1_ph((f16)x);
}

static inline vec_f16 f16_load(const void *p)
{
    return _mm512_loadu_ph(p);
}

static inline void f16_store(void *p, vec_f16 v)
{
    _mm512_storeu_ph(p, v);
}

/* Rounded: first in the lower lanes, second in the upper. */
static inline vec_f16 f16_round(vec first, vec second)
{
    __m512i lower = _mm512_castsi256_si512(_mm256_castph_si256(_mm512_cvtxps_ph(first)));
    __m256i upper = _mm256_castph_si256(_mm512_cvtxps_ph(second));
    return _mm512_castsi512_ph(_mm512_inserti64x4(lower, upper, 1));
}

/* The larger one of top and |x|, numbers of F16 or of bf16 compared as bits, so that a NaN is more
 * than infinity. */
static inline __m512i words_larger_size(__m512i top, __m512i x)
{
    return _mm512_max_epi16(top, _mm512_and_si512(x, _mm512_set1_epi16(0x7FFF)));
}

/* The largest of these. */
static inline uint16_t words_largest(__m512i tops)
{
    __m256i both =
        _mm256_max_epi16(_mm512_castsi512_si256(tops), _mm512_extracti64x4_epi64(tops, 1));
    return (uint16_t)ivec_max_lanes((ivec)_mm512_cvtepu16_epi32(both));
}

static inline float f16_widen(uint16_t bits)
{
    f16 x;
    memcpy(&x, &bits, sizeof x);
    return (float)x;
}

/* 64 words that are bytes in order. */
static inline ivec words_as_bytes(__m512i first, __m512i second)
{
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    return (ivec)_mm512_permutexvar_epi64(order, _mm512_packs_epi16(first, second));
}

/* 64 numbers times inverse, nearest whole ones of at most 127, as bytes in order. */
static inline ivec f16_bytes(vec_f16 first, vec_f16 second, vec_f16 inverse)
{
    const vec_f16 offset = f16_splat(0x1.8p10f); /* a sum's lowest byte is the number */
    const __m512i lowest = _mm512_set1_epi16(0xFF);
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    __m512i a = _mm512_castph_si512(_mm512_fmadd_ph(first, inverse, offset));
    __m512i b = _mm512_castph_si512(_mm512_fmadd_ph(second, inverse, offset));
    a = _mm512_packus_epi16(_mm512_and_si512(a, lowest), _mm512_and_si512(b, lowest));
    return (ivec)_mm512_permutexvar_epi64(order, a);
}

/* x Phi(x) = max(x, 0) - t Phi(-t) with t = |x|, by 32 lines of t around i / 8, whose bits are made
 * by tools/fit_gelu.py; the error is 8e-4, beside that of rounding. */
#define GELU_LINES_END 3.93f /* just within the last one */

static const uint16_t gelu_lines[2][F16_LANES] __attribute__((aligned(64))) = {
    {0x0000, 0x0588, 0x0DFC, 0x1297, 0x1595, 0x1813, 0x1965, 0x1AA4, 0x1BB8, 0x1C48, 0x1C8F,
     0x1CAF, 0x1CA8, 0x1C80, 0x1C3A, 0x1BBD, 0x1AEA, 0x1A09, 0x1926, 0x184C, 0x1707, 0x15A0,
     0x146A, 0x12CB, 0x1120, 0x0F97, 0x0D84, 0x0BDE, 0x0982, 0x0793, 0x051D, 0x0365},
    {0x37AB, 0x366A, 0x34E1, 0x32DF, 0x3041, 0x2BDB, 0x153E, 0xA9FC, 0xAD4D, 0xAEE4, 0xAFD4,
     0xB01B, 0xB012, 0xAFBD, 0xAF18, 0xAE4E, 0xAD74, 0xAC9A, 0xAB95, 0xAA1C, 0xA8D3, 0xA775,
     0xA5A7, 0xA434, 0xA223, 0xA066, 0x9E31, 0x9C47, 0x99D0, 0x97C2, 0x9517, 0x9290},
};

static inline vec_f16 f16_pick(const uint16_t table[F16_LANES], vec_f16 at)
{
    __m512i picked = _mm512_permutexvar_epi16(_mm512_castph_si512(at), _mm512_load_si512(table));
    return _mm512_castsi512_ph(picked);
}

static inline vec_f16 f16_gelu(vec_f16 x)
{
    const vec_f16 round = f16_splat(0x1.8p10f); /* to whole ones, which the lowest bits count */
    vec_f16 t = _mm512_min_ph(_mm512_abs_ph(x), f16_splat(GELU_LINES_END / F16_UNIT));
    vec_f16 at = _mm512_fmadd_ph(t, f16_splat(8.0f * F16_UNIT), round);
    vec_f16 tail = _mm512_fmadd_ph(f16_pick(gelu_lines[1], at), t, f16_pick(gelu_lines[0], at));
    return _mm512_sub_ph(_mm512_max_ph(f16_splat(0.0f), x), tail);
}

#endif
