/* Vectors of whole numbers beside those of vec.h, for the int8 products: LANES sums of 32 bits, or
 * four bytes a lane.  vec_i8_scalar.h says what each operation does.
 * A sum of four products of bytes is one instruction where the level has VNNI.  Elsewhere it is
 * made of sums of pairs in 16 bits, which must not saturate: 2 * 127 * 127 does not, so that there
 * activations have 7 bits (I8_LIMIT 63) beside weights of 8.  Two such sums still fit 16 bits where
 * weights keep the bound of lowp.h (WN_I8_GROUP_MAX), and become 32 bits together.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_I8_H
#define WN_KERNEL_VEC_I8_H

#if defined(__AVX512F__)
#include "kernel/avx512/word_shares.h"
#elif defined(__AVX2__)
#include "kernel/avx2/vec_i8_avx2.h"
#else
#include "kernel/scalar/vec_i8_scalar.h"
#endif

#endif
