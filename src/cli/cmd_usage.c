/* winnow usage: what keys have used, from the store of a server, which may run meanwhile. */
#include "cli/program.h"

#include "base/date.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/json_text.h"
#include "serve/state.h"

#include <stdio.h>
#include <time.h>

#define WN_WHERE     "cli/usage"
#define DEFAULT_DAYS 30

typedef enum format { TABLE = 0, JSON, CSV } format;

static wn_status read_date(int64_t *out_s, const wn_args *args, wn_option_id id, int64_t fallback,
                           wn_error *err)
{
    wn_date date;
    const char *text = wn_args_text(args, id);
    *out_s = fallback;
    if (text == NULL)
        return WN_OK;
    if (!wn_date_parse(&date, wn_str_from(text)))
        WN_FAIL(err, WN_ERR_ARGUMENT, "--%s is '%s', expected a date such as 2026-11-25",
                wn_options[id].name, text);
    *out_s = wn_date_to_days(date) * WN_DAY_S;
    return WN_OK;
}

static wn_status read_query(wn_usage_query *q, const wn_args *args, wn_error *err)
{
    static const unsigned by[] = {WN_BY_DAY, WN_BY_KEY, WN_BY_MODEL, WN_BY_ROUTE};
    int64_t today_s = (int64_t)time(NULL) / WN_DAY_S * WN_DAY_S;
    const char *key = wn_args_text(args, WN_OPT_KEY);
    *q = (wn_usage_query){.by = by[wn_args_int(args, WN_OPT_BY)]};
    WN_TRY(read_date(&q->until_s, args, WN_OPT_UNTIL, today_s, err));
    q->until_s += WN_DAY_S; /* that day too */
    WN_TRY(read_date(&q->since_s, args, WN_OPT_SINCE, q->until_s - DEFAULT_DAYS * WN_DAY_S, err));
    if (key != NULL && !wn_key_id_parse(&q->key, wn_str_from(key)))
        WN_FAIL(err, WN_ERR_ARGUMENT, "--key is '%s', expected the id of a key: winnow keys list",
                key);
    return WN_OK;
}

/* What a row is about: its day, key, model or route. */
static const char *subject(char *buffer, size_t size, const wn_usage_row *row, unsigned by)
{
    wn_date d = wn_date_from_s(row->minute * 60);
    switch (by) {
    case WN_BY_DAY:
        snprintf(buffer, size, "%04d-%02d-%02d", d.year, d.month, d.day);
        return buffer;
    case WN_BY_KEY:
        return row->key.text[0] == '\0' ? "(no key)" : row->key.text;
    case WN_BY_MODEL:
        return row->model;
    default:
        return row->route;
    }
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
    wn_buf_push_byte(out, '"');
}

static void push_row(wn_buf *out, format as, const char *what, const wn_usage_counts *c)
{
    switch (as) {
    case TABLE:
        wn_buf_printf(out, "%-28s %12llu %16llu %16llu %10llu\n", what,
                      (unsigned long long)c->requests, (unsigned long long)c->tokens,
                      (unsigned long long)c->cached_tokens, (unsigned long long)c->errors);
        break;
    case CSV:
        push_csv_text(out, what);
        wn_buf_printf(out, ",%llu,%llu,%llu,%llu\n", (unsigned long long)c->requests,
                      (unsigned long long)c->tokens, (unsigned long long)c->cached_tokens,
                      (unsigned long long)c->errors);
        break;
    case JSON:
        wn_buf_printf(out,
                      ",\"requests\":%llu,\"tokens\":%llu,\"cached_tokens\":%llu,\"errors\":%llu}",
                      (unsigned long long)c->requests, (unsigned long long)c->tokens,
                      (unsigned long long)c->cached_tokens, (unsigned long long)c->errors);
        break;
    }
}

static void push_report(wn_buf *out, format as, const char *by, unsigned by_bit,
                        const wn_usage_row *rows, size_t n)
{
    char buffer[32];
    wn_usage_counts sum = {0};
    if (as == TABLE)
        wn_buf_printf(out, "%-28s %12s %16s %16s %10s\n", by, "requests", "tokens", "cached tokens",
                      "errors");
    else if (as == CSV)
        wn_buf_printf(out, "%s,requests,tokens,cached_tokens,errors\n", by);
    else
        wn_buf_push_byte(out, '[');
    for (size_t i = 0; i < n; i++) {
        const char *what = subject(buffer, sizeof buffer, &rows[i], by_bit);
        if (as == JSON) {
            wn_buf_printf(out, "%s{\"%s\":", i > 0 ? ",\n " : "", by);
            wn_json_push_string(out, wn_str_from(what));
        }
        push_row(out, as, what, &rows[i].counts);
        sum.requests += rows[i].counts.requests;
        sum.tokens += rows[i].counts.tokens;
        sum.cached_tokens += rows[i].counts.cached_tokens;
        sum.errors += rows[i].counts.errors;
    }
    if (as == TABLE)
        push_row(out, as, "total", &sum);
    else if (as == JSON)
        wn_buf_push_str(out, WN_STR("]\n"));
}

wn_status wn_cmd_usage(wn_program *program, wn_error *err)
{
    static const char *const words[] = {"day", "key", "model", "route"};
    const wn_args *args = &program->args;
    const char *dir;
    wn_buf path = WN_BUF_INIT, out = WN_BUF_INIT;
    wn_state state = {0};
    wn_usage_query query;
    wn_usage_row *rows = NULL;
    size_t n;
    wn_status status;
    WN_TRY(read_query(&query, args, err));
    WN_TRY_OUT(wn_program_state_dir(&path, &dir, program, err));
    if (dir == NULL)
        WN_FAIL_OUT(err, WN_ERR_ARGUMENT, "--state-dir is 'none': no usage is kept");
    WN_TRY_OUT(wn_state_open(&state, dir, err));
    WN_TRY_OUT(wn_store_report(state.store, &rows, &n, &query, err));
    push_report(&out, (format)wn_args_int(args, WN_OPT_USAGE_FORMAT),
                words[wn_args_int(args, WN_OPT_BY)], query.by, rows, n);
    status = wn_program_write(program, &out, err);
out:
    wn_mem_free(rows);
    wn_state_close(&state);
    wn_buf_deinit(&out);
    wn_buf_deinit(&path);
    return status;
}
