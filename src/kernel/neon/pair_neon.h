/* Tiles of the instructions that multiply a block of two rows by two columns, eight bytes of each.
 * A tile reads sixteen bytes of each row at a time and pairs the halves of neighbouring rows; a
 * panel is groups of eight bytes of a column, [depth / group][column][group], so that two columns
 * lie side by side.  A tile of an odd number of rows has its last row twice.
 * Thread rule: any. */
#ifndef WN_KERNEL_PAIR_NEON_H
#define WN_KERNEL_PAIR_NEON_H

#include "kernel/neon/tile_neon.h"

enum { PAIRS = TILE_ROWS / 2, BLOCKS = TILE_COLUMNS / 2, PAIR_BYTES = 16 };

/* Sixteen bytes of count rows from at on: low[i] and high[i] are those of rows 2 i and 2 i + 1. */
static inline __attribute__((always_inline)) void load_pairs(int8x16_t low[PAIRS],
                                                             int8x16_t high[PAIRS],
                                                             const int8_t *at, size_t stride,
                                                             const size_t count)
{
#pragma GCC unroll 4
    for (size_t i = 0; i < (count + 1) / 2; i++) {
        int64x2_t a = vreinterpretq_s64_s8(vld1q_s8(at + 2 * i * stride));
        int64x2_t b = vreinterpretq_s64_s8(vld1q_s8(at + WN_MIN(2 * i + 1, count - 1) * stride));
        low[i] = vreinterpretq_s8_s64(vzip1q_s64(a, b));
        high[i] = vreinterpretq_s8_s64(vzip2q_s64(a, b));
    }
}

/* The first or second rows of two blocks, side by side. */
static inline int64x2_t row_of(int64x2_t left, int64x2_t right, bool second)
{
    return second ? vzip2q_s64(left, right) : vzip1q_s64(left, right);
}

#endif
