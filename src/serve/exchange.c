/* See exchange.h. */
#include "serve/exchange.h"

#include "base/clock.h"
#include "base/seed.h"
#include "base/str.h"
#include "data/json_bind.h"
#include "serve/cors.h"
#include "serve/service.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static bool is_id_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.' || c == ':';
}

/* The client's own id when it is harmless, else a UUID of version 7 (RFC 9562). */
static void set_request_id(wn_exchange *x)
{
    wn_str given;
    if (wn_http_find(x->request, "X-Request-Id", &given) && given.len > 0 &&
        given.len < sizeof x->request_id) {
        size_t n = 0;
        while (n < given.len && is_id_byte(given.ptr[n]))
            n++;
        if (n == given.len) {
            memcpy(x->request_id, given.ptr, n);
            x->request_id[n] = '\0';
            return;
        }
    }
    uint8_t b[16] = {0};
    (void)wn_random_bytes(b, sizeof b);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (int i = 0; i < 6; i++)
        b[i] = (uint8_t)(ms >> (40 - 8 * i));
    b[6] = (uint8_t)(0x70 | (b[6] & 0x0f));
    b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
    snprintf(x->request_id, sizeof x->request_id,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}

void wn_exchange_begin(wn_exchange *x, const wn_http_request *request, uint64_t now_ns)
{
    x->request = request;
    x->match = (wn_route_match){0};
    x->dialect = &wn_dialect_jina;
    x->identity = (wn_identity){0};
    x->begun = false;
    wn_flag_lower(&x->gone);
    wn_flag_lower(&x->submitted);
    wn_flag_lower(&x->explaining);
    x->deadline_ns = UINT64_MAX;
    x->json = NULL;
    x->call = wn_rank_call_init(&x->arena);
    x->calls = (wn_calls){.at = &x->call, .n = 1, .arena = &x->arena};
    x->tickets = NULL;
    x->model = NULL;
    x->backend = NULL;
    x->n_tickets = 0;
    x->plans = NULL;
    x->resumed = false;
    x->began_ns = x->parsed_ns = now_ns;
    x->bytes_in = 0;
    x->held_bytes = 0;
    x->bill = (wn_bill){0};
    x->times = (wn_times){0};
    snprintf(x->client, sizeof x->client, "%s", x->peer);
    set_request_id(x);
}

void wn_exchange_end(wn_exchange *x)
{
    for (size_t i = 0; i < x->n_tickets; i++)
        wn_ticket_deinit(&x->tickets[i]);
    x->tickets = NULL;
    wn_model_give(x->model);
    x->model = NULL;
    x->n_tickets = 0;
    json_decref(x->json);
    x->json = NULL;
    wn_buf_deinit(&x->body);
    wn_arena_deinit(&x->arena);
    wn_problem_deinit(&x->problem);
    wn_reply_deinit(&x->reply);
    wn_budget_give(wn_service_budget(x->service), x->held_bytes);
    x->held_bytes = 0;
    x->request = NULL;
}

void wn_exchange_choose_dialect(wn_exchange *x)
{
    const wn_route *route = x->match.route;
    if (route == NULL || route->dialects == NULL)
        return;
    const wn_dialect *const *at = route->dialects;
    while ((*at)->speaks != NULL && !(*at)->speaks(x->request, x->json))
        at++;
    x->dialect = *at;
}

/* A body of another kind is refused: for a form, so that its sender learns why nothing works; for
 * text/plain, so that no page of another origin can use this server through a visitor's browser. */
static bool is_json(const wn_http_request *request, wn_str *type)
{
    if (!wn_http_find(request, "Content-Type", type) || type->len == 0)
        return true;
    for (size_t i = 0; i < type->len && type->ptr[i] != ';'; i++) {
        if (type->len - i >= 4 && strncasecmp(type->ptr + i, "json", 4) == 0)
            return true;
    }
    return false;
}

/* What the dialect or, as most have none of its own, the JSON parser makes of the body. */
static wn_status parse_body(wn_exchange *x, wn_error *err)
{
    if (x->dialect->parse == NULL)
        return wn_json_parse(&x->json, wn_buf_str(&x->body), "body", err);
    x->json = x->dialect->parse(wn_buf_str(&x->body), err);
    return x->json == NULL ? err->status : WN_OK;
}

bool wn_exchange_parse(wn_exchange *x)
{
    wn_str type;
    wn_error err = {0};
    if (x->dialect->parse == NULL && !is_json(x->request, &type)) {
        wn_problem_set(&x->problem, 415, "INPUT_UNSUPPORTED_MEDIA_TYPE",
                       "Content-Type is '%.*s', expected application/json", WN_STR_ARG(type));
        return false;
    }
    if (parse_body(x, &err) == WN_OK)
        return true;
    if (err.status == WN_ERR_LIMIT)
        wn_problem_set(&x->problem, 400, "INPUT_INVALID_JSON", "%s", err.message);
    wn_problem_set_error(&x->problem, &err);
    return false;
}

bool wn_exchange_read_form(wn_exchange *x, void *out)
{
    const wn_form *form = x->match.route->form;
    if (x->body.len > 0 && !wn_exchange_parse(x))
        return false;
    if (x->body.len == 0 && (x->json = json_object()) == NULL)
        wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
    wn_fields_read(out, form->fields, form->n_fields, x->json, &x->problem);
    wn_form_refuse_others(form, x->json, &x->problem);
    return x->problem.status == 0;
}

/* The parameters as an object; one that is given twice has its last value.  False when memory is
 * short. */
static bool parse_query(wn_exchange *x)
{
    wn_str rest = x->request->query;
    wn_buf name = WN_BUF_INIT, value = WN_BUF_INIT;
    x->json = json_object();
    bool ok = x->json != NULL;
    while (ok && wn_http_next_parameter(&rest, &name, &value)) {
        json_t *text = json_stringn(value.len > 0 ? value.ptr : "", value.len);
        if (text == NULL || name.len == 0 || memchr(name.ptr, '\0', name.len) != NULL ||
            !wn_buf_push_byte(&name, '\0') || json_object_set(x->json, name.ptr, text) != 0)
            wn_problem_note(&x->problem, "?", "value_error", NULL,
                            "Input has a parameter that is no UTF-8 or has no name");
        json_decref(text);
    }
    ok = ok && !name.failed && !value.failed;
    wn_buf_deinit(&name);
    wn_buf_deinit(&value);
    return ok;
}

bool wn_exchange_read_query(wn_exchange *x, void *out)
{
    const wn_form *form = x->match.route->form;
    x->problem.place = "query";
    if (!parse_query(x)) {
        wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
        return false;
    }
    wn_fields_read(out, form->fields, form->n_fields, x->json, &x->problem);
    wn_form_refuse_others(form, x->json, &x->problem);
    return x->problem.status == 0;
}

void wn_exchange_reply_json(wn_exchange *x, int status)
{
    x->reply.status = status;
    x->reply.content_type = "application/json";
}

/* The problem in the dialect's shape, in place of what there was of a reply. */
static void reply_problem(wn_exchange *x)
{
    const wn_dialect *dialect = x->dialect;
    wn_reply *reply = &x->reply;
    wn_buf_clear(&reply->body);
    reply->status = dialect->status == NULL ? x->problem.status : dialect->status(&x->problem);
    reply->content_type = "application/json";
    if (x->problem.retry_after_s > 0)
        wn_reply_push_field(reply, "Retry-After", "%u", x->problem.retry_after_s);
    if (x->problem.status == 401)
        wn_reply_push_field(reply, "WWW-Authenticate", "Bearer");
    if (x->match.allow[0] != '\0' && x->problem.status == 405)
        wn_reply_push_field(reply, "Allow", "%s", x->match.allow);
    dialect->push_problem(&reply->body, &x->problem, x->request_id);
}

void wn_exchange_push_fields(const wn_exchange *x, wn_reply *reply)
{
    wn_str parent;
    wn_reply_push_field(reply, "X-Request-Id", "%s", x->request_id);
    wn_cors_push(reply, x->request, wn_service_cors_origins(x->service));
    if (wn_http_find(x->request, "traceparent", &parent))
        wn_reply_push_field(reply, "traceparent", "%.*s", WN_STR_ARG(parent));
}

void wn_exchange_seal(wn_exchange *x)
{
    wn_reply *reply = &x->reply;
    if (reply->body.failed || reply->fields.failed)
        wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
    if (x->problem.status != 0)
        reply_problem(x);
    wn_exchange_push_fields(x, reply);
}
