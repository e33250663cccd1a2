/* A vector of the Neon levels; see scalar/vec_scalar.h for what each operation does.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_NEON_H
#define WN_KERNEL_VEC_NEON_H

#include "base/defs.h"

#include <arm_neon.h>
#include <string.h>

typedef float32x4_t vec;
enum { LANES = 4 };

static inline vec vec_splat(float x)
{
    return vdupq_n_f32(x);
}

/* All bits of the lanes below n, for n < LANES. */
static inline uint32x4_t below(size_t n)
{
    static const uint32_t ones[2 * LANES] = {~0u, ~0u, ~0u, ~0u};
    return vld1q_u32(ones + LANES - n);
}

/* Neon has no masked access: lanes one by one. */
static inline vec load_first(const float *p, size_t n)
{
    if (n >= LANES)
        return vld1q_f32(p);
    vec v = vec_splat(0.0f);
    if (n > 0)
        v = vld1q_lane_f32(p, v, 0);
    if (n > 1)
        v = vld1q_lane_f32(p + 1, v, 1);
    if (n > 2)
        v = vld1q_lane_f32(p + 2, v, 2);
    return v;
}

static inline vec gather_first(const float *p, const int32_t *row, int32_t step, int32_t next,
                               size_t n)
{
    float lane[LANES] = {0};
    for (int32_t i = 0; i < LANES && (size_t)i < n; i++)
        lane[i] = p[row[i] * step + i * next];
    return load_first(lane, LANES);
}

static inline void store_first(float *p, vec v, size_t n)
{
    if (n >= LANES) {
        vst1q_f32(p, v);
        return;
    }
    if (n > 0)
        vst1q_lane_f32(p, v, 0);
    if (n > 1)
        vst1q_lane_f32(p + 1, v, 1);
    if (n > 2)
        vst1q_lane_f32(p + 2, v, 2);
}

static inline vec blend_first(vec v, vec rest, size_t n)
{
    return n >= LANES ? v : vbslq_f32(below(n), v, rest);
}

static inline vec keep_first(vec v, size_t n)
{
    return blend_first(v, vec_splat(0.0f), n);
}

/* The first n of four stored halves, zeros behind them. */
static inline uint16x4_t load_halves(const unsigned char *p, size_t n)
{
    uint16_t h[LANES] = {0};
    for (size_t i = 0; i < n && i < LANES; i++)
        memcpy(&h[i], p + i * sizeof *h, sizeof *h);
    return vld1_u16(h);
}

static inline vec load_first_f16(const unsigned char *p, size_t n)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(load_halves(p, n)));
}

static inline vec load_first_bf16(const unsigned char *p, size_t n)
{
    return vreinterpretq_f32_u32(vshll_n_u16(load_halves(p, n), 16));
}

static inline float sum_lanes(vec v)
{
    float32x2_t b = vadd_f32(vget_low_f32(v), vget_high_f32(v));
    return vget_lane_f32(b, 0) + vget_lane_f32(b, 1);
}

static inline float max_lanes(vec v)
{
    return vmaxvq_f32(v);
}

static inline vec vec_fma(vec a, vec b, vec c)
{
    return vfmaq_f32(c, a, b);
}

static inline vec vec_fms(vec a, vec b, vec c)
{
    return vfmaq_f32(-c, a, b);
}

static inline vec vec_fnma(vec a, vec b, vec c)
{
    return vfmsq_f32(c, a, b);
}

/* Not FMIN and FMAX, which give NaN when either is one. */
static inline vec vec_min(vec a, vec b)
{
    return vbslq_f32(vcltq_f32(a, b), a, b);
}

static inline vec vec_max(vec a, vec b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

static inline vec vec_size(vec x)
{
    return vabsq_f32(x);
}

static inline vec vec_size_up_to(vec x, vec limit)
{
    return vec_min(limit, vec_size(x));
}

static inline vec vec_with_sign(vec x, vec s)
{
    return vbslq_f32(vdupq_n_u32(0x80000000u), s, x);
}

/* Four bytes a lane, from a table of 64. */
static inline vec vec_pick(const float table[16], vec at)
{
    const uint8x16x4_t bytes = vld1q_u8_x4((const uint8_t *)(const void *)table);
    uint32x4_t i = vandq_u32(vreinterpretq_u32_f32(at), vdupq_n_u32(15));
    i = vmlaq_u32(vdupq_n_u32(0x03020100), i, vdupq_n_u32(0x04040404));
    return vreinterpretq_f32_u8(vqtbl4q_u8(bytes, vreinterpretq_u8_u32(i)));
}

static inline vec vec_shift_bits(vec x, const int count)
{
    return vreinterpretq_f32_u32(vshlq_u32(vreinterpretq_u32_f32(x), vdupq_n_s32(count)));
}

static inline vec vec_add_bits(vec a, vec b)
{
    return vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)));
}

/* Transpose four rows of four: pairs, then halves of the register. */
static inline void vec_transpose(vec r[LANES])
{
    float64x2_t t[LANES];
    t[0] = vreinterpretq_f64_f32(vtrn1q_f32(r[0], r[1]));
    t[1] = vreinterpretq_f64_f32(vtrn2q_f32(r[0], r[1]));
    t[2] = vreinterpretq_f64_f32(vtrn1q_f32(r[2], r[3]));
    t[3] = vreinterpretq_f64_f32(vtrn2q_f32(r[2], r[3]));
    r[0] = vreinterpretq_f32_f64(vtrn1q_f64(t[0], t[2]));
    r[1] = vreinterpretq_f32_f64(vtrn1q_f64(t[1], t[3]));
    r[2] = vreinterpretq_f32_f64(vtrn2q_f64(t[0], t[2]));
    r[3] = vreinterpretq_f32_f64(vtrn2q_f64(t[1], t[3]));
}

#endif
