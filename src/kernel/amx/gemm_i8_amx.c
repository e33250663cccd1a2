/* The int8 product of the AMX level: TDPBUSD on rows and panels of the vector levels, filled up to
 * whole steps of 64 columns of x. */
#define DEPTH_STEP 64
#include "kernel/amx/tile_gemm.h"
#include "kernel/levels.h"
#include "kernel/vec_gemm_i8.h"

_Static_assert((int)DEPTH_STEP == (int)TILE_BYTES, "a step is a tile of rows");
_Static_assert((int)NR == (int)BLOCK_COLUMNS, "a panel is as wide as a block");
_Static_assert(I8_LIMIT == 127, "sums of fours do not saturate");

static inline __attribute__((always_inline)) void
finish(const tile_product *a, const waiting_block *b, size_t r, const size_t m)
{
    size_t depth = a->n_steps * TILE_BYTES, i = b->i + r;
    const unsigned char *panel = a->packed + b->j / NR * a->panel_bytes;
    const unsigned char *row = a->rows + i * a->stride;
    const columns *c = (const columns *)(const void *)(panel + NR * depth);
    for (size_t h = 0; h < 2 && b->j + h * LANES < a->n; h++) {
        size_t first = b->j + h * LANES;
        store_sums(a->y + i * a->ldy + first, a->ldy, (const ivec *)(const void *)b->sums->at[h][r],
                   row + depth, a->stride, c->scale + h * LANES,
                   a->bias != NULL ? a->bias + first : NULL, a->n - first, m);
    }
}

static __attribute__((noinline)) void finish_slice(const tile_product *a, waiting_block *b)
{
    finish_rows(a, b, finish);
}

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    const tile_product a = {.y = y,
                            .ldy = ldy,
                            .rows = rows,
                            .stride = stride,
                            .n_steps = depth_of(k) / TILE_BYTES,
                            .packed = packed,
                            .panel_bytes = panel_bytes(k),
                            .n = n,
                            .start = NR * depth_of(k) + offsetof(columns, start),
                            .bias = bias,
                            .act = act};
    multiply_by_tiles(&a, WN_DTYPE_I8, finish_slice, m);
}

const wn_gemm wn_gemm_i8_amx = {
    .dtype = WN_DTYPE_I8,
    .nr = NR,
    .mr = BLOCK_ROWS,
    .k_step = DEPTH_STEP,
    .limit = I8_LIMIT,
    .column_extra = COLUMN_EXTRA,
    .pack = pack_i8,
    .pack_t = pack_i8_t,
    .take_rows = take_rows_i8,
    .take_shares = take_shares_i8,
    .multiply = multiply,
};
