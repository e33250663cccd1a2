/* Row kernels of every level against references in double, with the documented bounds. */
#include "tests/support/check.h"

#include "base/dtype.h"
#include "base/mem.h"
#include "tests/support/check_levels.h"
#include "tests/tolerance.h"

#include <math.h>

enum { N_MAX = 1100, ROWS = 3 };
static float x[ROWS * N_MAX + 32], y[ROWS * N_MAX + 32], r[ROWS * N_MAX], g[N_MAX], b[N_MAX];
static const size_t lengths[] = {1,  2,  7,  8,  9,  15, 16,  17,  31,
                                 32, 33, 48, 63, 64, 65, 127, 384, 1025};

static void expect(double got, double want, double bound, const char *level, const char *what,
                   size_t n, size_t j)
{
    if (!(fabs(got - want) <= bound))
        fail_msg("%s %s n=%zu [%zu]: %.9g, expected %.9g within %.1e", level, what, n, j, got, want,
                 bound);
}

static void check_norm(const wn_kernels *kernels)
{
    for (size_t t = 0; t < WN_ARRAY_LEN(lengths); t++) {
        size_t n = lengths[t];
        for (int variant = 0; variant < 4; variant++) {
            const bool residual = (variant & 1) != 0, bias = (variant & 2) != 0;
            check_random(x, ROWS * n, 3);
            check_random(r, ROWS * n, 3);
            check_random(g, n, 2);
            check_random(b, n, 2);
            for (size_t i = 0; i < 32; i++)
                y[ROWS * n + i] = 77;
            kernels->norm_f32(y, x, residual ? r : NULL, g, bias ? b : NULL, 1e-5f, ROWS, n);
            for (size_t i = 0; i < ROWS; i++) {
                double mean = 0, var = 0;
                const float *xi = x + i * n, *ri = r + i * n;
                for (size_t j = 0; j < n; j++)
                    mean += (double)(residual ? xi[j] + ri[j] : xi[j]) / (double)n;
                for (size_t j = 0; j < n; j++)
                    var += pow((double)(residual ? xi[j] + ri[j] : xi[j]) - mean, 2) / (double)n;
                for (size_t j = 0; j < n; j++) {
                    double z = (double)(residual ? xi[j] + ri[j] : xi[j]);
                    double want =
                        (z - mean) / sqrt(var + 1e-5) * (double)g[j] + (bias ? (double)b[j] : 0.0);
                    expect((double)y[i * n + j], want,
                           n < 4 ? TOLERANCE_NORM_SHORT : TOLERANCE_NORM, kernels->level, "norm", n,
                           j);
                }
            }
            for (size_t i = 0; i < 32; i++)
                assert_true(y[ROWS * n + i] == 77);
            float alone[N_MAX];
            kernels->norm_f32(alone, x + n, residual ? r + n : NULL, g, bias ? b : NULL, 1e-5f, 1,
                              n);
            assert_memory_equal(alone, y + n, n * sizeof(float));
            kernels->norm_f32(x, x, residual ? r : NULL, g, bias ? b : NULL, 1e-5f, ROWS, n);
            assert_memory_equal(x, y, ROWS * n * sizeof(float));
        }
    }
}

static void norm_is_near_the_double_reference(void **state)
{
    (void)state;
    check_levels(check_norm);
}

static void check_softmax_of(const wn_kernels *kernels, size_t n, float scale, float spread)
{
    size_t ld = n + 9;
    check_random(x, ROWS * ld, spread);
    memcpy(y, x, ROWS * ld * sizeof(float));
    kernels->softmax_f32(y, ld, scale, ROWS, n);
    for (size_t i = 0; i < ROWS; i++) {
        double top = -INFINITY, sum = 0, total = 0;
        for (size_t j = 0; j < n; j++)
            top = fmax(top, (double)scale * (double)x[i * ld + j]);
        for (size_t j = 0; j < n; j++)
            sum += exp((double)scale * (double)x[i * ld + j] - top);
        for (size_t j = 0; j < n; j++) {
            double want = exp((double)scale * (double)x[i * ld + j] - top) / sum;
            total += (double)y[i * ld + j];
            expect((double)y[i * ld + j], want, TOLERANCE_SOFTMAX(want, fabs(top)), kernels->level,
                   "softmax", n, j);
        }
        expect(total, 1, 1e-5, kernels->level, "softmax sum", n, 0);
        for (size_t j = n; j < ld; j++)
            assert_true(y[i * ld + j] == x[i * ld + j]);
    }
}

