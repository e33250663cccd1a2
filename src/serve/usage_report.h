/* Reports of usage: what is asked for, in words, and how the answer is written, for the command
 * line and for HTTP alike.  Days are those of UTC.
 * Thread rule: any. */
#ifndef WN_SERVE_USAGE_REPORT_H
#define WN_SERVE_USAGE_REPORT_H

#include "base/buf.h"
#include "serve/store.h"

#define WN_REPORT_DAYS 30 /* of a report that names no first day */

typedef enum wn_report_format {
    WN_REPORT_TABLE = 0,
    WN_REPORT_JSON,
    WN_REPORT_CSV
} wn_report_format;

/* What is asked for; a text without bytes asks for the default. */
typedef struct wn_report_order {
    wn_str from, to; /* the first and the last day, such as "2026-11-25", or a month */
    wn_str by;       /* "day,model": what stays apart; by day without this */
    wn_str key;      /* the id of one; all without this */
    wn_str format;   /* "json" or "csv" */
} wn_report_order;

/* Read the order into a query; now_s is Unix time.
 * Fails:   WN_ERR_ARGUMENT, and *wrong is the name of the field that cannot be so; the message goes
 *          on behind it: "is '2026-02-30', expected a day such as 2026-11-25". */
WN_MUST_USE wn_status wn_report_query(wn_usage_query *out, const wn_report_order *order,
                                      int64_t now_s, const char **wrong, wn_error *err);

/* Write the rows of a query, and their sum but in CSV.  JSON is one object:
 * {"object": "usage", "from", "to", "key" if it is of one, "data": [...], "total"}.
 * Shapes:  rows [n], of wn_store_report() for this query.
 * Fails:   false when memory is short. */
bool wn_report_push(wn_buf *out, wn_report_format format, const wn_usage_query *query,
                    const wn_usage_row *rows, size_t n);

/* The sum of n rows. */
wn_usage_counts wn_usage_sum(const wn_usage_row *rows, size_t n);

/* A day as "2026-11-25". */
bool wn_day_push(wn_buf *out, int64_t unix_s);

#endif
