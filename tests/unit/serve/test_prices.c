/* Money is exact. */
#include "tests/support/check.h"

#include "serve/prices.h"

static uint64_t amount(uint64_t tokens, uint64_t price, uint32_t decimals)
{
    uint64_t coins;
    wn_error err = {0};
    assert_ok(wn_price_amount(&coins, tokens, price, decimals, &err), &err);
    return coins;
}

static void amounts_are_exact_and_round_half_up(void **state)
{
    (void)state;
    wn_error err;
    uint64_t coins;
    assert_int_equal(amount(0, 20000, 2), 0);
    assert_int_equal(amount(1000000, 20000, 2), 2);   /* 0.02 */
    assert_int_equal(amount(249999, 20000, 2), 0);    /* 0.00499998 */
    assert_int_equal(amount(250000, 20000, 2), 1);    /* 0.005 */
    assert_int_equal(amount(749999, 20000, 2), 1);    /* 0.01499998 */
    assert_int_equal(amount(750000, 20000, 2), 2);    /* 0.015 */
    assert_int_equal(amount(1500000, 1000000, 0), 2); /* 1.5 */
    assert_int_equal(amount(1, 1, 6), 0);
    assert_int_equal(amount(500000, 1, 6), 1);
    /* where a double would have lost the last coin */
    assert_int_equal(amount(9007199254740993, 1000000, 6), 9007199254740993);
    assert_int_equal(amount(9223372036854775807ull, 1000000, 6), 9223372036854775807ull);
    assert_fails(wn_price_amount(&coins, UINT64_MAX, 999999999999999, 6, &err), WN_ERR_LIMIT, &err,
                 "more than can be counted");
}

static void money_is_printed_in_full(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    wn_money_push(&out, 123456789, 2);
    wn_buf_push_byte(&out, ' ');
    wn_money_push(&out, 5, 2);
    wn_buf_push_byte(&out, ' ');
    wn_money_push(&out, 1234, 0);
    wn_buf_push_byte(&out, ' ');
    wn_price_push(&out, 20000);
    wn_buf_push_byte(&out, ' ');
    wn_price_push(&out, 1234000001);
    wn_buf_push_byte(&out, '\0');
    assert_string_equal(out.ptr, "1,234,567.89 0.05 1,234 0.02 1,234.000001");
    wn_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_exact_and_round_half_up),
        cmocka_unit_test(money_is_printed_in_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
