/* The vector levels' arithmetic, on one lane: this file is compiled without any level's flags, so
 * the headers that every vector level shares run here on any machine, and a level that this machine
 * has must give the same bits. */
#include "tests/support/check.h"

#include "tests/support/check_levels.h"

#include "kernel/vec_act.h"
#include "kernel/vec_gemm.h"
#include "kernel/vec_rows.h"

#include <math.h>

enum { N = 4096 };
static float x[N], mine[N], theirs[N];
_Static_assert(LANES == 1, "compiled for no level");

static bool is_vector_level(const wn_kernels *kernels)
{
    return strcmp(kernels->level, "scalar") != 0;
}

static void fill(float from, float to)
{
    for (size_t i = 0; i < N; i++)
        x[i] = from + (to - from) * (float)i / (float)(N - 1);
}

static void check_acts(const wn_kernels *kernels)
{
    static const float ends[] = {1e-3f, 1, 8, 60};
    for (size_t e = 0; e < WN_ARRAY_LEN(ends) && is_vector_level(kernels); e++) {
        fill(-ends[e], ends[e]);
        for (int act = WN_ACT_NONE; act <= WN_ACT_TANH; act++) {
            act_f32(mine, x, (wn_act)act, N);
            kernels->act_f32(theirs, x, (wn_act)act, N);
            for (size_t i = 0; i < N; i++)
                if (memcmp(&mine[i], &theirs[i], sizeof mine[i]) != 0)
                    fail_msg("%s act %d of %.9g: %.9g, one lane gives %.9g", kernels->level, act,
                             (double)x[i], (double)theirs[i], (double)mine[i]);
        }
    }
}

static void activations_have_the_bits_of_one_lane(void **state)
{
    (void)state;
    check_levels(check_acts);
}

static void one_lane_is_near_libm(void **state)
{
    (void)state;
    fill(-80, 80);
    for (size_t i = 0; i < N; i++) {
        double e = exp((double)x[i]);
        assert_true(fabs((double)exp_lanes(x[i]) - e) <= 1e-7 * e);
    }
    fill(-8, 8);
    act_f32(mine, x, WN_ACT_GELU, N);
    for (size_t i = 0; i < N; i++)
        assert_true(fabs((double)mine[i] - 0.5 * (double)x[i] * erfc(-(double)x[i] / sqrt(2))) <
                    1e-6);
}

static void check_rows_of(const wn_kernels *kernels)
{
    fill(-3, 5);
    norm_f32(mine, x, NULL, x, NULL, 1e-5f, 4, 100);
    kernels->norm_f32(theirs, x, NULL, x, NULL, 1e-5f, 4, 100);
    for (size_t i = 0; i < 400; i++)
        assert_true(fabsf(mine[i] - theirs[i]) < 1e-4f);
    memcpy(mine, x, sizeof x);
    memcpy(theirs, x, sizeof x);
    softmax_f32(mine, 100, 0.5f, 4, 90);
    kernels->softmax_f32(theirs, 100, 0.5f, 4, 90);
    for (size_t i = 0; i < 400; i++)
        assert_true(fabsf(mine[i] - theirs[i]) < 1e-6f);
}

static void rows_of_one_lane_agree_with_every_level(void **state)
{
    (void)state;
    check_levels(check_rows_of);
}

/* Minima and maxima must not hide it. */
static void check_nan(const wn_kernels *kernels)
{
    enum { AT = 5, ROW = 23 };
    fill(-2, 2);
    x[AT] = NAN;
    for (int act = WN_ACT_NONE; act <= WN_ACT_TANH; act++) {
        kernels->act_f32(theirs, x, (wn_act)act, ROW);
        for (size_t i = 0; i < ROW; i++)
            assert_true(isnan(theirs[i]) == (i == AT));
    }
    memcpy(theirs, x, sizeof x);
    kernels->softmax_f32(theirs, ROW, 0.5f, 2, ROW);
    for (size_t i = 0; i < ROW; i++)
        assert_true(isnan(theirs[i]) && !isnan(theirs[ROW + i]));
}

static void a_nan_stays_one_and_spoils_its_row_alone(void **state)
{
    (void)state;
    check_levels(check_nan);
}

static void a_tile_of_one_lane_is_the_chain_of_every_level(void **state)
{
    (void)state;
    enum { ROWS = 3, K = 50 };
    float packed[NR * K], y[ROWS][NR];
    fill(-1, 1);
    pack_f32(packed, x, K, NR, K);
    const tile_weights w = {packed, x, NR, K, (uintptr_t)packed, 1};
    multiply_f32(y[0], NR, x + 500, K, &w, ROWS, 2);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < NR; j++) {
            float sum = 0;
            for (size_t p = 0; p < K; p++)
                sum = fmaf(x[500 + i * K + p], x[j * K + p], sum);
            assert_true(y[i][j] == sum + x[j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_have_the_bits_of_one_lane),
        cmocka_unit_test(one_lane_is_near_libm),
        cmocka_unit_test(rows_of_one_lane_agree_with_every_level),
        cmocka_unit_test(a_nan_stays_one_and_spoils_its_row_alone),
        cmocka_unit_test(a_tile_of_one_lane_is_the_chain_of_every_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
