/* /v1/admin/models: which models are loaded, loading and unloading them, for who has a key with the
 * scope "admin".  Models come from below one directory that the operator has named, and from
 * nowhere else: without it none can be loaded. */
#define _DEFAULT_SOURCE /* realpath */
#include "serve/api.h"
#include "serve/model_names.h"
#include "serve/service.h"

#include "base/str.h"
#include "data/json_text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct model_order {
    wn_str name, path, dtype;
} model_order;

static const wn_field order_fields[] = {
    {.name = "name",
     .kind = WN_FIELD_STRING,
     .offset = offsetof(model_order, name),
     .required = true,
     .help = "What requests call it; a model that has the name goes on until the new one is ready"},
    {.name = "path",
     .kind = WN_FIELD_STRING,
     .offset = offsetof(model_order, path),
     .required = true,
     .help = "Its directory, below the server's --model-root"},
    {.name = "dtype",
     .kind = WN_FIELD_STRING,
     .offset = offsetof(model_order, dtype),
     .help = "What its layers are computed in: f32, bf16, int8 or auto; the server's --dtype"},
};

#define MODEL_SCHEMA                                                                               \
    WN_SCHEMA_OBJECT(                                                                              \
        "\"name\",\"default\",\"state\",\"serving\",\"path\",\"loads\"",                           \
        "\"name\":" WN_SCHEMA_STRING ",\"default\":{\"type\":\"boolean\"},\"state\":"              \
        "{\"type\":\"string\",\"enum\":[\"loading\",\"ready\",\"failed\"]},"                       \
        "\"serving\":{\"type\":\"boolean\"},\"path\":{\"type\":[\"string\",\"null\"]},"            \
        "\"dtype\":" WN_SCHEMA_STRING ",\"error\":" WN_SCHEMA_STRING ",\"loads\":" WN_SCHEMA_INT   \
        ",\"in_flight\":" WN_SCHEMA_INT ",\"bytes\":" WN_SCHEMA_INT)

const wn_form wn_form_model_list = {
    .title = "models",
    .answer_schema =
        WN_SCHEMA_OBJECT("\"object\",\"data\"", "\"object\":{\"const\":\"list\"},"
                                                "\"data\":" WN_SCHEMA_LIST(MODEL_SCHEMA)),
};
const wn_form wn_form_model_load = {
    .title = "model to load",
    .fields = order_fields,
    .n_fields = WN_ARRAY_LEN(order_fields),
    .answer_schema = MODEL_SCHEMA,
};
const wn_form wn_form_model = {.title = "model", .answer_schema = MODEL_SCHEMA};
const wn_form wn_form_model_gone = {
    .title = "model that was taken away",
    .answer_schema = WN_SCHEMA_OBJECT("\"name\",\"removed\"",
                                      "\"name\":" WN_SCHEMA_STRING ",\"removed\":{\"const\":true}"),
};

/* ---- telling --------------------------------------------------------------------------------- */

static void push_facts(wn_buf *out, const wn_model_facts *facts)
{
    static const char *const states[] = {
        [WN_MODEL_LOADING] = "loading", [WN_MODEL_READY] = "ready", [WN_MODEL_FAILED] = "failed"};
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "name", wn_str_from(facts->name));
    wn_buf_printf(out, ",\"default\":%s,\"state\":\"%s\",\"serving\":%s,\"path\":",
                  facts->is_default ? "true" : "false", states[facts->state],
                  facts->serving ? "true" : "false");
    if (facts->dir[0] != '\0')
        wn_json_push_string(out, wn_str_from(facts->dir));
    else
        wn_buf_push_str(out, WN_STR("null"));
    if (facts->dtype[0] != '\0') {
        wn_buf_push_byte(out, ',');
        wn_push_member_string(out, "dtype", wn_str_from(facts->dtype));
    }
    if (facts->state == WN_MODEL_FAILED) {
        wn_buf_push_byte(out, ',');
        wn_push_member_string(out, "error", wn_str_from(facts->error));
    }
    wn_buf_printf(out, ",\"loads\":%zu", facts->n_loads);
    if (facts->serving)
        wn_buf_printf(out, ",\"in_flight\":%zu,\"bytes\":%llu", facts->in_flight,
                      (unsigned long long)facts->bytes);
    wn_buf_push_byte(out, '}');
}

static void tell_unknown(wn_exchange *x, wn_str name)
{
    wn_problem_set(&x->problem, 404, "RESOURCE_NOT_FOUND", "There is no model '%.*s'.",
                   WN_STR_ARG(name));
}

/* Answer with the facts of a name. */
static bool answer(wn_exchange *x, wn_str name)
{
    wn_model_facts facts;
    for (size_t i = 0; wn_model_set_next(wn_service_models(x->service), &i, &facts);) {
        if (!wn_model_name_equal(name, wn_str_from(facts.name)))
            continue;
        push_facts(&x->reply.body, &facts);
        wn_exchange_reply_json(x, x->match.route->status);
        return true;
    }
    tell_unknown(x, name);
    return true;
}

bool wn_api_models_show(wn_exchange *x)
{
    return answer(x, x->match.rest);
}

