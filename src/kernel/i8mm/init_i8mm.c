/* The int8 matrix level: Neon, and int8 by products of 2 x 8 blocks (FEAT_I8MM). */
#include "kernel/levels.h"

const wn_kernels wn_kernels_i8mm = {
    .level = "i8mm",
    .gemm_f32 = &wn_gemm_f32_neon,
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
