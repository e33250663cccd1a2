/* Two vectors of floats as one of halves in bf16.  VCVTNE2PS2BF16 rounds as lowp.h does, except
 * that denormal numbers become zero, as they do in the products that read them.
 * Thread rule: any. */
#ifndef WN_KERNEL_ROUND_BF16_H
#define WN_KERNEL_ROUND_BF16_H

#include "kernel/vec.h"

#if defined(__AVX512BF16__)

/* Rounded: first in the lower sixteen halves, second in the upper. */
static inline __m512i round_bf16(vec first, vec second)
{
    return (__m512i)_mm512_cvtne2ps_pbh(second, first);
}

#endif
#endif
