/* Dates of the proleptic Gregorian calendar, in UTC, as arithmetic.
 * Source: Howard Hinnant, "chrono-compatible low-level date algorithms".  Thread rule: any. */
#ifndef WN_BASE_DATE_H
#define WN_BASE_DATE_H

#include "base/defs.h"
#include "winnow.h"

#define WN_DAY_S 86400 /* seconds of a day */

typedef struct wn_date {
    int32_t year;  /* 0..9999 */
    int32_t month; /* 1..12 */
    int32_t day;   /* 1..31 */
} wn_date;

/* Days since 1970-01-01, and the date of a day.
 * Needs:   a year of 0..9999 and a month of 1..12; a day may be any, and counts on from the
 *          first. */
int64_t wn_date_to_days(wn_date date);
wn_date wn_date_from_days(int64_t days);

/* The date of a moment in Unix seconds. */
wn_date wn_date_from_s(int64_t unix_s);

/* Read "YYYY-MM-DD", or "YYYY-MM", which is the first of that month.
 * False for another form and for a day that the calendar does not have. */
bool wn_date_parse(wn_date *out, wn_str text);

/* Months since 1970-01 of a moment in Unix seconds. */
int64_t wn_month_of_s(int64_t unix_s);

#endif
