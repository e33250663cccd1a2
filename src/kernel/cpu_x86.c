/* x86-64: CPUID tells what the processor has, XGETBV which registers the system saves; a level
 * needs both.  Source: Intel SDM volume 1, sections 14.3 and 15.2. */
#define _GNU_SOURCE /* syscall */
#include "kernel/cpu.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEAF1_FMA     (1u << 12)
#define LEAF1_OSXSAVE (1u << 27)
#define LEAF1_F16C    (1u << 29)
#define LEAF7_AVX2    (1u << 5)
#define LEAF7_F       (1u << 16)
#define LEAF7_DQ      (1u << 17)
#define LEAF7_BW      (1u << 30)
#define LEAF7_VL      (1u << 31)
#define LEAF7_VNNI    (1u << 11)                       /* ecx */
#define LEAF7_FP16    (1u << 23)                       /* edx */
#define LEAF7_AMX     (1u << 22 | 1u << 24 | 1u << 25) /* edx: bf16, tile, int8 */
#define LEAF7_1_VNNI  (1u << 4)                        /* eax of subleaf 1 */
#define LEAF7_1_BF16  (1u << 5)
#define XCR0_YMM      0x06u /* XMM and YMM state */
#define XCR0_ZMM      0xE6u /* and mask registers, upper halves, upper sixteen */
#define XCR0_TILE     0x60000u

uint32_t wn_cpu_decode(const wn_cpuid *id)
{
    const struct {
        bool has;
        wn_cpu_feature feature;
    } rows[] = {
        {(id->xcr0 & XCR0_YMM) == XCR0_YMM, WN_CPU_OS_YMM},
        {(id->xcr0 & XCR0_ZMM) == XCR0_ZMM, WN_CPU_OS_ZMM},
        {(id->leaf7_ebx & LEAF7_AVX2) != 0, WN_CPU_AVX2},
        {(id->leaf1_ecx & LEAF1_FMA) != 0, WN_CPU_FMA},
        {(id->leaf1_ecx & LEAF1_F16C) != 0, WN_CPU_F16C},
        {(id->leaf7_ebx & LEAF7_F) != 0, WN_CPU_AVX512F},
        {(id->leaf7_ebx & LEAF7_DQ) != 0, WN_CPU_AVX512DQ},
        {(id->leaf7_ebx & LEAF7_BW) != 0, WN_CPU_AVX512BW},
        {(id->leaf7_ebx & LEAF7_VL) != 0, WN_CPU_AVX512VL},
        {(id->leaf7_1_eax & LEAF7_1_VNNI) != 0, WN_CPU_AVX_VNNI},
        {(id->leaf7_ecx & LEAF7_VNNI) != 0, WN_CPU_AVX512_VNNI},
        {(id->leaf7_1_eax & LEAF7_1_BF16) != 0, WN_CPU_AVX512_BF16},
        {(id->leaf7_edx & LEAF7_FP16) != 0, WN_CPU_AVX512_FP16},
        {(id->leaf7_edx & LEAF7_AMX) == LEAF7_AMX, WN_CPU_AMX},
        {(id->xcr0 & XCR0_TILE) == XCR0_TILE && id->may_use_tiles, WN_CPU_OS_TILE},
    };
    uint32_t features = 0;
    for (size_t i = 0; i < WN_ARRAY_LEN(rows); i++)
        features |= rows[i].has ? (uint32_t)rows[i].feature : 0;
    return features;
}

static uint64_t read_xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* Linux gives a process the large tile registers only when it asks; threads inherit that.
 * Source: Linux Documentation/arch/x86/xstate.rst. */
static bool ask_for_tiles(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

/* From leaf 4 of Intel or leaf 0x8000001D of AMD, which have one form: a cache an entry. */
static size_t l2_bytes_of(uint32_t leaf)
{
    uint32_t a, b, c, d;
    for (uint32_t i = 0; i < 8 && __get_cpuid_count(leaf, i, &a, &b, &c, &d); i++) {
        uint32_t type = a & 31, level = a >> 5 & 7;
        if (type == 0)
            break;
        size_t ways = (b >> 22) + 1, parts = (b >> 12 & 1023) + 1, line = (b & 4095) + 1;
        if (type != 2 && level == 2)
            return ways * parts * line * ((size_t)c + 1);
    }
    return 0;
}

size_t wn_cpu_l2_bytes(void)
{
    const size_t usual = (size_t)1 << 20;
    size_t bytes = l2_bytes_of(4);
    if (bytes == 0)
        bytes = l2_bytes_of(0x8000001D);
    return bytes >= (size_t)1 << 17 && bytes <= (size_t)1 << 26 ? bytes : usual;
}

uint32_t wn_cpu_features(void)
{
    wn_cpuid id = {0};
    uint32_t a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d))
        id.leaf1_ecx = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        id.leaf7_ebx = b;
        id.leaf7_ecx = c;
        id.leaf7_edx = d;
        if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d))
            id.leaf7_1_eax = a;
    }
    if ((id.leaf1_ecx & LEAF1_OSXSAVE) != 0)
        id.xcr0 = read_xcr0();
    if ((id.leaf7_edx & LEAF7_AMX) == LEAF7_AMX && (id.xcr0 & XCR0_TILE) == XCR0_TILE)
        id.may_use_tiles = ask_for_tiles();
    return wn_cpu_decode(&id);
}

#endif
