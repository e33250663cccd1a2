/* What attention sees in the families that do not see everything, and how heads are turned: ragged
 * batches against a plain double reference, with one thread and three, alone and together bit by
 * bit. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "compute/ops.h"
#include "tests/support/check_attention.h"
#include "tests/support/check_levels.h"
#include "tests/tolerance.h"

#include <math.h>

enum { SEQS = 6, LONGEST = 590, TOKENS = 1 + 7 + LONGEST + 130 + 12 + 64, HEADS_MAX = 4, DIM = 16 };
static const uint32_t start[SEQS + 1] = {0, 1, 8, 598, 728, 740, TOKENS};
static const uint32_t keys[SEQS] = {1, 5, 571, 130, 12, 64};

typedef struct pair {
    wn_pool *pool;
    wn_exec *one, *three;
} pair;

/* In bf16 an intermediate so wide is made in two parts. */
enum { ROWS = 200, HIDDEN = HEADS_MAX * DIM, INTER = 320 };

static pair begin(const wn_kernels *kernels, const wn_gemm *gemm, const wn_attention *a)
{
    pair p = {0};
    const wn_dims dims = {.hidden = HEADS_MAX * DIM,
                          .n_heads = a->n_heads,
                          .n_kv_heads = a->n_kv_heads,
                          .head_dim = DIM,
                          .up = 2 * INTER,
                          .intermediate = INTER,
                          .out_dim = 1,
                          .max_tokens = LONGEST,
                          .n_buckets = a->relative != NULL ? a->relative->n_buckets : 0};
    wn_plan plan;
    wn_error err;
    assert_ok(wn_pool_new(&p.pool, 3, &err), &err);
    assert_ok(wn_plan_make(&plan, &dims, kernels, gemm, 3, TOKENS, &err), &err);
    assert_ok(wn_exec_new(&p.one, &plan, kernels, NULL, &err), &err);
    assert_ok(wn_exec_new(&p.three, &plan, kernels, p.pool, &err), &err);
    return p;
}

static void end(pair *p)
{
    wn_exec_free(p->one);
    wn_exec_free(p->three);
    wn_pool_free(p->pool);
}

/* ---- who sees whom --------------------------------------------------------------------------- */

static const float slopes[HEADS_MAX] = {0.5f, 0.25f, 0.125f, 0.0625f};
static const wn_attention variants[] = {
    {.n_heads = 2, .n_kv_heads = 2, .causal = true},
    {.n_heads = 4, .n_kv_heads = 2},
    {.n_heads = 4, .n_kv_heads = 1, .causal = true},
    {.n_heads = 2, .n_kv_heads = 2, .window = 64},
    {.n_heads = 1, .n_kv_heads = 1, .window = 1},
    {.n_heads = 2, .n_kv_heads = 1, .window = 20, .causal = true},
    {.n_heads = 4, .n_kv_heads = 4, .slopes = slopes},
    {.n_heads = 3, .n_kv_heads = 3, .slopes = slopes, .window = 40},
};

/* One head of one row of y, which row i of sequence s is. */
static void check_head(const wn_kernels *kernels, size_t variant, const wn_attention *a,
                       const wn_tensor *qkv, const wn_tensor *y, size_t s, size_t i, size_t head,
                       const check_places *places)
{
    double want[DIM];
    const float *got = y->data + (start[s] + i) * y->cols + head * DIM;
    check_attention_row(want, qkv, a, start[s], keys[s], i, head, places);
    for (size_t j = 0; j < DIM; j++) {
        if (!(fabs((double)got[j] - want[j]) <= TOLERANCE_ATTENTION))
            fail_msg("%s, variant %zu, sequence %zu, row %zu, head %zu: %g, not %g", kernels->level,
                     variant, s, i, head, (double)got[j], want[j]);
    }
}

