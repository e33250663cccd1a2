/* The bf16 level: that of int8 matrices, and bf16 by products of 2 x 4 blocks (FEAT_BF16). */
#include "kernel/levels.h"

const wn_kernels wn_kernels_neonbf16 = {
    .level = "neon-bf16",
    .gemm_f32 = &wn_gemm_f32_neon,
    .gemm_bf16 = &wn_gemm_bf16_neonbf16,
    .gemm_i8 = &wn_gemm_i8_i8mm,
    .norm_f32 = wn_norm_f32_neon,
    .softmax_f32 = wn_softmax_f32_neon,
    .act_f32 = wn_act_f32_neon,
    .rms_norm_f32 = wn_rms_norm_f32_neon,
    .gate_f32 = wn_gate_f32_neon,
    .turn_f32 = wn_turn_f32_neon,
    .alibi_f32 = wn_alibi_f32_neon,
    .add_relative_f32 = wn_add_relative_f32_neon,
    .add_row = wn_add_row_neon,
    .normalize_f32 = wn_normalize_f32_neon,
    .max_rows = wn_max_rows_neon,
};
