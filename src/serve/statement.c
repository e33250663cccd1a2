/* See statement.h.  Each line of the charges is rounded to the smallest coin by itself and the
 * total is their sum, so that whoever adds the printed amounts gets the printed total. */
#include "serve/statement.h"

#include "base/date.h"
#include "base/html_text.h"
#include "base/str.h"
#include "serve/usage_report.h"

#include <stdlib.h>
#include <string.h>

#define WN_WHERE    "serve/statement"
#define MONTH_CHARS 7

/* That of one key. */
typedef struct statement {
    const char *key_id, *key_name; /* "": usage without a key */
    int64_t since_s, until_s;      /* of the month, as in wn_usage_query */
    int64_t now_s;
    const wn_usage_row *rows; /* [n_rows] by day and model, of this key */
    size_t n_rows;
    const wn_prices *prices; /* NULL: none */
} statement;

static const char style[] =
    "@page{size:A4;margin:18mm 16mm 20mm}\n"
    ":root{color-scheme:light;--ink:#1a2330;--soft:#5b6875;--line:#dbe1e7;--fill:#f4f6f8}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:#e9edf1;color:var(--ink);"
    "font:14px/1.5 system-ui,-apple-system,\"Segoe UI\",\"Helvetica Neue\",Arial,sans-serif}\n"
    "main{background:#fff;max-width:820px;margin:24px auto;padding:44px 52px 36px}\n"
    "header{display:flex;justify-content:space-between;align-items:flex-start;gap:32px;"
    "border-bottom:2px solid var(--ink);padding-bottom:18px}\n"
    "h1{font-size:25px;line-height:1.2;margin:0;font-weight:650}\n"
    "h2{font-size:15px;margin:30px 0 6px;font-weight:650}\n"
    "header p{margin:2px 0 0;color:var(--soft)}\n"
    ".issuer{text-align:right;font-weight:650;max-width:46%}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 22px;margin:20px 0 0}\n"
    "dt{color:var(--soft)}dd{margin:0}\n"
    ".due{display:flex;justify-content:space-between;align-items:baseline;background:var(--fill);"
    "margin:22px 0 0;padding:13px 16px;font-size:15px}\n"
    ".due b{font-size:23px;font-variant-numeric:tabular-nums}\n"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
    "thead{display:table-header-group}tr{break-inside:avoid}\n"
    "th,td{padding:5px 0 5px 18px;text-align:right;border-bottom:1px solid var(--line);"
    "vertical-align:top}\n"
    "th{font-weight:500;color:var(--soft);white-space:nowrap}\n"
    "th.t,td.t{text-align:left}th:first-child,td:first-child{padding-left:0}\n"
    "td.t{overflow-wrap:anywhere}td.d{white-space:nowrap}\n"
    "tr.sum td{font-weight:650;border-top:1px solid var(--ink);border-bottom:0}\n"
    "footer{margin-top:30px;color:var(--soft);font-size:12.5px}footer p{margin:4px 0}\n"
    "@media print{body{background:#fff;font-size:10.5pt}main{margin:0;padding:0;max-width:none}\n"
    "main+main{break-before:page}h2{break-after:avoid}.due{-webkit-print-color-adjust:exact;"
    "print-color-adjust:exact}}\n";

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};

static void push(wn_buf *out, const char *text)
{
    wn_buf_push_str(out, wn_str_from(text));
}

static void push_month(wn_buf *out, int64_t since_s)
{
    wn_date d = wn_date_from_s(since_s);
    wn_buf_printf(out, "%s %d", months[d.month - 1], d.year);
}

static void push_count_cell(wn_buf *out, uint64_t n)
{
    push(out, "<td>");
    wn_buf_push_count(out, n);
    push(out, "</td>");
}

static void push_text_cell(wn_buf *out, const char *text)
{
    push(out, "<td class=\"t\">");
    wn_html_push_text(out, text);
    push(out, "</td>");
}

