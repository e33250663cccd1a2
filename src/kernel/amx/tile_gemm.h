/* Matrix products by tiles.
 * The loop over panels is outside, as in the other levels' products: a panel stays in the
 * first-level cache while all blocks of rows come by, each from the second level and past the
 * first, where they would push out the panel.  Where k is so long that a panel would not stay, a
 * pass goes through a part of it, and the sums of each block wait in memory for the next pass,
 * which changes no order.  Rows that are no more than one block stay instead, and panels pass by,
 * each once and whole.
 * A block's rows are finished two passes later, when its sums have come from the tiles to the
 * first-level cache.  Sums of BF16 that are y when they have begun with the bias go there from the
 * tiles.
 * Rows that are too few for a block have a configuration of their own, so that no row is read that
 * is not there.  Tiles are given back at the end of a call: a thread of the pool may sleep next.
 * Thread rule: any. */
#ifndef WN_KERNEL_TILE_GEMM_H
#define WN_KERNEL_TILE_GEMM_H

#include "kernel/amx/tile_pass.h"

#include <string.h>

enum {
    PASS_STEPS = 12, /* of a panel: half of a cache of 48 KiB */
    CHUNK_BLOCKS = 8,
    CHUNK_ROWS = CHUNK_BLOCKS * BLOCK_ROWS /* that see a panel before it leaves */
};

static inline sums_place place_of(block_sums *sums)
{
    return (sums_place){sums, sizeof sums->at[0][0], sizeof sums->at[0]};
}

static inline sums_place place_in_y(const tile_product *a, size_t i, size_t j)
{
    return (sums_place){a->y + i * a->ldy + j, a->ldy * sizeof *a->y, TILE_BYTES};
}

/* Tiles for blocks of so many rows. */
static inline void configure(tile_set *t, size_t upper, size_t lower)
{
    const size_t rows[N_TILES] = {upper, upper, lower, lower, upper, lower, TILE_ROWS, TILE_ROWS};
    t->config = (tile_config){.palette = 1};
    for (size_t i = 0; i < N_TILES; i++) {
        t->config.rows[i] = (uint8_t)rows[i];
        t->config.row_bytes[i] = rows[i] > 0 ? TILE_BYTES : 0;
    }
    tile_begin(t);
}

/* Of the columns of a panel of I8. */
static inline const float *scales_of(const tile_product *a, const unsigned char *panel,
                                     wn_dtype dtype)
{
    const unsigned char *behind = panel + a->n_steps * STEP_BYTES;
    return dtype == WN_DTYPE_I8 ? (const float *)(const void *)behind : NULL;
}

/* A block to be finished row by row; one that cannot be is finished now, and none is left. */
static inline waiting_block fitting(const tile_product *a, const waiting_block *b,
                                    const wn_dtype dtype, const row_form form)
{
    waiting_block left = *b;
    if (b->m > 0 && !form_fits(a, b->j, form)) {
        finish_rest(a, b, dtype, form == ROW_ADDED);
        left.m = 0;
    }
    return left;
}

/* The rows of a block beside nothing. */
static inline __attribute__((always_inline)) void finish_block(const tile_product *a,
                                                               const waiting_block *b,
                                                               const wn_dtype dtype,
                                                               const row_form form)
{
    const waiting_block left = fitting(a, b, dtype, form);
    row_work work = work_on(a, &left, dtype, form);
    for (size_t r = 0; r < left.m; r++)
        finish_row(&work, dtype, form);
}

/* Rows [i0, i0 + m): whole blocks, at most a chunk, or less than one block.  Complete sums go to
 * two places in turn: those in the other one are being finished. */
