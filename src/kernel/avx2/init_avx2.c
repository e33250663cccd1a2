/* What the AVX2 level has of its own: everything. */
#include "kernel/levels.h"

const wn_kernels wn_kernels_avx2 = {
    .level = "avx2",
    .gemm_f32_nr = 16,
    .gemm_f32_mr = 6,
    .gemm_f32 = wn_gemm_f32_avx2,
    .pack_f32 = wn_pack_f32_avx2,
    .pack_f32_t = wn_pack_f32_t_avx2,
    .norm_f32 = wn_norm_f32_avx2,
    .softmax_f32 = wn_softmax_f32_avx2,
    .act_f32 = wn_act_f32_avx2,
    .add_row = wn_add_row_avx2,
    .normalize_f32 = wn_normalize_f32_avx2,
    .maxsim_f32 = wn_maxsim_f32_avx2,
};
