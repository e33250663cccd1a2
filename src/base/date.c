/* See date.h.  A year of the computation begins in March, so that a leap day is its last. */
#include "base/date.h"

#define DAYS_400_YEARS 146097
#define DAYS_TO_1970   719468 /* from 0000-03-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

int64_t wn_date_to_days(wn_date date)
{
    int64_t year = date.year - (date.month <= 2 ? 1 : 0);
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_400_YEARS + day_of_era - DAYS_TO_1970;
}

wn_date wn_date_from_days(int64_t days)
{
    int64_t era = floor_div(days + DAYS_TO_1970, DAYS_400_YEARS);
    int64_t day_of_era = days + DAYS_TO_1970 - era * DAYS_400_YEARS;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    wn_date date = {.month = (int32_t)(month < 10 ? month + 3 : month - 9),
                    .day = (int32_t)(day_of_year - (153 * month + 2) / 5 + 1)};
    date.year = (int32_t)(year_of_era + era * 400 + (date.month <= 2 ? 1 : 0));
    return date;
}

wn_date wn_date_from_s(int64_t unix_s)
{
    return wn_date_from_days(floor_div(unix_s, WN_DAY_S));
}

int64_t wn_month_of_s(int64_t unix_s)
{
    wn_date date = wn_date_from_s(unix_s);
    return (int64_t)(date.year - 1970) * 12 + date.month - 1;
}

/* n digits as a number; -1 when one is none. */
static int32_t digits(const char *p, size_t n)
{
    int32_t number = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        number = number * 10 + p[i] - '0';
    }
    return number;
}

bool wn_date_parse(wn_date *out, wn_str text)
{
    if ((text.len != 7 && text.len != 10) || text.ptr[4] != '-' ||
        (text.len == 10 && text.ptr[7] != '-'))
        return false;
    wn_date date = {digits(text.ptr, 4), digits(text.ptr + 5, 2),
                    text.len == 10 ? digits(text.ptr + 8, 2) : 1};
    if (date.year < 0 || date.month < 1 || date.month > 12 || date.day < 1)
        return false;
    wn_date same = wn_date_from_days(wn_date_to_days(date));
    if (same.day != date.day)
        return false;
    *out = date;
    return true;
}
