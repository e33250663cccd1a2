/* See usage_report.h.  One table says what a row may be about; reading, headings and all three
 * formats follow it. */
#include "serve/usage_report.h"

#include "base/date.h"
#include "base/str.h"
#include "data/json_text.h"

#include <stdio.h>

#define WN_WHERE "serve/usage_report"

/* What stays apart, in the order of the rows. */
static const struct {
    const char *name;
    unsigned bit;
} subjects[] = {
    {"day", WN_BY_DAY}, {"key", WN_BY_KEY}, {"route", WN_BY_ROUTE}, {"model", WN_BY_MODEL}};
#define SUBJECTS WN_ARRAY_LEN(subjects)

/* ---- asking ---------------------------------------------------------------------------------- */

/* A day; a month is its first day, or, as the end of a range, its last. */
static wn_status read_day(int64_t *out_s, wn_str text, bool is_end, wn_error *err)
{
    wn_date date;
    if (!wn_date_parse(&date, text))
        WN_FAIL(err, WN_ERR_ARGUMENT, "is '%.*s', expected a day such as 2026-11-25, or a month",
                WN_STR_ARG(text));
    bool month = text.len == 7;
    if (is_end && month) {
        date.year += date.month / 12;
        date.month = date.month % 12 + 1;
    }
    *out_s = (wn_date_to_days(date) - (is_end && month)) * WN_DAY_S;
    return WN_OK;
}

static wn_status read_by(unsigned *out, wn_str list, wn_error *err)
{
    unsigned by = 0;
    for (size_t start = 0, end; start <= list.len; start = end + 1) {
        for (end = start; end < list.len && list.ptr[end] != ',';)
            end++;
        wn_str word = wn_str_slice(list, start, end);
        size_t i = 0;
        while (i < SUBJECTS && !wn_str_equal(word, wn_str_from(subjects[i].name)))
            i++;
        if (i == SUBJECTS)
            WN_FAIL(err, WN_ERR_ARGUMENT, "has '%.*s', expected day, key, route or model",
                    WN_STR_ARG(word));
        by |= subjects[i].bit;
    }
    *out = by;
    return WN_OK;
}

wn_status wn_report_query(wn_usage_query *out, const wn_report_order *order, int64_t now_s,
                          const char **wrong, wn_error *err)
{
    wn_usage_query q = {.by = WN_BY_DAY, .until_s = now_s / WN_DAY_S * WN_DAY_S};
    *wrong = "to";
    if (order->to.len > 0)
        WN_TRY(read_day(&q.until_s, order->to, true, err));
    q.since_s = q.until_s - (WN_REPORT_DAYS - 1) * WN_DAY_S;
    *wrong = "from";
    if (order->from.len > 0)
        WN_TRY(read_day(&q.since_s, order->from, false, err));
    if (q.since_s > q.until_s)
        WN_FAIL(err, WN_ERR_ARGUMENT, "is '%.*s', behind the last day", WN_STR_ARG(order->from));
    q.until_s += WN_DAY_S; /* that day too */
    *wrong = "by";
    if (order->by.len > 0)
        WN_TRY(read_by(&q.by, order->by, err));
    *wrong = "key";
    if (order->key.len > 0 && !wn_key_id_parse(&q.key, order->key))
        WN_FAIL(err, WN_ERR_ARGUMENT,
                "is '%.*s', expected the id of a key, of %d letters and digits",
                WN_STR_ARG(order->key), WN_KEY_ID_LEN);
    *out = q;
    return WN_OK;
}

/* ---- answering ------------------------------------------------------------------------------- */

wn_usage_counts wn_usage_sum(const wn_usage_row *rows, size_t n)
{
    wn_usage_counts sum = {0};
    for (size_t i = 0; i < n; i++) {
        sum.requests += rows[i].counts.requests;
        sum.tokens += rows[i].counts.tokens;
        sum.cached_tokens += rows[i].counts.cached_tokens;
        sum.errors += rows[i].counts.errors;
    }
    return sum;
}

#define DAY_CHARS 16

static void print_day(char out[DAY_CHARS], int64_t unix_s)
{
    wn_date d = wn_date_from_s(unix_s);
    snprintf(out, DAY_CHARS, "%04d-%02d-%02d", d.year % 10000, d.month % 100, d.day % 100);
}

bool wn_day_push(wn_buf *out, int64_t unix_s)
{
    char day[DAY_CHARS];
    print_day(day, unix_s);
    return wn_buf_push_str(out, wn_str_from(day));
}

/* What a row is about; empty for a key that there was not. */
static const char *subject_of(char day[DAY_CHARS], const wn_usage_row *row, unsigned bit)
{
    switch (bit) {
    case WN_BY_DAY:
        print_day(day, row->minute * 60);
        return day;
    case WN_BY_KEY:
        return row->key.text;
    case WN_BY_ROUTE:
        return row->route;
    default:
        return row->model;
    }
}

static void push_json_counts(wn_buf *out, const wn_usage_counts *c)
{
    wn_buf_printf(out, "\"requests\":%llu,\"tokens\":%llu,\"cached_tokens\":%llu,\"errors\":%llu}",
                  (unsigned long long)c->requests, (unsigned long long)c->tokens,
                  (unsigned long long)c->cached_tokens, (unsigned long long)c->errors);
}

