/* See sweep.h.  Each operation is a task: memory that it works on, and a function that runs it
 * once.  Sizes of row blocks come from the plan of a runner, so that what is timed here is what
 * ranking runs. */
#include "bench/sweep.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "bench/machine.h"
#include "compute/ops.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WN_WHERE    "bench/sweep"
#define ROWS        1536 /* of products */
#define ROWS_SCALAR 64   /* where no peak is known, which is where it is slow */
#define RUNS        9
#define ENOUGH_NS   150000000 /* no more runs of an operation after so long */

/* Widths of a family of models. */
typedef struct shape {
    const char *name;
    size_t hidden, intermediate, n_heads;
} shape;

static const shape shapes[] = {
    {"mini", 384, 1536, 12}, {"base", 768, 3072, 12}, {"large", 1024, 4096, 16}};

static const wn_dtype dtypes[] = {WN_DTYPE_F32, WN_DTYPE_BF16, WN_DTYPE_I8};

static const char operations[] = "operations", elements[] = "elements";

typedef struct sweep {
    const wn_kernels *kernels;
    const wn_gemm *gemm; /* of the dtype at hand */
    double peak;         /* of it, operations a second; 0: not known */
    size_t rows;
    wn_sweep_fn *fn;
    void *user;
    wn_arena arena; /* memory of one task */
} sweep;

/* ---- memory and time ------------------------------------------------------------------------- */

/* So many bytes of zero on a cache line's boundary. */
static void *take(sweep *s, size_t bytes)
{
    unsigned char *p = wn_arena_alloc(&s->arena, bytes + WN_ALIGN, 1);
    return p == NULL ? NULL : p + (WN_ALIGN - (uintptr_t)p % WN_ALIGN) % WN_ALIGN;
}

/* So many numbers between -0.5 and 0.5. */
static float *take_floats(sweep *s, size_t n)
{
    float *x = take(s, n * sizeof *x);
    uint32_t state = 1;
    for (size_t i = 0; x != NULL && i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) * 0x1p-24f - 0.5f;
    }
    return x;
}

static wn_status no_memory(wn_error *err)
{
    WN_FAIL(err, WN_ERR_MEMORY, "no memory for the matrices of an operation");
}

/* Time a task, give its row, and free what it worked on. */
static wn_status measure(sweep *s, wn_sweep_row row, void (*run)(const void *task),
                         const void *task, wn_error *err)
{
    uint64_t best_ns = UINT64_MAX, spent_ns = 0;
    run(task); /* memory is touched, caches are warm */
    for (int i = 0; i < RUNS && spent_ns < ENOUGH_NS; i++) {
        uint64_t start_ns = wn_clock_thread_ns();
        run(task);
        uint64_t ns = wn_clock_thread_ns() - start_ns;
        best_ns = WN_MIN(best_ns, ns);
        spent_ns += ns;
    }
    row.seconds = (double)WN_MAX(best_ns, 1) * 1e-9;
    row.dtype = wn_dtype_name(s->gemm->dtype);
    row.peak = row.unit == operations ? s->peak : 0;
    wn_arena_deinit(&s->arena);
    if (!s->fn(s->user, &row))
        WN_FAIL(err, WN_ERR_CANCELLED, "stopped behind %s %s", row.op, row.shape);
    return WN_OK;
}

/* ---- products -------------------------------------------------------------------------------- */

typedef struct product_task {
    const wn_gemm *gemm;
    size_t m, n, k, block, row_bytes;
    wn_act act;
    const float *x, *bias;
    float *y;
    void *packed;
    unsigned char *rows;
} product_task;

static void take_rows(const void *arg)
{
    const product_task *t = arg;
    t->gemm->take_rows(t->rows, t->row_bytes, t->x, t->k, NULL, t->m, t->k);
}

static void multiply(const void *arg)
{
    const product_task *t = arg;
    for (size_t i = 0; i < t->m; i += t->block)
        t->gemm->multiply(t->y + i * t->n, t->n, t->rows + i * t->row_bytes, t->row_bytes,
                          t->packed, t->bias, WN_MIN(t->block, t->m - i), t->n, t->k, t->act);
}

static bool make_product(product_task *t, sweep *s)
{
    const float *w = take_floats(s, t->n * t->k);
    t->x = take_floats(s, t->m * t->k);
    t->bias = take_floats(s, t->n);
    t->y = take_floats(s, t->m * t->n);
    t->packed = take(s, wn_gemm_packed_bytes(t->gemm, t->n, t->k));
    t->rows = take(s, t->m * t->row_bytes);
    if (!w || !t->x || !t->bias || !t->y || !t->packed || !t->rows)
        return false;
    t->gemm->pack(t->packed, w, t->k, t->n, t->k);
    take_rows(t);
    return true;
}

