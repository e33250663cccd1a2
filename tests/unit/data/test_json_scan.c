/* json_scan: strings with every escape, numbers as serde_json makes them, passing over values. */
#include "tests/support/check.h"

#include "base/str.h"
#include "data/json_scan.h"

#include <math.h>

static wn_scan scan_of(wn_str text)
{
    return (wn_scan){text.ptr, text.ptr, text.ptr + text.len, NULL};
}

static void strings_resolve_escapes_and_surrogates(void **state)
{
    (void)state;
    const wn_str cases[][2] = {
        {WN_STR("\"\""), WN_STR("")},
        {WN_STR(" \n\t\r\"a b\""), WN_STR("a b")},
        {WN_STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), WN_STR("\"\\/\b\f\n\r\t")},
        {WN_STR("\"x\\u00e9\\u20AC\""), WN_STR("x\xC3\xA9\xE2\x82\xAC")},
        {WN_STR("\"\\ud83d\\ude00\\uffff\""), WN_STR("\xF0\x9F\x98\x80\xEF\xBF\xBF")},
        {WN_STR("\"a\\u0000b\""), WN_STR("a\0b")},
        {WN_STR("\"\xF0\x9F\x98\x80\""), WN_STR("\xF0\x9F\x98\x80")},
    };
    wn_buf out = WN_BUF_INIT, spare = WN_BUF_INIT;
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_scan whole = scan_of(cases[i][0]), slice = whole, none = whole;
        wn_str text;
        out.len = 0;
        assert_true(wn_scan_string(&whole, &out));
        assert_true(wn_str_equal(wn_buf_str(&out), cases[i][1]));
        assert_true(wn_scan_slice(&slice, &text, &spare));
        assert_true(wn_str_equal(text, cases[i][1]));
        assert_true(wn_scan_string(&none, NULL));
        assert_ptr_equal(whole.at, whole.end);
        assert_ptr_equal(slice.at, slice.end);
        assert_ptr_equal(none.at, none.end);
    }
    wn_buf_deinit(&out);
    wn_buf_deinit(&spare);
}

static void damaged_strings_name_the_place(void **state)
{
    (void)state;
    const struct {
        wn_str text;
        size_t at;
        const char *expected;
    } cases[] = {
        {WN_STR("x"), 0, "a string"},
        {WN_STR(""), 0, "a string"},
        {WN_STR("\"ab"), 3, "the end of a string"},
        {WN_STR("\"a\nb\""), 2, "the end of a string"},
        {WN_STR("\"a\xFF\""), 2, "valid UTF-8"},
        {WN_STR("\"\\"), 2, "the end of an escape"},
        {WN_STR("\"\\x\""), 2, "a JSON escape"},
        {WN_STR("\"\\\0\""), 2, "a JSON escape"},
        {WN_STR("\"a\\ud800\""), 2, "two surrogates of one character"},
        {WN_STR("\"\\ud800\\u0041\""), 1, "two surrogates of one character"},
        {WN_STR("\"\\udc00\\ud800\""), 1, "\\u and four hexadecimal digits of a character"},
        {WN_STR("\"\\u12g4\""), 1, "\\u and four hexadecimal digits of a character"},
        {WN_STR("\"\\u123"), 1, "\\u and four hexadecimal digits of a character"},
    };
    wn_buf out = WN_BUF_INIT;
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_scan scan = scan_of(cases[i].text);
        assert_false(wn_scan_string(&scan, &out));
        assert_string_equal(scan.expected, cases[i].expected);
        assert_int_equal(scan.at - scan.start, cases[i].at);
        assert_false(wn_scan_take(&scan, cases[i].text.len > 0 ? *scan.start : ' '));
        assert_int_equal(scan.at - scan.start, cases[i].at);
    }
    wn_buf_deinit(&out);
}

