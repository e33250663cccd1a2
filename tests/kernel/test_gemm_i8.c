/* The int8 product of every level, of every level whose instructions are emulated here, and of one
 * lane of plain C.  Before the activation it must give the bits of the scalar arithmetic with that
 * level's limit; nothing around the output may change; a row must not depend on the number of rows.
 */
#include "tests/support/check.h"

#include "base/mem.h"
#include "kernel/vec_gemm_i8.h"
#include "tests/support/check_gemm.h"
#include "tests/tolerance.h"

#include <math.h>

enum { MR = 4 };
_Static_assert(LANES == 1, "compiled for no level");

static const wn_gemm one_lane;
TILES_UP_TO(4, tile_i8)

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    multiply_by(tiles, &one_lane, y, ldy, rows, stride, packed, bias, m, n, k, act);
}

static const wn_gemm one_lane = {
    .dtype = WN_DTYPE_I8,
    .nr = NR,
    .mr = MR,
    .k_step = K_STEP,
    .limit = I8_LIMIT,
    .column_extra = COLUMN_EXTRA,
    .pack = pack_i8,
    .pack_t = pack_i8_t,
    .take_rows = take_rows_i8,
    .take_shares = take_shares_i8,
    .multiply = multiply,
};

#if defined(__x86_64__)
extern const wn_gemm wn_gemm_i8_avxvnni_emulated, wn_gemm_i8_avx512_emulated,
    wn_gemm_i8_avx512vnni_emulated, wn_gemm_i8_amx_emulated;
#endif

static const wn_kernels portable[] = {
    {.level = "one lane", .gemm_i8 = &one_lane},
#if defined(__x86_64__)
    {.level = "emulated avx-vnni", .gemm_i8 = &wn_gemm_i8_avxvnni_emulated},
    {.level = "emulated avx512", .gemm_i8 = &wn_gemm_i8_avx512_emulated},
    {.level = "emulated avx512-vnni", .gemm_i8 = &wn_gemm_i8_avx512vnni_emulated},
    {.level = "emulated amx", .gemm_i8 = &wn_gemm_i8_amx_emulated},
#endif
};

static void check_everywhere(check_gemm_fn *check)
{
    check_gemms(check, WN_DTYPE_I8, portable, WN_ARRAY_LEN(portable));
}

/* ---- a product and what it should give ------------------------------------------------------- */

/* The largest magnitude of k numbers, each times its factor. */
static float top_of(const float *x, const float *factor, size_t k)
{
    float top = 0;
    for (size_t p = 0; p < k; p++) {
        float v = factor != NULL ? x[p] * factor[p] : x[p];
        top = isnan(v) || isnan(top) ? NAN : fmaxf(top, fabsf(v));
    }
    return top;
}

static void to_bytes(int32_t *q, const float *x, const float *factor, size_t k, float inverse)
{
    for (size_t p = 0; p < k; p++) {
        float v = factor != NULL ? x[p] * factor[p] : x[p];
        q[p] = inverse > 0 ? (int32_t)rintf(v * inverse) : 0;
    }
}

static float quantized_row(int32_t *q, const float *x, const float *factor, size_t k, int32_t limit)
{
    float top = top_of(x, factor, k);
    to_bytes(q, x, factor, k, wn_i8_inverse(top, limit));
    return wn_i8_scale(top, limit);
}

/* The largest sum of the positive or the negative numbers among the four of a group: of each eight
 * elements 0, 1, 4, 5 and 2, 3, 6, 7. */
static int32_t largest_group(const int32_t *q, size_t k)
{
    int32_t largest = 0;
    for (size_t p = 0; p < k; p += p % 8 == 0 ? 2 : 6) {
        const size_t at[4] = {p, p + 1, p + 4, p + 5};
        int32_t sums[2] = {0, 0};
        for (size_t i = 0; i < 4; i++)
            if (at[i] < k)
                sums[q[at[i]] < 0] += abs(q[at[i]]);
        largest = WN_MAX(largest, WN_MAX(sums[0], sums[1]));
    }
    return largest;
}

/* Where rows have 7 bits, a column's groups must fit 16 bits. */
static float quantized_column(int32_t *q, const float *w, size_t k, int32_t limit)
{
    float scale = quantized_row(q, w, NULL, k, WN_I8_LIMIT), shrink = 1.0f;
    if (limit == WN_I8_LIMIT)
        return scale;
    if (largest_group(q, k) > 258)
        shrink = 256.0f / (float)largest_group(q, k);
    for (size_t p = 0; p < k; p++)
        q[p] = (int32_t)rintf((float)q[p] * shrink);
    assert_true(largest_group(q, k) <= 258);
    return scale / shrink;
}

