/* Element types of stored tensors and their exact widening to f32.
 * F16 and BF16 widen without rounding, and values of block types are computed in f32 in one fixed
 * order, so that a widened value never depends on the machine.
 * Thread rule: any. */
#ifndef WN_BASE_DTYPE_H
#define WN_BASE_DTYPE_H

#include "base/defs.h"

typedef enum wn_dtype {
    WN_DTYPE_F32 = 0,
    WN_DTYPE_F16,
    WN_DTYPE_BF16,
    WN_DTYPE_I8,
    WN_DTYPE_OTHER, /* known to the file format, not usable as a weight */
    /* blocks of 32 values with a scale; _1: and a minimum */
    WN_DTYPE_Q4_0,
    WN_DTYPE_Q4_1,
    WN_DTYPE_Q5_0,
    WN_DTYPE_Q5_1,
    WN_DTYPE_Q8_0,
    /* blocks of 256 values with scales of scales */
    WN_DTYPE_Q4_K,
    WN_DTYPE_Q5_K,
    WN_DTYPE_Q6_K
} wn_dtype;

#define WN_DTYPE_BLOCK_MAX 256 /* values in a block of any type */

/* Bytes of one value of a plain type; 0 for block types and WN_DTYPE_OTHER. */
size_t wn_dtype_size(wn_dtype dtype);

/* Values that stand together in one block of a type: 1 for plain types, 0 for WN_DTYPE_OTHER. */
size_t wn_dtype_block(wn_dtype dtype);

/* Bytes of n values in a row; 0 for WN_DTYPE_OTHER.
 * Needs:   n is a multiple of wn_dtype_block(); the result fits into size_t. */
size_t wn_dtype_bytes(wn_dtype dtype, size_t n);

/* "f32", "f16", "bf16", "int8", "q4_0", ...; "" for WN_DTYPE_OTHER. */
const char *wn_dtype_name(wn_dtype dtype);

/* A half as a float. */
float wn_f16_to_f32(uint16_t half);

/* Is none of the values infinite or no number?  Of blocks the scales tell; true for
 * WN_DTYPE_OTHER.
 * Needs:   bytes are whole values or blocks; any alignment. */
bool wn_dtype_is_finite(const void *src, wn_dtype dtype, size_t bytes);

/* dst[i] = src[i] widened to f32.
 * Shapes:  dst [n], src [n] values of dtype, any alignment.
 * Needs:   dtype is not WN_DTYPE_OTHER; n is a multiple of wn_dtype_block(); no overlap. */
void wn_dtype_to_f32(float *dst, const void *src, wn_dtype dtype, size_t n);

#endif
