/* Activations of the AVX-512 level.  One loop, made once for each function: gemm calls it for the
 * block that it has just stored, so the switch costs nothing. */
#include "kernel/levels.h"
#include "kernel/avx512/vec_avx512.h"

typedef __m512 lanes_fn(__m512 x);

static inline __attribute__((always_inline)) void map(float *y, size_t ldy, const float *x,
                                                      size_t ldx, lanes_fn *f, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, y += ldy, x += ldx) {
        for (size_t j = 0; j < n; j += LANES)
            store_first(y + j, f(load_first(x + j, n - j)), n - j);
    }
}

static void activate(float *y, size_t ldy, const float *x, size_t ldx, wn_act act, size_t m,
                     size_t n)
{
    switch (act) {
    case WN_ACT_NONE:
        map(y, ldy, x, ldx, same_lanes, m, n);
        break;
    case WN_ACT_GELU:
        map(y, ldy, x, ldx, gelu_lanes, m, n);
        break;
    case WN_ACT_GELU_TANH:
        map(y, ldy, x, ldx, gelu_tanh_lanes, m, n);
        break;
    case WN_ACT_RELU:
        map(y, ldy, x, ldx, relu_lanes, m, n);
        break;
    case WN_ACT_SILU:
        map(y, ldy, x, ldx, silu_lanes, m, n);
        break;
    case WN_ACT_TANH:
        map(y, ldy, x, ldx, tanh_lanes, m, n);
        break;
    }
}

void wn_act_f32_avx512(float *y, const float *x, wn_act act, size_t n)
{
    activate(y, n, x, n, act, 1, n);
}

void wn_act_block_avx512(float *y, size_t ldy, wn_act act, size_t m, size_t n)
{
    if (act != WN_ACT_NONE)
        activate(y, ldy, y, ldy, act, m, n);
}
