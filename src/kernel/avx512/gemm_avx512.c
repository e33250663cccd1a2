/* Matrix product of the AVX-512 level: tiles of up to 14 rows by 32 columns, 28 accumulators in
 * registers; so many outputs that storing them would wait for their cache lines. */
#include "kernel/levels.h"
#include "kernel/vec_gemm.h"

enum { MR = 14 };
TILES_UP_TO(14, tile_f32)

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    multiply_by(tiles, &wn_gemm_f32_avx512, y, ldy, rows, stride, packed, bias, m, n, k, act);
}

const wn_gemm wn_gemm_f32_avx512 = {
    .dtype = WN_DTYPE_F32,
    .nr = NR,
    .mr = MR,
    .k_step = 1,
    .pack = pack_f32,
    .pack_t = pack_f32_t,
    .take_rows = wn_take_rows_f32_scalar,
    .multiply = multiply,
};
