/* Attention of one head whose scores stay in the first-level cache: 16 query rows at a time, whose
 * scores are a product of BF16 and whose shares are the rows of an I8 product with the values.
 * While vectors turn a block's scores into shares, a step of a row at a time, tiles multiply the
 * shares of the block before with the values and the next block's rows with the keys.
 * The values have one more column, of ones, which gives the sums of shares.
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

/* The next step of a block's shares: 64 columns of a row, then of the next one; then the next 64
 * columns. */
typedef struct share_steps {
    share_constants constants;
    ivec bits;           /* of all x of the call */
    const float *scores; /* of the step */
    unsigned char *to;
    size_t lds, stride;
    const float *starts; /* [ATTEND_ROWS] */
    size_t row, n_left;  /* steps */
    size_t n_each;       /* steps behind a product */
} share_steps;

static inline __attribute__((always_inline)) void next_shares(share_steps *w)
{
    ivec_store(w->to, shares_of_step(&w->constants, &w->bits, w->scores,
                                     vec_splat(w->starts[w->row]), K_BLOCK));
    w->n_left--;
    w->scores += w->lds;
    w->to += w->stride;
    if (++w->row == ATTEND_ROWS) {
        w->row = 0;
        w->scores += K_BLOCK - ATTEND_ROWS * w->lds;
        w->to += K_BLOCK - ATTEND_ROWS * w->stride;
    }
}

static inline __attribute__((always_inline)) void shares_due(share_steps *w)
{
    for (size_t i = w->n_each; i > 0 && w->n_left > 0; i--)
        next_shares(w);
}

/* All that are left, and those of the columns behind whole steps. */
static inline void last_shares(share_steps *w, size_t n_columns)
{
    while (w->n_left > 0)
        next_shares(w);
    for (size_t i = 0; i < ATTEND_ROWS && n_columns > 0; i++)
        ivec_store(w->to + i * w->stride,
                   shares_of_step(&w->constants, &w->bits, w->scores + i * w->lds,
                                  vec_splat(w->starts[i]), n_columns));
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
    sums_place held; /* where the sums belong that tiles 0 and 1 hold */
    uint8_t ones[TILE_BYTES] __attribute__((aligned(64)));
    block_sums sums[WN_ATTEND_DIM_MAX / BLOCK_COLUMNS], row_sums; /* left columns of the latter */
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
    const size_t same_row = 0;
    const attend_rows rows = {k->shares[block % 2], k->share_stride, k->share_steps};
    const unsigned char *panel = k->a->values;
    for (size_t p = 0; p < k->n_value_panels; p++, panel += k->value_panel_bytes)
        add_panel(t, WN_DTYPE_I8, &rows, panel, p == 0, &k->held, place_of(&k->sums[p]), w);
    tile_load(t, 6, k->ones, same_row);
    store_pair(t, &k->held);
    tile_zero(t, 0);
    for (size_t s = 0; s < k->share_steps; s++) {
        load_rows(t, &rows, s, false);
        if (s % 2 == 0)
            tile_dot(t, WN_DTYPE_I8, 0, 4, 6);
        else
            tile_dot(t, WN_DTYPE_I8, 0, 5, 6);
        shares_due(w);
    }
    k->held = place_of(&k->row_sums);
}

/* A block's rows of y. */
static inline void finish_values(const attend_work *k, size_t block)
{
    const wn_attend *a = k->a;
    const unsigned char *scales = (const unsigned char *)a->values + k->share_steps * STEP_BYTES;
    const tile_product product = {.taken = a->y, .taken_stride = a->y_stride, .n = a->dim};
    float inverse[ATTEND_ROWS];
    for (size_t i = 0; i < ATTEND_ROWS; i++)
        inverse[i] = 1.0f / (float)k->row_sums.at[0][i][0];
    for (size_t p = 0; p < k->n_value_panels; p++, scales += k->value_panel_bytes) {
        const waiting_block sums = {.sums = &k->sums[p],
                                    .scale = (const float *)(const void *)scales,
                                    .row_scale = inverse,
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
    memset(k->ones, 1, sizeof k->ones);
}

/* The shares of a block whose scores are there, beside so many products. */
static inline void begin_shares(share_steps *w, attend_work *k, size_t block, size_t n_products)
{
    vec tops = tops_of_scores(k->scores[block % 2], k->lds, ATTEND_ROWS, k->a->n);
    store_first(k->starts, share_starts(&w->constants, tops), LANES);
    w->scores = k->scores[block % 2];
    w->to = k->shares[block % 2];
    w->row = 0;
    w->n_left = k->a->n / K_BLOCK * ATTEND_ROWS;
    w->n_each = n_products > 0 ? (w->n_left + n_products - 1) / n_products : 0;
}

static bool attend_by_tiles(const wn_attend *a)
{
    const size_t n_blocks = (a->m + ATTEND_ROWS - 1) / ATTEND_ROWS;
    attend_work k;
    tile_set t;
    begin_work(&k, a);
    share_steps w = {.constants = share_constants_of(a->scale * WN_EXP_LOG2E),
                     .bits = ivec_splat(0),
                     .lds = k.lds,
                     .stride = k.share_stride,
                     .starts = k.starts};
    const size_t of_scores = 2 * k.n_key_panels * k.key_steps;
    const size_t of_values = (2 * k.n_value_panels + 1) * k.share_steps;
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
            last_shares(&w, a->n % K_BLOCK);
        if (has_before)
            finish_values(&k, b - 1);
    }
    tile_end();
    return !has_other_bits(w.bits);
}

#endif
