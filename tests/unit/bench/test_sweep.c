/* The sweep over operations: what its rows say, and that it ends when it is asked to. */
#include "tests/support/check.h"

#include "bench/sweep.h"

typedef struct seen {
    size_t n, stop_at;
    char first_shape[64], dtype[8];
    double amount;
} seen;

static bool look(void *user, const wn_sweep_row *row)
{
    seen *s = user;
    assert_string_equal(row->op, "product");
    assert_string_equal(row->unit, "operations");
    assert_true(row->seconds > 0 && row->amount > 0 && row->peak >= 0);
    if (s->n++ == 0) {
        snprintf(s->first_shape, sizeof s->first_shape, "%s", row->shape);
        snprintf(s->dtype, sizeof s->dtype, "%s", row->dtype);
        s->amount = row->amount;
    }
    return s->n < s->stop_at;
}

static void a_row_says_what_ran_and_how_much_it_did(void **state)
{
    seen s = {.stop_at = 1};
    wn_error err;
    (void)state;
    assert_int_equal(wn_sweep_run("scalar", NULL, look, &s, &err), WN_ERR_CANCELLED);
    assert_int_equal(s.n, 1);
    assert_string_equal(s.first_shape, "mini qkv 1152 x 384");
    assert_string_equal(s.dtype, "f32");
    assert_true(s.amount == 2.0 * 64 * 1152 * 384);
}

static void a_sweep_of_one_dtype_has_no_other(void **state)
{
    seen s = {.stop_at = 2};
    wn_error err;
    (void)state;
    assert_int_equal(wn_sweep_run("scalar", "int8", look, &s, &err), WN_ERR_CANCELLED);
    assert_int_equal(s.n, 2);
    assert_string_equal(s.dtype, "int8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_says_what_ran_and_how_much_it_did),
        cmocka_unit_test(a_sweep_of_one_dtype_has_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
