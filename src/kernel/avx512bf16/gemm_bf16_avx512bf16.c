/* The bf16 product of the AVX512-BF16 level: tiles as those of f32 at the AVX-512 level, but each
 * step of k adds up two products.  An element is one chain of pairs over k in rising order. */
#include "kernel/levels.h"
#include "kernel/avx512bf16/vec_bf16.h"

enum { MR = 14, K_STEP = 2 };

/* One pair of columns of x. */
static inline __attribute__((always_inline)) void step_pairs(vec *a, vec *b, const int32_t *x,
                                                             size_t ldx, const int32_t *w,
                                                             const size_t rows, const size_t vecs)
{
    __m512bh w0 = (__m512bh)_mm512_load_si512(w);
    __m512bh w1 = vecs > 1 ? (__m512bh)_mm512_load_si512(w + LANES) : w0;
#pragma GCC unroll 16
    for (size_t i = 0; i < rows; i++) {
        __m512bh pair = (__m512bh)_mm512_set1_epi32(x[i * ldx]);
        a[i] = _mm512_dpbf16_ps(a[i], w0, pair);
        if (vecs > 1)
            b[i] = _mm512_dpbf16_ps(b[i], w1, pair);
    }
}

/* rows x n outputs, n <= vecs * LANES; x holds pairs, as w does; rows and vecs are constants of
 * each instance. */
static inline __attribute__((always_inline)) void
multiply_pairs(float *y, size_t ldy, const int32_t *x, size_t ldx, const tile_weights *weights,
               const size_t rows, const size_t vecs)
{
    const int32_t *w = weights->panel;
    uintptr_t ahead = weights->ahead;
    size_t n_pairs = wn_round_up(weights->k, K_STEP) / 2, p = 0;
    vec a[ROWS_MAX], b[ROWS_MAX];
    begin_tile(y, ldy, a, b, rows, vecs);
    for (; vecs > 1 && p + K_AT_ONCE <= n_pairs; p += K_AT_ONCE, w += K_AT_ONCE * NR) {
        ask_ahead(&ahead, weights->ahead_step);
#pragma GCC unroll 16
        for (size_t q = 0; q < K_AT_ONCE; q++)
            step_pairs(a, b, x + p + q, ldx, w + q * NR, rows, vecs);
    }
    for (; p < n_pairs; p++, w += NR)
        step_pairs(a, b, x + p, ldx, w, rows, vecs);
    end_tile(y, ldy, a, b, weights->bias, weights->n, rows, vecs);
}

static inline __attribute__((always_inline)) void tile_bf16(float *y, size_t ldy,
                                                            const unsigned char *rows,
                                                            size_t stride, const tile_weights *w,
                                                            const size_t count)
{
    const int32_t *x = (const int32_t *)(const void *)rows;
    size_t ldx = stride / sizeof *x;
    if (w->n > LANES)
        multiply_pairs(y, ldy, x, ldx, w, count, 2);
    else
        multiply_pairs(y, ldy, x, ldx, w, count, 1);
}

TILES_UP_TO(14, tile_bf16)

static void pack(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_bf16(packed, w, ldw, n, k, wn_round_up(k, K_STEP));
}

static void pack_t(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_bf16_t(packed, w, ldw, n, k, wn_round_up(k, K_STEP));
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
    multiply_by(tiles, &wn_gemm_bf16_avx512bf16, y, ldy, rows, stride, packed, bias, m, n, k, act);
}

const wn_gemm wn_gemm_bf16_avx512bf16 = {
    .dtype = WN_DTYPE_BF16,
    .nr = NR,
    .mr = MR,
    .k_step = K_STEP,
    .pack = pack,
    .pack_t = pack_t,
    .take_rows = take_rows,
    .take_shares = take_shares,
    .multiply = multiply,
};
