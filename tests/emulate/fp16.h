/* AVX512-FP16 in portable C, for immintrin.h, which includes it: numbers are computed in f32 or f64
 * and rounded.
 * Thread rule: any. */
#ifndef WN_TESTS_FP16_H
#define WN_TESTS_FP16_H

#include "tests/emulate/immintrin.h"

__extension__ typedef _Float16 emulated_f16;
typedef struct emulated_m512h {
    emulated_f16 lane[32];
} emulated_m512h;
typedef struct emulated_m256h {
    emulated_f16 lane[16];
} emulated_m256h;

static inline emulated_m512h emulated_set1_ph(emulated_f16 x)
{
    emulated_m512h v;
    for (size_t i = 0; i < 32; i++)
        v.lane[i] = x;
    return v;
}

/* a b + c, exact in f64 but for c that would not change it by more than half a unit. */
static inline emulated_m512h emulated_fmadd_ph(emulated_m512h a, emulated_m512h b, emulated_m512h c)
{
    for (size_t i = 0; i < 32; i++)
        c.lane[i] = (emulated_f16)((double)a.lane[i] * (double)b.lane[i] + (double)c.lane[i]);
    return c;
}

static inline emulated_m512h emulated_mul_ph(emulated_m512h a, emulated_m512h b)
{
    for (size_t i = 0; i < 32; i++)
        a.lane[i] = (emulated_f16)((float)a.lane[i] * (float)b.lane[i]);
    return a;
}

static inline emulated_m512h emulated_sub_ph(emulated_m512h a, emulated_m512h b)
{
    for (size_t i = 0; i < 32; i++)
        a.lane[i] = (emulated_f16)((float)a.lane[i] - (float)b.lane[i]);
    return a;
}

/* Like the processor the second where one is NaN. */
static inline emulated_m512h emulated_max_ph(emulated_m512h a, emulated_m512h b)
{
    for (size_t i = 0; i < 32; i++)
        b.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i];
    return b;
}

static inline emulated_m512h emulated_min_ph(emulated_m512h a, emulated_m512h b)
{
    for (size_t i = 0; i < 32; i++)
        b.lane[i] = a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i];
    return b;
}

static inline simde__m512i emulated_castph_si512(emulated_m512h a)
{
    lanes512 v;
    memcpy(&v, &a, sizeof v);
    return v.si;
}

static inline emulated_m512h emulated_castsi512_ph(simde__m512i a)
{
    emulated_m512h v;
    memcpy(&v, &a, sizeof v);
    return v;
}

static inline simde__m256i emulated_castph_si256(emulated_m256h a)
{
    lanes256 v;
    memcpy(&v, &a, sizeof v);
    return v.si;
}

static inline emulated_m256h emulated_castph512_ph256(emulated_m512h a)
{
    emulated_m256h v;
    memcpy(&v, &a, sizeof v);
    return v;
}

static inline emulated_m512h emulated_abs_ph(emulated_m512h a)
{
    lanes512 v = {.si = emulated_castph_si512(a)};
    for (size_t i = 0; i < 32; i++)
        v.h[i] &= 0x7FFF;
    return emulated_castsi512_ph(v.si);
}

static inline emulated_m256h emulated_cvtxps_ph(simde__m512 a)
{
    lanes512 from = {.ps = a};
    emulated_m256h v;
    for (size_t i = 0; i < 16; i++)
        v.lane[i] = (emulated_f16)from.f[i];
    return v;
}

static inline simde__m512 emulated_cvtxph_ps(emulated_m256h a)
{
    lanes512 v;
    for (size_t i = 0; i < 16; i++)
        v.f[i] = (float)a.lane[i];
    return v.ps;
}

/* The nearest whole numbers; INT16_MIN where there is none. */
static inline simde__m512i emulated_cvtph_epi16(emulated_m512h a)
{
    lanes512 v;
    for (size_t i = 0; i < 32; i++) {
        float x = (float)a.lane[i];
        v.h[i] = (uint16_t)(fabsf(x) < 0x1p15f ? (int16_t)rintf(x) : INT16_MIN);
    }
    return v.si;
}

#define __m512h                   emulated_m512h
#define _mm512_set1_ph(x)         emulated_set1_ph(x)
#define _mm512_loadu_ph(p)        emulated_castsi512_ph(simde_mm512_loadu_si512(p))
#define _mm512_storeu_ph(p, a)    simde_mm512_storeu_si512(p, emulated_castph_si512(a))
#define _mm512_fmadd_ph(a, b, c)  emulated_fmadd_ph(a, b, c)
#define _mm512_mul_ph(a, b)       emulated_mul_ph(a, b)
#define _mm512_sub_ph(a, b)       emulated_sub_ph(a, b)
#define _mm512_max_ph(a, b)       emulated_max_ph(a, b)
#define _mm512_min_ph(a, b)       emulated_min_ph(a, b)
#define _mm512_abs_ph(a)          emulated_abs_ph(a)
#define _mm512_cvtxps_ph(a)       emulated_cvtxps_ph(a)
#define _mm512_cvtxph_ps(a)       emulated_cvtxph_ps(a)
#define _mm512_cvtph_epi16(a)     emulated_cvtph_epi16(a)
#define _mm512_castph_si512(a)    emulated_castph_si512(a)
#define _mm512_castsi512_ph(a)    emulated_castsi512_ph(a)
#define _mm256_castph_si256(a)    emulated_castph_si256(a)
#define _mm512_castph512_ph256(a) emulated_castph512_ph256(a)

#endif
