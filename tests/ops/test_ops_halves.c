/* Tensors of an attention that are rows of bf16, where a level has it faster so: the same bits as
 * rows of floats that hold the same numbers, for all rows and for those that are wanted. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "compute/ops.h"
#include "kernel/lowp.h"
#include "tests/support/check_levels.h"

enum { HEADS = 2, DIM_MAX = 64, HIDDEN = HEADS * DIM_MAX, SEQS = 5, LONGEST = 330 };
enum { TOKENS = 1 + LONGEST + 64 + 33 + 7 };
static const uint32_t start[SEQS + 1] = {0, 1, 1 + LONGEST, 65 + LONGEST, TOKENS - 7, TOKENS};
static const uint32_t keys[SEQS] = {1, 100, 64, 33, 5};

/* By the window, the last rows of the longest sequence see no key; by the scale, scores are larger
 * than the way of a level that makes attention at once can count. */
static const float slopes[HEADS] = {0.5f, 0.25f};
static const wn_attention variants[] = {
    {.n_heads = 2, .n_kv_heads = 2},
    {.n_heads = 2, .n_kv_heads = 2, .scale = 1e5f},
    {.n_heads = 2, .n_kv_heads = 1, .causal = true},
    {.n_heads = 2, .n_kv_heads = 2, .window = 20},
    {.n_heads = 2, .n_kv_heads = 1, .window = 20},
    {.n_heads = 2, .n_kv_heads = 2, .slopes = slopes},
};

/* A layer's matrices and tensors of both kinds. */
typedef struct halves_case {
    wn_exec *exec;
    wn_attention attention;
    wn_batch batch;
    wn_linear qkv, out;
    wn_tensor x;
} halves_case;

static wn_linear random_linear(const wn_gemm *gemm, size_t n, size_t k)
{
    static float w[3 * HIDDEN * HIDDEN], bias[3 * HIDDEN];
    wn_linear linear;
    wn_error err;
    check_random(w, n * k, 0.2f);
    check_random(bias, n, 0.5f);
    const wn_linear_source source = {.parts = {{w, WN_DTYPE_F32, .rows = n, .cols = k}},
                                     .biases = {{bias, WN_DTYPE_F32, .rows = 1, .cols = n}},
                                     .n_parts = 1,
                                     .has_bias = true};
    assert_ok(wn_linear_init(&linear, gemm, &source, NULL, &err), &err);
    return linear;
}

static halves_case begin(const wn_kernels *kernels, const wn_gemm *gemm, size_t head_dim,
                         const wn_attention *variant)
{
    halves_case c = {
        .attention = *variant,
        .batch = {.n_seqs = SEQS, .n_tokens = TOKENS, .seq_start = start, .n_keys = keys}};
    const wn_dims dims = {.hidden = HIDDEN,
                          .n_heads = HEADS,
                          .n_kv_heads = HEADS,
                          .head_dim = DIM_MAX,
                          .up = HIDDEN,
                          .intermediate = HIDDEN,
                          .out_dim = 2 * HIDDEN,
                          .max_tokens = LONGEST};
    c.attention.head_dim = head_dim;
    if (variant->scale == 0)
        c.attention.scale = 0.2f;
    wn_plan plan;
    wn_error err;
    assert_ok(wn_plan_make(&plan, &dims, kernels, gemm, 1, 2 * TOKENS, &err), &err);
    assert_ok(wn_exec_new(&c.exec, &plan, kernels, NULL, &err), &err);
    c.qkv = random_linear(gemm, wn_attention_width(&c.attention), HIDDEN);
    c.out = random_linear(gemm, HIDDEN, HEADS * head_dim);
    c.x = wn_exec_tensor(c.exec, TOKENS, HIDDEN);
    check_random(c.x.data, TOKENS * HIDDEN, 1);
    return c;
}

static void end(halves_case *c)
{
    wn_linear_deinit(&c->qkv);
    wn_linear_deinit(&c->out);
    wn_exec_free(c->exec);
}

/* Floats that are numbers of bf16. */
static void round_all(const wn_tensor *x)
{
    for (size_t i = 0; i < x->rows * x->cols; i++)
        x->data[i] = wn_bf16_widen(wn_bf16_round(x->data[i]));
}

/* What queries, keys and values are made of x: all rows, or the wanted queries by themselves. */
static void make_queries(const halves_case *c, wn_tensor *qkv, wn_rows rows)
{
    const wn_ops *ops = wn_exec_ops(c->exec);
    float memory[SEQS * HIDDEN], picked[SEQS * HIDDEN];
    wn_tensor queries = wn_tensor_of(memory, SEQS, HEADS * c->attention.head_dim);
    wn_tensor few = wn_tensor_of(picked, SEQS, HIDDEN);
    if (rows == WN_ROWS_ALL) {
        ops->linear(c->exec, qkv, &c->x, &c->qkv, WN_ACT_NONE);
        return;
    }
    wn_linear first = c->qkv;
    first.n = queries.cols;
    ops->pool(c->exec, &few, &c->x, &c->batch, rows == WN_ROWS_LAST ? WN_POOL_LAST : WN_POOL_FIRST);
    ops->linear(c->exec, &queries, &few, &first, WN_ACT_NONE);
    ops->linear_from(c->exec, qkv, &c->x, &c->qkv, queries.cols);
    ops->put_rows(c->exec, qkv, &queries, &c->batch, rows);
}

