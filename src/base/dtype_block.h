/* The block formats of ggml: values of few bits that share a scale, and in some a minimum.
 * For base/dtype.c only.
 * Thread rule: any. */
#ifndef WN_BASE_DTYPE_BLOCK_H
#define WN_BASE_DTYPE_BLOCK_H

#include "base/dtype.h"

/* Widen one block.
 * Shapes:  dst [wn_dtype_block(dtype)], src one block, any alignment.
 * Needs:   dtype is one of the Q types.
 * Source:  ggml, ggml-common.h and ggml-quants.c: the block structures and dequantize_row_*; the
 *          same operations in the same order, so that the bits are the same. */
void wn_dtype_block_to_f32(float *dst, const unsigned char *src, wn_dtype dtype);

#endif
