/* What products by tiles can reach at most on this machine: the loops of kernel/amx/tile_pass.h
 * without anything becoming y.  For each linear layer of MiniLM and of base models, 256 rows, the
 * share of the peak with operands that stay in the first-level cache ("at hand"); with all rows,
 * from the second level; with all panels of a matrix; with matrices of other layers in between, so
 * that weights come from the third level, asked for ahead; and with sums that are stored, too.
 * Then a step of four loads and four products beside vector instructions, by which sums become y.
 * One thread; best of many, in processor time of the thread.
 * Usage: tiles */
#include "base/clock.h"
#include "base/mem.h"
#include "kernel/amx/tile.h"
#include "kernel/peak.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REPEATS = 9,
    ROWS = 256,
    BLOCK = 2 * TILE_ROWS,
    STEP_BYTES = TILE_ROWS * 2 * TILE_BYTES, /* of a panel */
    PASS_STEPS = 12,                         /* of a panel that stays in the first-level cache */
    SUMS_BYTES = 4 * TILE_ROWS * TILE_BYTES,
    BEYOND_BYTES = 24 << 20 /* of weights that no second-level cache holds */
};

typedef struct shape {
    const char *layer;
    size_t n, k;
} shape;

static const shape shapes[] = {
    {"mini out", 384, 384},   {"mini qkv", 1152, 384},  {"mini up", 1536, 384},
    {"mini down", 384, 1536}, {"base out", 768, 768},   {"base qkv", 2304, 768},
    {"base up", 3072, 768},   {"base down", 768, 3072},
};

/* What a loop does not leave out. */
typedef struct variant {
    const char *title;
    bool rows_move, panels_move, layers_move, stores;
} variant;

static const variant variants[] = {
    {"at hand", false, false, false, false}, {"rows", true, false, false, false},
    {"panels", true, true, false, false},    {"layers", true, true, true, false},
    {"sums", true, true, true, true},
};

static const tile_set tiles = {{
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
}};

/* A sum's tile is taken over by the next block. */
#define begin_sums(number, held, from)                                                             \
    do {                                                                                           \
        size_t at = (size_t)(number)*TILE_ROWS * TILE_BYTES, sums_stride = TILE_BYTES;             \
        if ((held) != NULL)                                                                        \
            tile_store(&tiles, number, (held) + at, sums_stride);                                  \
        if ((from) != NULL)                                                                        \
            tile_load(&tiles, number, (from) + at, sums_stride);                                   \
        else                                                                                       \
            tile_zero(&tiles, number);                                                             \
    } while (0)

typedef struct operands {
    size_t stride, n_steps, n_panels, n_layers;
    unsigned char *rows, *weights;
    unsigned char *sums; /* of each block of rows, and one more */
} operands;

static void *allocate(size_t bytes)
{
    unsigned char *p = wn_mem_aligned(bytes);
    if (p == NULL) {
        fprintf(stderr, "no memory for %zu bytes\n", bytes);
        exit(1);
    }
    for (size_t i = 0; i < bytes; i++)
        p[i] = i % 2 == 1 ? 0x3F : (unsigned char)(i * 7 + i / 512 % 5); /* also as bf16 */
    return p;
}

static operands make(const shape *s, size_t element)
{
    operands o = {.n_steps = s->k * element / TILE_BYTES, .n_panels = s->n / BLOCK};
    o.stride = (o.n_steps | 1) * TILE_BYTES;
    size_t layer = o.n_panels * o.n_steps * STEP_BYTES;
    o.n_layers = BEYOND_BYTES / layer + 1;
    o.rows = allocate(ROWS * o.stride);
    o.weights = allocate(o.n_layers * layer);
    o.sums = allocate((ROWS / BLOCK + 1) * SUMS_BYTES);
    return o;
}

static void drop(operands *o)
{
    wn_mem_free(o->rows);
    wn_mem_free(o->weights);
    wn_mem_free(o->sums);
}

/* Some steps of a block's sums, which begin with others or with none, while held ones make room; so
 * many bytes from next on are asked for with each. */