/* Single rows of y, as if they alone were computed. */
static void check_wanted(wn_exec *exec, const wn_tensor *y, const wn_tensor *qkv,
                         const wn_batch *batch, wn_attention a)
{
    float memory[SEQS * HEADS_MAX * DIM];
    wn_tensor z = wn_tensor_of(memory, SEQS, y->cols);
    for (int rows = WN_ROWS_FIRST; rows <= WN_ROWS_LAST; rows++) {
        a.rows = (wn_rows)rows;
        wn_exec_ops(exec)->attention(exec, &z, qkv, batch, &a);
        for (size_t s = 0; s < SEQS; s++) {
            size_t row = start[s] + (rows == WN_ROWS_LAST ? keys[s] - 1 : 0);
            assert_memory_equal(z.data + s * y->cols, y->data + row * y->cols,
                                y->cols * sizeof(float));
        }
    }
}

static void check_variant(const wn_kernels *kernels, size_t variant, wn_attention a,
                          const check_places *places)
{
    a.head_dim = DIM;
    a.scale = 0.3f;
    pair p = begin(kernels, kernels->gemm_f32, &a);
    wn_batch batch = {.n_seqs = SEQS, .n_tokens = TOKENS, .seq_start = start, .n_keys = keys};
    size_t width = a.n_heads * DIM, all = wn_attention_width(&a);
    wn_tensor qkv = wn_exec_tensor(p.one, TOKENS, all), y = wn_exec_tensor(p.one, TOKENS, width);
    wn_tensor z = wn_exec_tensor(p.three, TOKENS, width);
    check_random(qkv.data, TOKENS * all, 1);
    wn_exec_ops(p.one)->attention(p.one, &y, &qkv, &batch, &a);
    wn_exec_ops(p.three)->attention(p.three, &z, &qkv, &batch, &a);
    assert_memory_equal(y.data, z.data, TOKENS * width * sizeof(float));
    check_wanted(p.three, &y, &qkv, &batch, a);
    for (size_t s = 0; s < SEQS; s++) {
        for (size_t i = 0; i < start[s + 1] - start[s]; i += 1 + i / 9) {
            for (size_t head = 0; head < a.n_heads; head++)
                check_head(kernels, variant, &a, &qkv, &y, s, i, head, places);
        }
        const uint32_t alone_start[2] = {0, start[s + 1] - start[s]};
        wn_batch alone = {
            .n_seqs = 1, .n_tokens = alone_start[1], .seq_start = alone_start, .n_keys = &keys[s]};
        wn_tensor part = wn_tensor_of(qkv.data + start[s] * all, alone_start[1], all),
                  out = wn_tensor_of(z.data, alone_start[1], width);
        wn_exec_ops(p.three)->attention(p.three, &out, &part, &alone, &a);
        assert_memory_equal(out.data, y.data + start[s] * width,
                            alone_start[1] * width * sizeof(float));
    }
    end(&p);
}

static void check_variants(const wn_kernels *kernels)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(variants); i++)
        check_variant(kernels, i, variants[i], NULL);
}

static void each_row_sees_the_keys_that_its_place_allows(void **state)
{
    (void)state;
    check_levels(check_variants);
}

/* ---- single rows ----------------------------------------------------------------------------- */

enum { PLAIN_HEADS = 3, QKV = 3 * PLAIN_HEADS * DIM };

/* Packed weights of queries, keys and values, the latter two once more by heads. */
typedef struct plain_heads {
    float weights[QKV * HIDDEN], bias[QKV];
    wn_linear qkv;
    wn_state_weights states;
} plain_heads;

static void make_plain_heads(plain_heads *h, const wn_kernels *kernels)
{
    wn_error err;
    check_random(h->weights, WN_ARRAY_LEN(h->weights), 0.3f);
    check_random(h->bias, WN_ARRAY_LEN(h->bias), 1);
    const wn_linear_source source = {
        .parts = {{.data = h->weights, .dtype = WN_DTYPE_F32, .rows = QKV, .cols = HIDDEN}},
        .biases = {{.data = h->bias, .dtype = WN_DTYPE_F32, .rows = 1, .cols = QKV}},
        .n_parts = 1,
        .has_bias = true};
    assert_ok(wn_linear_init(&h->qkv, kernels->gemm_f32, &source, NULL, &err), &err);
    assert_ok(wn_state_weights_init(&h->states, kernels->gemm_f32, &h->qkv, &source, PLAIN_HEADS,
                                    DIM, &err),
              &err);
}

