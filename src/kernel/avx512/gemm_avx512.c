/* Matrix product of the AVX-512 level, and the sum of maxima that stands on it.
 * A tile is up to 14 rows by 32 columns: its 28 accumulators stay in registers while k runs once
 * from start to end, so each element is the chain of fused multiply-adds of the scalar level.
 * The loop over panels is outside: a panel of w comes from memory once a call and then stays in the
 * cache for all tiles.  Rows are spread evenly over tiles; a row's chain does not know its tile.
 * The outputs' cache lines are asked for before k runs, so that storing them does not wait.
 * Source: Goto and van de Geijn 2008, without their copy of x: a block of rows fits the cache. */
#include "kernel/levels.h"
#include "kernel/avx512/vec_avx512.h"

enum { MR = 14, NR = 32 };

typedef void tile_fn(float *y, size_t ldy, const float *x, size_t ldx, const float *w,
                     const float *bias, size_t n, size_t k);

/* rows x n outputs, n <= vecs * LANES; rows and vecs are constants of each instance. */
static inline __attribute__((always_inline)) void multiply(float *y, size_t ldy, const float *x,
                                                           size_t ldx, const float *w,
                                                           const float *bias, size_t n, size_t k,
                                                           const size_t rows, const size_t vecs)
{
    __m512 a[MR], b[MR];
#pragma GCC unroll 14
    for (size_t i = 0; i < rows; i++) {
        a[i] = b[i] = _mm512_setzero_ps();
        __builtin_prefetch(y + i * ldy, 1);
        if (vecs > 1)
            __builtin_prefetch(y + i * ldy + LANES, 1);
    }
    for (size_t p = 0; p < k; p++, w += NR) {
        __m512 w0 = _mm512_load_ps(w), w1 = vecs > 1 ? _mm512_load_ps(w + LANES) : w0;
#pragma GCC unroll 14
        for (size_t i = 0; i < rows; i++) {
            __m512 v = _mm512_set1_ps(x[i * ldx + p]);
            a[i] = _mm512_fmadd_ps(v, w0, a[i]);
            if (vecs > 1)
                b[i] = _mm512_fmadd_ps(v, w1, b[i]);
        }
    }
    if (bias != NULL) {
        __m512 b0 = load_first(bias, n);
        __m512 b1 = vecs > 1 ? load_first(bias + LANES, n - LANES) : b0;
#pragma GCC unroll 14
        for (size_t i = 0; i < rows; i++) {
            a[i] = _mm512_add_ps(a[i], b0);
            b[i] = _mm512_add_ps(b[i], b1);
        }
    }
#pragma GCC unroll 14
    for (size_t i = 0; i < rows; i++) {
        store_first(y + i * ldy, a[i], n);
        if (vecs > 1)
            store_first(y + i * ldy + LANES, b[i], n - LANES);
    }
}

#define TILE(rows, vecs)                                                                           \
    static void tile_##rows##_##vecs(float *y, size_t ldy, const float *x, size_t ldx,             \
                                     const float *w, const float *bias, size_t n, size_t k)        \
    {                                                                                              \
        multiply(y, ldy, x, ldx, w, bias, n, k, rows, vecs);                                       \
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
TILES(7)
TILES(8)
TILES(9)
TILES(10)
TILES(11)
TILES(12)
TILES(13)
TILES(14)

/* By rows - 1, then by whether the second vector is in use. */
static tile_fn *const tiles[MR][2] = {PAIR(1),  PAIR(2),  PAIR(3),  PAIR(4), PAIR(5),
                                      PAIR(6),  PAIR(7),  PAIR(8),  PAIR(9), PAIR(10),
                                      PAIR(11), PAIR(12), PAIR(13), PAIR(14)};

void wn_gemm_f32_avx512(float *y, size_t ldy, const float *x, size_t ldx, const float *w,
                        const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    size_t n_tiles = (m + MR - 1) / MR;
    for (size_t j = 0; j < n; j += NR) {
        size_t cols = WN_MIN(n - j, (size_t)NR);
        for (size_t t = 0; t < n_tiles; t++) {
            size_t i = t * m / n_tiles, rows = (t + 1) * m / n_tiles - i;
            float *out = y + i * ldy + j;
            tiles[rows - 1][cols > LANES](out, ldy, x + i * ldx, ldx, w + j * k,
                                          bias != NULL ? bias + j : NULL, cols, k);
            wn_act_block_avx512(out, ldy, act, rows, cols);
        }
    }
}

float wn_maxsim_f32_avx512(const float *q, const float *weight, size_t nq, const float *d,
                           const uint8_t *keep, size_t nd, size_t dim, float *scratch)
{
    size_t n = wn_round_up(nq, NR), n_kept = 0;
    float *best = scratch, *dots = scratch + n;
    for (size_t j = 0; j < nd; j += MR) {
        size_t rows = WN_MIN(nd - j, (size_t)MR);
        wn_gemm_f32_avx512(dots, n, d + j * dim, dim, q, NULL, rows, n, dim, WN_ACT_NONE);
        for (size_t r = 0; r < rows; r++) {
            if (keep != NULL && !keep[j + r])
                continue;
            const float *row = dots + r * n, *other = n_kept++ == 0 ? row : best;
            for (size_t i = 0; i < n; i += LANES)
                _mm512_storeu_ps(
                    best + i, _mm512_max_ps(_mm512_loadu_ps(row + i), _mm512_loadu_ps(other + i)));
        }
    }
    double sum = 0;
    for (size_t i = 0; i < nq && n_kept > 0; i++)
        sum += (double)(weight != NULL ? weight[i] : 1.0f) * (double)best[i];
    return (float)sum;
}
