/* Matrix products by tiles: a block is 32 rows by 32 columns of y, four tiles of sums; a step of k
 * is 64 bytes of each row, two tiles, and 16 rows of a panel, two tiles.  Four products a step need
 * no more of the caches than they give: each loaded tile is used twice.
 * A pass goes through a part of k whose panel and rows both stay in a first-level cache of 48 KiB;
 * sums wait in memory between passes, which changes no order.  The loop over panels is outside, as
 * in the other levels' products.
 * What a block's sums become, vectors compute while the tiles add up the next block: after each
 * step a few rows.  One after the other, either unit would wait for the other as long as it works.
 * Rows that are too few for a block have a configuration of their own, so that no row is read that
 * is not there.  Tiles are given back at the end of a call: a thread of the pool may sleep next.
 * Thread rule: any. */
#ifndef WN_KERNEL_TILE_GEMM_H
#define WN_KERNEL_TILE_GEMM_H

#include "kernel/amx/tile.h"
#include "kernel/vec_act.h"

enum {
    BLOCK_ROWS = 2 * TILE_ROWS,
    BLOCK_COLUMNS = 2 * TILE_ROWS,
    PANEL_STRIDE = 2 * TILE_BYTES,         /* bytes of a panel's row */
    STEP_BYTES = TILE_ROWS * PANEL_STRIDE, /* of a panel */
    PASS_STEPS = 10,                       /* 40 KiB of panel and rows */
    CHUNK_BLOCKS = 4,                      /* whose sums wait for the next pass: 16 KiB */
    CHUNK_ROWS = CHUNK_BLOCKS * BLOCK_ROWS,
    SLICE_ROWS = 4 /* finished at once */
};

/* Sums of a block by half and row, of 32 bits each. */
typedef struct block_sums {
    int32_t at[2][BLOCK_ROWS][TILE_ROWS];
} block_sums;

/* y = act(finish(rows . panels)) */
typedef struct tile_product {
    float *y;
    size_t ldy;
    const unsigned char *rows;
    size_t stride, n_steps; /* of TILE_BYTES a row */
    const unsigned char *packed;
    size_t panel_bytes, n;
    size_t start; /* where in a panel the numbers lie that its sums start from; 0: from zero */
    const float *bias;
    wn_act act;
} tile_product;

/* A block whose sums are complete: rows [i, i + m) and columns from j on, of which the first n_done
 * rows are in y. */
typedef struct waiting_block {
    const block_sums *sums;
    size_t i, j, m, n_done;
} waiting_block;

/* Take m rows from row r of a block on from their sums into y, without act. */
typedef void finish_fn(const tile_product *product, const waiting_block *block, size_t r, size_t m);

/* Take the next rows of a block that has some left into y: finish_rows() with a finish_fn, in a
 * function of its own, since there are many calls. */
typedef void slice_fn(const tile_product *product, waiting_block *block);

/* The next slice of a block with act. */
static inline __attribute__((always_inline)) void finish_rows(const tile_product *a,
                                                              waiting_block *b, finish_fn *finish)
{
    size_t r = b->n_done, m = WN_MIN(b->m - r, (size_t)SLICE_ROWS);
    float *y = a->y + (b->i + r) * a->ldy + b->j;
    if (m == SLICE_ROWS)
        finish(a, b, r, SLICE_ROWS);
    else
        finish(a, b, r, m);
    if (a->act != WN_ACT_NONE)
        act_block(y, a->ldy, y, a->ldy, a->act, true, m,
                  WN_MIN(a->n - b->j, (size_t)BLOCK_COLUMNS));
    b->n_done += m;
}

/* Sums of a block of upper and lower rows from where they were; from: by half, stride bytes a row.
 * Meanwhile the block before, whose sums may lie where these will, is finished.
 * Tiles: 0 to 3 sums, 4 and 5 rows, 6 and 7 columns. */