static void whole_numbers_keep_their_limits(void **state)
{
    (void)state;
    const struct {
        wn_str text;
        uint64_t max, value;
        const char *expected; /* NULL: value is read */
    } cases[] = {
        {WN_STR("0"), 0, 0, NULL},
        {WN_STR(" 42,"), 42, 42, NULL},
        {WN_STR("18446744073709551615"), UINT64_MAX, UINT64_MAX, NULL},
        {WN_STR("18446744073709551616"), UINT64_MAX, 0, "a smaller number"},
        {WN_STR("43"), 42, 0, "a smaller number"},
        {WN_STR("01"), 42, 0, "a whole number of 0 or more"},
        {WN_STR("-1"), 42, 0, "a whole number of 0 or more"},
        {WN_STR("1.0"), 42, 0, "a whole number of 0 or more"},
        {WN_STR("1e1"), 42, 0, "a whole number of 0 or more"},
        {WN_STR(""), 42, 0, "a whole number of 0 or more"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_scan scan = scan_of(cases[i].text);
        uint64_t value = 0;
        assert_int_equal(wn_scan_uint(&scan, &value, cases[i].max), cases[i].expected == NULL);
        if (cases[i].expected != NULL)
            assert_string_equal(scan.expected, cases[i].expected);
        assert_true(value == cases[i].value);
    }
}

static void doubles_have_the_bits_of_the_reference(void **state)
{
    (void)state;
    const struct {
        wn_str text;
        double value;
    } good[] = {
        {WN_STR("0"), 0.0},
        {WN_STR("-0.0"), -0.0},
        {WN_STR("1.5"), 1.5},
        {WN_STR("-12.25e2"), -1225.0},
        {WN_STR("1E+2"), 100.0},
        {WN_STR("1e-400"), 0.0},
        {WN_STR("0e99999999999"), 0.0},
        {WN_STR("1e308"), 1e308},
        /* -13.7 is an integer of three digits through ten, not the nearest double of a long one. */
        {WN_STR("-13.700000000000000000000001"), -(13700000000000000000.0 / 1e18)},
        /* Digits that 64 bits do not hold are dropped, not rounded. */
        {WN_STR("123456789012345678909"), 12345678901234567890.0 * 10},
    };
    const struct {
        wn_str text;
        const char *expected;
    } bad[] = {
        {WN_STR("01"), "a number"},
        {WN_STR(".5"), "a number"},
        {WN_STR("+1"), "a number"},
        {WN_STR("-"), "a number"},
        {WN_STR("1."), "a digit"},
        {WN_STR("1e"), "a digit"},
        {WN_STR("1e+"), "a digit"},
        {WN_STR("1e309"), "a number in the range of a double"},
        {WN_STR("1e99999999999"), "a number in the range of a double"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(good); i++) {
        wn_scan scan = scan_of(good[i].text);
        double value = NAN;
        assert_true(wn_scan_double(&scan, &value));
        assert_memory_equal(&value, &good[i].value, sizeof value);
        assert_ptr_equal(scan.at, scan.end);
    }
    for (size_t i = 0; i < WN_ARRAY_LEN(bad); i++) {
        wn_scan scan = scan_of(bad[i].text);
        double value;
        assert_false(wn_scan_double(&scan, &value));
        assert_string_equal(scan.expected, bad[i].expected);
    }
}

static void values_of_any_kind_are_passed_over(void **state)
{
    (void)state;
    const wn_str values[] = {
        WN_STR("{\"a\\\"]\": [1, {\"b\": \"}\"}], \"c\\\\\": []}"),
        WN_STR("[[[]]]"),
        WN_STR("\"a,]\\\"\""),
        WN_STR("-1.5e3"),
        WN_STR("null"),
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(values); i++) {
        char text[80];
        snprintf(text, sizeof text, " %s, 7", values[i].ptr);
        wn_scan scan = scan_of(wn_str_from(text));
        uint64_t seven = 0;
        assert_true(wn_scan_skip(&scan));
        assert_true(wn_scan_take(&scan, ','));
        assert_true(wn_scan_uint(&scan, &seven, 7) && seven == 7);
        assert_true(wn_scan_end(&scan));
    }
    const wn_str bad[][2] = {
        {WN_STR(", 1"), WN_STR("a value")},
        {WN_STR("  "), WN_STR("a value")},
        {WN_STR("[\"a]"), WN_STR("the end of a string")},
        {WN_STR("[\"a\\\"]"), WN_STR("the end of a string")},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(bad); i++) {
        wn_scan scan = scan_of(bad[i][0]);
        assert_false(wn_scan_skip(&scan));
        assert_string_equal(scan.expected, bad[i][1].ptr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_resolve_escapes_and_surrogates),
        cmocka_unit_test(damaged_strings_name_the_place),
        cmocka_unit_test(whole_numbers_keep_their_limits),
        cmocka_unit_test(doubles_have_the_bits_of_the_reference),
        cmocka_unit_test(values_of_any_kind_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