/* The rows of y beside those of attention over keys and values that are made. */
static void check_states(wn_exec *exec, const wn_tensor *y, const wn_tensor *qkv,
                         const wn_batch *batch, const wn_attention *a)
{
    float memory[SEQS * HEADS_MAX * DIM];
    wn_tensor want = wn_tensor_of(memory, SEQS, y->cols);
    wn_exec_ops(exec)->attention(exec, &want, qkv, batch, a);
    for (size_t i = 0; i < SEQS * y->cols; i++) {
        if (!(fabsf(y->data[i] - want.data[i]) <= 2e-5f))
            fail_msg("rows %d, element %zu: %g, not %g", (int)a->rows, i, (double)y->data[i],
                     (double)want.data[i]);
    }
}

/* Few sequences, of which threads share each, get what they get among many. */
static void check_few_states(wn_exec *exec, const wn_tensor *y, const wn_tensor *queries,
                             const wn_tensor *x, const wn_attention *a, const wn_state_weights *w)
{
    float memory[2 * HEADS_MAX * DIM];
    for (size_t s = 0; s + 1 < SEQS; s++) {
        const uint32_t few_start[3] = {0, start[s + 1] - start[s], start[s + 2] - start[s]};
        for (size_t n = 1; n <= 2; n++) {
            wn_batch few = {
                .n_seqs = n, .n_tokens = few_start[n], .seq_start = few_start, .n_keys = keys + s};
            wn_tensor z = wn_tensor_of(memory, n, y->cols);
            wn_tensor part = wn_tensor_of(x->data + start[s] * x->cols, few_start[n], x->cols);
            wn_tensor own = wn_tensor_of(queries->data + s * queries->cols, n, queries->cols);
            wn_exec_ops(exec)->attend_states(exec, &z, &own, &part, &few, a, w);
            assert_memory_equal(z.data, y->data + s * y->cols, n * y->cols * sizeof(float));
        }
    }
}

static void check_single_rows(const wn_kernels *kernels)
{
    static plain_heads h;
    wn_attention a = {
        .n_heads = PLAIN_HEADS, .n_kv_heads = PLAIN_HEADS, .head_dim = DIM, .scale = 0.3f};
    wn_batch batch = {.n_seqs = SEQS, .n_tokens = TOKENS, .seq_start = start, .n_keys = keys};
    pair p = begin(kernels, kernels->gemm_f32, &a);
    const wn_ops *ops = wn_exec_ops(p.one);
    size_t width = PLAIN_HEADS * DIM;
    make_plain_heads(&h, kernels);
    wn_tensor x = wn_exec_tensor(p.one, TOKENS, HIDDEN), qkv = wn_exec_tensor(p.one, TOKENS, QKV);
    wn_tensor queries = wn_exec_tensor(p.one, SEQS, width), y = wn_exec_tensor(p.one, SEQS, width);
    wn_tensor z = wn_exec_tensor(p.three, SEQS, width);
    check_random(x.data, TOKENS * HIDDEN, 1);
    ops->linear(p.one, &qkv, &x, &h.qkv, WN_ACT_NONE);
    for (int rows = WN_ROWS_FIRST; rows <= WN_ROWS_LAST; rows++) {
        a.rows = (wn_rows)rows;
        for (size_t s = 0; s < SEQS; s++) {
            size_t row = start[s] + (rows == WN_ROWS_LAST ? keys[s] - 1 : 0);
            memcpy(queries.data + s * width, qkv.data + row * QKV, width * sizeof(float));
        }
        ops->attend_states(p.one, &y, &queries, &x, &batch, &a, &h.states);
        ops->attend_states(p.three, &z, &queries, &x, &batch, &a, &h.states);
        assert_memory_equal(y.data, z.data, SEQS * width * sizeof(float));
        check_few_states(p.three, &y, &queries, &x, &a, &h.states);
        check_states(p.one, &y, &qkv, &batch, &a);
    }
    wn_state_weights_deinit(&h.states);
    wn_linear_deinit(&h.qkv);
    end(&p);
}

static void single_rows_need_no_keys_and_values(void **state)
{
    (void)state;
    check_levels(check_single_rows);
}

/* ---- distances ------------------------------------------------------------------------------- */

enum { BUCKETS = 29 };

