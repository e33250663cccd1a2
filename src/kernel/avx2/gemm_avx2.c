/* Matrix product of the AVX2 level: tiles of up to 6 rows by 16 columns, 12 accumulators in
 * registers. */
#include "kernel/levels.h"
#include "kernel/vec_gemm.h"

enum { MR = 6 };
TILES_UP_TO(6, tile_f32)

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    multiply_by(tiles, &wn_gemm_f32_avx2, y, ldy, rows, stride, packed, bias, m, n, k, act);
}

const wn_gemm wn_gemm_f32_avx2 = {
    .dtype = WN_DTYPE_F32,
    .nr = NR,
    .mr = MR,
    .k_step = 1,
    .pack = pack_f32,
    .pack_t = pack_f32_t,
    .take_rows = wn_take_rows_f32_scalar,
    .multiply = multiply,
};