bool wn_api_models_list(wn_exchange *x)
{
    wn_buf *out = &x->reply.body;
    wn_model_facts facts;
    const char *comma = "";
    wn_buf_push_str(out, WN_STR("{\"object\":\"list\",\"data\":["));
    for (size_t i = 0; wn_model_set_next(wn_service_models(x->service), &i, &facts); comma = ",") {
        wn_buf_printf(out, "%s", comma);
        push_facts(out, &facts);
    }
    wn_buf_push_str(out, WN_STR("]}"));
    wn_exchange_reply_json(x, 200);
    return true;
}

/* ---- changing -------------------------------------------------------------------------------- */

/* The directory that a path names, without links; false when it is not below the root, or not
 * there.  Which of them it is, nobody learns.
 * Shapes:  out [PATH_MAX]. */
static bool resolve(char *out, const char *root, wn_str path)
{
    char real_root[PATH_MAX];
    wn_buf joined = WN_BUF_INIT;
    bool absolute = path.len > 0 && path.ptr[0] == '/';
    bool whole = path.len > 0 && memchr(path.ptr, '\0', path.len) == NULL;
    bool ok = whole && (absolute || wn_buf_printf(&joined, "%s/", root)) &&
              wn_buf_push_str(&joined, path) && wn_buf_push_byte(&joined, '\0') &&
              realpath(root, real_root) != NULL && realpath(joined.ptr, out) != NULL;
    wn_buf_deinit(&joined);
    if (!ok || strlen(out) > WN_MODEL_DIR_MAX)
        return false;
    size_t n = strlen(real_root);
    bool of_all = n == 1; /* the root is "/" */
    return strncmp(out, real_root, n) == 0 && (of_all || out[n] == '/');
}

static bool check_order(wn_exchange *x, const model_order *order, char *dir)
{
    const char *root = wn_service_model_root(x->service);
    if (order->name.len > WN_MODEL_NAME_MAX || !wn_model_name_is_valid(order->name))
        wn_problem_note(&x->problem, "name", "value_error", NULL,
                        "Input should be 1 to %d letters, digits and '-', '_', '.', ':', with '/' "
                        "between them",
                        WN_MODEL_NAME_MAX);
    else if (root == NULL)
        wn_problem_set(&x->problem, 409, "RESOURCE_CONFLICT",
                       "This server loads no models while it runs: it was started without "
                       "--model-root.");
    else if (order->dtype.len > 0 && !wn_model_dtype_is_valid(order->dtype))
        wn_problem_note(&x->problem, "dtype", "value_error", NULL,
                        "Input should be f32, bf16, int8 or auto");
    else if (!resolve(dir, root, order->path))
        wn_problem_note(&x->problem, "path", "value_error", NULL,
                        "Input should be a directory below the server's --model-root");
    return x->problem.status == 0;
}

static void tell_outcome(wn_exchange *x, wn_model_outcome outcome, wn_str name)
{
    switch (outcome) {
    case WN_MODEL_DONE:
        break;
    case WN_MODEL_BUSY:
        wn_problem_set(&x->problem, 409, "RESOURCE_CONFLICT",
                       "A model is being loaded for '%.*s'; wait until it is ready or has failed.",
                       WN_STR_ARG(name));
        break;
    case WN_MODEL_TOO_MANY:
        wn_problem_set(&x->problem, 409, "RESOURCE_CONFLICT",
                       "There are %d models already; take one away first.", WN_MODELS_MAX);
        break;
    case WN_MODEL_UNKNOWN:
        tell_unknown(x, name);
        break;
    case WN_MODEL_IS_DEFAULT:
        wn_problem_set(&x->problem, 409, "RESOURCE_CONFLICT",
                       "'%.*s' is the default model: it can be replaced, not taken away.",
                       WN_STR_ARG(name));
        break;
    }
}

bool wn_api_models_load(wn_exchange *x)
{
    char dir[PATH_MAX], dtype[WN_MODEL_DTYPE_MAX + 1];
    model_order order = {0};
    if (!wn_exchange_read_form(x, &order) || !check_order(x, &order, dir) ||
        !wn_service_is_started(x))
        return true;
    snprintf(dtype, sizeof dtype, "%.*s", WN_STR_ARG(order.dtype));
    wn_model_outcome outcome =
        wn_model_set_load(wn_service_models(x->service), order.name, dir, dtype);
    tell_outcome(x, outcome, order.name);
    if (outcome != WN_MODEL_DONE)
        return true;
    wn_service_log_act(x, "model_load_asked", dir);
    wn_reply_push_field(&x->reply, "Location", "/v1/admin/models/%.*s", WN_STR_ARG(order.name));
    return answer(x, order.name);
}

bool wn_api_models_remove(wn_exchange *x)
{
    wn_str name = x->match.rest;
    wn_model_outcome outcome = wn_model_set_remove(wn_service_models(x->service), name);
    tell_outcome(x, outcome, name);
    if (outcome != WN_MODEL_DONE)
        return true;
    char target[WN_MODEL_NAME_MAX + 1];
    snprintf(target, sizeof target, "%.*s", WN_STR_ARG(name));
    wn_service_log_act(x, "model_removed", target);
    wn_buf *out = &x->reply.body;
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "name", name);
    wn_buf_push_str(out, WN_STR(",\"removed\":true}"));
    wn_exchange_reply_json(x, 200);
    return true;
}