/* y is what the scalar arithmetic gives, and the columns beside it are as they were. */
static void assert_product(const check_matrices *a, const float *factor, const float *bias)
{
    int32_t *x = wn_mem_alloc(a->k, sizeof *x), *w = wn_mem_alloc(a->n * a->k, sizeof *w);
    float *scale = wn_mem_alloc(a->n, sizeof *scale);
    assert_true(x != NULL && w != NULL && scale != NULL);
    for (size_t j = 0; j < a->n; j++)
        scale[j] = quantized_column(w + j * a->k, a->w + j * a->k, a->k, a->gemm->limit);
    for (size_t i = 0; i < a->m; i++) {
        float row_scale = quantized_row(x, a->x + i * a->ldx, factor, a->k, a->gemm->limit);
        for (size_t j = 0; j < a->ldy; j++) {
            float want = CHECK_GEMM_BESIDE, got = a->y[i * a->ldy + j];
            if (j < a->n) {
                int64_t sum = 0;
                for (size_t p = 0; p < a->k; p++)
                    sum += x[p] * w[j * a->k + p];
                want = fmaf((float)sum * scale[j], row_scale, bias != NULL ? bias[j] : 0.0f);
            }
            if (isnan(want) ? !isnan(got) : memcmp(&want, &got, sizeof want) != 0)
                fail_msg("%s m=%zu n=%zu k=%zu: y[%zu][%zu] is %a, expected %a", a->level, a->m,
                         a->n, a->k, i, j, (double)got, (double)want);
        }
    }
    wn_mem_free(x);
    wn_mem_free(w);
    wn_mem_free(scale);
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
    for (size_t m = 1; m <= 30; m += m < 16 ? 1 : 7)
        for (size_t n = 1; n <= 70; n += n < 34 ? 3 : 11)
            check_product(gemm, level, m, n, 1 + (m * 7 + n) % 40, n % 2 == 0, m % 2 == 0);
    for (size_t k = 1; k <= 300; k += k < 140 ? 1 : 13)
        check_product(gemm, level, 3, 5 + k % 64, k, k % 3 == 0, k % 2 == 0);
    for (size_t m = 31; m <= 161; m += m < 34 ? 1 : 31)
        check_product(gemm, level, m, 33, 700, true, false);
    check_product(gemm, level, 15, 37, 1025, true, false);
    check_product(gemm, level, 291, 33, 900, true, true);
}

static void gemm_i8_has_the_bits_of_scalar_arithmetic_on_every_level(void **state)
{
    (void)state;
    check_everywhere(check_products);
}

/* Largest bytes of either sign, in patterns that give the largest sums of pairs, fours and of all:
 * instructions that saturate or wrap would show it. */
static void check_extremes(const wn_gemm *gemm, const char *level)
{
    static const size_t depths[] = {2, 4, 64, 1000, WN_GEMM_I8_K_MAX};
    for (size_t d = 0; d < WN_ARRAY_LEN(depths); d++) {
        check_matrices a = check_matrices_begin(gemm, level, 4, 4, depths[d]);
        for (size_t i = 0; i < 4; i++) {
            for (size_t p = 0; p < a.k; p++) {
                bool negative = i == 1 || (i == 2 && p % 2 == 1) || (i == 3 && p % 4 >= 2);
                a.x[i * a.ldx + p] = a.w[i * a.k + p] = negative ? -3.0f : 3.0f;
            }
        }
        check_multiply(&a, NULL, NULL, WN_ACT_NONE);
        assert_product(&a, NULL, NULL);
        check_matrices_end(&a);
    }
}

/* Each choice of elements of eight to be the largest, either sign, the others a little: those whose
 * products are added in 16 bits are among them with all that they may hold. */
static void check_groups(const wn_gemm *gemm, const char *level)
{
    enum { K = 8, CHOICES = 1 << K };
    for (int little = 0; little < 3; little++) {
        check_matrices a = check_matrices_begin(gemm, level, 2, 2 * CHOICES, K);
        for (size_t p = 0; p < K; p++) {
            a.x[p] = 3.0f;
            a.x[a.ldx + p] = -3.0f;
            for (size_t j = 0; j < CHOICES; j++) {
                float w = (j >> p & 1) != 0 ? 127.0f : (float)little;
                a.w[2 * j * K + p] = w;
                a.w[(2 * j + 1) * K + p] = -w;
            }
        }
        check_multiply(&a, NULL, NULL, WN_ACT_NONE);
        assert_product(&a, NULL, NULL);
        check_matrices_end(&a);
    }
}

