/* The int8 product of the AVX-512 level: tiles of up to 12 rows by 32 columns in 24 registers; the
 * others hold weights of two steps, rows and the sums of pairs. */
#include "kernel/levels.h"
#include "kernel/vec_gemm_i8.h"

enum { MR = 12 };
TILES_UP_TO(12, tile_i8)

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    multiply_by(tiles, &wn_gemm_i8_avx512, y, ldy, rows, stride, packed, bias, m, n, k, act);
}

const wn_gemm wn_gemm_i8_avx512 = {
    .dtype = WN_DTYPE_I8,
    .nr = NR,
    .mr = MR,
    .k_step = DEPTH_STEP,
    .limit = I8_LIMIT,
    .column_extra = COLUMN_EXTRA,
    .pack = pack_i8,
    .pack_t = pack_i8_t,
    .take_rows = take_rows_i8,
    .take_shares = take_shares_i8,
    .multiply = multiply,
};
