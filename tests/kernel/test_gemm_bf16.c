/* The bf16 product of every level and of every level whose instructions are emulated here.  Rows
 * and weights become the nearest bf16; the product is near the exact one of what they became;
 * nothing around the output may change; a row must not depend on the number of rows. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "kernel/levels.h"
#include "kernel/lowp.h"
#include "tests/support/check_gemm.h"
#include "tests/tolerance.h"

#if defined(__x86_64__)
extern const wn_gemm wn_gemm_bf16_avx512bf16_emulated, wn_gemm_bf16_amx_emulated;
#endif

static const wn_kernels emulated[] = {
    {.level = NULL}, /* has no product; elsewhere there would be none */
#if defined(__x86_64__)
    {.level = "emulated avx512-bf16", .gemm_bf16 = &wn_gemm_bf16_avx512bf16_emulated},
    {.level = "emulated amx", .gemm_bf16 = &wn_gemm_bf16_amx_emulated},
#endif
};

static void check_everywhere(check_gemm_fn *check)
{
    check_gemms(check, WN_DTYPE_BF16, emulated, WN_ARRAY_LEN(emulated));
}

/* ---- a product and what it should give ------------------------------------------------------- */

static double rounded(float x)
{
    return (double)wn_bf16_widen(wn_bf16_round(x));
}

