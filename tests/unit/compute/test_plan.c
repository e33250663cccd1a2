/* The memory plan: what it refuses, and that one forward pass gets the tensors that it promises. */
#include "tests/support/check.h"

#include "compute/ops.h"
#include "tests/support/check_dims.h"

static const wn_kernels *best(void)
{
    const char *reason;
    return wn_kernels_get(NULL, &reason);
}

static void a_plan_adds_up(void **state)
{
    (void)state;
    wn_plan plan;
    wn_error err;
    assert_ok(wn_plan_make(&plan, &mini, best(), best()->gemm_f32, 3, 2048, &err), &err);
    assert_int_equal(plan.batch_tokens, 2048);
    assert_true(plan.batch_seqs >= 1 && plan.batch_seqs <= 2048);
    assert_true(plan.row_block >= (size_t)best()->gemm_f32->mr);
    assert_int_equal(plan.total_bytes, plan.activation_bytes + 3 * plan.scratch_bytes_per_thread);
    assert_int_equal(plan.scratch_bytes_per_thread % WN_ALIGN, 0);
    assert_in_range(plan.part_tokens, 256, 512);
}

static void a_plan_refuses_what_cannot_be(void **state)
{
    (void)state;
    wn_plan plan = {.batch_tokens = 7};
    wn_error err;
    assert_fails(wn_plan_make(&plan, &mini, best(), best()->gemm_f32, 1, 511, &err),
                 WN_ERR_ARGUMENT, &err, "511, expected at least the model's 512");
    wn_dims dims = mini;
    dims.out_dim = 0;
    assert_fails(wn_plan_make(&plan, &dims, best(), best()->gemm_f32, 1, 512, &err),
                 WN_ERR_ARGUMENT, &err, "a width of the model: 0");
    dims.out_dim = (size_t)1 << 60;
    assert_fails(wn_plan_make(&plan, &dims, best(), best()->gemm_f32, 1, 512, &err),
                 WN_ERR_ARGUMENT, &err, "width");
    dims = mini;
    dims.n_heads = dims.head_dim = (size_t)1 << 24;
    assert_fails(wn_plan_make(&plan, &dims, best(), best()->gemm_f32, 1, (size_t)1 << 30, &err),
                 WN_ERR_ARGUMENT, &err, "more memory than can be addressed");
    dims = mini;
    dims.n_buckets = (size_t)1 << 22;
    assert_fails(wn_plan_make(&plan, &dims, best(), best()->gemm_f32, 1, 512, &err),
                 WN_ERR_ARGUMENT, &err, "4194304 buckets of distances for 512 tokens");
    assert_fails(wn_plan_make(&plan, &mini, best(), best()->gemm_f32, 1, SIZE_MAX, &err),
                 WN_ERR_ARGUMENT, &err, "expected at most");
    assert_int_equal(plan.batch_tokens, 7);
}

static void take(wn_exec *exec, size_t n, size_t rows, size_t cols)
{
    for (size_t i = 0; i < n; i++) {
        wn_tensor t = wn_exec_tensor(exec, rows, cols);
        assert_int_equal((uintptr_t)t.data % WN_ALIGN, 0);
        memset(t.data, 0xFF, rows * cols * sizeof *t.data);
    }
}

static void a_forward_pass_gets_the_tensors_that_plan_h_lists(void **state)
{
    (void)state;
    const wn_dims odd = {.hidden = 13,
                         .n_heads = 6,
                         .n_kv_heads = 3,
                         .head_dim = 5,
                         .up = 14,
                         .intermediate = 7,
                         .out_dim = 10,
                         .max_tokens = 33};
    const wn_dims *all[] = {&mini, &odd};
    for (size_t d = 0; d < WN_ARRAY_LEN(all); d++) {
        wn_plan plan;
        wn_exec *exec = NULL;
        wn_error err;
        assert_ok(wn_plan_make(&plan, all[d], best(), best()->gemm_f32, 2, 515, &err), &err);
        assert_ok(wn_exec_new(&exec, &plan, best(), NULL, &err), &err);
        size_t t = plan.batch_tokens, s = plan.batch_seqs, h = all[d]->hidden;
        size_t a = all[d]->n_heads * all[d]->head_dim, o = all[d]->out_dim;
        size_t k = all[d]->n_kv_heads * all[d]->head_dim;
        for (int pass = 0; pass < 2; pass++) {
            wn_exec_reset(exec);
            take(exec, 3, t, h);
            take(exec, 1, t, a + 2 * k);
            take(exec, 1, t, a);
            take(exec, 1, t, o);
            take(exec, 4, s, WN_MAX(a, WN_MAX(h, o)));
        }
        wn_exec_free(exec);
    }
    wn_exec_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_adds_up),
        cmocka_unit_test(a_plan_refuses_what_cannot_be),
        cmocka_unit_test(a_forward_pass_gets_the_tensors_that_plan_h_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