static inline __attribute__((always_inline)) void
add_steps(tile_set *t, const tile_product *a, const wn_dtype dtype, slice_fn *finish_slice,
          waiting_block *before, block_sums *sums, const int32_t *const from[2], size_t from_stride,
          const unsigned char *rows, const unsigned char *panel, size_t n_steps, const bool lower,
          const bool right)
{
    const size_t next = TILE_ROWS * from_stride / sizeof(int32_t), stride = a->stride;
    const size_t panel_stride = PANEL_STRIDE;
    const size_t n_rows = (before->m + n_steps - 1) / n_steps; /* of the block before, a step */
    size_t due = before->n_done;
    tile_load(t, 0, from[0], from_stride);
    if (right)
        tile_load(t, 1, from[1], from_stride);
    if (lower)
        tile_load(t, 2, from[0] + next, from_stride);
    if (lower && right)
        tile_load(t, 3, from[1] + next, from_stride);
    for (; n_steps > 0; n_steps--, rows += TILE_BYTES, panel += STEP_BYTES) {
        tile_load(t, 4, rows, stride);
        tile_load(t, 6, panel, panel_stride);
        if (lower)
            tile_load(t, 5, rows + TILE_ROWS * stride, stride);
        if (right)
            tile_load(t, 7, panel + TILE_BYTES, panel_stride);
        tile_dot(t, dtype, 0, 4, 6);
        if (right)
            tile_dot(t, dtype, 1, 4, 7);
        if (lower)
            tile_dot(t, dtype, 2, 5, 6);
        if (lower && right)
            tile_dot(t, dtype, 3, 5, 7);
        for (due += n_rows; before->n_done < WN_MIN(due, before->m);)
            finish_slice(a, before);
    }
    const size_t out_stride = TILE_BYTES;
    tile_store(t, 0, sums->at[0][0], out_stride);
    if (right)
        tile_store(t, 1, sums->at[1][0], out_stride);
    if (lower)
        tile_store(t, 2, sums->at[0][TILE_ROWS], out_stride);
    if (lower && right)
        tile_store(t, 3, sums->at[1][TILE_ROWS], out_stride);
}

/* Steps [first, last) of the block at row i and column j. */
static inline __attribute__((always_inline)) void
add_pass(tile_set *t, const tile_product *a, const wn_dtype dtype, slice_fn *finish,
         waiting_block *before, block_sums *sums, size_t i, size_t j, size_t first, size_t last)
{
    const unsigned char *panel = a->packed + j / BLOCK_COLUMNS * a->panel_bytes;
    const unsigned char *rows = a->rows + i * a->stride + first * TILE_BYTES;
    const unsigned char *part = panel + first * STEP_BYTES;
    static const int32_t zeros[BLOCK_COLUMNS] __attribute__((aligned(64)));
    const int32_t *start = a->start > 0 ? (const int32_t *)(const void *)(panel + a->start) : zeros;
    const bool begins = first == 0, lower = t->config.rows[5] > 0, right = a->n - j > TILE_ROWS;
    const int32_t *const from[2] = {begins ? start : sums->at[0][0],
                                    begins ? start + TILE_ROWS : sums->at[1][0]};
    size_t from_stride = begins ? 0 : TILE_BYTES, n_steps = last - first;
    if (lower && right)
        add_steps(t, a, dtype, finish, before, sums, from, from_stride, rows, part, n_steps, true,
                  true);
    else if (lower)
        add_steps(t, a, dtype, finish, before, sums, from, from_stride, rows, part, n_steps, true,
                  false);
    else if (right)
        add_steps(t, a, dtype, finish, before, sums, from, from_stride, rows, part, n_steps, false,
                  true);
    else
        add_steps(t, a, dtype, finish, before, sums, from, from_stride, rows, part, n_steps, false,
                  false);
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

/* Rows [i0, i0 + m): whole blocks, at most a chunk, or less than one block. */
static inline __attribute__((always_inline)) void
multiply_chunk(const tile_product *a, const wn_dtype dtype, slice_fn *finish, size_t i0, size_t m)
{
    block_sums sums[CHUNK_BLOCKS] __attribute__((aligned(64)));
    size_t n_passes = (a->n_steps + PASS_STEPS - 1) / PASS_STEPS, block = WN_MIN(m, BLOCK_ROWS);
    size_t upper = WN_MIN(block, TILE_ROWS);
    waiting_block before = {.m = 0};
    tile_set t;
    configure(&t, upper, block - upper);
    for (size_t j = 0; j < a->n; j += BLOCK_COLUMNS) {
        for (size_t pass = 0; pass < n_passes; pass++) {
            size_t first = pass * a->n_steps / n_passes, last = (pass + 1) * a->n_steps / n_passes;
            for (size_t i = 0; i < m; i += BLOCK_ROWS) {
                block_sums *s = &sums[i / BLOCK_ROWS];
                add_pass(&t, a, dtype, finish, &before, s, i0 + i, j, first, last);
                if (pass + 1 == n_passes)
                    before = (waiting_block){.sums = s, .i = i0 + i, .j = j, .m = block};
            }
        }
    }
    while (before.n_done < before.m)
        finish(a, &before);
}

static inline __attribute__((always_inline)) void
multiply_by_tiles(const tile_product *a, const wn_dtype dtype, slice_fn *finish, size_t m)
{
    for (size_t i = 0, n; i < m; i += n) {
        n = WN_MIN((m - i) / BLOCK_ROWS * BLOCK_ROWS, (size_t)CHUNK_ROWS);
        n = n > 0 ? n : m - i;
        multiply_chunk(a, dtype, finish, i, n);
    }
    tile_end();
}

#endif