static void push_json_row(wn_buf *out, unsigned by, const wn_usage_row *row)
{
    char day[DAY_CHARS];
    wn_buf_push_byte(out, '{');
    for (size_t i = 0; i < SUBJECTS; i++) {
        if ((by & subjects[i].bit) == 0)
            continue;
        const char *what = subject_of(day, row, subjects[i].bit);
        wn_buf_printf(out, "\"%s\":", subjects[i].name);
        if (what[0] == '\0')
            wn_buf_push_str(out, WN_STR("null"));
        else
            wn_json_push_string(out, wn_str_from(what));
        wn_buf_push_byte(out, ',');
    }
    push_json_counts(out, &row->counts);
}

static void push_json(wn_buf *out, const wn_usage_query *query, const wn_usage_row *rows, size_t n)
{
    wn_usage_counts sum = wn_usage_sum(rows, n);
    wn_buf_push_str(out, WN_STR("{\"object\":\"usage\",\"from\":\""));
    wn_day_push(out, query->since_s);
    wn_buf_push_str(out, WN_STR("\",\"to\":\""));
    wn_day_push(out, query->until_s - 1);
    wn_buf_push_str(out, WN_STR("\","));
    if (query->key.text[0] != '\0')
        wn_buf_printf(out, "\"key\":\"%s\",", query->key.text);
    wn_buf_push_str(out, WN_STR("\"data\":["));
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            wn_buf_push_byte(out, ',');
        push_json_row(out, query->by, &rows[i]);
    }
    wn_buf_push_str(out, WN_STR("],\"total\":{"));
    push_json_counts(out, &sum);
    wn_buf_push_byte(out, '}');
}

/* A text in quotes; those in it are doubled (RFC 4180). */
static void push_csv_text(wn_buf *out, const char *text)
{
    wn_buf_push_byte(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            wn_buf_push_byte(out, '"');
        wn_buf_push_byte(out, *text);
    }
    wn_buf_push_str(out, WN_STR("\","));
}

static void push_csv(wn_buf *out, unsigned by, const wn_usage_row *rows, size_t n)
{
    char day[DAY_CHARS];
    for (size_t i = 0; i < SUBJECTS; i++)
        if ((by & subjects[i].bit) != 0)
            wn_buf_printf(out, "%s,", subjects[i].name);
    wn_buf_push_str(out, WN_STR("requests,tokens,cached_tokens,errors\n"));
    for (size_t i = 0; i < n; i++) {
        const wn_usage_counts *c = &rows[i].counts;
        for (size_t k = 0; k < SUBJECTS; k++)
            if ((by & subjects[k].bit) != 0)
                push_csv_text(out, subject_of(day, &rows[i], subjects[k].bit));
        wn_buf_printf(out, "%llu,%llu,%llu,%llu\n", (unsigned long long)c->requests,
                      (unsigned long long)c->tokens, (unsigned long long)c->cached_tokens,
                      (unsigned long long)c->errors);
    }
}

/* The columns of what rows are about are as wide as their widest text. */
typedef struct widths {
    int of[SUBJECTS]; /* 0: no column */
} widths;

static widths measure(unsigned by, const wn_usage_row *rows, size_t n)
{
    char day[DAY_CHARS];
    widths w = {{0}};
    for (size_t k = 0; k < SUBJECTS; k++) {
        if ((by & subjects[k].bit) == 0)
            continue;
        w.of[k] = subjects[k].bit == WN_BY_DAY ? 10 : 8;
        for (size_t i = 0; i < n; i++) {
            int len = (int)strlen(subject_of(day, &rows[i], subjects[k].bit));
            w.of[k] = WN_MAX(w.of[k], len);
        }
    }
    return w;
}

static void push_line(wn_buf *out, const widths *w, const char *const words[SUBJECTS],
                      const wn_usage_counts *c)
{
    for (size_t k = 0; k < SUBJECTS; k++)
        if (w->of[k] > 0)
            wn_buf_printf(out, "%-*s  ", w->of[k], words[k]);
    wn_buf_printf(out, "%12llu %16llu %16llu %10llu\n", (unsigned long long)c->requests,
                  (unsigned long long)c->tokens, (unsigned long long)c->cached_tokens,
                  (unsigned long long)c->errors);
}

static void push_table(wn_buf *out, unsigned by, const wn_usage_row *rows, size_t n)
{
    char day[DAY_CHARS];
    const char *words[SUBJECTS] = {"", "", "", ""};
    widths w = measure(by, rows, n);
    wn_usage_counts sum = wn_usage_sum(rows, n);
    for (size_t k = 0; k < SUBJECTS; k++)
        if (w.of[k] > 0)
            wn_buf_printf(out, "%-*s  ", w.of[k], subjects[k].name);
    wn_buf_printf(out, "%12s %16s %16s %10s\n", "requests", "tokens", "cached tokens", "errors");
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < SUBJECTS; k++) {
            const char *what = subject_of(day, &rows[i], subjects[k].bit);
            words[k] = what[0] == '\0' ? "(no key)" : what;
        }
        push_line(out, &w, words, &rows[i].counts);
    }
    bool first = true;
    for (size_t k = 0; k < SUBJECTS; k++) {
        words[k] = first && w.of[k] > 0 ? "total" : "";
        first = first && w.of[k] == 0;
    }
    push_line(out, &w, words, &sum);
}

bool wn_report_push(wn_buf *out, wn_report_format format, const wn_usage_query *query,
                    const wn_usage_row *rows, size_t n)
{
    switch (format) {
    case WN_REPORT_TABLE:
        push_table(out, query->by, rows, n);
        break;
    case WN_REPORT_JSON:
        push_json(out, query, rows, n);
        break;
    case WN_REPORT_CSV:
        push_csv(out, query->by, rows, n);
        break;
    }
    return !out->failed;
}
