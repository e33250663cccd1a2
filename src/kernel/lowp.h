/* Arithmetic of the low-precision products that all levels share, so that levels agree to the bit
 * on what a row or a column of weights becomes.
 * Thread rule: any. */
#ifndef WN_KERNEL_LOWP_H
#define WN_KERNEL_LOWP_H

#include "base/defs.h"

#include <math.h>
#include <string.h>

#define WN_I8_LIMIT   127 /* of weights, and of activations where sums of pairs cannot saturate */
#define WN_I8_TOP_MIN 0x1p-100f /* a row whose largest value is below it counts as zeros */

/* The step of values whose largest magnitude is top: one of them is about q * scale.  NaN when top
 * is infinite or NaN, so that what is computed from the row shows it. */
static inline float wn_i8_scale(float top, int32_t limit)
{
    if (!(top < INFINITY))
        return NAN;
    return top < WN_I8_TOP_MIN ? 0.0f : top / (float)limit;
}

/* What values are multiplied by before they are rounded, ties to even; 0 when all become 0. */
static inline float wn_i8_inverse(float top, int32_t limit)
{
    return top < INFINITY && top >= WN_I8_TOP_MIN ? (float)limit / top : 0.0f;
}

static inline uint32_t wn_f32_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The nearest bf16, ties to even; NaN stays NaN. */
static inline uint16_t wn_bf16_round(float x)
{
    uint32_t bits = wn_f32_bits(x);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1)) >> 16);
}

static inline float wn_bf16_widen(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float wide;
    memcpy(&wide, &bits, sizeof wide);
    return wide;
}

#endif