/* Buckets that grow with the distance, and numbers and vectors for them in both forms. */
typedef struct by_distance {
    int32_t bucket[2 * LONGEST - 1];
    float numbers[HEADS_MAX * BUCKETS], keys[HEADS_MAX * BUCKETS * DIM],
        queries[HEADS_MAX * BUCKETS * DIM];
    unsigned char *packed, *rows;
} by_distance;

static void make_distances(by_distance *d, const wn_kernels *kernels)
{
    const wn_gemm *gemm = kernels->gemm_f32;
    size_t key_bytes = wn_relative_key_bytes(gemm, BUCKETS, DIM);
    size_t row_bytes = wn_gemm_row_bytes(gemm, DIM);
    for (int32_t i = 0; i < 2 * LONGEST - 1; i++) {
        int32_t away = LONGEST - 1 - i, far = (int32_t)cbrt(12.0 * away);
        d->bucket[i] = WN_MIN(WN_MAX(far + BUCKETS / 2, 0), BUCKETS - 1);
    }
    check_random(d->numbers, WN_ARRAY_LEN(d->numbers), 1);
    check_random(d->keys, WN_ARRAY_LEN(d->keys), 1);
    check_random(d->queries, WN_ARRAY_LEN(d->queries), 1);
    d->packed = wn_mem_aligned(HEADS_MAX * key_bytes);
    d->rows = wn_mem_aligned(HEADS_MAX * BUCKETS * row_bytes);
    for (size_t h = 0; h < HEADS_MAX; h++) {
        size_t at = h * BUCKETS;
        gemm->pack(d->packed + h * key_bytes, d->keys + at * DIM, DIM, BUCKETS, DIM);
        gemm->take_rows(d->rows + at * row_bytes, row_bytes, d->queries + at * DIM, DIM, NULL,
                        BUCKETS, DIM);
    }
}

static void check_distances(const wn_kernels *kernels)
{
    static by_distance d;
    make_distances(&d, kernels);
    const check_places places = {d.keys, d.queries};
    const wn_relative kinds[] = {{.keys = d.packed},
                                 {.queries = d.rows},
                                 {.by_head = d.numbers},
                                 {.keys = d.packed, .queries = d.rows, .by_head = d.numbers}};
    for (size_t i = 0; i < WN_ARRAY_LEN(kinds); i++) {
        wn_relative relative = kinds[i];
        relative.n_buckets = BUCKETS;
        relative.n_places = LONGEST;
        relative.bucket = d.bucket;
        const wn_attention a = {.n_heads = 3, .n_kv_heads = 3, .relative = &relative};
        check_variant(kernels, 100 + i, a, &places);
    }
    wn_mem_free(d.packed);
    wn_mem_free(d.rows);
}

static void scores_may_depend_on_how_far_a_key_is(void **state)
{
    (void)state;
    check_levels(check_distances);
}

/* ---- heads ----------------------------------------------------------------------------------- */

/* The angle of pair j at a place, as the reference has it. */
static double angle_of(size_t place, size_t j, size_t dim)
{
    return (double)((float)place * (float)(pow(10000, -2.0 * (double)j / (double)dim) / 1.5));
}

/* One head as it should become: normalised by gain (NULL: not), its first dim elements turned. */
static void turn_in_double(double *out, const float *x, const float *gain, size_t place, size_t dim)
{
    double squares = 0, z[DIM];
    for (size_t j = 0; j < DIM; j++)
        squares += (double)x[j] * (double)x[j] / DIM;
    for (size_t j = 0; j < DIM; j++)
        out[j] = z[j] =
            gain != NULL ? (double)x[j] / sqrt(squares + 1e-6) * (double)gain[j] : (double)x[j];
    for (size_t j = 0; j < dim / 2; j++) {
        double c = cos(angle_of(place, j, dim)), s = sin(angle_of(place, j, dim));
        out[j] = z[j] * c - z[dim / 2 + j] * s;
        out[dim / 2 + j] = z[dim / 2 + j] * c + z[j] * s;
    }
}