static wn_status sweep_product(sweep *s, const char *name, size_t n, size_t k, wn_act act,
                               size_t block, wn_error *err)
{
    char text[64];
    product_task t = {.gemm = s->gemm,
                      .m = s->rows,
                      .n = n,
                      .k = k,
                      .block = block,
                      .act = act,
                      .row_bytes = wn_gemm_row_bytes(s->gemm, k)};
    snprintf(text, sizeof text, "%s %zu x %zu", name, n, k);
    if (!make_product(&t, s))
        return no_memory(err);
    double ops = 2.0 * (double)t.m * (double)n * (double)k;
    return measure(s, (wn_sweep_row){"product", text, .amount = ops, .unit = operations}, multiply,
                   &t, err);
}

/* The linear layers of a family. */
static wn_status sweep_products(sweep *s, const shape *f, size_t block, wn_error *err)
{
    const size_t d = f->hidden, i = f->intermediate;
    const struct {
        const char *layer;
        size_t n, k;
        wn_act act;
    } layers[] = {
        {"qkv", 3 * d, d, WN_ACT_NONE},
        {"out", d, d, WN_ACT_NONE},
        {"up, GELU", i, d, WN_ACT_GELU},
        {"down", d, i, WN_ACT_NONE},
    };
    for (size_t l = 0; l < WN_ARRAY_LEN(layers); l++) {
        char name[40];
        snprintf(name, sizeof name, "%s %s", f->name, layers[l].layer);
        WN_TRY(sweep_product(s, name, layers[l].n, layers[l].k, layers[l].act, block, err));
    }
    return WN_OK;
}

/* Taking rows over into the dtype. */
static wn_status sweep_rows(sweep *s, const shape *f, wn_error *err)
{
    char text[64];
    product_task t = {.gemm = s->gemm,
                      .m = s->rows,
                      .k = f->hidden,
                      .row_bytes = wn_gemm_row_bytes(s->gemm, f->hidden)};
    snprintf(text, sizeof text, "%s %zu x %zu", f->name, t.m, t.k);
    t.x = take_floats(s, t.m * t.k);
    t.rows = take(s, t.m * t.row_bytes);
    if (t.x == NULL || t.rows == NULL)
        return no_memory(err);
    double n = (double)(t.m * t.k);
    return measure(s, (wn_sweep_row){"rows", text, .amount = n, .unit = elements}, take_rows, &t,
                   err);
}

/* ---- attention ------------------------------------------------------------------------------- */

enum { BATCH_TOKENS = 1024, SEQ_MAX = 512, SEQS_MAX = 32 };

typedef struct attention_task {
    wn_exec *exec;
    wn_tensor y, qkv;
    wn_batch batch;
    wn_attention attention;
    uint32_t start[SEQS_MAX + 1];
} attention_task;

static wn_tensor take_tensor(sweep *s, size_t rows, size_t cols)
{
    return wn_tensor_of(take_floats(s, rows * cols), rows, cols);
}

static void attend(const void *arg)
{
    const attention_task *t = arg;
    wn_tensor y = t->y;
    wn_exec_ops(t->exec)->attention(t->exec, &y, &t->qkv, &t->batch, &t->attention);
}

/* Let both tensors be what a model's are; false: there is no memory. */
static bool keep_as_models_do(sweep *s, attention_task *t)
{
    size_t rows = t->qkv.rows, n = t->qkv.cols, hidden = t->y.cols;
    const wn_linear qkv = {.gemm = s->gemm, .n = n, .k = hidden};
    const wn_linear out = {.gemm = s->gemm, .n = hidden, .k = hidden};
    wn_exec_keep_queries(t->exec, &t->qkv, &qkv, &t->attention);
    wn_exec_keep_outputs(t->exec, &t->y, &out, &t->attention);
    if (!t->qkv.halves)
        return true;
    const float *x = take_floats(s, rows * n);
    if (x != NULL)
        s->kernels->gemm_bf16->take_rows(t->qkv.data, wn_tensor_stride(&t->qkv), x, n, NULL, rows,
                                         n);
    return x != NULL;
}

static wn_status sweep_length(sweep *s, const shape *f, wn_exec *exec, size_t length, wn_error *err)
{
    char text[64];
    attention_task t = {.exec = exec};
    size_t n_seqs = WN_MIN((size_t)BATCH_TOKENS / length, (size_t)SEQS_MAX);
    for (size_t i = 0; i <= n_seqs; i++)
        t.start[i] = (uint32_t)(i * length);
    t.batch = (wn_batch){.n_seqs = n_seqs, .n_tokens = n_seqs * length, .seq_start = t.start};
    t.attention.n_heads = t.attention.n_kv_heads = f->n_heads;
    t.attention.head_dim = f->hidden / f->n_heads;
    t.attention.scale = 1 / sqrtf((float)t.attention.head_dim);
    t.y = take_tensor(s, t.batch.n_tokens, f->hidden);
    t.qkv = take_tensor(s, t.batch.n_tokens, 3 * f->hidden);
    if (t.y.data == NULL || t.qkv.data == NULL || !keep_as_models_do(s, &t))
        return no_memory(err);
    snprintf(text, sizeof text, "%s %zu x %zu tokens", f->name, n_seqs, length);
    double ops = 4.0 * (double)length * (double)f->hidden * (double)t.batch.n_tokens;
    return measure(s, (wn_sweep_row){"attention", text, .amount = ops, .unit = operations}, attend,
                   &t, err);
}

