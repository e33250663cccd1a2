/* Attention of one head whose scores stay in the first-level cache: 16 query rows at a time, whose
 * scores are a product of BF16 and whose shares are the rows of an I8 product with the values.
 * While vectors turn a block's scores into shares, a step of a row at a time, tiles multiply the
 * shares of the block before with the values and the next block's rows with the keys.
 * The bits are those of the three steps on their own.
 * Thread rule: any. */
#ifndef WN_KERNEL_TILE_ATTEND_H
#define WN_KERNEL_TILE_ATTEND_H

#include "kernel/amx/f16_shares.h"
#include "kernel/amx/tile_gemm.h"
#include "kernel/vec_pack_i8.h"

enum { ATTEND_ROWS = WN_ATTEND_ROWS };
_Static_assert((int)ATTEND_ROWS == (int)TILE_ROWS, "a block is the rows of a tile");
_Static_assert((int)ATTEND_ROWS == (int)TOP_ROWS, "whose tops are found together");

/* ---- shares ---------------------------------------------------------------------------------- */

/* The shares of a block, in steps of 64 columns of a row. */
typedef struct share_steps {
    share_constants constants;
    row_shares row;
    const float *scores; /* of the next step */
    unsigned char *to;
    size_t lds, stride;       /* from behind the steps of a row to the next row */
    const float *start;       /* of the row */
    ivec *sum;                /* of the row */
    size_t row_steps, n_left; /* steps of a row, and those left of this one */
    size_t n_each, n_steps;   /* steps behind a product, and all that are left */
} share_steps;

static inline __attribute__((always_inline)) void next_shares(share_steps *w)
{
    ivec_store(w->to,
               shares_of_step(&w->constants, &w->row, w->scores, vec_splat(*w->start), K_BLOCK));
    w->scores += K_BLOCK;
    w->to += K_BLOCK;
    w->n_steps--;
    if (--w->n_left == 0) {
        *w->sum++ = w->row.sum;
        w->row.sum = ivec_splat(0);
        w->start++;
        w->scores += w->lds;
        w->to += w->stride;
        w->n_left = w->row_steps;
    }
}

static inline __attribute__((always_inline)) void shares_due(share_steps *w)
{
    for (size_t i = w->n_each; i > 0 && w->n_steps > 0; i--)
        next_shares(w);
}

/* ---- products -------------------------------------------------------------------------------- */

/* A call. */
typedef struct attend_work {
    const wn_attend *a;
    size_t key_steps, share_steps;
    size_t n_key_panels, n_value_panels, value_panel_bytes;
    size_t lds, share_stride;
    float *scores[2];         /* of a block and of the next one */
    unsigned char *shares[2]; /* and of the block before */
    float starts[ATTEND_ROWS];
    ivec share_sums[ATTEND_ROWS];
    float inverse[2][ATTEND_ROWS]; /* of the sums of shares */
    sums_place held;               /* where the sums belong that tiles 0 and 1 hold */
    block_sums sums[WN_ATTEND_DIM_MAX / BLOCK_COLUMNS] __attribute__((aligned(64)));
} attend_work;

static inline void store_pair(tile_set *t, sums_place *held)
{
    if (held->at == NULL)
        return;
    tile_store(t, 0, sums_at(held, 0, 0), held->stride);
    tile_store(t, 1, sums_at(held, 1, 0), held->stride);
    held->at = NULL;
}

/* Rows of a block that a product reads. */
typedef struct attend_rows {
    const unsigned char *rows;
    size_t stride, n_steps;
} attend_rows;

/* Into tiles 4 and 5 in turn, where they stay for the next panels if there are no more. */
static inline __attribute__((always_inline)) void load_rows(tile_set *t, const attend_rows *r,
                                                            size_t s, bool is_first)
{
    if (!is_first && r->n_steps <= 2)
        return;
    if (s % 2 == 0)
        tile_load(t, 4, r->rows + s * TILE_BYTES, r->stride);
    else
        tile_load(t, 5, r->rows + s * TILE_BYTES, r->stride);
}

