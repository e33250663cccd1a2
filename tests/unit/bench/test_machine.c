/* What is measured of a machine: rates that can be, on one thread and on several. */
#include "tests/support/check.h"

#include "bench/machine.h"

#include <math.h>

static void rates_are_those_of_a_processor(void **state)
{
    size_t n;
    const wn_peak *peaks = wn_peaks(&n);
    wn_pool *pool = NULL;
    wn_error err;
    (void)state;
    assert_ok(wn_pool_new(&pool, 2, &err), &err);
    for (size_t i = 0; i < n && i < 2; i++) {
        if (!wn_peak_runs(&peaks[i]))
            continue;
        double one = wn_machine_compute(&peaks[i], NULL), two = wn_machine_compute(&peaks[i], pool);
        assert_true(one > 1e8 && one < 1e15);
        assert_true(two > 1e8 && two < 2.5 * one);
    }
    wn_pool_free(pool);
}

static void memory_is_read_at_a_rate_of_memory(void **state)
{
    double rate = 0;
    wn_pool *pool = NULL;
    wn_error err;
    (void)state;
    assert_ok(wn_pool_new(&pool, 3, &err), &err);
    assert_ok(wn_machine_read(&rate, pool, &err), &err);
    assert_true(rate > 1e7 && rate < 1e13);
    wn_pool_free(pool);
}

static void a_peak_that_is_not_known_is_0(void **state)
{
    (void)state;
    assert_true(wn_machine_peak("scalar", "f32", NULL) == 0);
    assert_true(wn_machine_peak("avx2", "f64", NULL) == 0);
    assert_true(wn_machine_peak("avx2", "f16", NULL) == 0);
}

static void the_name_is_one_line_and_is_cut_to_its_room(void **state)
{
    char name[128], shorter[5];
    (void)state;
    wn_machine_name(name, sizeof name);
    wn_machine_name(shorter, sizeof shorter);
    assert_true(strlen(name) > 0 && strchr(name, '\n') == NULL);
    assert_true(strlen(shorter) > 0 && strncmp(name, shorter, strlen(shorter)) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_those_of_a_processor),
        cmocka_unit_test(memory_is_read_at_a_rate_of_memory),
        cmocka_unit_test(a_peak_that_is_not_known_is_0),
        cmocka_unit_test(the_name_is_one_line_and_is_cut_to_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