static void push_begin(wn_buf *out, int64_t since_s)
{
    push(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Usage statement, ");
    push_month(out, since_s);
    push(out, "</title>\n<style>\n");
    push(out, style);
    push(out, "</style></head><body>\n");
}

/* ---- charges --------------------------------------------------------------------------------- */

/* A line of the charges. */
typedef struct charge {
    const char *what;
    uint64_t tokens, price, coins;
} charge;

static wn_status push_charge(wn_buf *out, charge *c, const statement *s, const char *model,
                             wn_error *err)
{
    WN_TRY(wn_price_amount(&c->coins, c->tokens, c->price, s->prices->decimals, err));
    push(out, "<tr>");
    push_text_cell(out, model);
    push_text_cell(out, c->what);
    push_count_cell(out, c->tokens);
    push(out, "<td>");
    wn_price_push(out, c->price);
    push(out, "</td><td>");
    wn_money_push(out, c->coins, s->prices->decimals);
    push(out, "</td></tr>\n");
    return WN_OK;
}

/* What was used of the model of a row, on all days; zero when an earlier row was of it. */
static bool sum_model(wn_usage_counts *out, const statement *s, size_t first)
{
    const char *model = s->rows[first].model;
    *out = (wn_usage_counts){0};
    for (size_t i = 0; i < first; i++)
        if (strcmp(s->rows[i].model, model) == 0)
            return false;
    for (size_t i = first; i < s->n_rows; i++) {
        if (strcmp(s->rows[i].model, model) != 0)
            continue;
        out->tokens += s->rows[i].counts.tokens;
        out->cached_tokens += WN_MIN(s->rows[i].counts.cached_tokens, s->rows[i].counts.tokens);
    }
    return true;
}

static wn_status push_model_charges(wn_buf *out, uint64_t *total, const statement *s,
                                    const char *model, const wn_usage_counts *used, wn_error *err)
{
    const wn_price *price = wn_prices_find(s->prices, model);
    if (price == NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT, "--prices has no price for the model '%s', and none for '*'",
                model);
    uint64_t cached = price->has_cached ? used->cached_tokens : 0;
    charge lines[] = {{"tokens", used->tokens - cached, price->tokens, 0},
                      {"cached tokens", cached, price->cached_tokens, 0}};
    for (size_t i = 0; i < WN_ARRAY_LEN(lines); i++) {
        if (i > 0 && lines[i].tokens == 0)
            continue;
        WN_TRY(push_charge(out, &lines[i], s, model, err));
        if (lines[i].coins > UINT64_MAX - *total)
            WN_FAIL(err, WN_ERR_LIMIT, "the total is more than can be counted");
        *total += lines[i].coins;
    }
    return WN_OK;
}

static void push_money(wn_buf *out, uint64_t coins, const wn_prices *prices)
{
    wn_money_push(out, coins, prices->decimals);
    wn_buf_printf(out, " %s", prices->currency);
}

static wn_status push_charges(wn_buf *out, uint64_t *total, const statement *s, wn_error *err)
{
    push(out, "<h2>Charges</h2>\n<table><thead><tr><th class=\"t\">model</th><th class=\"t\">"
              "what</th><th>quantity</th><th>price of a million</th>");
    wn_buf_printf(out, "<th>amount, %s</th></tr></thead><tbody>\n", s->prices->currency);
    *total = 0;
    for (size_t i = 0; i < s->n_rows; i++) {
        wn_usage_counts used;
        if (sum_model(&used, s, i) && used.tokens > 0)
            WN_TRY(push_model_charges(out, total, s, s->rows[i].model, &used, err));
    }
    push(out, "<tr class=\"sum\"><td class=\"t\">total</td><td></td><td></td><td></td><td>");
    wn_money_push(out, *total, s->prices->decimals);
    push(out, "</td></tr></tbody></table>\n");
    return WN_OK;
}

/* ---- usage ----------------------------------------------------------------------------------- */

static void push_counts(wn_buf *out, const wn_usage_counts *c)
{
    push_count_cell(out, c->requests);
    push_count_cell(out, c->errors);
    push_count_cell(out, c->tokens);
    push_count_cell(out, c->cached_tokens);
    push(out, "</tr>\n");
}

static void push_usage(wn_buf *out, const statement *s)
{
    wn_usage_counts sum = wn_usage_sum(s->rows, s->n_rows);
    push(out, "<h2>Usage by day</h2>\n<table><thead><tr><th class=\"t\">day</th>"
              "<th class=\"t\">model</th><th>requests</th><th>errors</th><th>tokens</th>"
              "<th>of these cached</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < s->n_rows; i++) {
        push(out, "<tr><td class=\"t d\">");
        wn_day_push(out, s->rows[i].minute * 60);
        push(out, "</td>");
        push_text_cell(out, s->rows[i].model);
        push_counts(out, &s->rows[i].counts);
    }
    push(out, "<tr class=\"sum\"><td class=\"t\">total</td><td></td>");
    push_counts(out, &sum);
    push(out, "</tbody></table>\n");
}

/* ---- the page -------------------------------------------------------------------------------- */

static void push_head(wn_buf *out, const statement *s)
{
    push(out, "<main>\n<header><div><h1>Usage statement</h1><p>");
    push_month(out, s->since_s);
    push(out, "</p></div>");
    if (s->prices != NULL && s->prices->issuer[0] != '\0') {
        push(out, "<div class=\"issuer\">");
        wn_html_push_text(out, s->prices->issuer);
        push(out, "</div>");
    }
    push(out, "</header>\n<dl><dt>Account</dt><dd>");
    wn_html_push_text(out, s->key_name[0] != '\0' ? s->key_name
                           : s->key_id[0] != '\0' ? s->key_id
                                                  : "Requests without a key");
    if (s->key_id[0] != '\0')
        wn_buf_printf(out, "</dd><dt>Key</dt><dd>%s", s->key_id);
    push(out, "</dd><dt>Period</dt><dd>");
    wn_day_push(out, s->since_s);
    push(out, " to ");
    wn_day_push(out, s->until_s - 1);
    push(out, " (UTC)</dd><dt>Issued</dt><dd>");
    wn_day_push(out, s->now_s);
    push(out, s->now_s < s->until_s ? ", before the end of the period: preliminary</dd></dl>\n"
                                    : "</dd></dl>\n");
}

static void push_foot(wn_buf *out, const statement *s)
{
    push(out, "<footer>");
    if (s->prices != NULL && s->prices->note[0] != '\0') {
        push(out, "<p>");
        wn_html_push_text(out, s->prices->note);
        push(out, "</p>");
    }
    push(out, "<p>Tokens are those of queries and documents as the model reads them. Requests that "
              "ended in an error cost nothing. Cached tokens are those of tokens whose scores "
              "were known from before.</p></footer>\n</main>\n");
}

/* One statement, which begins a page.  The amount comes before the lines that it is the sum of, so
 * these are written apart. */
static wn_status push_statement(wn_buf *out, const statement *s, wn_error *err)
{
    wn_buf charges = WN_BUF_INIT;
    uint64_t total = 0;
    wn_status status = WN_OK;
    if (s->prices != NULL)
        WN_TRY_OUT(push_charges(&charges, &total, s, err));
    push_head(out, s);
    if (s->prices != NULL) {
        push(out, "<p class=\"due\">Amount <b>");
        push_money(out, total, s->prices);
        push(out, "</b></p>\n");
        wn_buf_push_str(out, wn_buf_str(&charges));
    }
    push_usage(out, s);
    push_foot(out, s);
    if (out->failed || charges.failed)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a statement");
out:
    wn_buf_deinit(&charges);
    return status;
}

/* ---- the statements of a month --------------------------------------------------------------- */

wn_status wn_statements_query(wn_usage_query *out, wn_str month, wn_str key, const char **wrong,
                              wn_error *err)
{
    const wn_report_order order = {
        .from = month, .to = month, .by = WN_STR("day,key,model"), .key = key};
    wn_status status = wn_report_query(out, &order, 0, wrong, err);
    if (month.len == MONTH_CHARS && (status == WN_OK || strcmp(*wrong, "key") == 0))
        return status;
    *wrong = "month";
    WN_FAIL(err, WN_ERR_ARGUMENT, "is '%.*s', expected a month such as 2026-11", WN_STR_ARG(month));
}

static int compare_rows(const void *a, const void *b)
{
    const wn_usage_row *x = a, *y = b;
    int by_key = strcmp(x->key.text, y->key.text);
    if (by_key != 0)
        return by_key;
    if (x->minute != y->minute)
        return x->minute < y->minute ? -1 : 1;
    return strcmp(x->model, y->model);
}

static const char *name_of(const wn_statements *s, const char *id)
{
    for (size_t i = 0; i < s->n_keys; i++)
        if (strcmp(s->keys[i].id.text, id) == 0)
            return s->keys[i].name;
    return "";
}

/* The statement of the rows from the first on that are of its key; *n tells how many. */
static wn_status push_next(wn_buf *out, const wn_statements *s, const char *id, size_t first,
                           size_t *n, wn_error *err)
{
    *n = 0;
    while (first + *n < s->n_rows && strcmp(s->rows[first + *n].key.text, id) == 0)
        ++*n;
    const statement one = {.key_id = id,
                           .key_name = name_of(s, id),
                           .since_s = s->query.since_s,
                           .until_s = s->query.until_s,
                           .now_s = s->now_s,
                           .rows = s->rows + first,
                           .n_rows = *n,
                           .prices = s->prices};
    return push_statement(out, &one, err);
}

wn_status wn_statements_push(wn_buf *out, const wn_statements *s, wn_error *err)
{
    const char *id = s->query.key.text;
    bool of_one = id[0] != '\0' || s->query.keyless;
    size_t n;
    if (s->n_rows > 0)
        qsort(s->rows, s->n_rows, sizeof *s->rows, compare_rows);
    push_begin(out, s->query.since_s);
    if (of_one)
        WN_TRY(push_next(out, s, id, 0, &n, err));
    for (size_t i = 0; !of_one && i < s->n_rows; i += n)
        WN_TRY(push_next(out, s, s->rows[i].key.text, i, &n, err));
    push(out, "</body></html>\n");
    if (out->failed)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for statements");
    return WN_OK;
}
