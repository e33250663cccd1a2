/* Dates: the calendar against the C library's, and their text. */
#define _DEFAULT_SOURCE
#include "tests/support/check.h"

#include "base/date.h"
#include "base/str.h"

#include <time.h>

static void days_and_dates_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = -719528; day < 2932897; day += day % 5 == 0 ? 1 : 13) {
        time_t t = (time_t)day * WN_DAY_S;
        struct tm want;
        assert_non_null(gmtime_r(&t, &want));
        wn_date date = wn_date_from_days(day);
        if (date.year != want.tm_year + 1900 || date.month != want.tm_mon + 1 ||
            date.day != want.tm_mday || wn_date_to_days(date) != day)
            fail_msg("day %lld is %d-%d-%d", (long long)day, date.year, date.month, date.day);
    }
}

static void a_moment_belongs_to_its_day_and_month(void **state)
{
    (void)state;
    assert_int_equal(wn_date_from_s(0).day, 1);
    assert_int_equal(wn_date_from_s(WN_DAY_S - 1).day, 1);
    assert_int_equal(wn_date_from_s(WN_DAY_S).day, 2);
    assert_int_equal(wn_date_from_s(-1).day, 31);
    assert_int_equal(wn_month_of_s(0), 0);
    assert_int_equal(wn_month_of_s(-1), -1);
    assert_int_equal(wn_month_of_s(1740787199), 55 * 12 + 1); /* 2025-02-28 23:59:59 */
    assert_int_equal(wn_month_of_s(1740787200), 55 * 12 + 2);
}

static void a_day_counts_on_from_the_first(void **state)
{
    (void)state;
    int64_t first = wn_date_to_days((wn_date){2024, 2, 1});
    assert_int_equal(wn_date_to_days((wn_date){2024, 2, 0}), first - 1);
    assert_int_equal(wn_date_to_days((wn_date){2024, 2, 30}), first + 29);
}

static void dates_are_read(void **state)
{
    (void)state;
    wn_date date;
    assert_true(wn_date_parse(&date, WN_STR("2024-02-29")));
    assert_int_equal(date.year, 2024);
    assert_int_equal(date.month, 2);
    assert_int_equal(date.day, 29);
    assert_true(wn_date_parse(&date, WN_STR("1999-12")));
    assert_int_equal(date.year, 1999);
    assert_int_equal(date.month, 12);
    assert_int_equal(date.day, 1);
}

static void what_is_no_date_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",           "2024",       "2024-2-29",  "2023-02-29",  "2024-13-01", "2024-00-01",
        "2024-01-00", "2024-04-31", "2024-01-32", "2024/01/01",  "2024-01/01", "2o24-01-01",
        "2024-1x-01", "2024-01-0x", "-024-01-01", "2024-01-011", "2024-01 ",   "2024-0 -01"};
    wn_date date = {1, 2, 3};
    for (size_t i = 0; i < WN_ARRAY_LEN(wrong); i++)
        if (wn_date_parse(&date, wn_str_from(wrong[i])))
            fail_msg("'%s' was read", wrong[i]);
    assert_int_equal(date.year, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_and_dates_agree_with_the_c_library),
        cmocka_unit_test(a_moment_belongs_to_its_day_and_month),
        cmocka_unit_test(a_day_counts_on_from_the_first),
        cmocka_unit_test(dates_are_read),
        cmocka_unit_test(what_is_no_date_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
