/* GET /v1/usage: what the caller's key has used; a key with the scope "admin" may ask for another
 * key, or all.  On a worker, which waits for the store. */
#include "serve/api.h"
#include "serve/service.h"
#include "serve/usage_report.h"

#include "base/date.h"
#include "base/mem.h"
#include "base/str.h"

#include <time.h>

#define ROWS_MAX  20000
#define ROW_BYTES 768 /* of a row and its text, at most */
#define DAYS_MAX  400

static const wn_field fields[] = {
    {.name = "from",
     .kind = WN_FIELD_STRING,
     .offset = offsetof(wn_report_order, from),
     .help = "The first day, such as 2026-11-25, or a month; 29 days before the last without this"},
    {.name = "to",
     .kind = WN_FIELD_STRING,
     .offset = offsetof(wn_report_order, to),
     .help = "The last day, or a month, of UTC; today without this"},
    {.name = "by",
     .kind = WN_FIELD_STRING,
     .offset = offsetof(wn_report_order, by),
     .help = "What stays apart, as a list of day, key, route, model; day without this"},
    {.name = "key",
     .kind = WN_FIELD_STRING,
     .offset = offsetof(wn_report_order, key),
     .help = "The id of another key, or all, for who has the scope admin; the caller's without "
             "this"},
    {.name = "format",
     .kind = WN_FIELD_STRING,
     .offset = offsetof(wn_report_order, format),
     .help = "json or csv; json without this, unless Accept asks for text/csv"},
};

#define COUNTS                                                                                     \
    "\"requests\":" WN_SCHEMA_INT ",\"tokens\":" WN_SCHEMA_INT ",\"cached_tokens\":" WN_SCHEMA_INT \
    ",\"errors\":" WN_SCHEMA_INT
#define COUNT_NAMES "\"requests\",\"tokens\",\"cached_tokens\",\"errors\""

const wn_form wn_form_usage = {
    .title = "usage",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .answer_schema = WN_SCHEMA_OBJECT(
        "\"object\",\"from\",\"to\",\"data\",\"total\"",
        "\"object\":{\"const\":\"usage\"},\"from\":" WN_SCHEMA_STRING ",\"to\":" WN_SCHEMA_STRING
        ",\"key\":" WN_SCHEMA_STRING ",\"data\":" WN_SCHEMA_LIST(WN_SCHEMA_OBJECT(
            COUNT_NAMES, "\"day\":" WN_SCHEMA_STRING ",\"key\":{\"type\":[\"string\",\"null\"]},"
                         "\"route\":" WN_SCHEMA_STRING ",\"model\":" WN_SCHEMA_STRING
                         "," COUNTS)) ",\"total\":{" WN_SCHEMA_OBJECT(COUNT_NAMES, COUNTS) "}"),
};

static bool read_format(wn_report_format *out, wn_exchange *x, wn_str format)
{
    wn_str accept;
    if (format.len == 0 && wn_http_find(x->request, "Accept", &accept) &&
        wn_str_starts(accept, WN_STR("text/csv")))
        format = WN_STR("csv");
    *out = wn_str_equal(format, WN_STR("csv")) ? WN_REPORT_CSV : WN_REPORT_JSON;
    if (format.len > 0 && *out != WN_REPORT_CSV && !wn_str_equal(format, WN_STR("json"))) {
        wn_problem_note(&x->problem, "format", "value_error", NULL,
                        "Input is '%.*s', expected json or csv", WN_STR_ARG(format));
        return false;
    }
    return true;
}

/* Whose usage it is: the caller's, unless an administrator says otherwise. */
static bool set_key(wn_usage_query *query, wn_report_order *order, wn_exchange *x)
{
    const wn_identity *who = &x->identity;
    bool all = wn_str_equal(order->key, WN_STR("all"));
    bool own = order->key.len == 0 ||
               (who->has_key && wn_str_equal(order->key, wn_str_from(who->record.id.text)));
    if (!own && (who->record.scopes & WN_SCOPE_ADMIN) == 0) {
        wn_problem_set(&x->problem, 403, "AUTHZ_INSUFFICIENT_SCOPE",
                       "This key may not do that: the usage of others needs the scope 'admin'.");
        return false;
    }
    if (all)
        order->key = (wn_str){0};
    if (own && who->has_key)
        order->key = wn_str_from(who->record.id.text);
    query->keyless = own && !who->has_key;
    return true;
}

static bool read_query(wn_usage_query *query, wn_report_format *format, wn_exchange *x)
{
    wn_report_order order = {0};
    wn_usage_query read;
    const char *wrong;
    wn_error err;
    if (!wn_exchange_read_query(x, &order) || !read_format(format, x, order.format) ||
        !set_key(query, &order, x))
        return false;
    if (wn_report_query(&read, &order, time(NULL), &wrong, &err) != WN_OK) {
        wn_problem_note(&x->problem, wrong, "value_error", NULL, "Input %s", err.message);
        return false;
    }
    if (read.until_s - read.since_s > (int64_t)DAYS_MAX * WN_DAY_S) {
        wn_problem_note(&x->problem, "from", "value_error", NULL,
                        "Input is '%.*s', more than %d days before the last",
                        WN_STR_ARG(order.from), DAYS_MAX);
        return false;
    }
    read.keyless = query->keyless;
    read.rows_max = ROWS_MAX;
    *query = read;
    return true;
}

static void tell_failure(wn_exchange *x, const wn_error *err)
{
    if (err->status == WN_ERR_LIMIT) {
        wn_problem_note(&x->problem, "by", "value_error", NULL,
                        "Input gives more than %d rows: ask for fewer days, or keep less apart",
                        ROWS_MAX);
        return;
    }
    wn_service_log_act(x, "store_failed", err->message);
    wn_problem_set(&x->problem, 503, "SERVICE_UNAVAILABLE",
                   "Service temporarily unavailable: the store of usage does not answer.");
    x->problem.retry_after_s = 1;
}

bool wn_api_usage(wn_exchange *x)
{
    static const uint64_t need = (uint64_t)ROWS_MAX * ROW_BYTES;
    wn_accounts *accounts = wn_service_accounts(x->service);
    wn_usage_query query = {0};
    wn_report_format format;
    wn_usage_row *rows = NULL;
    size_t n;
    wn_error err = {0};
    if (!read_query(&query, &format, x))
        return true;
    if (!wn_accounts_has_state(accounts)) {
        wn_problem_set(&x->problem, 409, "RESOURCE_CONFLICT",
                       "This server keeps no usage: it was started with --state-dir none.");
        return true;
    }
    if (!wn_budget_take(wn_service_budget(x->service), need)) {
        wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
        return true;
    }
    x->held_bytes += need;
    if (wn_accounts_report(accounts, &rows, &n, &query, &err) != WN_OK) {
        tell_failure(x, &err);
        return true;
    }
    wn_report_push(&x->reply.body, format, &query, rows, n);
    wn_mem_free(rows);
    wn_reply_push_field(&x->reply, "Cache-Control", "no-store");
    wn_reply_push_field(&x->reply, "Vary", "Accept, Authorization");
    wn_exchange_reply_json(x, 200);
    if (format == WN_REPORT_CSV)
        x->reply.content_type = "text/csv; charset=utf-8";
    return true;
}
