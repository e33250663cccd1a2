/* Every architecture but x86-64.  aarch64: Linux tells in the auxiliary vector what the processor
 * has and a process may use.  Elsewhere the scalar level is the only one, so there is nothing to
 * ask for.  Source: Linux Documentation/arch/arm64/elf_hwcaps.rst. */
#include "kernel/cpu.h"

#if defined(__aarch64__)

#include <sys/auxv.h>

#define HWCAP_NEON    (1u << 1)  /* ASIMD */
#define HWCAP_DOTPROD (1u << 20) /* ASIMDDP */
#define HWCAP2_INT8   (1u << 13) /* I8MM */
#define HWCAP2_BF     (1u << 14) /* BF16 */

uint32_t wn_cpu_decode(uint64_t hwcap, uint64_t hwcap2)
{
    const struct {
        bool has;
        wn_cpu_feature feature;
    } rows[] = {
        {(hwcap & HWCAP_NEON) != 0, WN_CPU_NEON},
        {(hwcap & HWCAP_DOTPROD) != 0, WN_CPU_DOTPROD},
        {(hwcap2 & HWCAP2_INT8) != 0, WN_CPU_I8MM},
        {(hwcap2 & HWCAP2_BF) != 0, WN_CPU_ARM_BF16},
    };
    uint32_t features = 0;
    for (size_t i = 0; i < WN_ARRAY_LEN(rows); i++)
        features |= rows[i].has ? (uint32_t)rows[i].feature : 0;
    return features;
}

uint32_t wn_cpu_features(void)
{
    return wn_cpu_decode(getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
}

#elif !defined(__x86_64__)

uint32_t wn_cpu_features(void)
{
    return 0;
}

#endif

#if !defined(__x86_64__)

size_t wn_cpu_l2_bytes(void)
{
    return (size_t)1 << 20;
}

#endif
