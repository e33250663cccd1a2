/* The int8 product of the AMX level: TDPBUSD on rows and panels of the vector levels, filled up to
 * whole steps of 64 columns of x.  Where half a step is enough, as for the scores of small heads,
 * tiles would mostly wait for their sums, and the vectors' VPDPBUSD is faster; sums are exact, so
 * the bits are the same. */
#define DEPTH_STEP 64
#include "kernel/amx/tile_gemm.h"
#include "kernel/levels.h"
#include "kernel/vec_gemm_i8.h"

_Static_assert((int)DEPTH_STEP == (int)TILE_BYTES, "a step is a tile of rows");
_Static_assert((int)NR == (int)BLOCK_COLUMNS, "a panel is as wide as a block");
_Static_assert(I8_LIMIT == 127, "sums of fours do not saturate");

static inline __attribute__((always_inline)) void finish_part(const tile_product *a,
                                                              const waiting_block *b, float *y,
                                                              size_t r, const size_t m, size_t h,
                                                              const size_t left, lanes_fn *f)
{
    const columns *c = (const columns *)(const void *)b->behind;
    const float *row_scale = b->row_scale + r;
    const int32_t *sums = b->sums->at[h][r];
    const ivec start = ivec_load(c->start + h * LANES);
    const vec scale = load_first(c->scale + h * LANES, LANES);
    const vec bias = a->bias != NULL ? load_first(a->bias + b->j + h * LANES, left) : vec_splat(0);
    const size_t ldy = a->ldy;
#pragma GCC unroll 8
    for (size_t q = 0; q < m; q++) {
        vec v = vec_of_sums(ivec_load(sums + q * LANES) + start) * scale;
        store_first(y + q * ldy, f(vec_fma(v, vec_splat(row_scale[q]), bias)), left);
    }
}

static __attribute__((noinline)) void finish_rest(const tile_product *a, waiting_block *b)
{
    finish_any(a, b, finish_part);
}

static __attribute__((noinline)) void finish(const tile_product *a, waiting_block *b)
{
    if (!finish_whole(a, b, finish_part))
        finish_rest(a, b);
}

TILES_UP_TO(14, tile_i8)

/* The same rows and panels by vectors. */
static const wn_gemm by_vectors = {
    .dtype = WN_DTYPE_I8,
    .nr = NR,
    .mr = WN_ARRAY_LEN(tiles),
    .k_step = DEPTH_STEP,
    .column_extra = COLUMN_EXTRA,
};

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    if (k <= DEPTH_STEP / 2) {
        multiply_by(tiles, &by_vectors, y, ldy, rows, stride, packed, bias, m, n, k, act);
        return;
    }
    const tile_product a = {.y = y,
                            .ldy = ldy,
                            .rows = rows,
                            .stride = stride,
                            .n_steps = depth_of(k) / TILE_BYTES,
                            .packed = packed,
                            .panel_bytes = panel_bytes(k),
                            .n = n,
                            .scale_at = depth_of(k),
                            .bias = bias,
                            .act = act};
    multiply_by_tiles(&a, WN_DTYPE_I8, finish, m);
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
