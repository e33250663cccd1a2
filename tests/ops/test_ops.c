/* The ops of a forward pass on ragged batches, against a plain double reference, with one thread
 * and three, alone and together, bit by bit where the promise says so. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "compute/ops.h"
#include "tests/support/check_attention.h"
#include "tests/support/check_levels.h"
#include "tests/tolerance.h"

#include <math.h>

enum { SEQS = 9 };
static const uint32_t lens[SEQS] = {1, 5, 17, 64, 3, 130, 31, 2, 90};

static wn_exec *new_exec(const wn_kernels *kernels, const wn_gemm *gemm, wn_pool *pool,
                         size_t hidden, size_t inter, size_t n_heads, size_t n_threads)
{
    wn_dims dims = {.hidden = hidden,
                    .n_heads = n_heads,
                    .n_kv_heads = n_heads,
                    .head_dim = hidden / n_heads,
                    .up = inter,
                    .intermediate = inter,
                    .out_dim = hidden,
                    .max_tokens = 130};
    wn_plan plan;
    wn_exec *exec = NULL;
    wn_error err;
    assert_ok(wn_plan_make(&plan, &dims, kernels, gemm, n_threads, 1024, &err), &err);
    assert_ok(wn_exec_new(&exec, &plan, kernels, pool, &err), &err);
    return exec;
}

static void check_attention_of(const wn_kernels *kernels, size_t n_heads, size_t head_dim)
{
    size_t width = n_heads * head_dim, total = 0;
    uint32_t start[SEQS + 1] = {0}, keys[SEQS];
    for (size_t s = 0; s < SEQS; s++) {
        start[s + 1] = start[s] + lens[s];
        keys[s] = s % 3 == 1 ? (lens[s] + 1) / 2 : lens[s];
    }
    total = start[SEQS];
    wn_batch batch = {.n_seqs = SEQS, .n_tokens = total, .seq_start = start, .n_keys = keys};
    wn_attention a = {.n_heads = n_heads,
                      .n_kv_heads = n_heads,
                      .head_dim = head_dim,
                      .scale = 1.0f / sqrtf((float)head_dim)};
    wn_pool *pool = NULL;
    wn_error err;
    assert_ok(wn_pool_new(&pool, 3, &err), &err);
    wn_exec *one = new_exec(kernels, kernels->gemm_f32, NULL, width, 8, n_heads, 1);
    wn_exec *three = new_exec(kernels, kernels->gemm_f32, pool, width, 8, n_heads, 3);
    wn_tensor qkv = wn_exec_tensor(one, total, 3 * width), y = wn_exec_tensor(one, total, width);
    wn_tensor z = wn_exec_tensor(three, total, width), w = wn_exec_tensor(three, 130, width);
    check_random(qkv.data, total * 3 * width, 2);
    wn_exec_ops(one)->attention(one, &y, &qkv, &batch, &a);
    wn_exec_ops(three)->attention(three, &z, &qkv, &batch, &a);
    assert_memory_equal(y.data, z.data, total * width * sizeof(float));
    double worst = 0;
    for (size_t s = 0; s < SEQS; s++) {
        for (size_t head = 0; head < n_heads; head++) {
            for (size_t i = 0; i < lens[s]; i++) {
                double want[256];
                check_attention_row(want, &qkv, &a, start[s], keys[s], i, head, NULL);
                for (size_t p = 0; p < head_dim; p++)
                    worst = fmax(worst,
                                 fabs((double)y.data[(start[s] + i) * width + head * head_dim + p] -
                                      want[p]));
            }
        }
        uint32_t alone_start[2] = {0, lens[s]};
        wn_batch alone = {
            .n_seqs = 1, .n_tokens = lens[s], .seq_start = alone_start, .n_keys = &keys[s]};
        wn_tensor part = wn_tensor_of(qkv.data + start[s] * 3 * width, lens[s], 3 * width);
        wn_tensor out = wn_tensor_of(w.data, lens[s], width);
        wn_exec_ops(three)->attention(three, &out, &part, &alone, &a);
        assert_memory_equal(out.data, y.data + start[s] * width, lens[s] * width * sizeof(float));
    }
    if (!(worst <= TOLERANCE_ATTENTION))
        fail_msg("%s: %zu heads of %zu: error %.2e, at most %.0e", kernels->level, n_heads,
                 head_dim, worst, TOLERANCE_ATTENTION);
    wn_exec_free(one);
    wn_exec_free(three);
    wn_pool_free(pool);
}

static void check_attention(const wn_kernels *kernels)
{
    const size_t shapes[][2] = {{1, 32}, {3, 64}, {2, 9}, {1, 128}, {12, 32}, {1, 1}};
    for (size_t i = 0; i < WN_ARRAY_LEN(shapes); i++)
        check_attention_of(kernels, shapes[i][0], shapes[i][1]);
}

static void attention_sees_its_own_sequence_and_its_keys_only(void **state)
{
    (void)state;
    check_levels(check_attention);
}

static wn_linear random_linear(const wn_gemm *gemm, size_t n, size_t k)
{
    float *w = wn_mem_alloc(n * k, sizeof *w), *b = wn_mem_alloc(n, sizeof *b);
    check_random(w, n * k, 0.3f);
    check_random(b, n, 0.3f);
    const wn_linear_source source = {.parts = {{w, WN_DTYPE_F32, .rows = n, .cols = k}},
                                     .biases = {{b, WN_DTYPE_F32, .rows = 1, .cols = n}},
                                     .n_parts = 1,
                                     .has_bias = true};
    wn_linear linear;
    wn_error err;
    assert_ok(wn_linear_init(&linear, gemm, &source, NULL, &err), &err);
    wn_mem_free(w);
    wn_mem_free(b);
    return linear;
}

/* down(act(up x)) as the level takes over the one product for the other. */
static void multiply_twice(float *y, const float *x, size_t m, const wn_feed_forward *f)
{
    const wn_linear *up = f->up, *down = f->down;
    const wn_gemm *gemm = up->gemm;
    size_t stride = wn_gemm_row_bytes(gemm, up->k), middle = wn_gemm_halves_bytes(up->n);
    unsigned char *rows = wn_mem_aligned(m * stride), *taken = wn_mem_aligned(m * middle);
    assert_true(rows != NULL && taken != NULL);
    gemm->take_rows(rows, stride, x, up->k, up->factor, m, up->k);
    gemm->multiply_taken(taken, middle, rows, stride, up->packed, up->bias, m, up->n, up->k,
                         f->act);
    gemm->multiply(y, down->n, taken, middle, down->packed, down->bias, m, down->n, down->k,
                   WN_ACT_NONE);
    wn_mem_free(rows);
    wn_mem_free(taken);
}

