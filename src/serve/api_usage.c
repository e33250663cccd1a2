/* /v1/usage: what the caller's key has used, as rows or as a monthly statement, and which of its
 * requests failed; a key with the scope "admin" may ask for another key, or all.  On a worker,
 * which waits for the store. */
#include "serve/api.h"
#include "serve/service.h"
#include "serve/statement.h"
#include "serve/usage_report.h"

#include "base/date.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/json_text.h"

#include <time.h>

#define WN_WHERE  "serve/api_usage"
#define ROWS_MAX  20000
#define ROW_BYTES 768 /* of a row and its text, at most */
#define DAYS_MAX  400

#define KEY_FIELD(struct_)                                                                         \
    {                                                                                              \
        .name = "key", .kind = WN_FIELD_STRING, .offset = offsetof(struct_, key),                  \
        .help =                                                                                    \
            "The id of another key, or all, for who has the scope admin; the caller's without "    \
            "this"                                                                                 \
    }

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
    KEY_FIELD(wn_report_order),
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

#define STRING_OR_NULL "{\"type\":[\"string\",\"null\"]}"

/* Of errors and statements. */
typedef struct other_order {
    wn_str key, month;
} other_order;

static const wn_field other_fields[] = {
    KEY_FIELD(other_order),
    {.name = "month",
     .kind = WN_FIELD_STRING,
     .offset = offsetof(other_order, month),
     .required = true,
     .help = "The month, such as 2026-11, of UTC"},
};

const wn_form wn_form_usage_errors = {
    .title = "errors",
    .fields = other_fields,
    .n_fields = 1,
    .answer_schema = WN_SCHEMA_OBJECT(
        "\"object\",\"data\"",
        "\"object\":{\"const\":\"errors\"},\"data\":" WN_SCHEMA_LIST(
            WN_SCHEMA_OBJECT("\"time\",\"key\",\"route\",\"status\",\"code\",\"request_id\"",
                             "\"time\":" WN_SCHEMA_INT ",\"key\":" STRING_OR_NULL
                             ",\"route\":" WN_SCHEMA_STRING ",\"status\":" WN_SCHEMA_INT
                             ",\"code\":" STRING_OR_NULL ",\"request_id\":" WN_SCHEMA_STRING))),
};

