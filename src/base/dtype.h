/* Element types of stored tensors and their exact widening to f32.
 * F16 and BF16 widen without rounding, so a widened value never depends on the machine.
 * Thread rule: any. */
#ifndef WN_BASE_DTYPE_H
#define WN_BASE_DTYPE_H

#include "base/defs.h"

typedef enum wn_dtype {
    WN_DTYPE_F32 = 0,
    WN_DTYPE_F16,
    WN_DTYPE_BF16,
    WN_DTYPE_I8,
    WN_DTYPE_OTHER /* known to the file format, not usable as a weight */
} wn_dtype;

/* Bytes of one element; 0 for WN_DTYPE_OTHER. */
size_t wn_dtype_size(wn_dtype dtype);

/* "f32", "f16", "bf16", "int8"; "" for WN_DTYPE_OTHER. */
const char *wn_dtype_name(wn_dtype dtype);

/* dst[i] = src[i] widened to f32.
 * Shapes:  dst [n], src [n] elements of dtype, any alignment.
 * Needs:   dtype is F32, F16, BF16 or I8; no overlap. */
void wn_dtype_to_f32(float *dst, const void *src, wn_dtype dtype, size_t n);

#endif
