/* Matrix products of every level and compute dtype beside what this machine can do at most
 * (kernel/peak.h).  One thread, packed weights, the linear layers of MiniLM and of base models,
 * rows in blocks as the ops cut them, each block's output where that of the one before was, with
 * bias and, where the layer has one, GELU, which a level that can takes over for the next product
 * at once; beside it what packing and taking over rows cost an element.  Share of the peak of the
 * level's own instructions; best of many, in processor time of the thread, so that a shared machine
 * does not change it.
 * Usage: gemm [ROWS [BLOCK [LEVEL]]] */
#include "base/clock.h"
#include "base/mem.h"
#include "compute/scratch.h"
#include "kernel/peak.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEATS = 9 };

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

/* G operations a second at most; 0 for a level without vectors. */
static double measure_peak(const char *level, wn_dtype dtype)
{
    enum { TURNS = 1 << 20 };
    const wn_peak *peak = wn_peak_of(level, dtype);
    double best = 0;
    for (int r = 0; r < 4 * REPEATS && peak != NULL; r++) {
        uint64_t start = wn_clock_thread_ns();
        peak->run(TURNS);
        double rate = (double)TURNS * peak->ops / (double)(wn_clock_thread_ns() - start);
        best = WN_MAX(best, rate);
    }
    return best;
}

static void *allocate(size_t bytes)
{
    void *p = wn_mem_aligned(bytes);
    if (p == NULL) {
        fprintf(stderr, "no memory for %zu bytes\n", bytes);
        exit(1);
    }
    return p;
}

static float *random_floats(size_t n)
{
    float *x = allocate(n * sizeof *x);
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) * 0x1p-24f - 0.5f;
    }
    return x;
}

/* A product's memory: x and w as floats, and as the product takes them over. */
typedef struct operands {
    size_t rows, stride;
    float *x, *w, *bias, *y;
    unsigned char *taken, *packed, *next; /* next: rows for another product */
} operands;

static operands make(const wn_gemm *gemm, const shape *s, size_t rows, size_t block)
{
    bool in_place = !wn_scratch_takes(gemm, s->k);
    operands o = {.rows = rows};
    o.stride = in_place ? s->k * sizeof(float) : wn_gemm_row_bytes(gemm, s->k);
    o.x = random_floats(rows * s->k);
    o.w = random_floats(s->n * s->k);
    o.bias = random_floats(s->n);
    o.y = random_floats(block * s->n);
    o.taken = allocate(rows * o.stride);
    o.packed = allocate(wn_gemm_packed_bytes(gemm, s->n, s->k));
    o.next = allocate(block * wn_gemm_halves_bytes(s->n));
    return o;
}

static void drop(operands *o)
{
    wn_mem_free(o->x);
    wn_mem_free(o->w);
    wn_mem_free(o->bias);
    wn_mem_free(o->y);
    wn_mem_free(o->taken);
    wn_mem_free(o->packed);
    wn_mem_free(o->next);
}

/* What is done to the operands, block of rows by block. */
typedef void step_fn(const wn_gemm *gemm, const shape *s, operands *o, size_t block);

static void pack(const wn_gemm *gemm, const shape *s, operands *o, size_t block)
{
    (void)block;
    gemm->pack(o->packed, o->w, s->k, s->n, s->k);
}

static void pack_t(const wn_gemm *gemm, const shape *s, operands *o, size_t block)
{
    (void)block;
    gemm->pack_t(o->packed, o->w, s->n, s->n, s->k);
}

static void take_rows(const wn_gemm *gemm, const shape *s, operands *o, size_t block)
{
    for (size_t i = 0; i < o->rows; i += block)
        gemm->take_rows(o->taken + i * o->stride, o->stride, o->x + i * s->k, s->k, NULL,
                        WN_MIN(block, o->rows - i), s->k);
}

static void multiply(const wn_gemm *gemm, const shape *s, operands *o, size_t block)
{
    for (size_t i = 0; i < o->rows; i += block)
        gemm->multiply(o->y, s->n, o->taken + i * o->stride, o->stride, o->packed, o->bias,
                       WN_MIN(block, o->rows - i), s->n, s->k, s->act);
}