static wn_status sweep_attention(sweep *s, const shape *f, const wn_plan *plan, wn_error *err)
{
    static const size_t lengths[] = {32, 128, SEQ_MAX};
    wn_exec *exec = NULL;
    WN_TRY(wn_exec_new(&exec, plan, s->kernels, NULL, err));
    wn_status status = WN_OK;
    for (size_t i = 0; status == WN_OK && i < WN_ARRAY_LEN(lengths); i++)
        status = sweep_length(s, f, exec, lengths[i], err);
    wn_exec_free(exec);
    return status;
}

/* ---- what is f32 always ---------------------------------------------------------------------- */

typedef struct plain_task {
    const wn_kernels *kernels;
    size_t m, n;
    const float *x, *residual, *gain, *bias;
    float *y;
} plain_task;

static void normalise(const void *arg)
{
    const plain_task *t = arg;
    t->kernels->norm_f32(t->y, t->x, t->residual, t->gain, t->bias, 1e-12f, t->m, t->n);
}

static void activate(const void *arg)
{
    const plain_task *t = arg;
    t->kernels->act_f32(t->y, t->x, WN_ACT_GELU, t->m * t->n);
}

static wn_status sweep_plain(sweep *s, const char *op, const char *name, size_t m, size_t n,
                             void (*run)(const void *), wn_error *err)
{
    char text[64];
    plain_task t = {.kernels = s->kernels, .m = m, .n = n};
    t.x = take_floats(s, m * n);
    t.residual = take_floats(s, m * n);
    t.gain = take_floats(s, n);
    t.bias = take_floats(s, n);
    t.y = take_floats(s, m * n);
    if (!t.x || !t.residual || !t.gain || !t.bias || !t.y)
        return no_memory(err);
    snprintf(text, sizeof text, "%s %zu x %zu", name, m, n);
    return measure(s, (wn_sweep_row){op, text, .amount = (double)(m * n), .unit = elements}, run,
                   &t, err);
}

/* ---- the sweep ------------------------------------------------------------------------------- */

static wn_status make_plan(wn_plan *out, const sweep *s, const shape *f, wn_error *err)
{
    wn_dims dims = {.hidden = f->hidden,
                    .up = f->intermediate,
                    .intermediate = f->intermediate,
                    .n_heads = f->n_heads,
                    .n_kv_heads = f->n_heads,
                    .head_dim = f->hidden / f->n_heads,
                    .out_dim = 1,
                    .max_tokens = SEQ_MAX};
    return wn_plan_make(out, &dims, s->kernels, s->gemm, 1, BATCH_TOKENS, err);
}

static wn_status sweep_shape(sweep *s, const shape *f, wn_error *err)
{
    wn_plan plan;
    WN_TRY(make_plan(&plan, s, f, err));
    WN_TRY(sweep_products(s, f, plan.row_block, err));
    WN_TRY(sweep_attention(s, f, &plan, err));
    if (s->gemm->dtype != WN_DTYPE_F32)
        return sweep_rows(s, f, err);
    WN_TRY(sweep_plain(s, "norm", f->name, plan.row_block, f->hidden, normalise, err));
    return sweep_plain(s, "gelu", f->name, plan.row_block, f->intermediate, activate, err);
}

wn_status wn_sweep_run(const char *cpu_level, const char *dtype, wn_sweep_fn *fn, void *user,
                       wn_error *err)
{
    const char *reason;
    sweep s = {.kernels = wn_kernels_get(cpu_level, &reason), .fn = fn, .user = user};
    WN_ASSERT(s.kernels != NULL);
    wn_status status = WN_OK;
    for (size_t d = 0; status == WN_OK && d < WN_ARRAY_LEN(dtypes); d++) {
        const char *name = wn_dtype_name(dtypes[d]);
        s.gemm = wn_kernels_gemm(s.kernels, dtypes[d]);
        if (s.gemm == NULL || (dtype != NULL && strcmp(dtype, name) != 0))
            continue;
        s.peak = wn_machine_peak(cpu_level, name, NULL);
        s.rows = s.peak > 0 ? ROWS : ROWS_SCALAR;
        for (size_t i = 0; status == WN_OK && i < WN_ARRAY_LEN(shapes); i++)
            status = sweep_shape(&s, &shapes[i], err);
    }
    wn_arena_deinit(&s.arena);
    return status;
}
