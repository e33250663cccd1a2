/* What the products of the Neon levels have in common: tiles of up to 8 rows by 8 columns, sixteen
 * accumulators in registers.  A tile takes 16 bytes of each of its rows at a time; how a panel lies
 * in memory is the product's own.
 * Thread rule: any. */
#ifndef WN_KERNEL_TILE_NEON_H
#define WN_KERNEL_TILE_NEON_H

#include "kernel/vec_tiles.h"

enum { TILE_ROWS = 8, TILE_COLUMNS = 8 };

/* How many of n there are from one on. */
static inline size_t left_of(size_t n, size_t at)
{
    return at < n ? n - at : 0;
}

/* The first n of eight consecutive floats as two vectors, zeros behind them. */
static inline void load_columns(vec v[2], const float *p, size_t n)
{
    v[0] = load_first(p, n);
    v[1] = n > LANES ? load_first(p + LANES, n - LANES) : vec_splat(0.0f);
}

static inline void store_columns(float *p, vec a, vec b, size_t n)
{
    store_first(p, a, n);
    if (n > LANES)
        store_first(p + LANES, b, n - LANES);
}

#endif