static void check_softmax(const wn_kernels *kernels)
{
    for (size_t t = 0; t < WN_ARRAY_LEN(lengths); t++) {
        check_softmax_of(kernels, lengths[t], 0.125f, 20);
        check_softmax_of(kernels, lengths[t], 1.0f, 100);
        check_softmax_of(kernels, lengths[t], 0.5f, 3);
    }
    float same[4] = {-3e38f, -3e38f, -3e38f, 7};
    kernels->softmax_f32(same, 4, 1, 1, 3);
    for (int i = 0; i < 3; i++)
        assert_true(fabsf(same[i] - 1.0f / 3) < 1e-6f);
    assert_true(same[3] == 7);
}

static void softmax_sums_to_one_and_touches_nothing_else(void **state)
{
    (void)state;
    check_levels(check_softmax);
}

static double reference_act(double z, wn_act act)
{
    switch (act) {
    case WN_ACT_GELU:
        return 0.5 * z * erfc(-z / sqrt(2));
    case WN_ACT_GELU_TANH:
        return 0.5 * z * (1 + tanh(0.79788456080286535588 * (z + 0.044715 * z * z * z)));
    case WN_ACT_RELU:
        return z < 0 ? 0 : z;
    case WN_ACT_SILU:
        return z / (1 + exp(-z));
    case WN_ACT_TANH:
        return tanh(z);
    case WN_ACT_NONE:
        break;
    }
    return z;
}

static void check_act_values(const wn_kernels *kernels, wn_act act, float from, float to)
{
    size_t n = 1000;
    bool is_exact = act == WN_ACT_NONE || act == WN_ACT_RELU;
    for (size_t i = 0; i < n; i++)
        x[i] = from + (to - from) * (float)i / (float)(n - 1);
    kernels->act_f32(y, x, act, n);
    for (size_t i = 0; i < n; i++) {
        double want = reference_act((double)x[i], act);
        expect((double)y[i], want, is_exact ? 0 : TOLERANCE_ACT(want), kernels->level, "act",
               (size_t)act, i);
    }
}

static void check_act(const wn_kernels *kernels)
{
    for (int act = WN_ACT_NONE; act <= WN_ACT_TANH; act++) {
        check_act_values(kernels, (wn_act)act, -7, 7);
        check_act_values(kernels, (wn_act)act, -100, 100);
        check_act_values(kernels, (wn_act)act, -1e-4f, 1e-4f);
        check_act_values(kernels, (wn_act)act, -1e-41f, 1e-41f);
        const float odd[] = {0, -0.0f, 3e38f, -3e38f, 5.5f, -5.5f, 5.5000005f, -5.5000005f};
        float out[8];
        kernels->act_f32(out, odd, (wn_act)act, 8);
        for (size_t i = 0; i < 8; i++)
            assert_true(isfinite(out[i]) || act == WN_ACT_GELU_TANH);
        for (size_t n = 1; n < 40; n++) {
            check_random(x, n, 4);
            for (size_t i = 0; i < 8; i++)
                y[n + i] = 55;
            kernels->act_f32(y, x, (wn_act)act, n);
            for (size_t i = 0; i < 8; i++)
                assert_true(y[n + i] == 55);
            kernels->act_f32(x, x, (wn_act)act, n);
            assert_memory_equal(x, y, n * sizeof(float));
        }
    }
}