/* Nothing has written between rows or behind them, where a tensor of floats would go on. */
static void assert_beside_rows(const wn_tensor *x)
{
    const unsigned char *bytes = (const unsigned char *)x->data;
    size_t stride = wn_tensor_stride(x);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t at = x->cols * sizeof(uint16_t); at < stride; at++)
            assert_int_equal(bytes[i * stride + at], 0xFF);
    for (size_t at = x->rows * stride; at < x->rows * x->cols * sizeof *x->data; at++)
        assert_int_equal(bytes[at], 0xFF);
}

/* The outputs of attention, and what the product behind it adds to zeros. */
static void attend(const halves_case *c, wn_tensor *sum, wn_rows rows, bool halves)
{
    const wn_ops *ops = wn_exec_ops(c->exec);
    wn_exec *exec = c->exec;
    wn_attention a = c->attention;
    size_t n = rows == WN_ROWS_ALL ? TOKENS : SEQS;
    wn_tensor qkv = wn_exec_tensor(exec, TOKENS, c->qkv.n), y = wn_exec_tensor(exec, n, c->out.k);
    a.rows = rows;
    *sum = wn_exec_tensor(exec, n, HIDDEN);
    memset(sum->data, 0, n * HIDDEN * sizeof *sum->data);
    memset(qkv.data, 0xFF, TOKENS * c->qkv.n * sizeof *qkv.data);
    memset(y.data, 0xFF, n * c->out.k * sizeof *y.data);
    if (halves) {
        wn_exec_keep_queries(exec, &qkv, &c->qkv, &a);
        wn_exec_keep_outputs(exec, &y, &c->out, &a);
        assert_true(qkv.halves && y.halves);
    }
    make_queries(c, &qkv, rows);
    if (!halves)
        round_all(&qkv);
    ops->attention(exec, &y, &qkv, &c->batch, &a);
    if (halves) {
        assert_beside_rows(&qkv);
        assert_beside_rows(&y);
    } else {
        round_all(&y);
    }
    ops->linear_add_norm(exec, sum, &y, &c->out, sum, NULL);
}

static void check_rows(const wn_kernels *kernels, const wn_gemm *gemm, size_t head_dim,
                       const wn_attention *variant)
{
    for (int rows = WN_ROWS_ALL; rows <= WN_ROWS_LAST; rows++) {
        halves_case c = begin(kernels, gemm, head_dim, variant);
        wn_tensor got, want;
        attend(&c, &got, (wn_rows)rows, true);
        attend(&c, &want, (wn_rows)rows, false);
        assert_int_equal(got.rows, want.rows);
        assert_memory_equal(got.data, want.data, got.rows * got.cols * sizeof *got.data);
        end(&c);
    }
}

/* Whether both kinds of tensors are kept so at all. */
static void check_kept(const wn_kernels *kernels, const wn_gemm *gemm, size_t head_dim, bool kept)
{
    halves_case c = begin(kernels, gemm, head_dim, &variants[0]);
    wn_tensor qkv = wn_tensor_of(NULL, TOKENS, c.qkv.n), y = wn_tensor_of(NULL, TOKENS, c.out.k);
    wn_exec_keep_queries(c.exec, &qkv, &c.qkv, &c.attention);
    wn_exec_keep_outputs(c.exec, &y, &c.out, &c.attention);
    assert_int_equal(qkv.halves, kept);
    assert_int_equal(y.halves, kept);
    end(&c);
}

static void check_level(const wn_kernels *kernels)
{
    const wn_gemm *gemms[] = {kernels->gemm_f32, kernels->gemm_bf16, kernels->gemm_i8};
    for (size_t i = 0; i < WN_ARRAY_LEN(gemms); i++) {
        if (gemms[i] == NULL)
            continue;
        bool can = gemms[i]->multiply_halves != NULL;
        assert_int_equal(can, gemms[i]->pack_halves_t != NULL);
        check_kept(kernels, gemms[i], 16, false); /* a head is less than a step of k */
        check_kept(kernels, gemms[i], 32, can);
        for (size_t v = 0; can && v < WN_ARRAY_LEN(variants); v++) {
            check_rows(kernels, gemms[i], 32, &variants[v]);
            check_rows(kernels, gemms[i], 64, &variants[v]);
        }
    }
}

static void attention_of_bf16_rows_has_the_bits_of_their_floats(void **state)
{
    (void)state;
    check_levels(check_level);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_of_bf16_rows_has_the_bits_of_their_floats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
