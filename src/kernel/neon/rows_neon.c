/* Row kernels of the Neon levels: the vector levels' code on Neon's vectors. */
#include "kernel/levels.h"
#include "kernel/vec_act.h"
#include "kernel/vec_rows.h"

void wn_norm_f32_neon(float *y, const float *x, const float *residual, const float *gain,
                      const float *bias, float eps, size_t m, size_t n)
{
    norm_f32(y, x, residual, gain, bias, eps, m, n);
}

void wn_rms_norm_f32_neon(float *y, const float *x, const float *residual, const float *gain,
                          float eps, size_t m, size_t n)
{
    rms_norm_f32(y, x, residual, gain, eps, m, n);
}

void wn_gate_f32_neon(float *y, const float *gate, const float *up, wn_act act, size_t n)
{
    gate_f32(y, gate, up, act, n);
}

void wn_turn_f32_neon(float *x, size_t ldx, const float *cos, const float *sin, size_t m,
                      size_t half)
{
    turn_f32(x, ldx, cos, sin, m, half);
}

void wn_alibi_f32_neon(float *s, size_t ld, float scale, float slope, size_t first, size_t m,
                       size_t n)
{
    alibi_f32(s, ld, scale, slope, first, m, n);
}

void wn_add_relative_f32_neon(float *s, size_t ld, const wn_relative_terms *t, size_t m, size_t n)
{
    add_relative_f32(s, ld, t, m, n);
}

void wn_softmax_f32_neon(float *s, size_t ld, float scale, size_t m, size_t n)
{
    softmax_f32(s, ld, scale, m, n);
}

void wn_act_f32_neon(float *y, const float *x, wn_act act, size_t n)
{
    act_f32(y, x, act, n);
}

void wn_add_row_neon(float *y, const void *row, wn_dtype dtype, size_t n)
{
    add_row(y, row, dtype, n);
}

void wn_normalize_f32_neon(float *y, const float *x, size_t m, size_t n)
{
    normalize_f32(y, x, m, n);
}

void wn_max_rows_neon(float *best, const float *x, size_t ldx, const uint8_t *keep, size_t m,
                      size_t n)
{
    max_rows(best, x, ldx, keep, m, n);
}
