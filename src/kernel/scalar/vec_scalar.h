/* A vector of one lane, and what each operation of a vector does.  Thread rule: any. */
#ifndef WN_KERNEL_VEC_SCALAR_H
#define WN_KERNEL_VEC_SCALAR_H

#include "base/defs.h"
#include "base/dtype.h"

#include <math.h>
#include <string.h>

typedef float vec;
enum { LANES = 1 };

static inline vec vec_splat(float x)
{
    return x;
}

/* Read, write or keep the first n lanes, all of them from n = LANES on; the others are zero. */
static inline vec load_first(const float *p, size_t n)
{
    return n > 0 ? *p : 0.0f;
}

static inline void store_first(float *p, vec v, size_t n)
{
    if (n > 0)
        *p = v;
}

static inline vec keep_first(vec v, size_t n)
{
    return n > 0 ? v : 0.0f;
}

/* The first n lanes of v, the others from rest. */
static inline vec blend_first(vec v, vec rest, size_t n)
{
    return n > 0 ? v : rest;
}

/* The first n lanes p[row[i] * step + i * next], the others zero. */
static inline vec gather_first(const float *p, const int32_t *row, int32_t step, int32_t next,
                               size_t n)
{
    (void)next;
    return n > 0 ? p[*row * step] : 0.0f;
}

/* load_first() of stored F16 and BF16. */
static inline vec load_first_f16(const unsigned char *p, size_t n)
{
    float x = 0;
    wn_dtype_to_f32(&x, p, WN_DTYPE_F16, n > 0);
    return x;
}

static inline vec load_first_bf16(const unsigned char *p, size_t n)
{
    float x = 0;
    wn_dtype_to_f32(&x, p, WN_DTYPE_BF16, n > 0);
    return x;
}

static inline float sum_lanes(vec v)
{
    return v;
}

static inline float max_lanes(vec v)
{
    return v;
}

/* a b + c, a b - c, c - a b, each rounded once */
static inline vec vec_fma(vec a, vec b, vec c)
{
    return fmaf(a, b, c);
}

static inline vec vec_fms(vec a, vec b, vec c)
{
    return fmaf(a, b, -c);
}

static inline vec vec_fnma(vec a, vec b, vec c)
{
    return fmaf(-a, b, c);
}

/* The smaller or larger one; b when one is NaN. */
static inline vec vec_min(vec a, vec b)
{
    return a < b ? a : b;
}

static inline vec vec_max(vec a, vec b)
{
    return a > b ? a : b;
}

/* |x|, |x| but at most a limit, and x >= 0 with the sign of s */
static inline vec vec_size(vec x)
{
    return fabsf(x);
}

static inline vec vec_size_up_to(vec x, vec limit)
{
    return vec_min(limit, vec_size(x));
}

static inline vec vec_with_sign(vec x, vec s)
{
    return copysignf(x, s);
}

/* Of each lane that of sixteen floats which its lowest four bits count. */
static inline vec vec_pick(const float table[16], vec at)
{
    uint32_t i;
    memcpy(&i, &at, sizeof i);
    return table[i % 16];
}

/* The bits of each lane, shifted to the left by less than 32, and added as whole numbers. */
static inline vec vec_shift_bits(vec x, const int count)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits <<= count;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline vec vec_add_bits(vec a, vec b)
{
    uint32_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    x += y;
    memcpy(&a, &x, sizeof a);
    return a;
}

/* Transpose LANES rows of LANES. */
static inline void vec_transpose(vec r[LANES])
{
    (void)r;
}

#endif
