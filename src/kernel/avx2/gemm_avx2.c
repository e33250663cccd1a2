/* Matrix product of the AVX2 level: a register tile of 6 rows by 16 columns, weights in panels of
 * 16 columns.  A panel stays in cache while the rows pass; long sums are cut at K_BLOCK, the
 * partial sums wait in y and go on as the same chain of fused multiply-adds, so the cut changes no
 * bit. Source: Goto and van de Geijn 2008; the tile is 12 accumulators of 16 registers. */
#include "kernel/levels.h"
#include "kernel/avx2/vec_avx2.h"

enum { MR = 6, NR = 16, K_BLOCK = 1024 };

/* y[0..rows) of one full panel, from 0 or going on from what y holds. */
static inline __attribute__((always_inline)) void tile(const size_t rows, float *y, size_t ldy,
                                                       const float *x, size_t ldx, const float *w,
                                                       size_t k, bool resume)
{
    __m256 a[MR], b[MR];
#pragma GCC unroll 6
    for (size_t i = 0; i < rows; i++) {
        a[i] = resume ? _mm256_loadu_ps(y + i * ldy) : _mm256_setzero_ps();
        b[i] = resume ? _mm256_loadu_ps(y + i * ldy + LANES) : _mm256_setzero_ps();
    }
    for (size_t p = 0; p < k; p++) {
        __m256 w0 = _mm256_load_ps(w + p * NR), w1 = _mm256_load_ps(w + p * NR + LANES);
#pragma GCC unroll 6
        for (size_t i = 0; i < rows; i++) {
            __m256 xi = _mm256_set1_ps(x[i * ldx + p]);
            a[i] = _mm256_fmadd_ps(xi, w0, a[i]);
            b[i] = _mm256_fmadd_ps(xi, w1, b[i]);
        }
    }
#pragma GCC unroll 6
    for (size_t i = 0; i < rows; i++) {
        _mm256_storeu_ps(y + i * ldy, a[i]);
        _mm256_storeu_ps(y + i * ldy + LANES, b[i]);
    }
}

static void few_rows(size_t rows, float *y, size_t ldy, const float *x, size_t ldx, const float *w,
                     size_t k, bool resume)
{
    switch (rows) {
    case 1:
        tile(1, y, ldy, x, ldx, w, k, resume);
        break;
    case 2:
        tile(2, y, ldy, x, ldx, w, k, resume);
        break;
    case 3:
        tile(3, y, ldy, x, ldx, w, k, resume);
        break;
    case 4:
        tile(4, y, ldy, x, ldx, w, k, resume);
        break;
    case 5:
        tile(5, y, ldy, x, ldx, w, k, resume);
        break;
    default:
        tile(MR, y, ldy, x, ldx, w, k, resume);
    }
}

/* The same for a panel with fewer than NR columns in use: by way of a full tile. */
static void part_panel(size_t rows, float *y, size_t ldy, const float *x, size_t ldx,
                       const float *w, size_t n, size_t k, bool resume)
{
    _Alignas(WN_ALIGN) float full[MR * NR];
    for (size_t i = 0; i < rows && resume; i++)
        for (size_t j = 0; j < n; j++)
            full[i * NR + j] = y[i * ldy + j];
    for (size_t i = 0; i < rows && resume; i++)
        for (size_t j = n; j < NR; j++)
            full[i * NR + j] = 0.0f;
    few_rows(rows, full, NR, x, ldx, w, k, resume);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            y[i * ldy + j] = full[i * NR + j];
}

/* y = act(y + bias) for one panel's columns, while they are in cache. */
static void finish(float *y, size_t ldy, const float *bias, size_t m, size_t n, wn_act act)
{
    if (bias == NULL && act == WN_ACT_NONE)
        return;
    for (size_t i = 0; i < m; i++, y += ldy) {
        for (size_t j = 0; j < n && bias != NULL; j++)
            y[j] += bias[j];
        if (act != WN_ACT_NONE)
            wn_act_f32_avx2(y, y, act, n);
    }
}

void wn_gemm_f32_avx2(float *y, size_t ldy, const float *x, size_t ldx, const float *w,
                      const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    for (size_t p = 0; p < k; p += K_BLOCK) {
        size_t depth = WN_MIN(k - p, (size_t)K_BLOCK);
        bool last = p + depth == k;
        for (size_t j = 0; j < n; j += NR) {
            const float *panel = w + j * k + p * NR;
            size_t cols = WN_MIN(n - j, (size_t)NR);
            for (size_t i = 0; i < m; i += MR) {
                size_t rows = WN_MIN(m - i, (size_t)MR);
                float *out = y + i * ldy + j;
                if (cols == NR)
                    few_rows(rows, out, ldy, x + i * ldx + p, ldx, panel, depth, p > 0);
                else
                    part_panel(rows, out, ldy, x + i * ldx + p, ldx, panel, cols, depth, p > 0);
            }
            if (last)
                finish(y + j, ldy, bias != NULL ? bias + j : NULL, m, cols, act);
        }
    }
}

void wn_pack_f32_avx2(float *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    for (size_t j0 = 0; j0 < n; j0 += NR, packed += NR * k) {
        size_t cols = WN_MIN(n - j0, (size_t)NR);
        for (size_t j = 0; j < NR; j++)
            for (size_t p = 0; p < k; p++)
                packed[p * NR + j] = j < cols ? w[(j0 + j) * ldw + p] : 0.0f;
    }
}

void wn_pack_f32_t_avx2(float *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    for (size_t j0 = 0; j0 < n; j0 += NR) {
        size_t cols = WN_MIN(n - j0, (size_t)NR);
        for (size_t p = 0; p < k; p++, packed += NR)
            for (size_t j = 0; j < NR; j++)
                packed[j] = j < cols ? w[p * ldw + j0 + j] : 0.0f;
    }
}

float wn_maxsim_f32_avx2(const float *q, const float *weight, size_t nq, const float *d,
                         const uint8_t *keep, size_t nd, size_t dim, float *scratch)
{
    size_t ld = wn_round_up(nq, NR);
    float *best = scratch, *dots = scratch + ld;
    bool any = false;
    for (size_t j = 0; j < nd; j += MR) {
        size_t rows = WN_MIN(nd - j, (size_t)MR);
        wn_gemm_f32_avx2(dots, ld, d + j * dim, dim, q, NULL, rows, nq, dim, WN_ACT_NONE);
        for (size_t r = 0; r < rows; r++) {
            if (keep != NULL && !keep[j + r])
                continue;
            const float *row = dots + r * ld;
            for (size_t i = 0; i < nq; i++)
                best[i] = !any || row[i] > best[i] ? row[i] : best[i];
            any = true;
        }
    }
    double sum = 0;
    for (size_t i = 0; i < nq && any; i++)
        sum += (double)(weight != NULL ? weight[i] : 1.0f) * (double)best[i];
    return (float)sum;
}
