/* Weights: parts of any stored type are stacked, widened exactly and packed. */
#include "tests/support/check.h"

#include "compute/weight.h"

static float packed_at(const wn_linear *w, const wn_kernels *kernels, size_t j, size_t p)
{
    size_t nr = (size_t)kernels->gemm_f32->nr;
    return ((const float *)w->packed)[j / nr * w->k * nr + p * nr + j % nr];
}

static void parts_of_every_type_are_stacked_by_rows(void **state)
{
    (void)state;
    /* 1.5 and -2 as F32, F16, BF16; 3 and -7 as I8 */
    const float f32[2] = {1.5f, -2.0f};
    const uint16_t f16[2] = {0x3E00, 0xC000}, bf16[2] = {0x3FC0, 0xC000};
    const int8_t i8[2] = {3, -7};
    const wn_linear_source source = {.parts = {{f32, WN_DTYPE_F32, .rows = 1, .cols = 2},
                                               {f16, WN_DTYPE_F16, .rows = 1, .cols = 2},
                                               {bf16, WN_DTYPE_BF16, .rows = 1, .cols = 2},
                                               {i8, WN_DTYPE_I8, .rows = 1, .cols = 2}},
                                     .biases = {{f32, WN_DTYPE_F32, .rows = 1, .cols = 1},
                                                {NULL, WN_DTYPE_F32, .rows = 0, .cols = 0},
                                                {bf16, WN_DTYPE_BF16, .rows = 1, .cols = 1},
                                                {f16, WN_DTYPE_F16, .rows = 1, .cols = 1}},
                                     .n_parts = 4,
                                     .has_bias = true};
    const float want[4][2] = {{1.5f, -2}, {1.5f, -2}, {1.5f, -2}, {3, -7}};
    const float want_bias[4] = {1.5f, 0, 1.5f, 1.5f};
    size_t n;
    const char *reason, *const *names = wn_kernels_levels(&n);
    for (size_t l = 0; l < n; l++) {
        const wn_kernels *kernels = wn_kernels_get(names[l], &reason);
        wn_linear w;
        wn_error err;
        if (kernels == NULL)
            continue;
        assert_ok(wn_linear_init(&w, kernels->gemm_f32, &source, &err), &err);
        assert_int_equal(w.n, 4);
        assert_int_equal(w.k, 2);
        for (size_t j = 0; j < 4; j++) {
            assert_true(packed_at(&w, kernels, j, 0) == want[j][0]);
            assert_true(packed_at(&w, kernels, j, 1) == want[j][1]);
            assert_true(w.bias[j] == want_bias[j]);
        }
        size_t padded = wn_round_up(4, (size_t)kernels->gemm_f32->nr);
        assert_int_equal(w.bytes, padded * (2 + 1) * sizeof(float));
        wn_linear_deinit(&w);
        assert_null(w.packed);
    }
}

static void parts_cross_the_borders_of_panels(void **state)
{
    (void)state;
    enum { A = 45, B = 7, C = 61, K = 19 };
    float a[A * K], b[B * K], c[C * K];
    for (size_t i = 0; i < A * K; i++)
        a[i] = (float)i;
    for (size_t i = 0; i < B * K; i++)
        b[i] = 10000 + (float)i;
    for (size_t i = 0; i < C * K; i++)
        c[i] = 20000 + (float)i;
    const wn_linear_source source = {.parts = {{a, WN_DTYPE_F32, .rows = A, .cols = K},
                                               {b, WN_DTYPE_F32, .rows = B, .cols = K},
                                               {c, WN_DTYPE_F32, .rows = C, .cols = K}},
                                     .n_parts = 3};
    const char *reason;
    const wn_kernels *kernels = wn_kernels_get(NULL, &reason);
    wn_linear w;
    wn_error err;
    assert_ok(wn_linear_init(&w, kernels->gemm_f32, &source, &err), &err);
    assert_int_equal(w.n, A + B + C);
    assert_null(w.bias);
    for (size_t j = 0; j < w.n; j++) {
        const float *row = j < A ? a + j * K : j < A + B ? b + (j - A) * K : c + (j - A - B) * K;
        for (size_t p = 0; p < K; p++)
            assert_true(packed_at(&w, kernels, j, p) == row[p]);
    }
    wn_linear_deinit(&w);
}

static void norms_are_widened(void **state)
{
    (void)state;
    const uint16_t gain[3] = {0x3C00, 0x4000, 0x3800}; /* 1, 2, 0.5 as F16 */
    const float bias[3] = {-1, 0, 1};
    const wn_source g = {gain, WN_DTYPE_F16, .rows = 1, .cols = 3},
                    b = {bias, WN_DTYPE_F32, .rows = 1, .cols = 3};
    wn_norm norm;
    wn_error err;
    assert_ok(wn_norm_init(&norm, &g, NULL, 1e-5f, &err), &err);
    assert_null(norm.bias);
    assert_true(norm.gain[0] == 1 && norm.gain[1] == 2 && norm.gain[2] == 0.5f);
    wn_norm_deinit(&norm);
    assert_ok(wn_norm_init(&norm, &g, &b, 1e-5f, &err), &err);
    assert_true(norm.bias[0] == -1 && norm.bias[2] == 1 && norm.eps == 1e-5f && norm.n == 3);
    wn_norm_deinit(&norm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_every_type_are_stacked_by_rows),
        cmocka_unit_test(parts_cross_the_borders_of_panels),
        cmocka_unit_test(norms_are_widened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
