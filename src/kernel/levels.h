/* The functions of each level, for the tables in init_LEVEL.c and for kernel.c only.
 * Every function does what the member of wn_kernels with its name says.  A table names all of its
 * functions, those of lower levels too, so what a level runs is read off one page.
 * Thread rule: any. */
#ifndef WN_KERNEL_LEVELS_H
#define WN_KERNEL_LEVELS_H

#include "kernel/kernel.h"

/* The reference: plain C, fused multiply-add and the functions of libm. */
extern const wn_kernels wn_kernels_scalar;

extern const wn_gemm wn_gemm_f32_scalar, wn_gemm_bf16_scalar, wn_gemm_i8_scalar;

/* See wn_kernels in kernel.h. */
void wn_take_rows_f32_scalar(void *rows, size_t stride, const float *x, size_t ldx,
                             const float *factor, size_t m, size_t k);
void wn_norm_f32_scalar(float *y, const float *x, const float *residual, const float *gain,
                        const float *bias, float eps, size_t m, size_t n);
void wn_softmax_f32_scalar(float *s, size_t ld, float scale, size_t m, size_t n);
void wn_rms_norm_f32_scalar(float *y, const float *x, const float *residual, const float *gain,
                            float eps, size_t m, size_t n);
void wn_gate_f32_scalar(float *y, const float *gate, const float *up, wn_act act, size_t n);
void wn_turn_f32_scalar(float *x, size_t ldx, const float *cos, const float *sin, size_t m,
                        size_t half);
void wn_alibi_f32_scalar(float *s, size_t ld, float scale, float slope, size_t first, size_t m,
                         size_t n);
void wn_add_relative_f32_scalar(float *s, size_t ld, const wn_relative_terms *t, size_t m,
                                size_t n);
void wn_act_f32_scalar(float *y, const float *x, wn_act act, size_t n);
void wn_add_row_scalar(float *y, const void *row, wn_dtype dtype, size_t n);
void wn_normalize_f32_scalar(float *y, const float *x, size_t m, size_t n);
void wn_max_rows_scalar(float *best, const float *x, size_t ldx, const uint8_t *keep, size_t m,
                        size_t n);

#if defined(__x86_64__)

/* AVX2 and FMA, 256-bit vectors. */
extern const wn_kernels wn_kernels_avx2;
extern const wn_gemm wn_gemm_f32_avx2, wn_gemm_i8_avx2;

/* The same with AVX-VNNI, sums of four products of bytes. */
extern const wn_kernels wn_kernels_avxvnni;
extern const wn_gemm wn_gemm_i8_avxvnni;

/* AVX-512 F, BW, DQ, VL, 512-bit vectors. */
extern const wn_kernels wn_kernels_avx512;
extern const wn_gemm wn_gemm_f32_avx512, wn_gemm_i8_avx512;

/* The same with AVX-512 VNNI. */
extern const wn_kernels wn_kernels_avx512vnni;
extern const wn_gemm wn_gemm_i8_avx512vnni;

/* The same with AVX512-BF16. */
extern const wn_kernels wn_kernels_avx512bf16;
extern const wn_gemm wn_gemm_bf16_avx512bf16;

/* The same with AMX, tiles of bytes and of bf16. */
extern const wn_kernels wn_kernels_amx;
extern const wn_gemm wn_gemm_bf16_amx, wn_gemm_i8_amx;

#elif defined(__aarch64__)

/* Neon, 128-bit vectors; the other levels add products. */
extern const wn_kernels wn_kernels_neon, wn_kernels_dotprod, wn_kernels_i8mm, wn_kernels_neonbf16;
extern const wn_gemm wn_gemm_f32_neon, wn_gemm_bf16_neonbf16, wn_gemm_i8_dotprod, wn_gemm_i8_i8mm;

/* See wn_kernels in kernel.h. */
void wn_norm_f32_neon(float *y, const float *x, const float *residual, const float *gain,
                      const float *bias, float eps, size_t m, size_t n);
void wn_softmax_f32_neon(float *s, size_t ld, float scale, size_t m, size_t n);
void wn_rms_norm_f32_neon(float *y, const float *x, const float *residual, const float *gain,
                          float eps, size_t m, size_t n);
void wn_gate_f32_neon(float *y, const float *gate, const float *up, wn_act act, size_t n);
void wn_turn_f32_neon(float *x, size_t ldx, const float *cos, const float *sin, size_t m,
                      size_t half);
void wn_alibi_f32_neon(float *s, size_t ld, float scale, float slope, size_t first, size_t m,
                       size_t n);
void wn_add_relative_f32_neon(float *s, size_t ld, const wn_relative_terms *t, size_t m, size_t n);
void wn_act_f32_neon(float *y, const float *x, wn_act act, size_t n);
void wn_add_row_neon(float *y, const void *row, wn_dtype dtype, size_t n);
void wn_normalize_f32_neon(float *y, const float *x, size_t m, size_t n);
void wn_max_rows_neon(float *best, const float *x, size_t ldx, const uint8_t *keep, size_t m,
                      size_t n);

#endif

#endif
