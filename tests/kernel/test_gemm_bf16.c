/* The bf16 product of every level and of every level whose instructions are emulated here.  Rows
 * and weights become the nearest bf16; the product is near the exact one of what they became;
 * nothing around the output may change; a row must not depend on the number of rows. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "kernel/levels.h"
#include "kernel/lowp.h"
#include "tests/support/check_levels.h"
#include "tests/tolerance.h"

#define GUARD 1234.5f

enum { GUARD_BYTES = 64, POISON = 0xFF }; /* bytes that are NaN as halves */

#if defined(__x86_64__)
extern const wn_gemm wn_gemm_bf16_avx512bf16_emulated, wn_gemm_bf16_amx_emulated;

static const wn_kernels emulated[] = {
    {.level = "emulated avx512-bf16", .gemm_bf16 = &wn_gemm_bf16_avx512bf16_emulated},
    {.level = "emulated amx", .gemm_bf16 = &wn_gemm_bf16_amx_emulated},
};
#endif

static check_level_fn *wanted;

static void check_one(const wn_kernels *kernels)
{
    if (kernels->gemm_bf16 != NULL)
        wanted(kernels);
}

static void check_everywhere(check_level_fn *check)
{
    wanted = check;
#if defined(__x86_64__)
    for (size_t i = 0; i < WN_ARRAY_LEN(emulated); i++)
        check(&emulated[i]);
#endif
    check_levels(check_one);
}

/* ---- a product and what it should give ------------------------------------------------------- */

typedef struct matrices {
    const wn_gemm *gemm;
    const char *level;
    size_t m, n, k, ldx, ldy, stride, packed_bytes;
    float *x, *w, *bias, *factor, *y;
    unsigned char *rows, *packed;
} matrices;

static unsigned char *poisoned(size_t bytes)
{
    unsigned char *p = wn_mem_aligned(bytes + GUARD_BYTES);
    assert_non_null(p);
    memset(p, POISON, bytes + GUARD_BYTES);
    return p;
}

static float *random_matrix(size_t n)
{
    float *x = wn_mem_aligned(n * sizeof(float));
    assert_non_null(x);
    check_random(x, n, 1);
    return x;
}

static matrices make(const wn_kernels *kernels, size_t m, size_t n, size_t k)
{
    matrices a = {.gemm = kernels->gemm_bf16, .level = kernels->level, .m = m, .n = n, .k = k};
    a.ldx = k + 3;
    a.ldy = n + 5;
    a.stride = wn_gemm_row_bytes(a.gemm, k);
    a.packed_bytes = wn_gemm_packed_bytes(a.gemm, n, k);
    a.x = random_matrix(m * a.ldx);
    a.w = random_matrix(n * k);
    a.bias = random_matrix(n);
    a.factor = random_matrix(k);
    a.y = random_matrix(m * a.ldy);
    a.rows = poisoned(m * a.stride);
    a.packed = poisoned(a.packed_bytes);
    for (size_t i = 0; i < m * a.ldy; i++)
        a.y[i] = GUARD;
    return a;
}

static void drop(matrices *a)
{
    for (size_t i = 0; i < GUARD_BYTES; i++) {
        assert_int_equal(a->rows[a->m * a->stride + i], POISON);
        assert_int_equal(a->packed[a->packed_bytes + i], POISON);
    }
    wn_mem_free(a->x);
    wn_mem_free(a->w);
    wn_mem_free(a->bias);
    wn_mem_free(a->factor);
    wn_mem_free(a->y);
    wn_mem_free(a->rows);
    wn_mem_free(a->packed);
}

static void run(matrices *a, const float *factor, const float *bias, wn_act act)
{
    a->gemm->pack(a->packed, a->w, a->k, a->n, a->k);
    a->gemm->take_rows(a->rows, a->stride, a->x, a->ldx, factor, a->m, a->k);
    a->gemm->multiply(a->y, a->ldy, a->rows, a->stride, a->packed, bias, a->m, a->n, a->k, act);
}