const wn_form wn_form_usage_statement = {
    .title = "statement",
    .fields = other_fields,
    .n_fields = WN_ARRAY_LEN(other_fields),
    .answer_schema = "\"description\":\"A page, as text/html\"",
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

/* Whose usage it is: the caller's, unless an administrator says otherwise.  An empty *key is all,
 * or what was used without one. */
static bool set_key(bool *keyless, wn_str *key, wn_exchange *x)
{
    const wn_identity *who = &x->identity;
    bool all = wn_str_equal(*key, WN_STR("all"));
    bool own =
        key->len == 0 || (who->has_key && wn_str_equal(*key, wn_str_from(who->record.id.text)));
    if (!own && (who->record.scopes & WN_SCOPE_ADMIN) == 0) {
        wn_problem_set(&x->problem, 403, "AUTHZ_INSUFFICIENT_SCOPE",
                       "This key may not do that: the usage of others needs the scope 'admin'.");
        return false;
    }
    if (all)
        *key = (wn_str){0};
    if (own && who->has_key)
        *key = wn_str_from(who->record.id.text);
    *keyless = own && !who->has_key;
    return true;
}

static bool read_query(wn_usage_query *query, wn_report_format *format, wn_exchange *x)
{
    wn_report_order order = {0};
    wn_usage_query read;
    const char *wrong;
    wn_error err;
    if (!wn_exchange_read_query(x, &order) || !read_format(format, x, order.format) ||
        !set_key(&query->keyless, &order.key, x))
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
    bool report = x->match.route->form == &wn_form_usage;
    if (err->status == WN_ERR_LIMIT) {
        wn_problem_note(&x->problem, report ? "by" : "key", "value_error", NULL,
                        "Input gives more than %d rows: ask for %s", ROWS_MAX,
                        report ? "fewer days, or keep less apart" : "one key");
        return;
    }
    wn_service_log_act(x, "store_failed", err->message);
    wn_problem_set(&x->problem, 503, "SERVICE_UNAVAILABLE",
                   "Service temporarily unavailable: the store of usage does not answer.");
    x->problem.retry_after_s = 1;
}

/* The rows of a query, whose memory is held until the request ends; false, and a problem, when that
 * is not to be. */
static bool read_rows(wn_usage_row **rows, size_t *n, const wn_usage_query *query, wn_exchange *x)
{
    static const uint64_t need = (uint64_t)ROWS_MAX * ROW_BYTES;
    wn_accounts *accounts = wn_service_accounts(x->service);
    wn_error err = {0};
    if (!wn_accounts_has_state(accounts)) {
        wn_problem_set(&x->problem, 409, "RESOURCE_CONFLICT",
                       "This server keeps no usage: it was started with --state-dir none.");
        return false;
    }
    if (!wn_budget_take(wn_service_budget(x->service), need)) {
        wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
        return false;
    }
    x->held_bytes += need;
    if (wn_accounts_report(accounts, rows, n, query, &err) == WN_OK)
        return true;
    tell_failure(x, &err);
    return false;
}

static void push_private(wn_exchange *x)
{
    wn_reply_push_field(&x->reply, "Cache-Control", "no-store");
    wn_reply_push_field(&x->reply, "Vary", "Accept, Authorization");
}

bool wn_api_usage(wn_exchange *x)
{
    wn_usage_query query = {0};
    wn_report_format format;
    wn_usage_row *rows;
    size_t n;
    if (!read_query(&query, &format, x) || !read_rows(&rows, &n, &query, x))
        return true;
    wn_report_push(&x->reply.body, format, &query, rows, n);
    wn_mem_free(rows);
    push_private(x);
    wn_exchange_reply_json(x, 200);
    if (format == WN_REPORT_CSV)
        x->reply.content_type = "text/csv; charset=utf-8";
    return true;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void push_string_or_null(wn_buf *out, const char *name, const char *text)
{
    wn_buf_printf(out, ",\"%s\":", name);
    if (text == NULL || text[0] == '\0')
        wn_buf_push_str(out, WN_STR("null"));
    else
        wn_json_push_string(out, wn_str_from(text));
}

static void push_failure(wn_buf *out, const wn_failure *failure)
{
    wn_buf_printf(out, "{\"time\":%lld", (long long)failure->at_s);
    push_string_or_null(out, "key", failure->key.text);
    wn_buf_printf(out, ",\"route\":\"%s\",\"status\":%d", failure->route, failure->status);
    push_string_or_null(out, "code", failure->code);
    wn_buf_printf(out, ",\"request_id\":\"%s\"}", failure->request_id);
}

bool wn_api_usage_errors(wn_exchange *x)
{
    wn_failure found[WN_FAILURES_SHOWN];
    other_order order = {.key = {0}};
    wn_key_id id = {.text = ""};
    wn_buf *out = &x->reply.body;
    bool keyless;
    if (!wn_exchange_read_query(x, &order) || !set_key(&keyless, &order.key, x))
        return true;
    bool all = order.key.len == 0 && !keyless;
    if (order.key.len > 0 && !wn_key_id_parse(&id, order.key)) {
        wn_problem_note(&x->problem, "key", "value_error", NULL,
                        "Input is '%.*s', expected the id of a key", WN_STR_ARG(order.key));
        return true;
    }
    size_t n = wn_accounts_failures(wn_service_accounts(x->service), found, all ? NULL : &id);
    wn_buf_push_str(out, WN_STR("{\"object\":\"errors\",\"data\":["));
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            wn_buf_push_byte(out, ',');
        push_failure(out, &found[i]);
    }
    wn_buf_push_str(out, WN_STR("]}"));
    push_private(x);
    wn_exchange_reply_json(x, 200);
    return true;
}

/* ---- statements ------------------------------------------------------------------------------ */

/* Keys whose names are wanted: of an id, or all. */
typedef struct key_list {
    wn_key_id id;
    wn_key_record *records;
    size_t n;
} key_list;

static wn_status list_keys(wn_state *state, void *arg, wn_error *err)
{
    key_list *list = arg;
    bool found;
    if (list->id.text[0] == '\0')
        return wn_store_list_keys(state->store, &list->records, &list->n, err);
    list->records = wn_mem_zalloc(1, sizeof *list->records);
    if (list->records == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a key");
    WN_TRY(wn_store_find_key(state->store, list->records, &found, &list->id, err));
    list->n = found;
    return WN_OK;
}

static bool read_month(wn_usage_query *query, wn_exchange *x)
{
    other_order order = {.key = {0}};
    const char *wrong;
    wn_error err;
    bool keyless;
    if (!wn_exchange_read_query(x, &order) || !set_key(&keyless, &order.key, x))
        return false;
    if (wn_statements_query(query, order.month, order.key, &wrong, &err) != WN_OK) {
        wn_problem_note(&x->problem, wrong, "value_error", NULL, "Input %s", err.message);
        return false;
    }
    query->keyless = keyless;
    query->rows_max = ROWS_MAX;
    return true;
}

/* It is to be kept as a file; a browser that shows it instead runs and loads nothing. */
static void push_page_fields(wn_exchange *x, int64_t since_s)
{
    wn_date d = wn_date_from_s(since_s);
    push_private(x);
    wn_reply_push_field(&x->reply, "Content-Disposition",
                        "attachment; filename=\"statement-%04d-%02d.html\"", d.year, d.month);
    wn_reply_push_field(&x->reply, "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    wn_reply_push_field(&x->reply, "X-Content-Type-Options", "nosniff");
    x->reply.status = 200;
    x->reply.content_type = "text/html; charset=utf-8";
}

bool wn_api_usage_statement(wn_exchange *x)
{
    wn_statements s = {.prices = wn_service_prices(x->service), .now_s = time(NULL)};
    wn_error err = {0};
    if (!read_month(&s.query, x) || !read_rows(&s.rows, &s.n_rows, &s.query, x))
        return true;
    key_list list = {.id = s.query.key};
    if (wn_accounts_with_state(wn_service_accounts(x->service), list_keys, &list, &err) != WN_OK) {
        tell_failure(x, &err);
    } else {
        s.keys = list.records;
        s.n_keys = list.n;
        if (wn_statements_push(&x->reply.body, &s, &err) == WN_OK)
            push_page_fields(x, s.query.since_s);
        else if (err.status == WN_ERR_ARGUMENT)
            wn_problem_set(&x->problem, 409, "RESOURCE_CONFLICT", "%s", err.message);
        else
            wn_problem_set_error(&x->problem, &err);
    }
    wn_mem_free(list.records);
    wn_mem_free(s.rows);
    return true;
}