static void multiply_taken(const wn_gemm *gemm, const shape *s, operands *o, size_t block)
{
    size_t stride = wn_gemm_halves_bytes(s->n);
    for (size_t i = 0; i < o->rows; i += block)
        gemm->multiply_taken(o->next, stride, o->taken + i * o->stride, o->stride, o->packed,
                             o->bias, WN_MIN(block, o->rows - i), s->n, s->k, s->act);
}

/* Nanoseconds of the fastest of many. */
static double fastest(step_fn *step, const wn_gemm *gemm, const shape *s, operands *o, size_t block)
{
    double best = INFINITY;
    for (int r = 0; r < REPEATS; r++) {
        uint64_t start = wn_clock_thread_ns();
        step(gemm, s, o, block);
        best = WN_MIN(best, (double)(wn_clock_thread_ns() - start));
    }
    return best;
}

/* One line: the product's speed and share, nanoseconds an element of packing and of taking rows. */
static void measure(const char *title, const wn_gemm *gemm, const shape *s, size_t rows,
                    size_t block, double highest)
{
    operands o = make(gemm, s, rows, block);
    double n_weights = (double)(s->n * s->k), n_rows = (double)(rows * s->k);
    double turned = fastest(pack_t, gemm, s, &o, block) / n_weights;
    double packed = fastest(pack, gemm, s, &o, block) / n_weights;
    double taken = fastest(take_rows, gemm, s, &o, block) / n_rows;
    bool takes = s->act != WN_ACT_NONE && wn_gemm_can_multiply_taken(gemm, s->n, s->act);
    step_fn *product = takes ? multiply_taken : multiply;
    double rate = 2.0 * n_rows * (double)s->n / fastest(product, gemm, s, &o, block);
    printf("%-16s %-18s n %4zu  k %4zu  %7.1f Gop/s", title, s->layer, s->n, s->k, rate);
    if (highest > 0)
        printf(" %5.1f%%", 100 * rate / highest);
    printf("  pack %.2f  pack_t %.2f  take_rows %.2f ns\n", packed, turned, taken);
    drop(&o);
}

static void measure_level(const wn_kernels *kernels, size_t rows, size_t block)
{
    static const wn_dtype dtypes[] = {WN_DTYPE_F32, WN_DTYPE_BF16, WN_DTYPE_I8};
    for (size_t d = 0; d < WN_ARRAY_LEN(dtypes); d++) {
        const wn_gemm *gemm = wn_kernels_gemm(kernels, dtypes[d]);
        double highest = measure_peak(kernels->level, dtypes[d]);
        char title[32];
        if (gemm == NULL)
            continue;
        snprintf(title, sizeof title, "%s %s", kernels->level, wn_dtype_name(dtypes[d]));
        printf("%-16s peak %.1f Gop/s\n", title, highest);
        for (size_t i = 0; i < WN_ARRAY_LEN(shapes); i++)
            measure(title, gemm, &shapes[i], highest > 0 ? rows : WN_MIN(rows, (size_t)56), block,
                    highest);
    }
}

int main(int argc, char **argv)
{
    size_t rows = argc > 1 ? strtoul(argv[1], NULL, 10) : 1536;
    size_t block = argc > 2 ? strtoul(argv[2], NULL, 10) : 112, n_levels;
    const char *const *levels = wn_kernels_levels(&n_levels);
    if (rows == 0 || block == 0) {
        fprintf(stderr, "usage: gemm [ROWS [BLOCK [LEVEL]]]\n");
        return 2;
    }
    for (size_t l = 0; l < n_levels; l++) {
        const char *reason;
        const wn_kernels *kernels = wn_kernels_get(levels[l], &reason);
        if (argc > 3 && strcmp(argv[3], levels[l]) != 0)
            continue;
        if (kernels != NULL)
            measure_level(kernels, rows, block);
        else
            printf("%-11s not run: %s\n", levels[l], reason);
    }
    return 0;
}
