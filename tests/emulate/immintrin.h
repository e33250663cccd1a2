/* The vector levels' intrinsics in portable C, so that a machine that lacks a level still tests its
 * kernels: mk/kernel.mk compiles their sources once more, without the level's flags, with this file
 * in front and in the place of the compiler's own.  Most of it is simde; here is what its release
 * in Debian 12 lacks, rounds twice (the fused multiply-adds) or reads past a mask.
 * Thread rule: any. */
#ifndef WN_TESTS_IMMINTRIN_H
#define WN_TESTS_IMMINTRIN_H

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>

#include "kernel/lowp.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Lanes of one vector, to write and read one by one. */
typedef union lanes512 {
    simde__m512 ps;
    simde__m512i si;
    simde__m256 half_ps[2];
    float f[16];
    int32_t i[16];
    uint16_t h[32];
} lanes512;

typedef union lanes256 {
    simde__m256 ps;
    simde__m256i si;
    float f[8];
    int32_t i[8];
    uint16_t h[16];
} lanes256;

/* ---- 512 bits -------------------------------------------------------------------------------- */

static inline simde__m512 emulated_maskz_loadu_ps(uint32_t mask, const void *p)
{
    lanes512 v = {.i = {0}};
    for (size_t i = 0; i < 16; i++)
        v.f[i] = (mask >> i & 1) != 0 ? ((const float *)p)[i] : 0.0f;
    return v.ps;
}

static inline void emulated_mask_storeu_ps(void *p, uint32_t mask, simde__m512 a)
{
    lanes512 v = {.ps = a};
    for (size_t i = 0; i < 16; i++)
        if ((mask >> i & 1) != 0)
            ((float *)p)[i] = v.f[i];
}

static inline simde__m512i emulated_maskz_loadu_epi32(uint32_t mask, const void *p)
{
    lanes512 v = {.i = {0}};
    for (size_t i = 0; i < 16; i++)
        v.i[i] = (mask >> i & 1) != 0 ? ((const int32_t *)p)[i] : 0;
    return v.si;
}

static inline simde__m512 emulated_mask_gather_ps(simde__m512 rest, uint32_t mask, simde__m512i at,
                                                  const void *p)
{
    lanes512 v = {.ps = rest}, where = {.si = at};
    for (size_t i = 0; i < 16; i++)
        v.f[i] = (mask >> i & 1) != 0 ? ((const float *)p)[where.i[i]] : v.f[i];
    return v.ps;
}

/* sign_a a b + sign_c c, rounded once */
static inline simde__m512 emulated_fma512(float sign_a, simde__m512 a, simde__m512 b, float sign_c,
                                          simde__m512 c)
{
    lanes512 x = {.ps = a}, y = {.ps = b}, z = {.ps = c};
    for (size_t i = 0; i < 16; i++)
        z.f[i] = fmaf(sign_a * x.f[i], y.f[i], sign_c * z.f[i]);
    return z.ps;
}

/* The nearest whole number; INT32_MIN where there is none. */
static inline int32_t emulated_nearest(float x)
{
    return x >= -0x1p31f && x < 0x1p31f ? (int32_t)rintf(x) : INT32_MIN;
}

static inline simde__m512i emulated_cvtps_epi32(simde__m512 a)
{
    lanes512 v = {.ps = a};
    for (size_t i = 0; i < 16; i++)
        v.i[i] = emulated_nearest(v.f[i]);
    return v.si;
}

static inline simde__m512 emulated_cvtepi32_ps(simde__m512i a)
{
    lanes512 v = {.si = a};
    for (size_t i = 0; i < 16; i++)
        v.f[i] = (float)v.i[i];
    return v.ps;
}

static inline simde__m512i emulated_cvtepu16_epi32(simde__m256i a)
{
    lanes256 from = {.si = a};
    lanes512 v;
    for (size_t i = 0; i < 16; i++)
        v.i[i] = from.h[i];
    return v.si;
}

static inline simde__m512 emulated_cvtph_ps(simde__m256i a)
{
    lanes512 v;
    v.half_ps[0] = simde_mm256_cvtph_ps(simde_mm256_castsi256_si128(a));
    v.half_ps[1] = simde_mm256_cvtph_ps(simde_mm256_extracti128_si256(a, 1));
    return v.ps;
}

static inline simde__m256i emulated_maskz_loadu_epi16(uint32_t mask, const void *p)
{
    lanes256 v = {.i = {0}};
    for (size_t i = 0; i < 16; i++)
        if ((mask >> i & 1) != 0)
            memcpy(&v.h[i], (const char *)p + i * sizeof v.h[i], sizeof v.h[i]);
    return v.si;
}

static inline simde__m256 emulated_extractf32x8_ps(simde__m512 a, int half)
{
    lanes512 v = {.ps = a};
    return v.half_ps[half];
}

static inline simde__m512 emulated_permute_ps(simde__m512 a, unsigned order)
{
    lanes512 from = {.ps = a}, v;
    for (size_t i = 0; i < 16; i++)
        v.f[i] = from.f[i / 4 * 4 + (order >> 2 * (i % 4) & 3)];
    return v.ps;
}

static inline simde__m512i emulated_permutexvar_epi16(simde__m512i at, simde__m512i a)
{
    lanes512 from = {.si = a}, where = {.si = at}, v;
    for (size_t i = 0; i < 32; i++)
        v.h[i] = from.h[where.h[i] % 32];
    return v.si;
}

