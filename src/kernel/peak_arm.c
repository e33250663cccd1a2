/* Every architecture but x86-64.  aarch64: sixteen chains hide the latency of a multiply-add on
 * four pipes.  The factors' bits are a number near one as f32 and as bf16, and large ones as bytes,
 * so that no loop runs into slow special values. */
#include "kernel/peak.h"

#if defined(__aarch64__)

#include "kernel/cpu.h"

#define CHAINS 16
#define EACH(op)                                                                                   \
    op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) \
        op(15)
#define CLEAR(i) "movi v" #i ".4s, #0\n\t"
/* Vi += v16 times v17.  Those of extensions are words, which every assembler takes. */
#define FMLA(i)   "fmla v" #i ".4s, v16.4s, v17.4s\n\t"
#define SDOT(i)   ".inst 0x4E919600 + " #i "\n\t"
#define SMMLA(i)  ".inst 0x4E91A600 + " #i "\n\t"
#define BFMMLA(i) ".inst 0x6E51EE00 + " #i "\n\t"

/* A function that runs an instruction on every chain, so many turns. */
#define DEFINE_LOOP(name, op)                                                                      \
    static void name(uint64_t turns)                                                               \
    {                                                                                              \
        __asm__ volatile(EACH(CLEAR) "dup v16.4s, %w[factor]\n\t"                                  \
                                     "dup v17.4s, %w[factor]\n"                                    \
                                     "1:\n\t" EACH(op) "subs %[turns], %[turns], #1\n\t"           \
                                                       "b.ne 1b"                                   \
                         : [turns] "+r"(turns)                                                     \
                         : [factor] "r"(0x3F7F3F7F)                                                \
                         : "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9",       \
                           "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17");                \
    }

DEFINE_LOOP(fmla, FMLA)
DEFINE_LOOP(sdot, SDOT)
DEFINE_LOOP(smmla, SMMLA)
DEFINE_LOOP(bfmmla, BFMMLA)

static const wn_peak peaks[] = {
    {"neon", WN_DTYPE_F32, "fmla 4s", WN_CPU_NEON, CHAINS * 4 * 2, fmla},
    {"dotprod", WN_DTYPE_I8, "sdot 4s", WN_CPU_DOTPROD, CHAINS * 16 * 2, sdot},
    {"i8mm", WN_DTYPE_I8, "smmla 4s", WN_CPU_I8MM, CHAINS * 32 * 2, smmla},
    {"neon-bf16", WN_DTYPE_BF16, "bfmmla 4s", WN_CPU_ARM_BF16, CHAINS * 16 * 2, bfmmla},
};

const wn_peak *wn_peaks(size_t *n)
{
    *n = WN_ARRAY_LEN(peaks);
    return peaks;
}

#elif !defined(__x86_64__)

const wn_peak *wn_peaks(size_t *n)
{
    *n = 0;
    return NULL;
}

#endif