/* y is near the exact product, and the columns beside it are as they were. */
static void assert_product(const check_matrices *a, const float *factor, const float *bias)
{
    for (size_t i = 0; i < a->m; i++) {
        const float *x = a->x + i * a->ldx;
        for (size_t j = 0; j < a->ldy; j++) {
            double got = (double)a->y[i * a->ldy + j], want = 0, size = 0;
            for (size_t p = 0; p < a->k && j < a->n; p++) {
                float v = factor != NULL ? x[p] * factor[p] : x[p];
                double term = rounded(v) * rounded(a->w[j * a->k + p]);
                want += term;
                size += fabs(term);
            }
            if (bias != NULL && j < a->n) {
                want += (double)bias[j];
                size += fabs((double)bias[j]);
            }
            bool ok = j < a->n ? fabs(got - want) <= TOLERANCE_BF16(a->k, size)
                               : a->y[i * a->ldy + j] == CHECK_GEMM_BESIDE;
            if (!ok)
                fail_msg("%s m=%zu n=%zu k=%zu: y[%zu][%zu] is %.9g, expected %.9g within %.2g",
                         a->level, a->m, a->n, a->k, i, j, got, want, TOLERANCE_BF16(a->k, size));
        }
    }
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void check_product(const wn_gemm *gemm, const char *level, size_t m, size_t n, size_t k,
                          bool with_bias, bool with_factor)
{
    check_matrices a = check_matrices_begin(gemm, level, m, n, k);
    const float *bias = with_bias ? a.bias : NULL, *factor = with_factor ? a.factor : NULL;
    check_multiply(&a, factor, bias, WN_ACT_NONE);
    assert_product(&a, factor, bias);
    check_matrices_end(&a);
}

static void check_products(const wn_gemm *gemm, const char *level)
{
    static const size_t heights[] = {31, 32, 33, 47, 48, 49, 64, 127, 128, 129, 161};
    for (size_t m = 1; m <= 30; m += m < 18 ? 1 : 5)
        for (size_t n = 1; n <= 70; n += n < 34 ? 3 : 11)
            check_product(gemm, level, m, n, 1 + (m * 7 + n) % 40, n % 2 == 0, m % 2 == 0);
    for (size_t k = 1; k <= 300; k += k < 70 ? 1 : 13)
        check_product(gemm, level, 3, 5 + k % 64, k, k % 3 == 0, k % 2 == 0);
    for (size_t i = 0; i < WN_ARRAY_LEN(heights); i++)
        check_product(gemm, level, heights[i], 33, 40, true, false);
    check_product(gemm, level, 37, 37, 1025, true, false);
    check_product(gemm, level, 2, 65, 2048, false, true);
}

static void gemm_bf16_is_near_the_exact_product_on_every_level(void **state)
{
    (void)state;
    check_everywhere(check_products);
}

/* A finite number that is not denormal, often half-way between two halves or next to it. */
static float number_to_round(void)
{
    static const uint32_t low[] = {0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF};
    uint32_t random = (uint32_t)check_random_bits(), exponent = 64 + (random >> 16) % 128;
    uint32_t bits = (random & 0x807F0000u) | exponent << 23;
    bits |= random % 3 == 0 ? random & 0xFFFF : low[random % WN_ARRAY_LEN(low)];
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The product with the identity on either side shows what rows and weights became. */
static void check_rounding(const wn_gemm *gemm, const char *level)
{
    enum { N = 70 };
    for (int side = 0; side < 2; side++) {
        check_matrices a = check_matrices_begin(gemm, level, N, N, N);
        for (size_t i = 0; i < N; i++) {
            for (size_t p = 0; p < N; p++) {
                float one = i == p ? 1.0f : 0.0f, x = number_to_round();
                a.x[i * a.ldx + p] = side == 0 ? x : one;
                a.w[i * N + p] = side == 0 ? one : x;
            }
        }
        check_multiply(&a, NULL, NULL, WN_ACT_NONE);
        for (size_t i = 0; i < N; i++) {
            for (size_t j = 0; j < N; j++) {
                double want = rounded(side == 0 ? a.x[i * a.ldx + j] : a.w[j * N + i]);
                assert_true((double)a.y[i * a.ldy + j] == want);
            }
        }
        check_matrices_end(&a);
    }
}

static void rows_and_weights_become_the_nearest_bf16(void **state)
{
    (void)state;
    check_everywhere(check_rounding);
}

/* Rows of zeros, of denormal numbers, with the largest number, which rounds to infinity, and with
 * one that is not finite: the last three give nothing finite, and change nothing beside them. */
static void check_special(const wn_gemm *gemm, const char *level)
{
    static const float values[] = {0, -0.0f, 1e-42f, 0x1p-130f, 3.4028235e38f, INFINITY, NAN};
    enum { N_VALUES = WN_ARRAY_LEN(values), N_FINITE = 4, K = 133, N = 41 };
    for (size_t at = 0; at < K; at += 12) {
        check_matrices a = check_matrices_begin(gemm, level, 2 * N_VALUES, N, K);
        for (size_t i = 0; i < N_VALUES; i++) {
            for (size_t p = 0; p < K && i < N_FINITE; p++)
                a.x[i * a.ldx + p] = values[i];
            a.x[i * a.ldx + at] = -values[i];
        }
        check_multiply(&a, NULL, a.bias, WN_ACT_NONE);
        for (size_t i = N_FINITE; i < N_VALUES; i++) {
            for (size_t j = 0; j < N; j++)
                assert_true(!isfinite(a.y[i * a.ldy + j]));
            memset(a.y + i * a.ldy, 0, N * sizeof(float));
            memset(a.x + i * a.ldx, 0, K * sizeof(float));
            memcpy(a.y + i * a.ldy, a.bias, N * sizeof(float));
        }
        assert_product(&a, NULL, a.bias);
        check_matrices_end(&a);
    }
}

static void rows_that_are_not_finite_stay_so_and_disturb_no_other(void **state)
{
    (void)state;
    check_everywhere(check_special);
}

static void gemm_bf16_row_does_not_depend_on_the_number_of_rows(void **state)
{
    (void)state;
    check_everywhere(check_gemm_rows);
}

static void gemm_bf16_applies_each_activation(void **state)
{
    (void)state;
    check_everywhere(check_gemm_acts);
}

static void a_product_that_is_added_is_one_and_an_addition(void **state)
{
    (void)state;
    check_everywhere(check_gemm_add);
}

static void packing_a_transpose_gives_the_same_panels(void **state)
{
    (void)state;
    check_everywhere(check_gemm_packing);
}

static void shares_of_scores_are_their_softmax(void **state)
{
    (void)state;
    check_everywhere(check_gemm_shares);
}

static void rows_for_another_product_are_what_two_steps_make(void **state)
{
    (void)state;
    check_everywhere(check_gemm_taken);
}

static void rows_of_bf16_are_what_their_floats_are(void **state)
{
    (void)state;
    check_everywhere(check_gemm_halves);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm_bf16_is_near_the_exact_product_on_every_level),
        cmocka_unit_test(rows_and_weights_become_the_nearest_bf16),
        cmocka_unit_test(rows_that_are_not_finite_stay_so_and_disturb_no_other),
        cmocka_unit_test(gemm_bf16_row_does_not_depend_on_the_number_of_rows),
        cmocka_unit_test(gemm_bf16_applies_each_activation),
        cmocka_unit_test(a_product_that_is_added_is_one_and_an_addition),
        cmocka_unit_test(packing_a_transpose_gives_the_same_panels),
        cmocka_unit_test(shares_of_scores_are_their_softmax),
        cmocka_unit_test(rows_for_another_product_are_what_two_steps_make),
        cmocka_unit_test(rows_of_bf16_are_what_their_floats_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
