/* What becomes of a block of sums that a product by tiles has left in memory: a row of y, or of
 * another product's rows, at a time.  A row is straight code, inlined between two tile products,
 * and what all rows of the block need stays in registers.
 * Blocks with other acts, or of fewer columns, become y at once and beside nothing.
 * Thread rule: any. */
#ifndef WN_KERNEL_TILE_FINISH_H
#define WN_KERNEL_TILE_FINISH_H

#include "kernel/amx/tile.h"
#include "kernel/amx/vec_f16.h"
#include "kernel/avx512bf16/round_bf16.h"
#include "kernel/vec_act.h"

enum {
    BLOCK_ROWS = 2 * TILE_ROWS,
    BLOCK_COLUMNS = 2 * TILE_ROWS,
    ROWS_AHEAD = 8, /* whose lines are asked for */
};

/* Sums of a block by half and row, of 32 bits each. */
typedef struct block_sums {
    int32_t at[2][BLOCK_ROWS][TILE_ROWS];
} block_sums;

/* y = act(finish(rows . panels)), or instead of y the rows that another product reads */
typedef struct tile_product {
    float *y;
    size_t ldy;
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

/* What rows become. */
typedef enum row_form {
    ROW_OF_Y,
    ROW_OF_Y_GELU,
    ROW_ADDED, /* to y */
    ROW_HALVES,
    ROW_HALVES_GELU,
    ROW_F16,
    ROW_F16_GELU
} row_form;

static inline bool form_is_y(row_form form)
{
    return form <= ROW_ADDED;
}

static inline wn_act act_of(row_form form)
{
    bool is_gelu = form == ROW_OF_Y_GELU || form == ROW_HALVES_GELU || form == ROW_F16_GELU;
    return is_gelu ? WN_ACT_GELU : WN_ACT_NONE;
}

/* Whether sums of columns that are all there begin with the bias. */
static inline bool begins_with_bias(wn_dtype dtype, row_form form)
{
    return dtype == WN_DTYPE_BF16 && act_of(form) == WN_ACT_NONE;
}

/* A block whose sums are complete: rows [i, i + m) and columns from j on; m is 0 where none is. */
typedef struct waiting_block {
    const block_sums *sums;
    const float *scale;     /* [BLOCK_COLUMNS] of I8 */
    const float *row_scale; /* [m] of I8 */
    size_t i, j, m;
} waiting_block;

/* Its next row, and what all its rows need. */
typedef struct row_work {
    const int32_t *sums; /* of the left columns */
    const float *row_scale;
    unsigned char *to;
    size_t stride; /* of to, in bytes */
    vec scale[2], bias[2];
} row_work;

enum { RIGHT_SUMS = BLOCK_ROWS * TILE_ROWS }; /* behind those of the left columns */

static inline __attribute__((always_inline)) row_work
work_on(const tile_product *a, const waiting_block *b, const wn_dtype dtype, const row_form form)
{
    const bool has_begun = begins_with_bias(dtype, form);
    const bool is_f16 = form == ROW_F16 || form == ROW_F16_GELU;
    const vec factor = vec_splat(is_f16 ? 1.0f / F16_UNIT : 1.0f);
    row_work w = {.sums = b->sums->at[0][0], .row_scale = b->row_scale};
    w.stride = form_is_y(form) ? a->ldy * sizeof *a->y : a->taken_stride;
    w.to = form_is_y(form) ? (unsigned char *)(a->y + b->j) : a->taken + b->j * sizeof(uint16_t);
    w.to += b->i * w.stride;
#pragma GCC unroll 2
    for (size_t h = 0; h < 2; h++) {
        w.scale[h] = vec_splat(0.0f);
        w.bias[h] = vec_splat(has_begun ? -0.0f : 0.0f); /* -0 changes no sum */
        if (b->m > 0 && b->scale != NULL)
            w.scale[h] = load_first(b->scale + h * LANES, LANES) * factor;
        if (b->m > 0 && a->bias != NULL && !has_begun)
            w.bias[h] = load_first(a->bias + b->j + h * LANES, LANES) * factor;
    }
    return w;
}

/* Values of sums: of I8 sums * scale * the row's scale + bias, of BF16 sums + bias. */
static inline __attribute__((always_inline)) vec
value_of(const int32_t *sums, vec scale, const float *row_scale, vec bias, const wn_dtype dtype)
{
    if (dtype == WN_DTYPE_BF16)
        return load_first((const float *)(const void *)sums, LANES) + bias;
    return vec_fma(vec_of_sums(ivec_load(sums)) * scale, vec_splat(*row_scale), bias);
}

/* Values of a row as what its form says. */
static inline __attribute__((always_inline)) void put_row(const row_work *w, vec left, vec right,
                                                          const row_form form)
{
    float *y = (float *)(void *)w->to;
    if (form == ROW_F16 || form == ROW_F16_GELU) {
        vec_f16 x = f16_round(left, right);
        f16_store(w->to, form == ROW_F16 ? x : f16_gelu(x));
        return;
    }
    if (act_of(form) == WN_ACT_GELU) {
        left = gelu_rough_lanes(left);
        right = gelu_rough_lanes(right);
    }
    if (!form_is_y(form)) {
        _mm512_store_si512(w->to, round_bf16(left, right));
        return;
    }
    if (form == ROW_ADDED) {
        left += load_first(y, LANES);
        right += load_first(y + LANES, LANES);
    }
    store_first(y, left, LANES);
    store_first(y + LANES, right, LANES);
}

/* Ask for the lines of a later row: they are fetched before they are written.  With an act there is
 * time enough, and asking would only take some of it. */
static inline __attribute__((always_inline)) void ask_for_later_row(const row_work *w,
                                                                    const row_form form)
{
    const uintptr_t later = (uintptr_t)w->to + ROWS_AHEAD * w->stride;
    if (act_of(form) == WN_ACT_NONE && form != ROW_F16)
        __builtin_prefetch((const void *)later, 1);
    if (form == ROW_OF_Y || form == ROW_ADDED)
        __builtin_prefetch((const void *)(later + TILE_BYTES), 1);
}

/* The next row of a block of columns that are all there. */
static inline __attribute__((always_inline)) void finish_row(row_work *w, const wn_dtype dtype,
                                                             const row_form form)
{
    vec left = value_of(w->sums, w->scale[0], w->row_scale, w->bias[0], dtype);
    vec right = value_of(w->sums + RIGHT_SUMS, w->scale[1], w->row_scale, w->bias[1], dtype);
    put_row(w, left, right, form);
    ask_for_later_row(w, form);
    w->to += w->stride;
    w->sums += TILE_ROWS;
    w->row_scale++;
}

/* Whether a form's rows can be made of the columns from j on. */
static inline bool form_fits(const tile_product *a, size_t j, row_form form)
{
    return a->n - j >= BLOCK_COLUMNS && a->act == act_of(form);
}

/* All rows of a block of fewer columns or with another act become y or are added to it. */
static inline void finish_rest(const tile_product *a, const waiting_block *b, const wn_dtype dtype,
                               bool adds)
{
    const size_t n = WN_MIN(a->n - b->j, (size_t)BLOCK_COLUMNS);
    float *y = a->y + b->i * a->ldy + b->j;
    for (size_t p = 0; p < n; p += LANES) {
        vec scale = vec_splat(0.0f), bias = vec_splat(0.0f);
        if (b->scale != NULL)
            scale = load_first(b->scale + p, LANES);
        if (a->bias != NULL)
            bias = load_first(a->bias + b->j + p, n - p);
        for (size_t r = 0; r < b->m; r++) {
            float *to = y + r * a->ldy + p;
            vec v = value_of(b->sums->at[p / LANES][r], scale, b->row_scale + r, bias, dtype);
            if (adds)
                v += load_first(to, n - p);
            store_first(to, v, n - p);
        }
    }
    if (a->act != WN_ACT_NONE)
        act_block(y, a->ldy, y, a->ldy, a->act, true, b->m, n);
}

#endif
