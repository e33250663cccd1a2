/* What the AVX-512 level has of its own: everything. */
#include "kernel/levels.h"

const wn_kernels wn_kernels_avx512 = {
    .level = "avx512",
    .gemm_f32_nr = 32,
    .gemm_f32_mr = 14,
    .gemm_f32 = wn_gemm_f32_avx512,
    .pack_f32 = wn_pack_f32_avx512,
    .pack_f32_t = wn_pack_f32_t_avx512,
    .norm_f32 = wn_norm_f32_avx512,
    .softmax_f32 = wn_softmax_f32_avx512,
    .act_f32 = wn_act_f32_avx512,
    .add_row = wn_add_row_avx512,
    .normalize_f32 = wn_normalize_f32_avx512,
    .maxsim_f32 = wn_maxsim_f32_avx512,
};