static double rounded(float x)
{
    return (double)wn_bf16_widen(wn_bf16_round(x));
}

/* y is near the exact product, and the columns beside it are as they were. */
static void assert_product(const matrices *a, const float *factor, const float *bias)
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
                               : a->y[i * a->ldy + j] == GUARD;
            if (!ok)
                fail_msg("%s m=%zu n=%zu k=%zu: y[%zu][%zu] is %.9g, expected %.9g within %.2g",
                         a->level, a->m, a->n, a->k, i, j, got, want, TOLERANCE_BF16(a->k, size));
        }
    }
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void check_product(const wn_kernels *kernels, size_t m, size_t n, size_t k, bool with_bias,
                          bool with_factor)
{
    matrices a = make(kernels, m, n, k);
    const float *bias = with_bias ? a.bias : NULL, *factor = with_factor ? a.factor : NULL;
    run(&a, factor, bias, WN_ACT_NONE);
    assert_product(&a, factor, bias);
    drop(&a);
}

static void check_products(const wn_kernels *kernels)
{
    static const size_t heights[] = {31, 32, 33, 47, 48, 49, 64, 127, 128, 129, 161};
    for (size_t m = 1; m <= 30; m += m < 18 ? 1 : 5)
        for (size_t n = 1; n <= 70; n += n < 34 ? 3 : 11)
            check_product(kernels, m, n, 1 + (m * 7 + n) % 40, n % 2 == 0, m % 2 == 0);
    for (size_t k = 1; k <= 300; k += k < 70 ? 1 : 13)
        check_product(kernels, 3, 5 + k % 64, k, k % 3 == 0, k % 2 == 0);
    for (size_t i = 0; i < WN_ARRAY_LEN(heights); i++)
        check_product(kernels, heights[i], 33, 40, true, false);
    check_product(kernels, 37, 37, 1025, true, false);
    check_product(kernels, 2, 65, 2048, false, true);
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
static void check_rounding(const wn_kernels *kernels)
{
    enum { N = 70 };
    for (int side = 0; side < 2; side++) {
        matrices a = make(kernels, N, N, N);
        for (size_t i = 0; i < N; i++) {
            for (size_t p = 0; p < N; p++) {
                float one = i == p ? 1.0f : 0.0f, x = number_to_round();
                a.x[i * a.ldx + p] = side == 0 ? x : one;
                a.w[i * N + p] = side == 0 ? one : x;
            }
        }
        run(&a, NULL, NULL, WN_ACT_NONE);
        for (size_t i = 0; i < N; i++) {
            for (size_t j = 0; j < N; j++) {
                double want = rounded(side == 0 ? a.x[i * a.ldx + j] : a.w[j * N + i]);
                assert_true((double)a.y[i * a.ldy + j] == want);
            }
        }
        drop(&a);
    }
}

static void rows_and_weights_become_the_nearest_bf16(void **state)
{
    (void)state;
    check_everywhere(check_rounding);
}

/* Rows of zeros, of denormal numbers, with the largest number, which rounds to infinity, and with
 * one that is not finite: the last three give nothing finite, and change nothing beside them. */
static void check_special(const wn_kernels *kernels)
{
    static const float values[] = {0, -0.0f, 1e-42f, 0x1p-130f, 3.4028235e38f, INFINITY, NAN};
    enum { N_VALUES = WN_ARRAY_LEN(values), N_FINITE = 4, K = 133, N = 41 };
    for (size_t at = 0; at < K; at += 12) {
        matrices a = make(kernels, 2 * N_VALUES, N, K);
        for (size_t i = 0; i < N_VALUES; i++) {
            for (size_t p = 0; p < K && i < N_FINITE; p++)
                a.x[i * a.ldx + p] = values[i];
            a.x[i * a.ldx + at] = -values[i];
        }
        run(&a, NULL, a.bias, WN_ACT_NONE);
        for (size_t i = N_FINITE; i < N_VALUES; i++) {
            for (size_t j = 0; j < N; j++)
                assert_true(!isfinite(a.y[i * a.ldy + j]));
            memset(a.y + i * a.ldy, 0, N * sizeof(float));
            memset(a.x + i * a.ldx, 0, K * sizeof(float));
            memcpy(a.y + i * a.ldy, a.bias, N * sizeof(float));
        }
        assert_product(&a, NULL, a.bias);
        drop(&a);
    }
}

static void rows_that_are_not_finite_stay_so_and_disturb_no_other(void **state)
{
    (void)state;
    check_everywhere(check_special);
}

static void check_rows(const wn_kernels *kernels)
{
    enum { M = 150, N = 45 };
    matrices a = make(kernels, M, N, 403);
    float alone[N];
    run(&a, NULL, a.bias, WN_ACT_GELU);
    for (size_t i = 0; i < M; i++) {
        a.gemm->multiply(alone, N, a.rows + i * a.stride, a.stride, a.packed, a.bias, 1, N, a.k,
                         WN_ACT_GELU);
        assert_memory_equal(alone, a.y + i * a.ldy, sizeof alone);
    }
    drop(&a);
}

static void gemm_bf16_row_does_not_depend_on_the_number_of_rows(void **state)
{
    (void)state;
    check_everywhere(check_rows);
}

static void check_acts(const wn_kernels *kernels)
{
    enum { M = 35, N = 41, LDY = N + 5 };
    for (int act = WN_ACT_NONE; act <= WN_ACT_TANH; act++) {
        matrices a = make(kernels, M, N, 31);
        float plain[M * LDY];
        run(&a, NULL, a.bias, WN_ACT_NONE);
        memcpy(plain, a.y, sizeof plain);
        run(&a, NULL, a.bias, (wn_act)act);
        for (size_t i = 0; i < M; i++) {
            wn_act_f32_scalar(plain + i * LDY, plain + i * LDY, (wn_act)act, N);
            for (size_t j = 0; j < LDY; j++) {
                double want = (double)plain[i * LDY + j];
                assert_near((double)a.y[i * LDY + j], want, j < N ? TOLERANCE_ACT(want) : 0);
            }
        }
        drop(&a);
    }
}

static void gemm_bf16_applies_each_activation(void **state)
{
    (void)state;
    check_everywhere(check_acts);
}

static void check_packing(const wn_kernels *kernels)
{
    for (size_t n = 1; n < 70; n += 5) {
        matrices a = make(kernels, 1, n, 3 + n * 11 % 140);
        float *turned = random_matrix(a.n * a.k);
        unsigned char *packed = poisoned(a.packed_bytes);
        for (size_t j = 0; j < n; j++)
            for (size_t p = 0; p < a.k; p++)
                turned[p * n + j] = a.w[j * a.k + p];
        a.gemm->pack(a.packed, a.w, a.k, n, a.k);
        a.gemm->pack_t(packed, turned, n, n, a.k);
        assert_memory_equal(packed, a.packed, a.packed_bytes + GUARD_BYTES);
        wn_mem_free(turned);
        wn_mem_free(packed);
        drop(&a);
    }
}

static void packing_a_transpose_gives_the_same_panels(void **state)
{
    (void)state;
    check_everywhere(check_packing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm_bf16_is_near_the_exact_product_on_every_level),
        cmocka_unit_test(rows_and_weights_become_the_nearest_bf16),
        cmocka_unit_test(rows_that_are_not_finite_stay_so_and_disturb_no_other),
        cmocka_unit_test(gemm_bf16_row_does_not_depend_on_the_number_of_rows),
        cmocka_unit_test(gemm_bf16_applies_each_activation),
        cmocka_unit_test(packing_a_transpose_gives_the_same_panels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
