/* One pass of a block of sums through steps of k: a block is 32 rows by 32 columns of y, four tiles
 * of sums; a step is 64 bytes of each row, two tiles, and 16 rows of a panel, two tiles.  Four
 * products a step need no more of the caches than they give: each loaded tile is used twice.
 * A block's sums stay in the tiles until the next pass takes over these, one by one in its first
 * step: stored at the end of their own, they would keep the tiles waiting for a fifth of the time.
 * Between two products vectors finish a row of an earlier block, as evenly as rows can be dealt
 * out.  More of it in one piece would fill the queue in which the tiles' instructions wait, too,
 * and one unit would wait for the other.
 * Thread rule: any. */
#ifndef WN_KERNEL_TILE_PASS_H
#define WN_KERNEL_TILE_PASS_H

#include "kernel/amx/tile_finish.h"

enum {
    PANEL_STRIDE = 2 * TILE_BYTES,        /* bytes of a panel's row */
    STEP_BYTES = TILE_ROWS * PANEL_STRIDE /* of a panel */
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
    row_work work = work_on(a, before, dtype, form);
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

#endif