static void activations_are_within_two_millionths(void **state)
{
    (void)state;
    check_levels(check_act);
}

static void check_add_row(const wn_kernels *kernels)
{
    const wn_dtype dtypes[] = {WN_DTYPE_F32, WN_DTYPE_F16, WN_DTYPE_BF16};
    for (size_t t = 0; t < WN_ARRAY_LEN(dtypes); t++) {
        for (size_t n = 1; n < 70; n++) {
            unsigned char row[4 * 70 + 1];
            float wide[70];
            for (size_t i = 0; i < sizeof row; i++)
                row[i] = (unsigned char)(i * 37 % 251 & 0x3F); /* finite in every type */
            const unsigned char *at = row + (n % 2);           /* any alignment */
            wn_dtype_to_f32(wide, at, dtypes[t], n);
            check_random(y, n + 8, 1);
            memcpy(x, y, (n + 8) * sizeof(float));
            kernels->add_row(y, at, dtypes[t], n);
            for (size_t i = 0; i < n + 8; i++)
                assert_true(y[i] == (i < n ? x[i] + wide[i] : x[i]));
        }
    }
}

static void rows_of_every_type_are_added_exactly(void **state)
{
    (void)state;
    check_levels(check_add_row);
}

static void check_normalize(const wn_kernels *kernels)
{
    for (size_t t = 0; t < WN_ARRAY_LEN(lengths); t++) {
        size_t n = lengths[t];
        check_random(x, ROWS * n, 2);
        memset(x + n, 0, n * sizeof(float));
        kernels->normalize_f32(y, x, ROWS, n);
        for (size_t i = 0; i < ROWS; i++) {
            double squares = 0;
            for (size_t j = 0; j < n; j++)
                squares += (double)x[i * n + j] * (double)x[i * n + j];
            for (size_t j = 0; j < n; j++)
                expect((double)y[i * n + j],
                       squares == 0 ? 0 : (double)x[i * n + j] / sqrt(squares), TOLERANCE_UNIT,
                       kernels->level, "normalize", n, j);
        }
    }
}

static void normalize_gives_length_one_and_keeps_zero_rows(void **state)
{
    (void)state;
    check_levels(check_normalize);
}

static void check_max_rows_of(const wn_kernels *kernels, size_t m, size_t n, bool masked)
{
    size_t ldx = n + 5;
    float want[N_MAX];
    uint8_t keep[ROWS];
    check_random(x, m * ldx, 3);
    check_random(y, n, 1);
    y[n] = 77;
    memcpy(want, y, n * sizeof *want);
    for (size_t i = 0; i < m; i++) {
        keep[i] = (i + n) % 2 == 0;
        for (size_t j = 0; j < n && (!masked || keep[i]); j++)
            want[j] = fmaxf(want[j], x[i * ldx + j]);
    }
    kernels->max_rows(y, x, ldx, masked ? keep : NULL, m, n);
    assert_memory_equal(y, want, n * sizeof *want);
    assert_true(y[n] == 77);
}

static void check_max_rows(const wn_kernels *kernels)
{
    for (size_t t = 0; t < WN_ARRAY_LEN(lengths); t++) {
        for (size_t m = 0; m <= ROWS; m++) {
            check_max_rows_of(kernels, m, lengths[t], false);
            check_max_rows_of(kernels, m, lengths[t], true);
        }
    }
}

static void maxima_of_rows_pass_over_those_that_are_not_kept(void **state)
{
    (void)state;
    check_levels(check_max_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norm_is_near_the_double_reference),
        cmocka_unit_test(softmax_sums_to_one_and_touches_nothing_else),
        cmocka_unit_test(activations_are_within_two_millionths),
        cmocka_unit_test(rows_of_every_type_are_added_exactly),
        cmocka_unit_test(normalize_gives_length_one_and_keeps_zero_rows),
        cmocka_unit_test(maxima_of_rows_pass_over_those_that_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
