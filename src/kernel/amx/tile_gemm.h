/* Matrix products by tiles: a block is 32 rows by 32 columns of y, four tiles of sums; a step of k
 * is 64 bytes of each row, two tiles, and 16 rows of a panel, two tiles.  Four products a step need
 * no more of the caches than they give: each loaded tile is used twice.
 * The loop over panels is outside, as in the other levels' products: a panel stays in the
 * first-level cache while all blocks of rows come by, each from the second level and past the
 * first, where they would push out the panel.  Where k is so long that a panel would not stay, a
 * pass goes through a part of it, and the sums of each block wait in memory for the next pass,
 * which changes no order.  Rows that are no more than one block stay instead, and panels pass by,
 * each once and whole.
 * A block's sums stay in the tiles until the next block takes over these, one by one in its first
 * step: stored at the end of their own, they would keep the tiles waiting for a fifth of the time.
 * What they become, vectors compute beside the steps of the block behind that one, when they have
 * come to the first-level cache: one row at a time between two tile products, as evenly as they can
 * be.  More of it in one piece would fill the queue in which the tiles' instructions wait, too, and
 * one unit would wait for the other.  Sums of BF16 that are y when they have begun with the bias go
 * from the tiles to y.
 * Rows that are too few for a block have a configuration of their own, so that no row is read that
 * is not there.  Tiles are given back at the end of a call: a thread of the pool may sleep next.
 * Thread rule: any. */
#ifndef WN_KERNEL_TILE_GEMM_H
#define WN_KERNEL_TILE_GEMM_H

#include "kernel/amx/tile_finish.h"

#include <string.h>

enum {
    PANEL_STRIDE = 2 * TILE_BYTES,         /* bytes of a panel's row */
    STEP_BYTES = TILE_ROWS * PANEL_STRIDE, /* of a panel */
    PASS_STEPS = 12,                       /* of a panel: half of a cache of 48 KiB */
    CHUNK_BLOCKS = 8,
    CHUNK_ROWS = CHUNK_BLOCKS * BLOCK_ROWS /* that see a panel before it leaves */
};

/* Where a block's sums lie. */
typedef struct sums_place {
    void *at;            /* NULL: nowhere */
    size_t stride, half; /* bytes from row to row, and from left to right columns */
} sums_place;

/* Steps of k for the sums of a block. */
typedef struct tile_pass {
    const unsigned char *rows, *panel;
    size_t n_steps;
    sums_place from; /* what they begin with, only read; nowhere: 0 */
    sums_place held; /* where the sums belong that the tiles still hold */
    sums_place to;   /* and the own ones */
    bool asks;       /* for the lines of the latter, which are fetched before they are written */
    const unsigned char *next; /* what to ask for of the panel's next part or of the next panel */
    size_t next_bytes;         /* a step */
} tile_pass;

static inline unsigned char *sums_at(const sums_place *place, size_t half, size_t row)
{
    return (unsigned char *)place->at + half * place->half + row * place->stride;
}

/* A tile of sums begins a pass. */
#define begin_sums(t, number, pass, half, row)                                                     \
    do {                                                                                           \
        if ((pass)->held.at != NULL)                                                               \
            tile_store(t, number, sums_at(&(pass)->held, half, row), (pass)->held.stride);         \
        if ((pass)->from.at != NULL)                                                               \
            tile_load(t, number, sums_at(&(pass)->from, half, row), (pass)->from.stride);          \
        else                                                                                       \
            tile_zero(t, number);                                                                  \
    } while (0)

/* A tile that is read again soon, or not. */
#define load_operand(t, number, from, stride, again)                                               \
    do {                                                                                           \
        if (again)                                                                                 \
            tile_load(t, number, from, stride);                                                    \
        else                                                                                       \
            tile_load_once(t, number, from, stride);                                               \
    } while (0)

/* The rows of a block that are due between products, of which a pass has n_slots. */
typedef struct row_turns {
    size_t m, n_slots, n_due;
} row_turns;

static inline __attribute__((always_inline)) void
finish_due(row_turns *turns, row_work *work, const wn_dtype dtype, const row_form form)
{
    for (turns->n_due += turns->m; turns->n_due >= turns->n_slots; turns->n_due -= turns->n_slots)
        finish_row(work, dtype, form);
}

/* A product of a step, and what vectors do beside it. */
#define add_product(t, dtype, form, sums, rows, columns, turns, work)                              \
    do {                                                                                           \
        tile_dot(t, dtype, sums, rows, columns);                                                   \
        finish_due(turns, work, dtype, form);                                                      \
    } while (0)

/* Step s of a pass.  Tiles: 0 to 3 sums of the left and right columns of upper, then of lower rows,
 * 4 and 5 rows, 6 and 7 columns. */
