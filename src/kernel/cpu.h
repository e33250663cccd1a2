/* What the processor and the operating system let this process run.  Compiled without instruction
 * set flags, so that asking is safe on any machine.
 * Thread rule: any. */
#ifndef WN_KERNEL_CPU_H
#define WN_KERNEL_CPU_H

#include "base/defs.h"

/* Bits of the feature word.  OS bits say that the system keeps these registers across a switch. */
typedef enum wn_cpu_feature {
    WN_CPU_OS_YMM = 1 << 0,
    WN_CPU_OS_ZMM = 1 << 1,
    WN_CPU_AVX2 = 1 << 2,
    WN_CPU_FMA = 1 << 3,
    WN_CPU_F16C = 1 << 4,
    WN_CPU_AVX512F = 1 << 5,
    WN_CPU_AVX512DQ = 1 << 6,
    WN_CPU_AVX512BW = 1 << 7,
    WN_CPU_AVX512VL = 1 << 8,
    WN_CPU_AVX_VNNI = 1 << 9,
    WN_CPU_AVX512_VNNI = 1 << 10,
    WN_CPU_AVX512_BF16 = 1 << 11,
    WN_CPU_AMX = 1 << 12,     /* tiles, and their int8 and bf16 products */
    WN_CPU_OS_TILE = 1 << 13, /* and this process may use them */
    WN_CPU_AVX512_FP16 = 1 << 14,
    WN_CPU_NEON = 1 << 16,
    WN_CPU_DOTPROD = 1 << 17,
    WN_CPU_I8MM = 1 << 18,
    WN_CPU_ARM_BF16 = 1 << 19
} wn_cpu_feature;

#if defined(__x86_64__)
/* The registers of CPUID that the feature word is made of. */
typedef struct wn_cpuid {
    uint32_t leaf1_ecx, leaf7_ebx, leaf7_ecx, leaf7_edx, leaf7_1_eax;
    uint64_t xcr0; /* 0 when the system does not use XSAVE */
    bool may_use_tiles;
} wn_cpuid;

/* The feature word that these registers mean. */
uint32_t wn_cpu_decode(const wn_cpuid *id);
#elif defined(__aarch64__)
/* The feature word that the kernel's words AT_HWCAP and AT_HWCAP2 mean. */
uint32_t wn_cpu_decode(uint64_t hwcap, uint64_t hwcap2);
#endif

/* Bytes of the second-level cache of a core; a usual size where the system does not tell. */
size_t wn_cpu_l2_bytes(void);

/* The feature word of this machine. */
uint32_t wn_cpu_features(void);

#endif
