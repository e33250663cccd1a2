/* The AMX level: int8 and bf16 products by tiles; all else as in the level below. */
#include "kernel/levels.h"
#include "kernel/vec_act.h"
#include "kernel/vec_rows.h"

const wn_kernels wn_kernels_amx = {
    .level = "amx",
    .gemm_f32 = &wn_gemm_f32_avx512,
    .gemm_bf16 = &wn_gemm_bf16_amx,
    .gemm_i8 = &wn_gemm_i8_amx,
    .gemm_i8_scores = &wn_gemm_bf16_amx,
    .norm_f32 = norm_f32,
    .softmax_f32 = softmax_f32,
    .act_f32 = act_f32,
    .rms_norm_f32 = rms_norm_f32,
    .gate_f32 = gate_f32,
    .turn_f32 = turn_f32,
    .alibi_f32 = alibi_f32,
    .add_relative_f32 = add_relative_f32,
    .add_row = add_row,
    .normalize_f32 = normalize_f32,
    .max_rows = max_rows,
};
