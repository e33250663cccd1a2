/* Matrix product of the AVX2 level: tiles of up to 6 rows by 16 columns, 12 accumulators in
 * registers.
 * The loop over panels is outside: a panel of w comes from memory once a call and then stays in the
 * cache for all tiles.  Rows are spread evenly over tiles; a row's chain does not know its tile. */
#include "kernel/levels.h"
#include "kernel/vec_act.h"
#include "kernel/vec_gemm.h"

enum { MR = 6 };

typedef void tile_fn(float *y, size_t ldy, const float *x, size_t ldx, const float *w,
                     const float *bias, size_t n, size_t k);

#define TILE(rows, vecs)                                                                           \
    static void tile_##rows##_##vecs(float *y, size_t ldy, const float *x, size_t ldx,             \
                                     const float *w, const float *bias, size_t n, size_t k)        \
    {                                                                                              \
        multiply_tile(y, ldy, x, ldx, w, bias, n, k, rows, vecs, false);                           \
    }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)
#define PAIR(rows)                                                                                 \
    {                                                                                              \
        tile_##rows##_1, tile_##rows##_2                                                           \
    }

TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)

/* By rows - 1, then by whether the second vector is in use. */
static tile_fn *const tiles[MR][2] = {PAIR(1), PAIR(2), PAIR(3), PAIR(4), PAIR(5), PAIR(6)};

static void multiply(float *y, size_t ldy, const void *x_rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    const float *x = x_rows, *w = packed;
    size_t ldx = stride / sizeof *x;
    size_t n_tiles = (m + MR - 1) / MR;
    for (size_t j = 0; j < n; j += NR) {
        size_t cols = WN_MIN(n - j, (size_t)NR);
        for (size_t t = 0; t < n_tiles; t++) {
            size_t i = t * m / n_tiles, rows = (t + 1) * m / n_tiles - i;
            float *out = y + i * ldy + j;
            tiles[rows - 1][cols > LANES](out, ldy, x + i * ldx, ldx, w + j * k,
                                          bias != NULL ? bias + j : NULL, cols, k);
            if (act != WN_ACT_NONE)
                act_block(out, ldy, out, ldy, act, rows, cols);
        }
    }
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