static inline __attribute__((always_inline)) void
add_steps(const wn_dtype dtype, const unsigned char *rows, size_t stride,
          const unsigned char *panel, size_t n_steps, unsigned char *held, unsigned char *from,
          const unsigned char *next, size_t asked)
{
    const size_t panel_stride = 2 * TILE_BYTES;
    for (size_t s = 0; s < n_steps; s++, next += asked) {
        const unsigned char *x = rows + s * TILE_BYTES, *w = panel + s * STEP_BYTES;
        tile_load_once(&tiles, 4, x, stride);
        tile_load(&tiles, 6, w, panel_stride);
        tile_load_once(&tiles, 5, x + TILE_ROWS * stride, stride);
        tile_load(&tiles, 7, w + TILE_BYTES, panel_stride);
        for (size_t at = 0; at < asked; at += WN_ALIGN)
            __builtin_prefetch(next + at, 0, 2);
        if (s == 0)
            begin_sums(0, held, from);
        tile_dot(&tiles, dtype, 0, 4, 6);
        if (s == 0)
            begin_sums(1, held, from);
        tile_dot(&tiles, dtype, 1, 4, 7);
        if (s == 0)
            begin_sums(2, held, from);
        tile_dot(&tiles, dtype, 2, 5, 6);
        if (s == 0)
            begin_sums(3, held, from);
        tile_dot(&tiles, dtype, 3, 5, 7);
    }
}

/* One matrix, panel by panel. */
static inline __attribute__((always_inline)) void multiply(const operands *o, const wn_dtype dtype,
                                                           const variant *v, size_t layer)
{
    size_t n_passes = (o->n_steps + PASS_STEPS - 1) / PASS_STEPS, n_blocks = ROWS / BLOCK;
    size_t panel_bytes = o->n_steps * STEP_BYTES,
           asked = v->layers_move ? STEP_BYTES / n_blocks : 0;
    const unsigned char *panel =
        o->weights + (v->layers_move ? layer * o->n_panels : 0) * panel_bytes;
    unsigned char *complete = o->sums + n_blocks * SUMS_BYTES, *held = NULL;
    for (size_t j = 0; j < o->n_panels; j++, panel += v->panels_move ? panel_bytes : 0) {
        for (size_t p = 0; p < n_passes; p++) {
            size_t first = p * o->n_steps / n_passes, end = (p + 1) * o->n_steps / n_passes;
            for (size_t b = 0; b < n_blocks; b++) {
                const unsigned char *rows = o->rows + (v->rows_move ? b : 0) * BLOCK * o->stride;
                const unsigned char *next = panel + end * STEP_BYTES + b * (end - first) * asked;
                unsigned char *own = o->sums + b * SUMS_BYTES;
                add_steps(dtype, rows + first * TILE_BYTES, o->stride, panel + first * STEP_BYTES,
                          end - first, held, p > 0 ? own : NULL, next, asked);
                held = p + 1 < n_passes ? own : v->stores ? complete : NULL;
            }
        }
    }
}

/* Nanoseconds of a matrix. */
static double time_of(const operands *o, wn_dtype dtype, const variant *v)
{
    double best = INFINITY;
    tile_begin(&tiles);
    for (int r = 0; r < REPEATS; r++) {
        uint64_t start = wn_clock_thread_ns();
        for (size_t layer = 0; layer < o->n_layers; layer++) {
            if (dtype == WN_DTYPE_BF16)
                multiply(o, WN_DTYPE_BF16, v, layer);
            else
                multiply(o, WN_DTYPE_I8, v, layer);
        }
        best = WN_MIN(best, (double)(wn_clock_thread_ns() - start));
    }
    tile_end();
    return best / (double)o->n_layers;
}

static double peak_of(wn_dtype dtype)
{
    enum { TURNS = 1 << 18 };
    const wn_peak *peak = wn_peak_of("amx", dtype);
    double best = 0;
    for (int r = 0; r < REPEATS; r++) {
        uint64_t start = wn_clock_thread_ns();
        peak->run(TURNS);
        double rate = (double)TURNS * peak->ops / (double)(wn_clock_thread_ns() - start);
        best = WN_MAX(best, rate);
    }
    return best;
}

static void measure_shapes(wn_dtype dtype)
{
    double peak = peak_of(dtype);
    printf("%-5s peak %.0f Gop/s\n%-10s", wn_dtype_name(dtype), peak, "");
    for (size_t v = 0; v < WN_ARRAY_LEN(variants); v++)
        printf(" %12s", variants[v].title);
    printf("\n");
    for (size_t i = 0; i < WN_ARRAY_LEN(shapes); i++) {
        operands o = make(&shapes[i], wn_dtype_size(dtype));
        double ops = 2.0 * ROWS * (double)(shapes[i].n * shapes[i].k);
        printf("%-10s", shapes[i].layer);
        for (size_t v = 0; v < WN_ARRAY_LEN(variants); v++) {
            double ns = time_of(&o, dtype, &variants[v]);
            printf(" %11.1f%%", 100 * ops / ns / peak);
        }
        printf("\n");
        drop(&o);
    }
}

/* ---- beside vectors -------------------------------------------------------------------------- */

