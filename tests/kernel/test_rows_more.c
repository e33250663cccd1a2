/* Row kernels that some families alone need, of every level, against references in double. */
#include "tests/support/check.h"

#include "tests/support/check_levels.h"
#include "tests/tolerance.h"

#include <math.h>

enum { N_MAX = 1100, ROWS = 3, GUARD = 16 };
static float x[ROWS * N_MAX + GUARD], y[ROWS * N_MAX + GUARD], r[ROWS * N_MAX], g[N_MAX], h[N_MAX];
static const size_t lengths[] = {1, 2, 7, 8, 9, 16, 17, 32, 48, 64, 65, 127, 128, 384, 1025};

static void expect(double got, double want, double bound, const char *level, const char *what,
                   size_t n, size_t j)
{
    if (!(fabs(got - want) <= bound))
        fail_msg("%s %s n=%zu [%zu]: %.9g, expected %.9g within %.1e", level, what, n, j, got, want,
                 bound);
}

static void check_rms_norm_of(const wn_kernels *kernels, size_t n, bool residual)
{
    check_random(x, ROWS * n, 3);
    check_random(r, ROWS * n, 3);
    check_random(g, n, 2);
    y[ROWS * n] = 77;
    kernels->rms_norm_f32(y, x, residual ? r : NULL, g, 1e-6f, ROWS, n);
    assert_true(y[ROWS * n] == 77);
    for (size_t i = 0; i < ROWS; i++) {
        double squares = 0;
        const float *xi = x + i * n, *ri = r + i * n;
        for (size_t j = 0; j < n; j++)
            squares += pow((double)(residual ? xi[j] + ri[j] : xi[j]), 2) / (double)n;
        for (size_t j = 0; j < n; j++) {
            double z = (double)(residual ? xi[j] + ri[j] : xi[j]);
            expect((double)y[i * n + j], z / sqrt(squares + 1e-6) * (double)g[j], TOLERANCE_NORM,
                   kernels->level, "rms_norm", n, j);
        }
    }
    float alone[N_MAX];
    kernels->rms_norm_f32(alone, x + n, residual ? r + n : NULL, g, 1e-6f, 1, n);
    assert_memory_equal(alone, y + n, n * sizeof(float));
    kernels->rms_norm_f32(x, x, residual ? r : NULL, g, 1e-6f, ROWS, n);
    assert_memory_equal(x, y, ROWS * n * sizeof(float));
}

static void check_rms_norm(const wn_kernels *kernels)
{
    for (size_t t = 0; t < WN_ARRAY_LEN(lengths); t++) {
        check_rms_norm_of(kernels, lengths[t], false);
        check_rms_norm_of(kernels, lengths[t], true);
    }
}

static void rms_norm_is_near_the_double_reference(void **state)
{
    (void)state;
    check_levels(check_rms_norm);
}

static void check_gate(const wn_kernels *kernels)
{
    const wn_act acts[] = {WN_ACT_GELU, WN_ACT_SILU, WN_ACT_GELU_TANH, WN_ACT_RELU};
    for (size_t t = 0; t < WN_ARRAY_LEN(lengths) * WN_ARRAY_LEN(acts); t++) {
        size_t n = lengths[t / WN_ARRAY_LEN(acts)];
        wn_act act = acts[t % WN_ARRAY_LEN(acts)];
        check_random(x, n, 4);
        check_random(r, n, 4);
        y[n] = 77;
        kernels->gate_f32(y, x, r, act, n);
        assert_true(y[n] == 77);
        kernels->act_f32(g, x, act, n);
        for (size_t j = 0; j < n; j++)
            assert_true(y[j] == g[j] * r[j]);
        memcpy(h, x, n * sizeof *h);
        kernels->gate_f32(h, h, r, act, n);
        assert_memory_equal(h, y, n * sizeof *h);
        kernels->gate_f32(r, x, r, act, n);
        assert_memory_equal(r, y, n * sizeof *r);
    }
}

static void gate_is_the_activation_times_the_other_half(void **state)
{
    (void)state;
    check_levels(check_gate);
}