static inline __attribute__((always_inline)) void multiply_chunk(const tile_product *a,
                                                                 const wn_dtype dtype,
                                                                 const row_form form, size_t i0,
                                                                 size_t m)
{
    block_sums waiting[CHUNK_BLOCKS] __attribute__((aligned(64)));
    block_sums complete[2] __attribute__((aligned(64)));
    float row_scale[CHUNK_ROWS]; /* side by side: each block of columns needs them */
    sums_place held = {0};
    size_t n_passes = m > BLOCK_ROWS ? (a->n_steps + PASS_STEPS - 1) / PASS_STEPS : 1;
    size_t block = WN_MIN(m, BLOCK_ROWS), upper = WN_MIN(block, TILE_ROWS), turn = 0;
    size_t next_bytes = wn_round_up(STEP_BYTES * block / m, WN_ALIGN);
    const waiting_block none = {.sums = complete}; /* so that code for it has no rows to finish */
    waiting_block before = none, last = none;      /* the latter's sums the tiles hold */
    tile_set t;
    configure(&t, upper, block - upper);
    for (size_t i = 0; dtype == WN_DTYPE_I8 && i < m; i++)
        memcpy(&row_scale[i], a->rows + (i0 + i) * a->stride + a->scale_at, sizeof row_scale[i]);
    for (size_t j = 0; j < a->n; j += BLOCK_COLUMNS) {
        const unsigned char *panel = a->packed + j / BLOCK_COLUMNS * a->panel_bytes;
        bool has_begun = begins_with_bias(dtype, form) && form_fits(a, j, form);
        bool is_y = has_begun && form == ROW_OF_Y;
        sums_place start = {0};
        if (has_begun && a->bias != NULL)
            start = (sums_place){(void *)(uintptr_t)(a->bias + j), .half = TILE_BYTES};
        for (size_t p = 0; p < n_passes; p++) {
            size_t first = p * a->n_steps / n_passes, end = (p + 1) * a->n_steps / n_passes;
            for (size_t i = i0; i < i0 + m; i += BLOCK_ROWS) {
                block_sums *own = &waiting[(i - i0) / BLOCK_ROWS];
                bool is_last = p + 1 == n_passes;
                size_t asked = (i - i0) / BLOCK_ROWS * (end - first) * next_bytes;
                const tile_pass pass = {
                    .rows = a->rows + i * a->stride + first * TILE_BYTES,
                    .panel = panel + first * STEP_BYTES,
                    .n_steps = end - first,
                    .from = p > 0 ? place_of(own) : start,
                    .held = held,
                    .to = !is_last ? place_of(own)
                          : is_y   ? place_in_y(a, i, j)
                                   : place_of(&complete[turn]),
                    .asks = is_last && is_y && block == BLOCK_ROWS,
                    .next = panel + (is_last ? a->panel_bytes : end * STEP_BYTES) + asked,
                    .next_bytes = next_bytes,
                };
                if (m > BLOCK_ROWS && before.m == 0)
                    add_steps(&t, a, dtype, form, &none, &pass, true, false);
                else if (m > BLOCK_ROWS)
                    add_steps(&t, a, dtype, form, &before, &pass, true, false);
                else if (block > upper)
                    add_steps(&t, a, dtype, form, &before, &pass, true, true);
                else
                    add_steps(&t, a, dtype, form, &before, &pass, false, true);
                held = pass.to;
                before = fitting(a, &last, dtype, form);
                last = (waiting_block){.sums = &complete[turn],
                                       .scale = scales_of(a, panel, dtype),
                                       .row_scale = &row_scale[i - i0],
                                       .i = i,
                                       .j = j,
                                       .m = is_last && !is_y ? block : 0};
                turn ^= is_last && !is_y;
            }
        }
    }
    store_held(&t, &held, block > upper);
    finish_block(a, &before, dtype, form);
    finish_block(a, &last, dtype, form);
}

static inline __attribute__((always_inline)) void
multiply_by_tiles(const tile_product *a, const wn_dtype dtype, const row_form form, size_t m)
{
    for (size_t i = 0, n; i < m; i += n) {
        n = WN_MIN((m - i) / BLOCK_ROWS * BLOCK_ROWS, (size_t)CHUNK_ROWS);
        n = n > 0 ? n : m - i;
        multiply_chunk(a, dtype, form, i, n);
    }
    tile_end();
}

/* The product of rows and panels of a dtype; where it goes is left to the caller. */
static inline tile_product product_of(const wn_gemm *gemm, const void *rows, size_t stride,
                                      const void *packed, const float *bias, size_t n, size_t k,
                                      wn_act act)
{
    size_t depth_bytes = wn_gemm_depth(gemm, k) * wn_dtype_size(gemm->dtype);
    return (tile_product){.rows = rows,
                          .stride = stride,
                          .n_steps = depth_bytes / TILE_BYTES,
                          .packed = packed,
                          .panel_bytes = wn_gemm_panel_bytes(gemm, k),
                          .n = n,
                          .scale_at = depth_bytes,
                          .bias = bias,
                          .act = act};
}

#endif
