/* Activations of the vector levels.  One loop, made once for each function: a product calls it for
 * the block that it has just stored, so the switch costs nothing.  Thread rule: any. */
#ifndef WN_KERNEL_VEC_ACT_H
#define WN_KERNEL_VEC_ACT_H

#include "kernel/kernel.h"
#include "kernel/vec_math.h"

typedef vec lanes_fn(vec x);

static inline __attribute__((always_inline)) void map(float *y, size_t ldy, const float *x,
                                                      size_t ldx, lanes_fn *f, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, y += ldy, x += ldx) {
        for (size_t j = 0; j < n; j += LANES)
            store_first(y + j, f(load_first(x + j, n - j)), n - j);
    }
}

/* y = act(x) on blocks [m][n] of row strides ldy and ldx, rough where y is rounded to fewer bits
 * next; y may be x. */
static inline void act_block(float *y, size_t ldy, const float *x, size_t ldx, wn_act act,
                             bool rough, size_t m, size_t n)
{
    switch (act) {
    case WN_ACT_NONE:
        map(y, ldy, x, ldx, same_lanes, m, n);
        break;
    case WN_ACT_GELU:
        if (rough)
            map(y, ldy, x, ldx, gelu_rough_lanes, m, n);
        else
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

/* act_f32 of the kernel table. */
static inline void act_f32(float *y, const float *x, wn_act act, size_t n)
{
    act_block(y, n, x, n, act, false, 1, n);
}

/* gate_f32 of the kernel table: the activation of a few elements at a time, then their product. */
static inline void gate_f32(float *y, const float *gate, const float *up, wn_act act, size_t n)
{
    enum { FEW = 16 * LANES };
    float few[FEW];
    for (size_t j0 = 0; j0 < n; j0 += FEW) {
        size_t count = WN_MIN(n - j0, (size_t)FEW);
        act_block(few, FEW, gate + j0, FEW, act, false, 1, count);
        for (size_t j = 0; j < count; j += LANES)
            store_first(y + j0 + j,
                        load_first(few + j, count - j) * load_first(up + j0 + j, count - j),
                        count - j);
    }
}

#endif
