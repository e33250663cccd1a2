/* The bf16 product of the AMX level: TDPBF16PS on panels of the AVX512-BF16 level, filled up to
 * whole steps of 32 columns of x.  An element is one chain of pairs over k in rising order.  In
 * whole panels, where no act follows, it begins with the bias; else this is added at its end. */
#include "kernel/amx/tile_gemm.h"
#include "kernel/avx512bf16/vec_bf16.h"
#include "kernel/levels.h"

enum { K_STEP = TILE_BYTES / sizeof(uint16_t) };
_Static_assert((int)NR == (int)BLOCK_COLUMNS, "a panel is as wide as a block");

static void pack(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_bf16(packed, w, ldw, n, k, wn_round_up(k, K_STEP));
}

static void pack_t(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_bf16_t(packed, w, ldw, n, k, wn_round_up(k, K_STEP));
}

static void pack_halves_t(void *packed, const void *w, size_t stride, size_t n, size_t k)
{
    pack_halves_bf16_t(packed, w, stride, n, k, wn_round_up(k, K_STEP));
}

static void take_rows(void *rows, size_t stride, const float *x, size_t ldx, const float *factor,
                      size_t m, size_t k)
{
    take_rows_bf16(rows, stride, x, ldx, factor, m, k, wn_round_up(k, K_STEP));
}

static void take_shares(void *rows, size_t stride, float *s, size_t lds, float scale, size_t first,
                        size_t end, size_t m, size_t k)
{
    take_shares_bf16(rows, stride, s, lds, scale, first, end, m, k, wn_round_up(k, K_STEP));
}

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    tile_product a = product_of(&wn_gemm_bf16_amx, rows, stride, packed, bias, n, k, act);
    a.y = y;
    a.ldy = ldy;
    if (act == WN_ACT_GELU)
        multiply_by_tiles(&a, WN_DTYPE_BF16, ROW_OF_Y_GELU, m);
    else
        multiply_by_tiles(&a, WN_DTYPE_BF16, ROW_OF_Y, m);
}

static void multiply_add(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                         const float *bias, size_t m, size_t n, size_t k)
{
    tile_product a = product_of(&wn_gemm_bf16_amx, rows, stride, packed, bias, n, k, WN_ACT_NONE);
    a.y = y;
    a.ldy = ldy;
    multiply_by_tiles(&a, WN_DTYPE_BF16, ROW_ADDED, m);
}

static void multiply_taken(void *taken, size_t taken_stride, const void *rows, size_t stride,
                           const void *packed, const float *bias, size_t m, size_t n, size_t k,
                           wn_act act)
{
    tile_product a = product_of(&wn_gemm_bf16_amx, rows, stride, packed, bias, n, k, act);
    a.taken = taken;
    a.taken_stride = taken_stride;
    if (act == WN_ACT_GELU)
        multiply_by_tiles(&a, WN_DTYPE_BF16, ROW_HALVES_GELU, m);
    else
        multiply_by_tiles(&a, WN_DTYPE_BF16, ROW_HALVES, m);
}

static void multiply_halves(void *halves, size_t halves_stride, const void *rows, size_t stride,
                            const void *packed, const float *bias, size_t m, size_t n, size_t k)
{
    multiply_taken(halves, halves_stride, rows, stride, packed, bias, m, n, k, WN_ACT_NONE);
}

const wn_gemm wn_gemm_bf16_amx = {
    .dtype = WN_DTYPE_BF16,
    .nr = NR,
    .mr = BLOCK_ROWS,
    .k_step = K_STEP,
    .rows_least = CHUNK_ROWS,
    .pack = pack,
    .pack_t = pack_t,
    .pack_halves = pack_halves_bf16,
    .pack_halves_t = pack_halves_t,
    .take_rows = take_rows,
    .take_shares = take_shares,
    .multiply = multiply,
    .multiply_add = multiply_add,
    .multiply_halves = multiply_halves,
    .multiply_taken = multiply_taken,
};
