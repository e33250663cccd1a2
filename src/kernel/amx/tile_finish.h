/* How a block of sums that a product by tiles has left in memory becomes y, a slice of rows at a
 * time.  What one value becomes is the dtype's own; it is inlined here.
 * Thread rule: any. */
#ifndef WN_KERNEL_TILE_FINISH_H
#define WN_KERNEL_TILE_FINISH_H

#include "kernel/amx/tile.h"
#include "kernel/vec_act.h"

enum {
    BLOCK_ROWS = 2 * TILE_ROWS,
    BLOCK_COLUMNS = 2 * TILE_ROWS,
    SLICE_ROWS = 8 /* finished at once */
};

/* Sums of a block by half and row, of 32 bits each. */
typedef struct block_sums {
    int32_t at[2][BLOCK_ROWS][TILE_ROWS];
} block_sums;

/* y = act(finish(rows . panels)), or instead of y the rows that another product reads */
typedef struct tile_product {
    float *y;
    size_t ldy;
    bool adds;            /* to y */
    unsigned char *taken; /* 16 bits for each number; NULL: there is y */
    size_t taken_stride;  /* in bytes */
    const unsigned char *rows;
    size_t stride, n_steps; /* of TILE_BYTES a row */
    const unsigned char *packed;
    size_t panel_bytes, n;
    size_t scale_at; /* where in a row of I8 its scale lies */
    const float *bias;
    wn_act act;
} tile_product;

/* Whether the sums of a panel from column j on begin with the bias: whole ones of BF16 where no act
 * follows. */
static inline bool begins_with_bias(const tile_product *a, wn_dtype dtype, size_t j)
{
    return dtype == WN_DTYPE_BF16 && a->act == WN_ACT_NONE && a->n - j >= BLOCK_COLUMNS;
}

/* A block whose sums are complete: rows [i, i + m) and columns from j on, of which the first n_done
 * rows are in y. */
typedef struct waiting_block {
    const block_sums *sums;
    const unsigned char *behind; /* what its panel holds behind the elements */
    const float *row_scale;      /* [m] of I8 */
    size_t i, j, m, n_done;
} waiting_block;

/* The next rows of a block that has some left become those of y. */
typedef void finish_fn(const tile_product *product, waiting_block *block);

/* Rows [r, r + m) of a block become f of their values, or are added to y, in columns
 * [16 h, 16 h + 16) of the block's, of which left are there; y is where they begin. */
typedef void part_fn(const tile_product *product, const waiting_block *block, float *y, size_t r,
                     size_t m, size_t h, size_t left, lanes_fn *f, bool adds);

/* Ask for the lines that the slice behind this one fills, whose rows begin at `at`: a line is
 * fetched before it is written.  With an act there is time enough, and asking would only take some
 * of it. */
static inline __attribute__((always_inline)) void
ask_for_next_slice(const waiting_block *b, const void *at, size_t stride, const size_t n_lines)
{
    if (b->m - b->n_done < SLICE_ROWS)
        return;
    const unsigned char *next = (const unsigned char *)at + SLICE_ROWS * stride;
#pragma GCC unroll 8
    for (size_t q = 0; q < SLICE_ROWS; q++)
#pragma GCC unroll 2
        for (size_t line = 0; line < n_lines; line++)
            __builtin_prefetch(next + q * stride + line * TILE_BYTES, 1);
}

/* The next slice of a block, if it is a whole one and of a common act, by straight code. */
static inline __attribute__((always_inline)) bool finish_whole(const tile_product *a,
                                                               waiting_block *b, part_fn *part)
{
    size_t r = b->n_done;
    float *y = a->y + (b->i + r) * a->ldy + b->j;
    bool is_whole = b->m - r >= SLICE_ROWS && a->n - b->j >= BLOCK_COLUMNS;
    if (!is_whole || (a->act != WN_ACT_NONE && a->act != WN_ACT_GELU))
        return false;
    b->n_done = r + SLICE_ROWS;
    if (a->act == WN_ACT_GELU) {
        part(a, b, y, r, SLICE_ROWS, 0, LANES, gelu_rough_lanes, false);
        part(a, b, y + LANES, r, SLICE_ROWS, 1, LANES, gelu_rough_lanes, false);
        return true;
    }
    ask_for_next_slice(b, y, a->ldy * sizeof *y, 2);
    if (a->adds) {
        part(a, b, y, r, SLICE_ROWS, 0, LANES, same_lanes, true);
        part(a, b, y + LANES, r, SLICE_ROWS, 1, LANES, same_lanes, true);
    } else {
        part(a, b, y, r, SLICE_ROWS, 0, LANES, same_lanes, false);
        part(a, b, y + LANES, r, SLICE_ROWS, 1, LANES, same_lanes, false);
    }
    return true;
}

/* The next slice of any block. */
static inline __attribute__((always_inline)) void finish_any(const tile_product *a,
                                                             waiting_block *b, part_fn *part)
{
    size_t r = b->n_done, m = WN_MIN(b->m - r, (size_t)SLICE_ROWS);
    size_t n = WN_MIN(a->n - b->j, (size_t)BLOCK_COLUMNS);
    float *y = a->y + (b->i + r) * a->ldy + b->j;
    b->n_done = r + m;
    for (size_t h = 0; h * LANES < n; h++)
        part(a, b, y + h * LANES, r, m, h, n - h * LANES, same_lanes, a->adds);
    if (a->act != WN_ACT_NONE)
        act_block(y, a->ldy, y, a->ldy, a->act, true, m, n);
}

#endif
