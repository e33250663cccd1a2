/* What the products of the Neon levels have in common: tiles of up to 8 rows by 8 columns, sixteen
 * accumulators in registers, and the loops over them.  A tile takes 16 bytes of each of its rows at
 * a time; how a panel lies in memory is the product's own.
 * The loop over panels is outside: a panel of w comes from memory once a call and then stays in the
 * cache for all tiles.  Rows are spread evenly over tiles; a row's sum does not know its tile.
 * Thread rule: any. */
#ifndef WN_KERNEL_TILE_NEON_H
#define WN_KERNEL_TILE_NEON_H

#include "kernel/vec_act.h"

enum { TILE_ROWS = 8, TILE_COLUMNS = 8 };

/* One tile: y [][n], n <= TILE_COLUMNS, of as many rows as the function is made for. */
typedef void tile_fn(float *y, size_t ldy, const unsigned char *rows, size_t stride,
                     const void *panel, const float *bias, size_t n, size_t k);

#define TILE_OF(count, tile)                                                                       \
    static void tile_of_##count(float *y, size_t ldy, const unsigned char *rows, size_t stride,    \
                                const void *panel, const float *bias, size_t n, size_t k)          \
    {                                                                                              \
        tile(y, ldy, rows, stride, panel, bias, n, k, count);                                      \
    }

/* tiles[i], a tile_fn of i + 1 rows, made from an inlined function with the number of rows as its
 * last argument. */
#define TILES_OF(tile)                                                                             \
    TILE_OF(1, tile)                                                                               \
    TILE_OF(2, tile)                                                                               \
    TILE_OF(3, tile)                                                                               \
    TILE_OF(4, tile)                                                                               \
    TILE_OF(5, tile)                                                                               \
    TILE_OF(6, tile)                                                                               \
    TILE_OF(7, tile)                                                                               \
    TILE_OF(8, tile)                                                                               \
    static tile_fn *const tiles[TILE_ROWS] = {tile_of_1, tile_of_2, tile_of_3, tile_of_4,          \
                                              tile_of_5, tile_of_6, tile_of_7, tile_of_8};

/* multiply() of a product. */
static inline void multiply_by(tile_fn *const tiles[TILE_ROWS], const wn_gemm *gemm, float *y,
                               size_t ldy, const void *rows, size_t stride, const void *packed,
                               const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    const unsigned char *panel = packed, *first = rows;
    size_t n_tiles = (m + TILE_ROWS - 1) / TILE_ROWS, panel_bytes = wn_gemm_panel_bytes(gemm, k);
    for (size_t j = 0; j < n; j += TILE_COLUMNS, panel += panel_bytes) {
        size_t cols = WN_MIN(n - j, (size_t)TILE_COLUMNS);
        for (size_t t = 0; t < n_tiles; t++) {
            size_t i = t * m / n_tiles, count = (t + 1) * m / n_tiles - i;
            float *out = y + i * ldy + j;
            tiles[count - 1](out, ldy, first + i * stride, stride, panel,
                             bias != NULL ? bias + j : NULL, cols, k);
            if (act != WN_ACT_NONE)
                act_block(out, ldy, out, ldy, act, count, cols);
        }
    }
}

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
