/* Matrix products of every level beside what this machine can do at most: the peak is a loop of
 * independent fused multiply-adds that never leaves the registers.  One thread, packed weights, the
 * linear layers of MiniLM and of base models, rows in blocks as the ops cut them, with bias and,
 * where the layer has one, GELU.  Share of the peak of the level's own vectors; best of many, in
 * processor time of the thread, so that a shared machine does not change it. Usage: gemm [ROWS
 * [BLOCK]] */
#define _POSIX_C_SOURCE 200809L
#include "base/mem.h"
#include "compute/scratch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPEATS = 9 };

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

typedef struct shape {
    const char *layer;
    size_t n, k;
    wn_act act;
} shape;

static const shape shapes[] = {
    {"mini out", 384, 384, WN_ACT_NONE},          {"mini qkv", 1152, 384, WN_ACT_NONE},
    {"mini up", 1536, 384, WN_ACT_GELU},          {"mini down", 384, 1536, WN_ACT_NONE},
    {"base out", 768, 768, WN_ACT_NONE},          {"base qkv", 2304, 768, WN_ACT_NONE},
    {"base up", 3072, 768, WN_ACT_GELU},          {"base down", 768, 3072, WN_ACT_NONE},
    {"scores of 128 keys", 128, 32, WN_ACT_NONE}, {"values of 128 keys", 32, 128, WN_ACT_NONE},
};

#if defined(__x86_64__)
#include <immintrin.h>

enum { CHAINS = 12, TURNS = 1 << 20 };

__attribute__((target("avx2,fma"))) static float turn_avx2(void)
{
    __m256 a[CHAINS], b = _mm256_set1_ps(0.999f), c = _mm256_set1_ps(0.001f);
    for (int i = 0; i < CHAINS; i++)
        a[i] = _mm256_set1_ps((float)i);
    for (int t = 0; t < TURNS; t++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            a[i] = _mm256_fmadd_ps(a[i], b, c);
    }
    for (int i = 1; i < CHAINS; i++)
        a[0] = _mm256_add_ps(a[0], a[i]);
    return _mm256_cvtss_f32(a[0]);
}

__attribute__((target("avx512f"))) static float turn_avx512(void)
{
    __m512 a[CHAINS], b = _mm512_set1_ps(0.999f), c = _mm512_set1_ps(0.001f);
    for (int i = 0; i < CHAINS; i++)
        a[i] = _mm512_set1_ps((float)i);
    for (int t = 0; t < TURNS; t++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            a[i] = _mm512_fmadd_ps(a[i], b, c);
    }
    for (int i = 1; i < CHAINS; i++)
        a[0] = _mm512_add_ps(a[0], a[i]);
    return _mm512_cvtss_f32(a[0]);
}

/* GFLOP/s of the vectors that a level uses; 0 for a level without vectors. */
static double measure_peak(const char *level)
{
    bool wide = strcmp(level, "avx512") == 0;
    float sum = 0; /* is looked at, so that no loop is left out */
    double best = 0;
    if (!wide && strcmp(level, "avx2") != 0)
        return 0;
    for (int i = 0; i < 4 * REPEATS; i++) {
        uint64_t start = cpu_ns();
        sum += wide ? turn_avx512() : turn_avx2();
        double rate = 2.0 * TURNS * CHAINS * (wide ? 16 : 8) / (double)(cpu_ns() - start);
        best = WN_MAX(best, rate);
    }
    return sum < INFINITY ? best : 0;
}
#else
static double measure_peak(const char *level)
{
    (void)level;
    return 0;
}
#endif

static float *random_floats(size_t n)
{
    float *x = wn_mem_aligned(n * sizeof *x);
    uint32_t state = 1;
    if (x == NULL) {
        fprintf(stderr, "no memory for %zu floats\n", n);
        exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) * 0x1p-24f - 0.5f;
    }
    return x;
}

static void measure(const wn_kernels *kernels, const shape *s, size_t rows, size_t block,
                    double peak)
{
    size_t nr = (size_t)kernels->gemm_f32->nr,
           ldx = wn_scratch_takes(kernels->gemm_f32, s->k) ? wn_scratch_stride(s->k) : s->k;
    float *x = random_floats(rows * ldx), *w = random_floats(s->n * s->k);
    float *bias = random_floats(s->n), *y = random_floats(rows * s->n);
    float *packed = random_floats(wn_round_up(s->n, nr) * s->k);
    double best = 0;
    kernels->gemm_f32->pack(packed, w, s->k, s->n, s->k);
    for (int r = 0; r < REPEATS; r++) {
        uint64_t start = cpu_ns();
        for (size_t i = 0; i < rows; i += block)
            kernels->gemm_f32->multiply(y + i * s->n, s->n, x + i * ldx, ldx * sizeof(float),
                                        packed, bias, WN_MIN(block, rows - i), s->n, s->k, s->act);
        double rate = 2.0 * (double)(rows * s->n * s->k) / (double)(cpu_ns() - start);
        best = WN_MAX(best, rate);
    }
    printf("%-8s %-20s n %4zu  k %4zu  %7.1f GFLOP/s", kernels->level, s->layer, s->n, s->k, best);
    if (peak > 0)
        printf("  %5.1f%% of the peak", 100 * best / peak);
    printf("\n");
    wn_mem_free(x);
    wn_mem_free(w);
    wn_mem_free(bias);
    wn_mem_free(y);
    wn_mem_free(packed);
}

int main(int argc, char **argv)
{
    size_t rows = argc > 1 ? strtoul(argv[1], NULL, 10) : 1536;
    size_t block = argc > 2 ? strtoul(argv[2], NULL, 10) : 112, n_levels;
    const char *const *levels = wn_kernels_levels(&n_levels);
    if (rows == 0 || block == 0) {
        fprintf(stderr, "usage: gemm [ROWS [BLOCK]]\n");
        return 2;
    }
    for (size_t l = 0; l < n_levels; l++) {
        const char *reason;
        const wn_kernels *kernels = wn_kernels_get(levels[l], &reason);
        if (kernels == NULL) {
            printf("%-8s not run: %s\n", levels[l], reason);
            continue;
        }
        double peak = measure_peak(levels[l]);
        if (peak > 0)
            printf("%-8s peak %.1f GFLOP/s\n", levels[l], peak);
        for (size_t i = 0; i < WN_ARRAY_LEN(shapes); i++)
            measure(kernels, &shapes[i], peak > 0 ? rows : WN_MIN(rows, (size_t)56), block, peak);
    }
    return 0;
}
