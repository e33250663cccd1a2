/* Matrix product of every level.  Before the activation all levels must give the
 * bits of one plain chain of fused multiply-adds; nothing around the output may change; a row must
 * not depend on the number of rows. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "tests/support/check_levels.h"

#include <math.h>

#define GUARD 1234.5f

typedef struct matrices {
    size_t m, n, k, ldx, ldy;
    float *x, *w, *bias, *packed, *y;
} matrices;

static matrices make(const wn_kernels *kernels, size_t m, size_t n, size_t k)
{
    size_t nr = (size_t)kernels->gemm_f32->nr;
    matrices a = {.m = m, .n = n, .k = k, .ldx = k + 3, .ldy = n + 5};
    a.x = wn_mem_aligned(m * a.ldx * sizeof(float));
    a.w = wn_mem_aligned(n * k * sizeof(float));
    a.bias = wn_mem_aligned(n * sizeof(float));
    a.packed = wn_mem_aligned((n + nr) * k * sizeof(float));
    a.y = wn_mem_aligned((m * a.ldy + 5) * sizeof(float));
    check_random(a.x, m * a.ldx, 1);
    check_random(a.w, n * k, 1);
    check_random(a.bias, n, 1);
    kernels->gemm_f32->pack(a.packed, a.w, k, n, k);
    for (size_t i = 0; i < m * a.ldy + 5; i++)
        a.y[i] = GUARD;
    return a;
}

static void drop(matrices *a)
{
    wn_mem_free(a->x);
    wn_mem_free(a->w);
    wn_mem_free(a->bias);
    wn_mem_free(a->packed);
    wn_mem_free(a->y);
}

static float chain(const matrices *a, size_t i, size_t j)
{
    float sum = 0;
    for (size_t p = 0; p < a->k; p++)
        sum = fmaf(a->x[i * a->ldx + p], a->w[j * a->k + p], sum);
    return sum;
}

static void check_product(const wn_kernels *kernels, size_t m, size_t n, size_t k, bool with_bias)
{
    matrices a = make(kernels, m, n, k);
    kernels->gemm_f32->multiply(a.y, a.ldy, a.x, a.ldx * sizeof(float), a.packed,
                                with_bias ? a.bias : NULL, m, n, k, WN_ACT_NONE);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < a.ldy; j++) {
            float want = j >= n ? GUARD : chain(&a, i, j) + (with_bias ? a.bias[j] : 0.0f);
            if (memcmp(&want, &a.y[i * a.ldy + j], sizeof want) != 0)
                fail_msg("%s m=%zu n=%zu k=%zu: y[%zu][%zu] is %a, expected %a", kernels->level, m,
                         n, k, i, j, (double)a.y[i * a.ldy + j], (double)want);
        }
    }
    drop(&a);
}

static void check_products(const wn_kernels *kernels)
{
    for (size_t m = 1; m <= 30; m += m < 16 ? 1 : 7)
        for (size_t n = 1; n <= 70; n += n < 34 ? 3 : 11)
            check_product(kernels, m, n, 1 + (m * 7 + n) % 40, n % 2 == 0);
    const size_t deep[] = {1023, 1024, 1025, 2047, 2500};
    for (size_t i = 0; i < WN_ARRAY_LEN(deep); i++)
        check_product(kernels, 15, 37, deep[i], true);
}

static void gemm_is_one_chain_of_multiply_adds_on_every_level(void **state)
{
    (void)state;
    check_levels(check_products);
}

static void check_rows(const wn_kernels *kernels)
{
    const size_t k = 1100, n = 45;
    matrices a = make(kernels, 40, n, k);
    float alone[64];
    kernels->gemm_f32->multiply(a.y, a.ldy, a.x, a.ldx * sizeof(float), a.packed, a.bias, a.m, n, k,
                                WN_ACT_GELU);
    for (size_t i = 0; i < a.m; i++) {
        kernels->gemm_f32->multiply(alone, 64, a.x + i * a.ldx, a.ldx * sizeof(float), a.packed,
                                    a.bias, 1, n, k, WN_ACT_GELU);
        assert_memory_equal(alone, a.y + i * a.ldy, n * sizeof(float));
    }
    drop(&a);
}

static void gemm_row_does_not_depend_on_the_number_of_rows(void **state)
{
    (void)state;
    check_levels(check_rows);
}

static void check_packing(const wn_kernels *kernels)
{
    for (size_t n = 1; n < 70; n += 5) {
        const size_t k = 13, nr = (size_t)kernels->gemm_f32->nr, size = wn_round_up(n, nr) * k;
        matrices a = make(kernels, 1, n, k);
        float *turned = wn_mem_aligned(n * k * sizeof(float));
        float *packed = wn_mem_aligned(size * sizeof(float));
        for (size_t j = 0; j < n; j++)
            for (size_t p = 0; p < k; p++)
                turned[p * n + j] = a.w[j * k + p];
        kernels->gemm_f32->pack_t(packed, turned, n, n, k);
        assert_memory_equal(packed, a.packed, size * sizeof(float));
        for (size_t j = 0; j < wn_round_up(n, nr); j++)
            for (size_t p = 0; p < k; p++)
                assert_true(packed[j / nr * k * nr + p * nr + j % nr] ==
                            (j < n ? a.w[j * k + p] : 0.0f));
        wn_mem_free(turned);
        wn_mem_free(packed);
        drop(&a);
    }
}

static void packed_panels_hold_every_element_and_zeros(void **state)
{
    (void)state;
    check_levels(check_packing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm_is_one_chain_of_multiply_adds_on_every_level),
        cmocka_unit_test(gemm_row_does_not_depend_on_the_number_of_rows),
        cmocka_unit_test(packed_panels_hold_every_element_and_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
