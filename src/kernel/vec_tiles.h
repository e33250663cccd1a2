/* What the products of the vector levels have in common: a tile for each number of rows, and the
 * loops over them.  A tile's sums stay in registers while k runs once from start to end.
 * The loop over panels is outside: a panel of w comes from memory once a call and then stays in the
 * cache for all tiles.  The first of them would read it faster than memory gives it, and wait; so
 * each tile asks for its share of the next panel while k runs.
 * A turn of a tile's loop takes several steps of k, one instruction for each element of a row: so
 * the processor sees how far apart an instruction's reads lie, and fetches a row's next line by
 * itself.  Seeing each line sixteen times, it does not.
 * Rows are dealt out to tiles in pairs, as evenly as they can be: a tile of 13 is slower than of 12
 * or 14, and one of 2 has too few sums to keep the processor busy.  A row's sum does not know its
 * tile.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_TILES_H
#define WN_KERNEL_VEC_TILES_H

#include "kernel/vec_act.h"

enum {
    LINE_BYTES = 64,   /* of a cache line */
    K_AT_ONCE = 8,     /* steps of k that a turn of a tile's loop takes, */
    ASK_LINES = 2,     /* and lines that it asks for */
    ASK_FROM = 1 << 17 /* bytes of packed weights: attention's are fewer and were just made */
};

/* What a tile multiplies by: one panel. */
typedef struct tile_weights {
    const void *panel;
    const float *bias; /* NULL: none */
    size_t n, k;       /* columns that are there, depth */
    uintptr_t ahead;   /* where the tile's share of the next panel begins */
    size_t ahead_step; /* bytes from one turn's lines to the next's; 0: nobody asks */
} tile_weights;

/* One tile: y [][n], of as many rows as the function is made for. */
typedef void tile_fn(float *y, size_t ldy, const unsigned char *rows, size_t stride,
                     const tile_weights *w);

/* tiles[i], a tile_fn of i + 1 rows up to mr, which is even, made from an inlined function whose
 * last argument is the number of rows. */
#define TILES_UP_TO(mr, tile) TILES_##mr(tile) static tile_fn *const tiles[mr] = {TILE_NAMES_##mr};

#define TILE_OF(count, tile)                                                                       \
    static void tile_of_##count(float *y, size_t ldy, const unsigned char *rows, size_t stride,    \
                                const tile_weights *w)                                             \
    {                                                                                              \
        tile(y, ldy, rows, stride, w, count);                                                      \
    }
#define TILES_1(tile)  TILE_OF(1, tile)
#define TILES_2(tile)  TILES_1(tile) TILE_OF(2, tile)
#define TILES_3(tile)  TILES_2(tile) TILE_OF(3, tile)
#define TILES_4(tile)  TILES_3(tile) TILE_OF(4, tile)
#define TILES_5(tile)  TILES_4(tile) TILE_OF(5, tile)
#define TILES_6(tile)  TILES_5(tile) TILE_OF(6, tile)
#define TILES_7(tile)  TILES_6(tile) TILE_OF(7, tile)
#define TILES_8(tile)  TILES_7(tile) TILE_OF(8, tile)
#define TILES_9(tile)  TILES_8(tile) TILE_OF(9, tile)
#define TILES_10(tile) TILES_9(tile) TILE_OF(10, tile)
#define TILES_11(tile) TILES_10(tile) TILE_OF(11, tile)
#define TILES_12(tile) TILES_11(tile) TILE_OF(12, tile)
#define TILES_13(tile) TILES_12(tile) TILE_OF(13, tile)
#define TILES_14(tile) TILES_13(tile) TILE_OF(14, tile)
#define TILE_NAMES_4   tile_of_1, tile_of_2, tile_of_3, tile_of_4
#define TILE_NAMES_6   TILE_NAMES_4, tile_of_5, tile_of_6
#define TILE_NAMES_8   TILE_NAMES_6, tile_of_7, tile_of_8
#define TILE_NAMES_12  TILE_NAMES_8, tile_of_9, tile_of_10, tile_of_11, tile_of_12
#define TILE_NAMES_14  TILE_NAMES_12, tile_of_13, tile_of_14

/* Ask for what lies at *ahead, and go on to what follows.  It is a number, since it may go past the
 * end of the panels. */
static inline __attribute__((always_inline)) void ask_ahead(uintptr_t *ahead, size_t step)
{
    if (step == 0)
        return;
#pragma GCC unroll 8
    for (size_t at = 0; at < ASK_LINES * LINE_BYTES; at += LINE_BYTES)
        __builtin_prefetch((const void *)(*ahead + at), 0, 2);
    *ahead += step;
}

/* multiply() of a product. */
static inline void multiply_by(tile_fn *const *tiles, const wn_gemm *gemm, float *y, size_t ldy,
                               const void *rows, size_t stride, const void *packed,
                               const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    const unsigned char *panel = packed, *first = rows;
    size_t nr = (size_t)gemm->nr, mr = (size_t)gemm->mr, n_tiles = (m + mr - 1) / mr;
    size_t pairs = (m + 1) / 2, pairs_a_tile = pairs / n_tiles, n_larger = pairs % n_tiles;
    size_t panel_bytes = wn_gemm_panel_bytes(gemm, k), share = panel_bytes / n_tiles;
    size_t turns = panel_bytes / (nr * 4 * K_AT_ONCE) + 1;
    size_t ask = WN_MIN(share / turns, (size_t)ASK_LINES * LINE_BYTES);
    bool asks = wn_gemm_packed_bytes(gemm, n, k) >= ASK_FROM;
    for (size_t j = 0; j < n; j += nr, panel += panel_bytes) {
        /* behind the last one the first again, for the next block of rows */
        const void *next = j + nr < n ? panel + panel_bytes : packed;
        tile_weights w = {.panel = panel,
                          .bias = bias != NULL ? bias + j : NULL,
                          .n = WN_MIN(n - j, nr),
                          .k = k,
                          .ahead_step = asks ? ask : 0};
        for (size_t t = 0, i = 0, count; t < n_tiles; t++, i += count) {
            count = WN_MIN(2 * (pairs_a_tile + (t < n_larger)), m - i);
            float *out = y + i * ldy + j;
            w.ahead = (uintptr_t)next + t * share;
            tiles[count - 1](out, ldy, first + i * stride, stride, &w);
            if (act != WN_ACT_NONE)
                act_block(out, ldy, out, ldy, act, gemm->dtype != WN_DTYPE_F32, count, w.n);
        }
    }
}

#endif