static void check_turned_of(const wn_kernels *kernels, const float *gain, size_t dim)
{
    const wn_attention a = {.n_heads = 4, .n_kv_heads = 2, .head_dim = DIM};
    static float before[TOKENS * 8 * DIM];
    pair p = begin(kernels, kernels->gemm_f32, &a);
    wn_batch batch = {.n_seqs = SEQS, .n_tokens = TOKENS, .seq_start = start};
    size_t width = wn_attention_width(&a);
    wn_rotary rotary;
    wn_norm norm = {0};
    wn_error err;
    assert_ok(wn_rotary_init(&rotary, 10000, 1.5, dim, LONGEST, &err), &err);
    const wn_source source = {.data = gain, .dtype = WN_DTYPE_F32, .rows = 1, .cols = DIM};
    if (gain != NULL)
        assert_ok(wn_norm_init(&norm, WN_NORM_RMS, &source, NULL, 1e-6f, &err), &err);
    const wn_head_turn turn = {.query_norm = gain != NULL ? &norm : NULL, .rotary = &rotary};
    wn_tensor x = wn_exec_tensor(p.one, TOKENS, width), z = wn_exec_tensor(p.three, TOKENS, width);
    check_random(x.data, TOKENS * width, 2);
    memcpy(z.data, x.data, TOKENS * width * sizeof(float));
    memcpy(before, x.data, TOKENS * width * sizeof(float));
    wn_exec_ops(p.one)->turn_heads(p.one, &x, &batch, &a, &turn);
    wn_exec_ops(p.three)->turn_heads(p.three, &z, &batch, &a, &turn);
    assert_memory_equal(x.data, z.data, TOKENS * width * sizeof(float));
    for (size_t t = 0; t < TOKENS; t++) {
        size_t place = t - start[wn_find_start(start, SEQS, t)];
        for (size_t i = 0; i < width; i += DIM) {
            double want[DIM];
            const float *at = before + t * width + i, *got = x.data + t * width + i;
            turn_in_double(want, at, i < 4 * DIM ? gain : NULL, place, dim);
            for (size_t j = 0; j < DIM; j++)
                assert_true(i >= 6 * DIM ? got[j] == at[j] : fabs((double)got[j] - want[j]) < 5e-6);
        }
    }
    wn_norm_deinit(&norm);
    wn_rotary_deinit(&rotary);
    end(&p);
}

static void check_turned(const wn_kernels *kernels)
{
    float gain[DIM];
    check_random(gain, DIM, 1);
    check_turned_of(kernels, NULL, DIM);
    check_turned_of(kernels, NULL, DIM / 2);
    check_turned_of(kernels, gain, DIM);
}

static void heads_are_turned_by_their_place_in_the_sequence(void **state)
{
    (void)state;
    check_levels(check_turned);
}

/* Call check with the product of each dtype that the level has. */
static void check_dtypes(const wn_kernels *kernels,
                         void (*check)(const wn_kernels *kernels, const wn_gemm *gemm))
{
    const wn_gemm *gemms[] = {kernels->gemm_f32, kernels->gemm_bf16, kernels->gemm_i8};
    for (size_t i = 0; i < WN_ARRAY_LEN(gemms); i++) {
        if (gemms[i] != NULL)
            check(kernels, gemms[i]);
    }
}

/* ---- gates ----------------------------------------------------------------------------------- */

static wn_linear random_linear(const wn_gemm *gemm, size_t n, size_t k)
{
    static float w[2 * INTER * HIDDEN];
    check_random(w, n * k, 0.3f);
    const wn_linear_source source = {.parts = {{w, WN_DTYPE_F32, .rows = n, .cols = k}},
                                     .n_parts = 1};
    wn_linear linear;
    wn_error err;
    assert_ok(wn_linear_init(&linear, gemm, &source, NULL, &err), &err);
    return linear;
}

/* The same from linear products and the kernels of gate and sum. */
static void gate_by_parts(wn_exec *exec, const wn_kernels *kernels, wn_tensor *y,
                          const wn_tensor *x, const wn_tensor *residual, const wn_feed_forward *f)
{
    static _Alignas(64) float wide[ROWS * 2 * INTER], narrow[ROWS * INTER];
    wn_tensor up = wn_tensor_of(wide, ROWS, 2 * INTER), gated = wn_tensor_of(narrow, ROWS, INTER);
    wn_exec_ops(exec)->linear(exec, &up, x, f->up, WN_ACT_NONE);
    for (size_t i = 0; i < ROWS; i++) {
        const float *row = wide + i * 2 * INTER;
        bool first = f->gate == WN_GATE_FIRST;
        kernels->gate_f32(narrow + i * INTER, first ? row : row + INTER, first ? row + INTER : row,
                          f->act, INTER);
    }
    wn_exec_ops(exec)->linear_add_norm(exec, y, &gated, f->down, residual, f->norm);
}