#define EIGHT(op)                                                                                  \
    op "8\n\t" op "9\n\t" op "10\n\t" op "11\n\t" op "12\n\t" op "13\n\t" op "14\n\t" op "15\n\t"
#define FORTY(op)  EIGHT(op) EIGHT(op) EIGHT(op) EIGHT(op) EIGHT(op)
#define EIGHTY(op) FORTY(op) FORTY(op)
#define FMA        "vfmadd231ps %%zmm0, %%zmm1, %%zmm"
#define ADD        "vpaddd %%zmm0, %%zmm1, %%zmm"
#define LOADS                                                                                      \
    "tileloadd (%[at],%[stride],1), %%tmm4\n\ttileloadd (%[at],%[stride],1), %%tmm6\n\t"           \
    "tileloadd (%[at],%[stride],1), %%tmm5\n\ttileloadd (%[at],%[stride],1), %%tmm7\n\t"
#define DOTS                                                                                       \
    "tdpbssd %%tmm6, %%tmm4, %%tmm0\n\ttdpbssd %%tmm7, %%tmm4, %%tmm1\n\t"                         \
    "tdpbssd %%tmm6, %%tmm5, %%tmm2\n\ttdpbssd %%tmm7, %%tmm5, %%tmm3\n\t"

#define DEFINE_STEP(name, what)                                                                    \
    static void name(const void *at, uint64_t turns)                                               \
    {                                                                                              \
        __asm__ volatile("1:\n\t" what "sub $1, %[turns]\n\tjnz 1b\n\tvzeroupper"                  \
                         : [turns] "+r"(turns)                                                     \
                         : [at] "r"(at), [stride] "r"((size_t)TILE_BYTES)                          \
                         : "cc", "memory", "xmm0", "xmm1", "xmm8", "xmm9", "xmm10", "xmm11",       \
                           "xmm12", "xmm13", "xmm14", "xmm15");                                    \
    }

DEFINE_STEP(dots, DOTS)
DEFINE_STEP(loads_dots, LOADS DOTS)
DEFINE_STEP(fma_80, EIGHTY(FMA))
DEFINE_STEP(dots_fma_40, LOADS DOTS FORTY(FMA))
DEFINE_STEP(dots_fma_80, LOADS DOTS EIGHTY(FMA))
DEFINE_STEP(dots_fma_160, LOADS DOTS EIGHTY(FMA) EIGHTY(FMA))
DEFINE_STEP(dots_add_80, LOADS DOTS EIGHTY(ADD))
DEFINE_STEP(dots_add_160, LOADS DOTS EIGHTY(ADD) EIGHTY(ADD))

static const struct {
    const char *title;
    void (*run)(const void *at, uint64_t turns);
} steps[] = {
    {"four products", dots},
    {"four loads and four products: a step", loads_dots},
    {"80 multiply-adds of 512 bits", fma_80},
    {"a step and 40 multiply-adds", dots_fma_40},
    {"a step and 80 multiply-adds", dots_fma_80},
    {"a step and 160 multiply-adds", dots_fma_160},
    {"a step and 80 additions of whole numbers", dots_add_80},
    {"a step and 160 additions of whole numbers", dots_add_160},
};

static void measure_steps(void)
{
    enum { TURNS = 1 << 15 };
    unsigned char *at = allocate(TILE_ROWS * TILE_BYTES);
    double products = 0;
    tile_begin(&tiles);
    tile_load(&tiles, 4, at, (size_t)TILE_BYTES);
    tile_load(&tiles, 5, at, (size_t)TILE_BYTES);
    tile_load(&tiles, 6, at, (size_t)TILE_BYTES);
    tile_load(&tiles, 7, at, (size_t)TILE_BYTES);
    for (size_t i = 0; i < WN_ARRAY_LEN(steps); i++) {
        double best = INFINITY;
        for (int r = 0; r < 4 * REPEATS; r++) {
            uint64_t start = wn_clock_thread_ns();
            steps[i].run(at, TURNS);
            best = WN_MIN(best, (double)(wn_clock_thread_ns() - start));
        }
        products = i == 0 ? best : products;
        printf("%-42s %6.1f ns %5.2f\n", steps[i].title, best / TURNS, best / products);
    }
    tile_end();
    wn_mem_free(at);
}

int main(void)
{
    if (wn_peak_of("amx", WN_DTYPE_I8) == NULL ||
        strcmp(wn_peak_of("amx", WN_DTYPE_I8)->level, "amx") != 0) {
        fprintf(stderr, "tiles: this machine has no AMX that a program may use\n");
        return 1;
    }
    measure_shapes(WN_DTYPE_I8);
    measure_shapes(WN_DTYPE_BF16);
    measure_steps();
    return 0;
}