/* The sums of a block with one panel, in tiles 0 and 1; they belong to the place. */
static inline __attribute__((always_inline)) void
add_panel(tile_set *t, const wn_dtype dtype, const attend_rows *r, const unsigned char *panel,
          bool is_first, sums_place *held, sums_place place, share_steps *w)
{
    const size_t panel_stride = PANEL_STRIDE;
    for (size_t s = 0; s < r->n_steps; s++, panel += STEP_BYTES) {
        load_rows(t, r, s, is_first);
        tile_load(t, 6, panel, panel_stride);
        tile_load(t, 7, panel + TILE_BYTES, panel_stride);
        if (s == 0) {
            store_pair(t, held);
            tile_zero(t, 0);
            tile_zero(t, 1);
        }
        if (s % 2 == 0)
            tile_dot(t, dtype, 0, 4, 6);
        else
            tile_dot(t, dtype, 0, 5, 6);
        shares_due(w);
        if (s % 2 == 0)
            tile_dot(t, dtype, 1, 4, 7);
        else
            tile_dot(t, dtype, 1, 5, 7);
        shares_due(w);
    }
    *held = place;
}

static inline size_t first_row(const wn_attend *a, size_t block)
{
    return WN_MIN(block * ATTEND_ROWS, a->m - ATTEND_ROWS);
}

static inline __attribute__((always_inline)) void add_scores(attend_work *k, tile_set *t,
                                                             size_t block, share_steps *w)
{
    const wn_attend *a = k->a;
    const unsigned char *q = (const unsigned char *)a->q + first_row(a, block) * a->q_stride;
    const unsigned char *panel = a->keys;
    const attend_rows rows = {q, a->q_stride, k->key_steps};
    sums_place place = {k->scores[block % 2], k->lds * sizeof(float), TILE_BYTES};
    for (size_t p = 0; p < k->n_key_panels; p++, panel += k->key_steps * STEP_BYTES) {
        add_panel(t, WN_DTYPE_BF16, &rows, panel, p == 0, &k->held, place, w);
        place.at = (unsigned char *)place.at + PANEL_STRIDE;
    }
}

static inline __attribute__((always_inline)) void add_values(attend_work *k, tile_set *t,
                                                             size_t block, share_steps *w)
{
    const attend_rows rows = {k->shares[block % 2], k->share_stride, k->share_steps};
    const unsigned char *panel = k->a->values;
    for (size_t p = 0; p < k->n_value_panels; p++, panel += k->value_panel_bytes)
        add_panel(t, WN_DTYPE_I8, &rows, panel, p == 0, &k->held, place_of(&k->sums[p]), w);
}

/* A block's rows of y. */
static inline void finish_values(const attend_work *k, size_t block)
{
    const wn_attend *a = k->a;
    const unsigned char *scales = (const unsigned char *)a->values + k->share_steps * STEP_BYTES;
    const tile_product product = {.taken = a->y, .taken_stride = a->y_stride, .n = a->dim};
    for (size_t p = 0; p < k->n_value_panels; p++, scales += k->value_panel_bytes) {
        const waiting_block sums = {.sums = &k->sums[p],
                                    .scale = (const float *)(const void *)scales,
                                    .row_scale = k->inverse[block % 2],
                                    .i = first_row(a, block),
                                    .j = p * BLOCK_COLUMNS,
                                    .m = ATTEND_ROWS};
        finish_block(&product, &sums, WN_DTYPE_I8, ROW_HALVES);
    }
}