static void gemm_i8_does_not_saturate_or_wrap(void **state)
{
    (void)state;
    check_everywhere(check_extremes);
    check_everywhere(check_groups);
}

/* Rows and columns of zeros, of numbers too small for a scale, of huge ones, and of ones that are
 * not finite: these give NaN, and change nothing beside them. */
static void check_special(const wn_gemm *gemm, const char *level)
{
    static const float values[] = {0, -0.0f, 1e-42f, 0x1p-101f, 0x1p-100f, 3e38f, INFINITY, NAN};
    enum { N = WN_ARRAY_LEN(values), K = 133 };
    for (size_t at = 0; at < K; at += 12) {
        check_matrices a = check_matrices_begin(gemm, level, 2 * N, 3 * N, K);
        for (size_t i = 0; i < N; i++) {
            for (size_t p = 0; p < K && isfinite(values[i]); p++)
                a.x[i * a.ldx + p] = a.w[2 * i * K + p] = p % 3 == 0 ? -values[i] : values[i];
            a.x[i * a.ldx + at] = a.w[2 * i * K + at] = -values[i];
        }
        check_multiply(&a, NULL, a.bias, WN_ACT_NONE);
        assert_product(&a, NULL, a.bias);
        for (size_t i = 0; i < a.m; i++)
            for (size_t j = 0; j < a.n; j++) {
                bool is_finite = (i >= N || isfinite(values[i])) &&
                                 (j % 2 == 1 || j / 2 >= N || isfinite(values[j / 2]));
                if (!is_finite)
                    assert_true(isnan(a.y[i * a.ldy + j]));
            }
        check_matrices_end(&a);
    }
}

static void a_row_or_column_that_is_not_finite_gives_nan(void **state)
{
    (void)state;
    check_everywhere(check_special);
}

static void gemm_i8_row_does_not_depend_on_the_number_of_rows(void **state)
{
    (void)state;
    check_everywhere(check_gemm_rows);
}

/* Rows without the space between them, at an odd address. */
static void check_copies(const wn_gemm *gemm, const char *level)
{
    enum { N = 45 };
    for (size_t m = 1; m < 70; m += m < 20 ? 1 : 13) {
        check_matrices a = check_matrices_begin(gemm, level, m, N, 1 + m * 29 % 203);
        size_t used = wn_gemm_row_used(a.gemm, a.k);
        unsigned char *copy = wn_mem_alloc(1 + m * used, 1);
        float *y = check_random_matrix(m * a.ldy);
        assert_non_null(copy);
        check_multiply(&a, NULL, a.bias, WN_ACT_NONE);
        memcpy(y, a.y, m * a.ldy * sizeof *y);
        for (size_t i = 0; i < m; i++)
            memcpy(copy + 1 + i * used, a.rows + i * a.stride, used);
        a.gemm->multiply(a.y, a.ldy, copy + 1, used, a.packed, a.bias, m, N, a.k, WN_ACT_NONE);
        assert_memory_equal(a.y, y, m * a.ldy * sizeof *y);
        wn_mem_free(copy);
        wn_mem_free(y);
        check_matrices_end(&a);
    }
}

static void gemm_i8_reads_rows_that_were_copied_together(void **state)
{
    (void)state;
    check_everywhere(check_copies);
}

static void gemm_i8_applies_each_activation(void **state)
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
        cmocka_unit_test(gemm_i8_has_the_bits_of_scalar_arithmetic_on_every_level),
        cmocka_unit_test(gemm_i8_does_not_saturate_or_wrap),
        cmocka_unit_test(a_row_or_column_that_is_not_finite_gives_nan),
        cmocka_unit_test(gemm_i8_row_does_not_depend_on_the_number_of_rows),
        cmocka_unit_test(gemm_i8_reads_rows_that_were_copied_together),
        cmocka_unit_test(gemm_i8_applies_each_activation),
        cmocka_unit_test(a_product_that_is_added_is_one_and_an_addition),
        cmocka_unit_test(packing_a_transpose_gives_the_same_panels),
        cmocka_unit_test(shares_of_scores_are_their_softmax),
        cmocka_unit_test(rows_for_another_product_are_what_two_steps_make),
        cmocka_unit_test(rows_of_bf16_are_what_their_floats_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
