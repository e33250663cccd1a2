/* x86-64: twelve chains hide the latency of any multiply-add of vectors, six that of a tile
 * product.  Registers 12 and 13 hold the factors, 14 and 15 what lies between instructions.
 * The factors' bits are a number near one as f32 and as bf16, and two large ones as bytes, so that
 * no loop runs into special values: slow ones, or zeros, which tiles multiply a fifth faster than
 * anything else. */
#include "kernel/peak.h"

#if defined(__x86_64__)

#include "kernel/amx/tile_config.h"
#include "kernel/cpu.h"

#define YMM  ((uint32_t)WN_CPU_OS_YMM | (uint32_t)WN_CPU_AVX2 | (uint32_t)WN_CPU_FMA)
#define ZMM  (YMM | (uint32_t)WN_CPU_OS_ZMM | (uint32_t)WN_CPU_AVX512F | (uint32_t)WN_CPU_AVX512BW)
#define TILE ((uint32_t)WN_CPU_AMX | (uint32_t)WN_CPU_OS_TILE)

#define FACTOR   0x3F7F3F7Fu
#define CHAINS   12
#define EACH(op) op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11)

#define CLEAR_YMM(i) "vpxor %%xmm" #i ", %%xmm" #i ", %%xmm" #i "\n\t"
#define FMA_YMM(i)   "vfmadd231ps %%ymm12, %%ymm13, %%ymm" #i "\n\t"
#define FMA_ZMM(i)   "vfmadd231ps %%zmm12, %%zmm13, %%zmm" #i "\n\t"
#define DOT_YMM(i)   "%{vex%} vpdpbusd %%ymm12, %%ymm13, %%ymm" #i "\n\t"
#define DOT_ZMM(i)   "vpdpbusd %%zmm12, %%zmm13, %%zmm" #i "\n\t"
#define BF16_ZMM(i)  "vdpbf16ps %%zmm12, %%zmm13, %%zmm" #i "\n\t"
/* Two pairs of products fit 16 bits as the level keeps weights and activations. */
#define PAIRS(v, i)                                                                                \
    "vpmaddubsw %%" v "12, %%" v "13, %%" v "14\n\t"                                               \
    "vpmaddubsw %%" v "12, %%" v "13, %%" v "15\n\t"                                               \
    "vpaddw %%" v "15, %%" v "14, %%" v "14\n\t"                                                   \
    "vpmaddwd %%" v "13, %%" v "14, %%" v "14\n\t"                                                 \
    "vpaddd %%" v "14, %%" v #i ", %%" v #i "\n\t"
#define PAIRS_YMM(i) PAIRS("ymm", i)
#define PAIRS_ZMM(i) PAIRS("zmm", i)

/* A function that runs an instruction on every chain, so many turns; v is "ymm" or "zmm". */
#define DEFINE_LOOP(name, v, op)                                                                   \
    static void name(uint64_t turns)                                                               \
    {                                                                                              \
        static const uint32_t factor = FACTOR;                                                     \
        __asm__ volatile(EACH(CLEAR_YMM) "vbroadcastss %[factor], %%" v "12\n\t"                   \
                                         "vbroadcastss %[factor], %%" v "13\n"                     \
                                         "1:\n\t" EACH(op) "sub $1, %[turns]\n\t"                  \
                                                           "jnz 1b\n\t"                            \
                                                           "vzeroupper"                            \
                         : [turns] "+r"(turns)                                                     \
                         : [factor] "m"(factor)                                                    \
                         : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",   \
                           "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");  \
    }

DEFINE_LOOP(fma_ymm, "ymm", FMA_YMM)
DEFINE_LOOP(fma_zmm, "zmm", FMA_ZMM)
DEFINE_LOOP(pairs_ymm, "ymm", PAIRS_YMM)
DEFINE_LOOP(pairs_zmm, "zmm", PAIRS_ZMM)
DEFINE_LOOP(dot_ymm, "ymm", DOT_YMM)
DEFINE_LOOP(dot_zmm, "zmm", DOT_ZMM)
DEFINE_LOOP(bf16_zmm, "zmm", BF16_ZMM)

static const tile_config tiles = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

#define TILE_CHAINS   6
#define EACH_TILE(op) op(0) op(1) op(2) op(3) op(4) op(5)
#define CLEAR_TILE(i) "tilezero %%tmm" #i "\n\t"
#define I8_TILE(i)    "tdpbssd %%tmm6, %%tmm7, %%tmm" #i "\n\t"
#define BF16_TILE(i)  "tdpbf16ps %%tmm6, %%tmm7, %%tmm" #i "\n\t"

/* Every row of the factors' tiles is one line of memory. */
#define FOUR(x) x, x, x, x
static const uint32_t factor_line[TILE_BYTES / 4] = {FOUR(FACTOR), FOUR(FACTOR), FOUR(FACTOR),
                                                     FOUR(FACTOR)};
#define LOAD_TILE(i) "tileloadd (%[line],%[stride],1), %%tmm" #i "\n\t"

#define DEFINE_TILE_LOOP(name, op)                                                                 \
    static void name(uint64_t turns)                                                               \
    {                                                                                              \
        __asm__ volatile("ldtilecfg %[tiles]\n\t" EACH_TILE(CLEAR_TILE) LOAD_TILE(6)               \
                             LOAD_TILE(7) "1:\n\t" EACH_TILE(op) "sub $1, %[turns]\n\t"            \
                                                                 "jnz 1b\n\t"                      \
                                                                 "tilerelease"                     \
                         : [turns] "+r"(turns)                                                     \
                         : [tiles] "m"(tiles), [line] "r"(factor_line), [stride] "r"((size_t)0),   \
                           "m"(factor_line)                                                        \
                         : "cc");                                                                  \
    }

DEFINE_TILE_LOOP(i8_tile, I8_TILE)
DEFINE_TILE_LOOP(bf16_tile, BF16_TILE)

#define F32  WN_DTYPE_F32
#define BF16 WN_DTYPE_BF16
#define I8   WN_DTYPE_I8

static const wn_peak peaks[] = {
    {"avx2", F32, "vfmadd231ps ymm", YMM, CHAINS * 8 * 2, fma_ymm},
    {"avx2", I8, "2 vpmaddubsw, vpaddw, vpmaddwd, vpaddd ymm", YMM, CHAINS * 64 * 2, pairs_ymm},
    {"avx-vnni", I8, "vpdpbusd ymm", YMM | WN_CPU_AVX_VNNI, CHAINS * 32 * 2, dot_ymm},
    {"avx512", F32, "vfmadd231ps zmm", ZMM, CHAINS * 16 * 2, fma_zmm},
    {"avx512", I8, "2 vpmaddubsw, vpaddw, vpmaddwd, vpaddd zmm", ZMM, CHAINS * 128 * 2, pairs_zmm},
    {"avx512-vnni", I8, "vpdpbusd zmm", ZMM | WN_CPU_AVX512_VNNI, CHAINS * 64 * 2, dot_zmm},
    {"avx512-bf16", BF16, "vdpbf16ps zmm", ZMM | WN_CPU_AVX512_BF16, CHAINS * 32 * 2, bf16_zmm},
    {"amx", BF16, "tdpbf16ps", TILE, TILE_CHAINS * 16 * 16 * 32 * 2, bf16_tile},
    {"amx", I8, "tdpbssd", TILE, TILE_CHAINS * 16 * 16 * 64 * 2, i8_tile},
};

const wn_peak *wn_peaks(size_t *n)
{
    *n = WN_ARRAY_LEN(peaks);
    return peaks;
}

#endif
