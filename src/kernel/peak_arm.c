/* Every architecture but x86-64.  aarch64: sixteen chains hide the latency of a multiply-add on
 * four pipes; Advanced SIMD is part of the architecture, so there is nothing to ask for. */
#include "kernel/peak.h"

#if defined(__aarch64__)

#define CHAINS 16
#define EACH(op)                                                                                   \
    op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) \
        op(15)
#define CLEAR(i) "movi v" #i ".4s, #0\n\t"
#define FMLA(i)  "fmla v" #i ".4s, v16.4s, v17.4s\n\t"

static void fmla(uint64_t turns)
{
    __asm__ volatile(EACH(CLEAR) "fmov v16.4s, #1.0\n\t"
                                 "fmov v17.4s, #1.0\n"
                                 "1:\n\t" EACH(FMLA) "subs %[turns], %[turns], #1\n\t"
                                                     "b.ne 1b"
                     : [turns] "+r"(turns)
                     :
                     : "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10",
                       "v11", "v12", "v13", "v14", "v15", "v16", "v17");
}

static const wn_peak peaks[] = {
    {"neon", WN_DTYPE_F32, "fmla 4s", 0, CHAINS * 4 * 2, fmla},
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