static void check_gates_of(const wn_kernels *kernels, const wn_gemm *gemm)
{
    const wn_attention a = {.n_heads = 4, .n_kv_heads = 4};
    pair p = begin(kernels, gemm, &a);
    wn_linear up = random_linear(gemm, 2 * INTER, HIDDEN),
              down = random_linear(gemm, HIDDEN, INTER);
    wn_tensor x = wn_exec_tensor(p.one, ROWS, HIDDEN), y = wn_exec_tensor(p.one, ROWS, HIDDEN);
    wn_tensor z = wn_exec_tensor(p.three, ROWS, HIDDEN), r = wn_exec_tensor(p.three, ROWS, HIDDEN);
    check_random(x.data, ROWS * HIDDEN, 1);
    check_random(r.data, ROWS * HIDDEN, 1);
    for (int gate = WN_GATE_FIRST; gate <= WN_GATE_SECOND; gate++) {
        const wn_feed_forward f = {
            .up = &up, .down = &down, .act = WN_ACT_SILU, .gate = (wn_gate)gate};
        wn_exec_ops(p.one)->feed_forward(p.one, &y, &x, &r, &f);
        gate_by_parts(p.three, kernels, &z, &x, &r, &f);
        assert_memory_equal(y.data, z.data, ROWS * HIDDEN * sizeof(float));
        memcpy(z.data, r.data, ROWS * HIDDEN * sizeof(float));
        wn_exec_ops(p.three)->feed_forward(p.three, &z, &x, &z, &f);
        assert_memory_equal(y.data, z.data, ROWS * HIDDEN * sizeof(float));
    }
    wn_linear_deinit(&up);
    wn_linear_deinit(&down);
    end(&p);
}

static void check_gates(const wn_kernels *kernels)
{
    check_dtypes(kernels, check_gates_of);
}

static void gated_feed_forward_equals_its_parts_bit_by_bit(void **state)
{
    (void)state;
    check_levels(check_gates);
}

/* ---- columns --------------------------------------------------------------------------------- */

static void check_columns_of(const wn_kernels *kernels, const wn_gemm *gemm)
{
    const wn_attention a = {.n_heads = 4, .n_kv_heads = 4};
    pair p = begin(kernels, gemm, &a);
    wn_linear w = random_linear(gemm, 2 * INTER, HIDDEN);
    wn_tensor x = wn_exec_tensor(p.one, ROWS, HIDDEN), y = wn_exec_tensor(p.one, ROWS, 2 * INTER);
    wn_tensor z = wn_exec_tensor(p.three, ROWS, 2 * INTER);
    check_random(x.data, ROWS * HIDDEN, 1);
    wn_exec_ops(p.one)->linear(p.one, &y, &x, &w, WN_ACT_NONE);
    for (size_t first = 0; first <= w.n; first += 3 * (size_t)gemm->nr) {
        memset(z.data, 0, ROWS * w.n * sizeof(float));
        wn_exec_ops(p.three)->linear_from(p.three, &z, &x, &w, first);
        for (size_t i = 0; i < ROWS * w.n; i++)
            assert_true(z.data[i] == (i % w.n < first ? 0 : y.data[i]));
    }
    wn_linear_deinit(&w);
    end(&p);
}

static void check_columns(const wn_kernels *kernels)
{
    check_dtypes(kernels, check_columns_of);
}

static void columns_from_one_on_are_those_of_all_and_spare_the_others(void **state)
{
    (void)state;
    check_levels(check_columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_sees_the_keys_that_its_place_allows),
        cmocka_unit_test(single_rows_need_no_keys_and_values),
        cmocka_unit_test(scores_may_depend_on_how_far_a_key_is),
        cmocka_unit_test(heads_are_turned_by_their_place_in_the_sequence),
        cmocka_unit_test(gated_feed_forward_equals_its_parts_bit_by_bit),
        cmocka_unit_test(columns_from_one_on_are_those_of_all_and_spare_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
