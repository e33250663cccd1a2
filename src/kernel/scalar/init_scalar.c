/* What the scalar level has: everything.  It is the definition that the other levels are tested
 * against. */
#include "kernel/levels.h"

const wn_kernels wn_kernels_scalar = {
    .level = "scalar",
    .gemm_f32 = &wn_gemm_f32_scalar,
    .gemm_bf16 = &wn_gemm_bf16_scalar,
    .gemm_i8 = &wn_gemm_i8_scalar,
    .norm_f32 = wn_norm_f32_scalar,
    .softmax_f32 = wn_softmax_f32_scalar,
    .act_f32 = wn_act_f32_scalar,
    .rms_norm_f32 = wn_rms_norm_f32_scalar,
    .gate_f32 = wn_gate_f32_scalar,
    .turn_f32 = wn_turn_f32_scalar,
    .alibi_f32 = wn_alibi_f32_scalar,
    .add_relative_f32 = wn_add_relative_f32_scalar,
    .add_row = wn_add_row_scalar,
    .normalize_f32 = wn_normalize_f32_scalar,
    .max_rows = wn_max_rows_scalar,
};