#define __mmask16 simde__mmask16
#undef _mm512_fmadd_ps
#undef _mm512_fmsub_ps
#undef _mm512_fnmadd_ps
#undef _mm512_madd_epi16 /* the release gives it four arguments */
#undef _mm512_permutexvar_epi16
#undef _MM_FROUND_NO_EXC
#define _MM_FROUND_NO_EXC                       SIMDE_MM_FROUND_NO_EXC
#define _mm512_madd_epi16(a, b)                 simde_mm512_madd_epi16(a, b)
#define _mm512_maskz_loadu_epi32(k, p)          emulated_maskz_loadu_epi32(k, p)
#define _mm512_mask_i32gather_ps(a, k, i, p, s) emulated_mask_gather_ps(a, k, i, p)
#define _mm512_maskz_loadu_ps(k, p)             emulated_maskz_loadu_ps(k, p)
#define _mm512_mask_storeu_ps(p, k, a)          emulated_mask_storeu_ps(p, k, a)
#define _mm512_fmadd_ps(a, b, c)                emulated_fma512(1, a, b, 1, c)
#define _mm512_fmsub_ps(a, b, c)                emulated_fma512(1, a, b, -1, c)
#define _mm512_fnmadd_ps(a, b, c)               emulated_fma512(-1, a, b, 1, c)
#define _mm512_cvtps_epi32(a)                   emulated_cvtps_epi32(a)
#define _mm512_cvtepi32_ps(a)                   emulated_cvtepi32_ps(a)
#define _mm512_cvtepu16_epi32(a)                emulated_cvtepu16_epi32(a)
#define _mm512_cvtph_ps(a)                      emulated_cvtph_ps(a)
#define _mm256_maskz_loadu_epi16(k, p)          emulated_maskz_loadu_epi16(k, p)
#define _mm512_extractf32x8_ps(a, h)            emulated_extractf32x8_ps(a, h)
#define _mm512_shuffle_f32x4(a, b, c)           simde_mm512_shuffle_f32x4(a, b, c)
#define _mm512_permute_ps(a, c)                 emulated_permute_ps(a, c)
#define _mm512_permutexvar_epi16(at, a)         emulated_permutexvar_epi16(at, a)

/* Zero for a denormal number, which the bf16 instructions neither read nor give. */
static inline float emulated_flush(float x)
{
    return fabsf(x) < 0x1p-126f ? copysignf(0.0f, x) : x;
}

/* The sixteen of b, then those of a, rounded to bf16. */
static inline simde__m512i emulated_cvtne2ps_pbh(simde__m512 a, simde__m512 b)
{
    lanes512 from[2] = {{.ps = b}, {.ps = a}}, v;
    for (size_t i = 0; i < 32; i++)
        v.h[i] = wn_bf16_round(emulated_flush(from[i / 16].f[i % 16]));
    return v.si;
}

#define _mm512_cvtne2ps_pbh(a, b) emulated_cvtne2ps_pbh(a, b)

#include "tests/emulate/fp16.h"

/* ---- 256 bits -------------------------------------------------------------------------------- */

static inline simde__m256 emulated_maskload_ps(const float *p, simde__m256i mask)
{
    lanes256 keep = {.si = mask}, v = {.i = {0}};
    for (size_t i = 0; i < 8; i++)
        v.f[i] = keep.i[i] < 0 ? p[i] : 0.0f;
    return v.ps;
}

static inline void emulated_maskstore_ps(float *p, simde__m256i mask, simde__m256 a)
{
    lanes256 keep = {.si = mask}, v = {.ps = a};
    for (size_t i = 0; i < 8; i++)
        if (keep.i[i] < 0)
            p[i] = v.f[i];
}

static inline simde__m256 emulated_fma256(float sign_a, simde__m256 a, simde__m256 b, float sign_c,
                                          simde__m256 c)
{
    lanes256 x = {.ps = a}, y = {.ps = b}, z = {.ps = c};
    for (size_t i = 0; i < 8; i++)
        z.f[i] = fmaf(sign_a * x.f[i], y.f[i], sign_c * z.f[i]);
    return z.ps;
}

#undef _mm256_maskload_ps
#undef _mm256_maskstore_ps
#undef _mm256_fmadd_ps
#undef _mm256_fmsub_ps
#undef _mm256_fnmadd_ps
#define _mm256_maskload_ps(p, k)           emulated_maskload_ps(p, k)
#define _mm256_maskstore_ps(p, k, a)       emulated_maskstore_ps(p, k, a)
#define _mm256_fmadd_ps(a, b, c)           emulated_fma256(1, a, b, 1, c)
#define _mm256_fmsub_ps(a, b, c)           emulated_fma256(1, a, b, -1, c)
#define _mm256_fnmadd_ps(a, b, c)          emulated_fma256(-1, a, b, 1, c)
#define _mm256_dpbusd_avx_epi32(sum, u, s) simde_mm256_dpbusd_epi32(sum, u, s)

/* ---- what a compiler says of its flags ------------------------------------------------------- */

#if defined(WN_EMULATE_avxvnni)
#define __AVX2__    1
#define __AVXVNNI__ 1
#elif defined(WN_EMULATE_avx512)
#define __AVX512F__ 1
#elif defined(WN_EMULATE_avx512vnni)
#define __AVX512F__    1
#define __AVX512VNNI__ 1
#elif defined(WN_EMULATE_avx512bf16) || defined(WN_EMULATE_amx) /* tiles: kernel/amx/tile_model.h */
#define __AVX512F__    1
#define __AVX512VNNI__ 1
#define __AVX512BF16__ 1
#endif

#endif