static void check_layer_of(const wn_kernels *kernels, const wn_gemm *gemm, size_t h, size_t inter)
{
    const size_t rows = 343;
    float ones[1024], zeros[1024] = {0};
    for (size_t i = 0; i < h; i++)
        ones[i] = 1;
    wn_source gain = {ones, WN_DTYPE_F32, .rows = 1, .cols = h},
              bias = {zeros, WN_DTYPE_F32, .rows = 1, .cols = h};
    wn_linear up = random_linear(gemm, inter, h), down = random_linear(gemm, h, inter);
    wn_norm norm;
    wn_error err;
    assert_ok(wn_norm_init(&norm, WN_NORM_LAYER, &gain, &bias, 1e-12f, &err), &err);
    const wn_feed_forward f = {.up = &up, .down = &down, .act = WN_ACT_GELU, .norm = &norm};
    wn_pool *pool = NULL;
    assert_ok(wn_pool_new(&pool, 3, &err), &err);
    wn_exec *three = new_exec(kernels, gemm, pool, h, inter, 1, 3),
            *one = new_exec(kernels, gemm, NULL, h, inter, 1, 1);
    wn_tensor x = wn_exec_tensor(one, rows, h), y = wn_exec_tensor(one, rows, h);
    wn_tensor z = wn_exec_tensor(three, rows, h), apart = wn_exec_tensor(three, rows, h);
    float *wide = wn_mem_aligned(rows * WN_MAX(h, inter) * sizeof(float));
    check_random(x.data, rows * h, 1);
    wn_exec_ops(one)->feed_forward(one, &y, &x, &x, &f);
    wn_exec_ops(three)->feed_forward(three, &z, &x, &x, &f);
    assert_memory_equal(y.data, z.data, rows * h * sizeof(float));
    /* The same as its parts. */
    if (wn_gemm_can_multiply_taken(gemm, inter, WN_ACT_GELU)) {
        wn_tensor product = wn_tensor_of(wide, rows, h);
        multiply_twice(product.data, x.data, rows, &f);
        wn_exec_ops(three)->add_norm(three, &apart, &product, &x, &norm);
    } else {
        wn_tensor middle = wn_tensor_of(wide, rows, inter);
        wn_exec_ops(three)->linear(three, &middle, &x, &up, WN_ACT_GELU);
        wn_exec_ops(three)->linear_add_norm(three, &apart, &middle, &down, &x, &norm);
    }
    assert_memory_equal(y.data, apart.data, rows * h * sizeof(float));
    wn_tensor sum = wn_tensor_of(wide, rows, h);
    for (size_t i = 0; i < rows * h; i++)
        sum.data[i] = x.data[i] + y.data[i];
    wn_exec_ops(one)->norm(one, &sum, &sum, &norm);
    wn_exec_ops(three)->add_norm(three, &apart, &x, &y, &norm);
    assert_memory_equal(sum.data, apart.data, rows * h * sizeof(float));
    /* In place, and a row alone. */
    memcpy(z.data, x.data, rows * h * sizeof(float));
    wn_exec_ops(three)->feed_forward(three, &z, &z, &z, &f);
    assert_memory_equal(y.data, z.data, rows * h * sizeof(float));
    for (size_t i = 0; i < rows; i += 57) {
        wn_tensor row = wn_tensor_of(x.data + i * h, 1, h), out = wn_tensor_of(apart.data, 1, h);
        wn_exec_ops(three)->feed_forward(three, &out, &row, &row, &f);
        assert_memory_equal(out.data, y.data + i * h, h * sizeof(float));
    }
    wn_mem_free(wide);
    wn_exec_free(one);
    wn_exec_free(three);
    wn_pool_free(pool);
    wn_linear_deinit(&up);
    wn_linear_deinit(&down);
    wn_norm_deinit(&norm);
}

/* 1024 columns: in f32 rows that all begin in one set of the cache are copied first, in bf16 an
 * intermediate is made in parts; the last part is 32 columns at 544, and 600 may not make parts. */
static void check_layer(const wn_kernels *kernels)
{
    const wn_gemm *gemms[] = {kernels->gemm_f32, kernels->gemm_bf16, kernels->gemm_i8};
    for (size_t i = 0; i < WN_ARRAY_LEN(gemms); i++) {
        if (gemms[i] == NULL)
            continue;
        check_layer_of(kernels, gemms[i], 48, 100);
        check_layer_of(kernels, gemms[i], 1024, 40);
        check_layer_of(kernels, gemms[i], 40, 1024);
        check_layer_of(kernels, gemms[i], 40, 544);
        check_layer_of(kernels, gemms[i], 40, 600);
    }
}

static void feed_forward_equals_its_parts_bit_by_bit(void **state)
{
    (void)state;
    check_levels(check_layer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_sees_its_own_sequence_and_its_keys_only),
        cmocka_unit_test(feed_forward_equals_its_parts_bit_by_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
