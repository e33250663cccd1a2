/* GET /v1/reports: the reports of the folder that --reports names, and each of them.  They are
 * files that somebody put there, so a browser is told to run nothing in them. */
#include "serve/api.h"
#include "serve/report_dir.h"
#include "serve/service.h"

#include "base/date.h"
#include "base/mem.h"
#include "base/str.h"

#define ROW_BYTES 512 /* of a row and its text, at most */

/* A page may look as it wants, and no more. */
#define POLICY                                                                                     \
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "     \
    "form-action 'none'; frame-ancestors 'none'"

const wn_form wn_form_reports = {
    .title = "reports",
    .answer_schema =
        WN_SCHEMA_OBJECT("\"object\",\"shown\",\"data\",\"left_out\"",
                         "\"object\":{\"const\":\"list\"},\"shown\":{\"type\":\"boolean\"}"
                         ",\"data\":" WN_SCHEMA_LIST(WN_SCHEMA_OBJECT(
                             "\"name\",\"kind\",\"modified\",\"bytes\"",
                             "\"name\":" WN_SCHEMA_STRING ",\"kind\":{\"enum\":[\"html\",\"json\"]}"
                             ",\"modified\":" WN_SCHEMA_STRING
                             ",\"bytes\":" WN_SCHEMA_INT)) ",\"left_out\":" WN_SCHEMA_INT),
};

const wn_form wn_form_report = {
    .title = "report",
    .answer_schema = "\"description\":\"A report as it is: JSON, or text/html\"",
};

static void push_report(wn_buf *out, const wn_report_file *file)
{
    wn_date date = wn_date_from_s(file->modified_s);
    int32_t second = (int32_t)(file->modified_s % WN_DAY_S);
    wn_buf_printf(out,
                  "{\"name\":\"%s\",\"kind\":\"%s\",\"modified\":\"%04d-%02d-%02dT%02d:%02d:%02dZ\""
                  ",\"bytes\":%llu}",
                  file->name, wn_report_is_page(wn_str_from(file->name)) ? "html" : "json",
                  date.year, date.month, date.day, second / 3600, second / 60 % 60, second % 60,
                  (unsigned long long)file->bytes);
}

static bool refuse(wn_exchange *x, const wn_error *err)
{
    if (err->status == WN_ERR_INPUT || err->status == WN_ERR_LIMIT) {
        wn_problem_set(&x->problem, 404, "RESOURCE_NOT_FOUND", "Not Found: %s.", err->message);
        return true;
    }
    wn_service_log_act(x, "report_failed", err->message);
    wn_problem_set(&x->problem, 503, "SERVICE_UNAVAILABLE",
                   "Service temporarily unavailable: the folder of reports cannot be read.");
    return true;
}

bool wn_api_reports(wn_exchange *x)
{
    wn_buf *out = &x->reply.body;
    const char *dir = wn_service_facts_of(x->service).reports_dir;
    size_t n = 0, n_more = 0;
    wn_error err = {.status = WN_ERR_MEMORY};
    wn_report_file *files = NULL;
    if (!wn_service_hold(x, x->held_bytes + WN_REPORTS_MAX * ROW_BYTES))
        return true;
    if (dir != NULL) {
        files = wn_mem_alloc(WN_REPORTS_MAX, sizeof *files);
        if (files == NULL || wn_report_dir_list(files, &n, &n_more, dir, &err) != WN_OK) {
            wn_mem_free(files);
            return refuse(x, &err);
        }
    }
    wn_buf_printf(out, "{\"object\":\"list\",\"shown\":%s,\"data\":[",
                  dir != NULL ? "true" : "false");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            wn_buf_push_byte(out, ',');
        push_report(out, &files[i]);
    }
    wn_buf_printf(out, "],\"left_out\":%zu}", n_more);
    wn_mem_free(files);
    wn_exchange_reply_json(x, 200);
    return true;
}

bool wn_api_report(wn_exchange *x)
{
    const char *dir = wn_service_facts_of(x->service).reports_dir;
    wn_str name = x->match.rest;
    wn_error err = {0};
    if (dir == NULL) {
        wn_problem_set(&x->problem, 404, "RESOURCE_NOT_FOUND",
                       "Not Found: this server shows no reports.");
        return true;
    }
    if (!wn_service_hold(x, x->held_bytes + 2 * WN_REPORT_BYTES_MAX))
        return true;
    if (wn_report_dir_read(&x->reply.body, dir, name, &err) != WN_OK) {
        wn_buf_clear(&x->reply.body);
        return refuse(x, &err);
    }
    wn_reply_push_field(&x->reply, "Content-Security-Policy", "%s", POLICY);
    wn_reply_push_field(&x->reply, "X-Content-Type-Options", "nosniff");
    wn_reply_push_field(&x->reply, "Referrer-Policy", "no-referrer");
    wn_reply_push_field(&x->reply, "Cross-Origin-Opener-Policy", "same-origin");
    wn_reply_push_field(&x->reply, "Cache-Control", "no-cache");
    wn_exchange_reply_json(x, 200);
    if (wn_report_is_page(name))
        x->reply.content_type = "text/html; charset=utf-8";
    return true;
}