static inline void begin_work(attend_work *k, const wn_attend *a)
{
    k->a = a;
    k->key_steps = a->dim * sizeof(uint16_t) / TILE_BYTES;
    k->share_steps = depth_of(a->n) / TILE_BYTES;
    k->scores[0] = a->space;
    k->n_key_panels = (a->n + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS;
    k->n_value_panels = a->dim / BLOCK_COLUMNS;
    k->value_panel_bytes = panel_bytes(a->n);
    k->lds = (k->n_key_panels * 2 | 1) * LANES;
    k->share_stride = (k->share_steps | 1) * TILE_BYTES;
    unsigned char *shares = (unsigned char *)(k->scores[0] + 2 * ATTEND_ROWS * k->lds);
    k->scores[1] = k->scores[0] + ATTEND_ROWS * k->lds;
    k->shares[0] = shares;
    k->shares[1] = shares + ATTEND_ROWS * k->share_stride;
    k->held.at = NULL;
}

/* The shares of a block whose scores are there, beside so many products. */
static inline void begin_shares(share_steps *w, attend_work *k, size_t block, size_t n_products)
{
    const size_t n = k->a->n, n_whole = n / K_BLOCK * K_BLOCK;
    vec tops = tops_of_scores(k->scores[block % 2], k->lds, ATTEND_ROWS, n);
    store_first(k->starts, share_starts(&w->constants, tops), LANES);
    w->scores = k->scores[block % 2];
    w->to = k->shares[block % 2];
    w->lds = k->lds - n_whole;
    w->stride = k->share_stride - n_whole;
    w->start = k->starts;
    w->sum = k->share_sums;
    w->row_steps = w->n_left = n / K_BLOCK;
    w->n_steps = w->row_steps * ATTEND_ROWS;
    w->n_each = n_products > 0 ? (w->n_steps + n_products - 1) / n_products : 0;
}

/* The steps that are left, the columns behind whole steps, and the sums. */
static inline void end_shares(share_steps *w, attend_work *k, size_t block)
{
    const size_t left = k->a->n % K_BLOCK, at = k->a->n - left;
    while (w->n_steps > 0)
        next_shares(w);
    for (size_t i = 0; i < ATTEND_ROWS && left > 0; i++) {
        w->row.sum = at > 0 ? k->share_sums[i] : ivec_splat(0);
        ivec_store(k->shares[block % 2] + i * k->share_stride + at,
                   shares_of_step(&w->constants, &w->row, k->scores[block % 2] + i * k->lds + at,
                                  vec_splat(k->starts[i]), left));
        k->share_sums[i] = w->row.sum;
        w->row.sum = ivec_splat(0);
    }
    store_first(k->inverse[block % 2], vec_splat(1.0f) / word_sums(k->share_sums), LANES);
}

static bool attend_by_tiles(const wn_attend *a)
{
    const size_t n_blocks = (a->m + ATTEND_ROWS - 1) / ATTEND_ROWS;
    attend_work k;
    tile_set t;
    begin_work(&k, a);
    share_steps w = {.constants = share_constants_of(a->scale * WN_EXP_LOG2E),
                     .row = {ivec_splat(0), ivec_splat(0)}};
    const size_t of_scores = 2 * k.n_key_panels * k.key_steps;
    const size_t of_values = 2 * k.n_value_panels * k.share_steps;
    configure(&t, TILE_ROWS, TILE_ROWS);
    add_scores(&k, &t, 0, &w);
    for (size_t b = 0; b <= n_blocks; b++) {
        const bool is_block = b != n_blocks, has_next = b + 1 < n_blocks, has_before = b != 0;
        store_pair(&t, &k.held);
        if (is_block)
            begin_shares(&w, &k, b, has_before * of_values + has_next * of_scores);
        if (has_before)
            add_values(&k, &t, b - 1, &w);
        if (has_next)
            add_scores(&k, &t, b + 1, &w);
        else
            store_pair(&t, &k.held);
        if (is_block)
            end_shares(&w, &k, b);
        if (has_before)
            finish_values(&k, b - 1);
    }
    tile_end();
    return !has_other_bits(w.row.bits);
}

#endif
