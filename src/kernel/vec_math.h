/* exp and the activations on one vector: straight-line arithmetic, so a value depends on its input
 * alone.  Constants, bounds and sources are in poly.h.  Thread rule: any. */
#ifndef WN_KERNEL_VEC_MATH_H
#define WN_KERNEL_VEC_MATH_H

#include "kernel/poly.h"
#include "kernel/vec.h"

/* The power of two of so many sixteenths, in the lowest bits of at. */
static inline vec power_of(vec at)
{
    return vec_add_bits(vec_pick(wn_exp2_pieces, at), vec_shift_bits(at, 19));
}

/* e^x for x <= WN_EXP_HIGHEST */
static inline vec exp_lanes(vec x)
{
    const vec round = vec_splat(WN_ROUND_TO_SIXTEENTHS);
    x = vec_max(vec_splat(WN_EXP_LOWEST), x);
    vec at = vec_fma(x, vec_splat(WN_EXP_LOG2E), round), n = at - round;
    vec r = vec_fnma(n, vec_splat(WN_EXP_LN2_HI), x);
    r = vec_fnma(n, vec_splat(WN_EXP_LN2_LO), r);
    vec q = vec_fma(r, vec_splat(1.0f / 6.0f), vec_splat(0.5f)), power = power_of(at);
    vec p = vec_fma(q, r * r, r + vec_pick(wn_exp2_rests, at));
    return vec_fma(p, power, power);
}

/* About 2^x for x < 128. */
static inline vec exp2_rough_lanes(vec x)
{
    const vec round = vec_splat(WN_ROUND_TO_SIXTEENTHS);
    x = vec_max(vec_splat(WN_EXP2_LOWEST), x);
    vec at = x + round;
    return vec_fma(x - (at - round), vec_splat(WN_LN2), vec_splat(1.0f)) * power_of(at);
}

static inline vec gelu_lanes(vec x)
{
    vec t = vec_size_up_to(x, vec_splat(WN_GELU_LIMIT));
    vec v = vec_fms(t * t, vec_splat(WN_GELU_SCALE), vec_splat(1.0f));
    vec p = vec_splat(wn_gelu_poly[0]);
#pragma GCC unroll 16
    for (int i = 1; i < WN_GELU_TERMS; i++)
        p = vec_fma(p, v, vec_splat(wn_gelu_poly[i]));
    vec tail = vec_fnma(t, p, vec_splat(0.5f));
    return vec_fnma(t, tail, vec_max(vec_splat(0.0f), x));
}

static inline vec gelu_rough_lanes(vec x)
{
    const vec round = vec_splat(WN_ROUND_TO_WHOLE), step = vec_splat(1.0f / WN_GELU_PIECE);
    vec t = vec_size_up_to(x, vec_splat(WN_GELU_PIECES_END)), at = vec_fma(t, step, round);
    vec p = vec_fma(vec_pick(wn_gelu_pieces[2], at), t, vec_pick(wn_gelu_pieces[1], at));
    return vec_max(vec_splat(0.0f), x) - vec_fma(p, t, vec_pick(wn_gelu_pieces[0], at));
}

/* 1 / (1 + e^-x) */
static inline vec sigmoid_lanes(vec x)
{
    vec e = exp_lanes(vec_min(vec_splat(WN_EXP_HIGHEST), -x));
    return vec_splat(1.0f) / (vec_splat(1.0f) + e);
}

/* (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x */
static inline vec tanh_lanes(vec x)
{
    vec e = exp_lanes(vec_size(x) * vec_splat(-2.0f));
    return vec_with_sign((vec_splat(1.0f) - e) / (vec_splat(1.0f) + e), x);
}

/* x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3) */
static inline vec gelu_tanh_lanes(vec x)
{
    vec cube = vec_fma(x * x, vec_splat(WN_GELU_TANH_CUBE), vec_splat(1.0f));
    return x * sigmoid_lanes(x * vec_splat(WN_GELU_TANH_SLOPE) * cube);
}

static inline vec silu_lanes(vec x)
{
    return x * sigmoid_lanes(x);
}

static inline vec relu_lanes(vec x)
{
    return vec_max(vec_splat(0.0f), x);
}

static inline vec same_lanes(vec x)
{
    return x;
}

#endif
