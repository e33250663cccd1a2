/* The AVX2 level: its own products; all else is the vector levels' code on its vectors. */
#include "kernel/levels.h"
#include "kernel/vec_act.h"
#include "kernel/vec_rows.h"

const wn_kernels wn_kernels_avx2 = {
    .level = "avx2",
    .gemm_f32 = &wn_gemm_f32_avx2,
    .gemm_i8 = &wn_gemm_i8_avx2,
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