static inline __attribute__((always_inline)) void
add_step(tile_set *t, const tile_product *a, const wn_dtype dtype, const row_form form,
         const tile_pass *pass, size_t s, row_turns *turns, row_work *work, const bool first,
         const bool lower, const bool alone)
{
    const unsigned char *rows = pass->rows + s * TILE_BYTES, *panel = pass->panel + s * STEP_BYTES;
    const size_t stride = a->stride, panel_stride = PANEL_STRIDE;
    load_operand(t, 4, rows, stride, alone);
    load_operand(t, 6, panel, panel_stride, !alone);
    if (lower)
        load_operand(t, 5, rows + TILE_ROWS * stride, stride, alone);
    load_operand(t, 7, panel + TILE_BYTES, panel_stride, !alone);
    if (first)
        begin_sums(t, 0, pass, 0, 0);
    add_product(t, dtype, form, 0, 4, 6, turns, work);
    if (first)
        begin_sums(t, 1, pass, 1, 0);
    add_product(t, dtype, form, 1, 4, 7, turns, work);
    if (lower) {
        if (first)
            begin_sums(t, 2, pass, 0, TILE_ROWS);
        add_product(t, dtype, form, 2, 5, 6, turns, work);
        if (first)
            begin_sums(t, 3, pass, 1, TILE_ROWS);
        add_product(t, dtype, form, 3, 5, 7, turns, work);
    }
}

/* Ask for the next of a block's lines, a share of them after each step of the second half. */
static inline void ask_for_rows(const tile_pass *pass, size_t s, size_t *n_due, size_t *row)
{
    size_t half = pass->n_steps / 2, n = pass->n_steps - half;
    if (!pass->asks || s < half)
        return;
    for (*n_due += BLOCK_ROWS; *n_due >= n; *n_due -= n, ++*row) {
        __builtin_prefetch(sums_at(&pass->to, 0, *row), 1);
        __builtin_prefetch(sums_at(&pass->to, 1, *row), 1);
    }
}

/* Ask for some of the weights that come next: those of base models lie in the third-level cache.
 * They come as far as the second; the first has a panel. */
static inline void ask_for_weights(const tile_pass *pass, size_t s)
{
    const unsigned char *next = pass->next + s * pass->next_bytes;
    for (size_t at = 0; at < pass->next_bytes; at += WN_ALIGN)
        __builtin_prefetch(next + at, 0, 2);
}

/* One pass of a block, with its lower rows or without, of several that meet the panel or alone;
 * meanwhile a block before is finished. */
static inline __attribute__((always_inline)) void
add_steps(tile_set *t, const tile_product *a, const wn_dtype dtype, const row_form form,
          const waiting_block *before, const tile_pass *pass, const bool lower, const bool alone)
{
    row_turns turns = {.m = before->m, .n_slots = pass->n_steps * (lower ? 4 : 2)};
    row_work work = work_on(a, before, form);
    size_t n_rows_due = 0, row = 0;
    add_step(t, a, dtype, form, pass, 0, &turns, &work, true, lower, alone);
    for (size_t s = 0;;) {
        if (dtype == WN_DTYPE_BF16)
            ask_for_rows(pass, s, &n_rows_due, &row);
        ask_for_weights(pass, s);
        if (++s == pass->n_steps)
            return;
        add_step(t, a, dtype, form, pass, s, &turns, &work, false, lower, alone);
    }
}

/* The sums that the tiles still hold. */
static inline void store_held(tile_set *t, const sums_place *held, bool lower)
{
    tile_store(t, 0, sums_at(held, 0, 0), held->stride);
    tile_store(t, 1, sums_at(held, 1, 0), held->stride);
    if (lower) {
        tile_store(t, 2, sums_at(held, 0, TILE_ROWS), held->stride);
        tile_store(t, 3, sums_at(held, 1, TILE_ROWS), held->stride);
    }
}

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

/* All rows of a block that have not been finished beside others. */
static inline __attribute__((always_inline)) void finish_block(const tile_product *a,
                                                               const waiting_block *b,
                                                               const wn_dtype dtype,
                                                               const row_form form)
{
    if (b->m > 0 && !form_fits(a, b->j, form)) {
        finish_rest(a, b, dtype, form == ROW_ADDED);
        return;
    }
    row_work work = work_on(a, b, form);
    for (size_t r = 0; r < b->m; r++)
        finish_row(&work, dtype, form);
}

/* Rows [i0, i0 + m): whole blocks, at most a chunk, or less than one block.  Complete sums go to two
 * places in turn: those in the other one are being finished. */
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
    waiting_block before = {.sums = complete}, last = before; /* whose sums the tiles hold */
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
                if (m > BLOCK_ROWS)
                    add_steps(&t, a, dtype, form, &before, &pass, true, false);
                else if (block > upper)
                    add_steps(&t, a, dtype, form, &before, &pass, true, true);
                else
                    add_steps(&t, a, dtype, form, &before, &pass, false, true);
                held = pass.to;
                before = last;
                last = (waiting_block){.sums = &complete[turn],
                                       .scale = scales_of(a, panel, dtype),
                                       .row_scale = &row_scale[i - i0],
                                       .i = i,
                                       .j = j,
                                       .m = is_last && !is_y ? block : 0};
                turn ^= is_last && !is_y;
                if (before.m > 0 && !form_fits(a, before.j, form)) {
                    finish_rest(a, &before, dtype, form == ROW_ADDED);
                    before.m = 0;
                }
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
