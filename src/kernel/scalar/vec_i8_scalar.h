/* Whole numbers of one lane, and what each operation on them does.  Thread rule: any. */
#ifndef WN_KERNEL_VEC_I8_SCALAR_H
#define WN_KERNEL_VEC_I8_SCALAR_H

#include "kernel/scalar/vec_scalar.h"

#include <string.h>

/* A sum, or four bytes.  C's own operators work on the sums. */
typedef int32_t ivec;

/* The largest quantised activation, and of how many steps the products are added up together. */
enum { I8_LIMIT = 127, DOTS = 1 };

static inline ivec ivec_load(const void *p)
{
    ivec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void ivec_store(void *p, ivec v)
{
    memcpy(p, &v, sizeof v);
}

/* The same number, or the same four bytes, in every lane. */
static inline ivec ivec_splat(int32_t x)
{
    return x;
}

/* The bits of a vector of floats as whole numbers, and back. */
static inline ivec ivec_of_bits(vec v)
{
    return ivec_load(&v);
}

static inline vec vec_of_bits(ivec v)
{
    vec x;
    memcpy(&x, &v, sizeof x);
    return x;
}

static inline vec vec_of_sums(ivec v)
{
    return (float)v;
}

/* The larger one of whole numbers, and the largest of a vector. */
static inline ivec ivec_max(ivec a, ivec b)
{
    return a > b ? a : b;
}

static inline int32_t ivec_max_lanes(ivec v)
{
    return v;
}

/* Sums of bytes, which wrap. */
static inline ivec ivec_add_bytes(ivec a, ivec b)
{
    uint8_t x[4], y[4];
    ivec_store(x, a);
    ivec_store(y, b);
    for (int i = 0; i < 4; i++)
        x[i] = (uint8_t)(x[i] + y[i]);
    return ivec_load(x);
}

/* In each lane, sum + the products of the unsigned bytes of u with the signed ones of s. */
static inline ivec ivec_dot(ivec sum, ivec u, ivec s)
{
    uint8_t x[4];
    int8_t w[4];
    ivec_store(x, u);
    ivec_store(w, s);
    return sum + x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + x[3] * w[3];
}

/* The same of so many steps. */
static inline ivec ivec_dots(ivec sum, const ivec u[DOTS], const ivec s[DOTS])
{
    return ivec_dot(sum, u[0], s[0]);
}

/* In each lane the sum of its group: (v[i] + v[i ^ 4]) + (v[i ^ 1] + v[i ^ 5]), where there are
 * these lanes. */
static inline vec vec_group_sums(vec v)
{
    return v;
}

/* The nearest whole number, ties to even, from -128 to 127; of NaN some number. */
static inline int8_t nearest_byte(float x)
{
    return x < -128.0f ? -128 : x < 127.0f ? (int8_t)rintf(x) : 127;
}

/* The nearest bytes of four vectors: all of a, then all of b, c and d. */
static inline ivec bytes_in_order(vec a, vec b, vec c, vec d)
{
    const int8_t bytes[4] = {nearest_byte(a), nearest_byte(b), nearest_byte(c), nearest_byte(d)};
    return ivec_load(bytes);
}

/* The nearest bytes of four vectors: lane by lane one of a, of b, of c and of d. */
static inline ivec bytes_in_turn(vec a, vec b, vec c, vec d)
{
    return bytes_in_order(a, b, c, d);
}

#endif
