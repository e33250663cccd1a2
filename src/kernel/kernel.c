/* The choice of a level: the highest one whose needs this machine meets, or the one that is asked
 * for. No level is guessed from a processor's name. */
#include "kernel/kernel.h"
#include "kernel/cpu.h"
#include "kernel/levels.h"

#include <string.h>

#define NEEDS_AVX2                                                                                 \
    ((uint32_t)WN_CPU_OS_YMM | (uint32_t)WN_CPU_AVX2 | (uint32_t)WN_CPU_FMA | (uint32_t)WN_CPU_F16C)
#define NEEDS_AVX_VNNI (NEEDS_AVX2 | (uint32_t)WN_CPU_AVX_VNNI)
#define NEEDS_AVX512                                                                               \
    (NEEDS_AVX2 | (uint32_t)WN_CPU_OS_ZMM | (uint32_t)WN_CPU_AVX512F | (uint32_t)WN_CPU_AVX512DQ | \
     (uint32_t)WN_CPU_AVX512BW | (uint32_t)WN_CPU_AVX512VL)
#define NEEDS_AVX512_VNNI (NEEDS_AVX512 | (uint32_t)WN_CPU_AVX512_VNNI)
#define NEEDS_AVX512_BF16 (NEEDS_AVX512_VNNI | (uint32_t)WN_CPU_AVX512_BF16)
#define NEEDS_AVX512_FP16 (NEEDS_AVX512_BF16 | (uint32_t)WN_CPU_AVX512_FP16)
#define NEEDS_AMX         (NEEDS_AVX512_FP16 | (uint32_t)WN_CPU_AMX | (uint32_t)WN_CPU_OS_TILE)
#define NEEDS_NEON        ((uint32_t)WN_CPU_NEON)
#define NEEDS_DOTPROD     (NEEDS_NEON | (uint32_t)WN_CPU_DOTPROD)
#define NEEDS_I8MM        (NEEDS_DOTPROD | (uint32_t)WN_CPU_I8MM)
#define NEEDS_BF16        (NEEDS_I8MM | (uint32_t)WN_CPU_ARM_BF16)

/* Levels of this architecture, lowest first, and what each one needs. */
static const struct {
    const wn_kernels *table;
    uint32_t needs;
} levels[] = {
    {&wn_kernels_scalar, 0},
#if defined(__x86_64__)
    {&wn_kernels_avx2, NEEDS_AVX2},
    {&wn_kernels_avxvnni, NEEDS_AVX_VNNI},
    {&wn_kernels_avx512, NEEDS_AVX512},
    {&wn_kernels_avx512vnni, NEEDS_AVX512_VNNI},
    {&wn_kernels_avx512bf16, NEEDS_AVX512_BF16},
    {&wn_kernels_amx, NEEDS_AMX},
#elif defined(__aarch64__)
    {&wn_kernels_neon, NEEDS_NEON}, {&wn_kernels_dotprod, NEEDS_DOTPROD},
    {&wn_kernels_i8mm, NEEDS_I8MM}, {&wn_kernels_neonbf16, NEEDS_BF16},
#endif
};

static const char *const names[] = {
    "scalar",
#if defined(__x86_64__)
    "avx2",   "avx-vnni", "avx512", "avx512-vnni", "avx512-bf16", "amx",
#elif defined(__aarch64__)
    "neon",   "dotprod", "i8mm", "neon-bf16",
#endif
};
_Static_assert(WN_ARRAY_LEN(names) == WN_ARRAY_LEN(levels), "one name a level");
_Static_assert(WN_ARRAY_LEN(names) <= WN_LEVELS_MAX, "too many levels");

/* Why a level that needs these features does not run. */
static const char *lack(uint32_t missing)
{
    static const struct {
        wn_cpu_feature feature;
        const char *reason;
    } reasons[] = {
        {WN_CPU_AVX2, "the processor has no AVX2"},
        {WN_CPU_AVX_VNNI, "the processor has no AVX-VNNI"},
        {WN_CPU_FMA, "the processor has no FMA"},
        {WN_CPU_F16C, "the processor has no F16C"},
        {WN_CPU_OS_YMM, "the operating system does not save the YMM registers"},
        {WN_CPU_AVX512F, "the processor has no AVX-512F"},
        {WN_CPU_AVX512DQ, "the processor has no AVX-512DQ"},
        {WN_CPU_AVX512BW, "the processor has no AVX-512BW"},
        {WN_CPU_AVX512VL, "the processor has no AVX-512VL"},
        {WN_CPU_OS_ZMM, "the operating system does not save the ZMM registers"},
        {WN_CPU_AVX512_VNNI, "the processor has no AVX-512 VNNI"},
        {WN_CPU_AVX512_BF16, "the processor has no AVX-512 BF16"},
        {WN_CPU_AVX512_FP16, "the processor has no AVX-512 FP16"},
        {WN_CPU_AMX, "the processor has no AMX"},
        {WN_CPU_OS_TILE, "the operating system does not let this process use AMX tiles"},
        {WN_CPU_NEON, "the processor has no Neon"},
        {WN_CPU_DOTPROD, "the processor has no int8 dot products (FEAT_DotProd)"},
        {WN_CPU_I8MM, "the processor has no int8 matrix products (FEAT_I8MM)"},
        {WN_CPU_ARM_BF16, "the processor has no bf16 products (FEAT_BF16)"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(reasons); i++) {
        if ((missing & (uint32_t)reasons[i].feature) != 0)
            return reasons[i].reason;
    }
    return "";
}

const wn_gemm *wn_kernels_vector_gemm(const wn_kernels *kernels, wn_dtype dtype)
{
    const wn_gemm *gemm = wn_kernels_gemm(kernels, dtype);
    return gemm != NULL ? gemm : &wn_gemm_i8_scalar;
}

const wn_kernels *wn_kernels_get(const char *level, const char **reason)
{
    uint32_t features = wn_cpu_features();
    *reason = "";
    for (size_t i = WN_ARRAY_LEN(levels); i-- > 0;) {
        uint32_t missing = levels[i].needs & ~features;
        if (level != NULL && strcmp(level, names[i]) != 0)
            continue;
        if (missing == 0) {
            bool is_highest = i + 1 == WN_ARRAY_LEN(levels);
            if (level != NULL && !is_highest)
                *reason = "asked for by name";
            return levels[i].table;
        }
        *reason = lack(missing);
        if (level != NULL)
            return NULL;
    }
    *reason = "no level of this name";
    return NULL;
}

const char *const *wn_kernels_levels(size_t *n)
{
    *n = WN_ARRAY_LEN(names);
    return names;
}
