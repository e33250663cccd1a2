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

/* Where instructions add the products of a group in 16 bits: of each eight elements of a column the
 * four 0, 1, 4 and 5, and the four 2, 3, 6 and 7.  A stored activation is 1 to 127, so a sum fits
 * when neither the positive bytes of a group nor the sizes of its negative ones are more than 258
 * together: 127 * 258 = 32766.  In a column that has more, all bytes are multiplied by what shrinks
 * its largest group to 256, and rounded again, four of them by 2 at most. */
#define WN_I8_GROUP     8
#define WN_I8_GROUP_MAX 258

static inline float wn_i8_shrink(float largest_group)
{
    return largest_group > WN_I8_GROUP_MAX ? (WN_I8_GROUP_MAX - 2) / largest_group : 1.0f;
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