static void check_turn(const wn_kernels *kernels)
{
    for (size_t t = 0; t < WN_ARRAY_LEN(lengths) && lengths[t] < 512; t++) {
        size_t half = lengths[t], ld = 2 * half + 3;
        for (size_t j = 0; j < half; j++) {
            g[j] = cosf((float)j + 0.3f);
            h[j] = sinf((float)j + 0.3f);
        }
        check_random(x, ROWS * ld, 3);
        memcpy(y, x, ROWS * ld * sizeof *y);
        kernels->turn_f32(y, ld, g, h, ROWS, half);
        for (size_t i = 0; i < ROWS; i++) {
            for (size_t j = 0; j < half; j++) {
                double a = (double)x[i * ld + j], b = (double)x[i * ld + half + j];
                double c = (double)g[j], s = (double)h[j];
                double bound = TOLERANCE_TURN * (fabs(a) + fabs(b));
                expect((double)y[i * ld + j], a * c - b * s, bound, kernels->level, "turn", half,
                       j);
                expect((double)y[i * ld + half + j], b * c + a * s, bound, kernels->level, "turn",
                       half, half + j);
            }
            for (size_t j = 2 * half; j < ld; j++)
                assert_true(y[i * ld + j] == x[i * ld + j]);
        }
    }
}

static void pairs_are_turned_and_nothing_else(void **state)
{
    (void)state;
    check_levels(check_turn);
}

static void check_alibi(const wn_kernels *kernels)
{
    for (size_t t = 0; t < WN_ARRAY_LEN(lengths); t++) {
        size_t n = lengths[t], ld = n + 5, first = n / 3;
        check_random(x, ROWS * ld, 20);
        memcpy(y, x, ROWS * ld * sizeof *y);
        kernels->alibi_f32(y, ld, 0.125f, 0.353553f, first, ROWS, n);
        for (size_t i = 0; i < ROWS; i++) {
            for (size_t j = 0; j < ld; j++) {
                double away = fabs((double)(first + i) - (double)j);
                double s = (double)x[i * ld + j], want = s * 0.125 - (double)0.353553f * away;
                expect((double)y[i * ld + j], j < n ? want : s, j < n ? 3e-7 * (3 + away) : 0,
                       kernels->level, "alibi", n, j);
            }
        }
    }
}

static void alibi_falls_with_the_distance(void **state)
{
    (void)state;
    check_levels(check_alibi);
}

/* Buckets of distances from -(ROWS - 1) to 1024, some of them twice. */
static void check_relative(const wn_kernels *kernels)
{
    enum { BUCKETS = 40 };
    static float by_query[ROWS * 48], by_key[BUCKETS * N_MAX];
    static int32_t bucket[ROWS + N_MAX];
    for (size_t i = 0; i < WN_ARRAY_LEN(bucket); i++)
        bucket[i] = (int32_t)((i * 7 + i / 13) % BUCKETS);
    check_random(by_query, WN_ARRAY_LEN(by_query), 3);
    for (size_t t = 0; t < WN_ARRAY_LEN(lengths) * 4; t++) {
        size_t n = lengths[t / 4], ld = n + 5;
        const wn_relative_terms terms = {.by_query = t % 4 == 1 ? NULL : by_query,
                                         .by_key = t % 4 == 2 ? NULL : by_key,
                                         .ldq = t % 4 == 3 ? 0 : 48,
                                         .ldk = n + 1,
                                         .bucket = bucket + ROWS - 1};
        check_random(by_key, BUCKETS * terms.ldk, 3);
        check_random(x, ROWS * ld, 20);
        memcpy(y, x, ROWS * ld * sizeof *y);
        kernels->add_relative_f32(y, ld, &terms, ROWS, n);
        for (size_t i = 0; i < ROWS; i++) {
            for (size_t j = 0; j < ld; j++) {
                float want = x[i * ld + j];
                size_t b = (size_t)bucket[ROWS - 1 + WN_MIN(j, n - 1) - i];
                if (j < n && terms.by_query != NULL)
                    want += by_query[i * terms.ldq + b];
                if (j < n && terms.by_key != NULL)
                    want += by_key[b * terms.ldk + j];
                assert_memory_equal(&y[i * ld + j], &want, sizeof want);
            }
        }
    }
}

static void terms_of_distances_are_added_alike_on_every_level(void **state)
{
    (void)state;
    check_levels(check_relative);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rms_norm_is_near_the_double_reference),
        cmocka_unit_test(gate_is_the_activation_times_the_other_half),
        cmocka_unit_test(pairs_are_turned_and_nothing_else),
        cmocka_unit_test(alibi_falls_with_the_distance),
        cmocka_unit_test(terms_of_distances_are_added_alike_on_every_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
