/* /v1/admin/keys: the keys of the server, for who has a key with the scope "admin".  On a worker,
 * which waits for the store; what changed holds when the answer is sent.  A key's text is in the
 * answer that makes it and nowhere else. */
#include "serve/api.h"
#include "serve/key_order.h"
#include "serve/service.h"

#include "base/mem.h"
#include "base/str.h"

#include <time.h>

#define KEY_BYTES 1024 /* of a key as JSON, at most */

typedef struct rotation {
    int64_t overlap;
} rotation;

static const wn_field rotation_fields[] = {
    {.name = "overlap",
     .kind = WN_FIELD_INT,
     .offset = offsetof(rotation, overlap),
     .min = 0,
     .max = WN_KEY_OVERLAP_MAX_S,
     .help = "How many seconds the old secret still holds; 86400 without this"},
};

#define KEY_SCHEMA_OF(required)                                                                    \
    WN_SCHEMA_OBJECT(required "\"id\",\"name\",\"state\",\"tier\",\"scopes\",\"weight\","          \
                              "\"created\"",                                                       \
                     "\"id\":" WN_SCHEMA_STRING ",\"key\":" WN_SCHEMA_STRING                       \
                     ",\"name\":" WN_SCHEMA_STRING ",\"state\":" WN_SCHEMA_STRING                  \
                     ",\"tier\":" WN_SCHEMA_STRING ",\"scopes\":" WN_SCHEMA_STRING                 \
                     ",\"weight\":" WN_SCHEMA_INT ",\"created\":" WN_SCHEMA_INT)
#define KEY_SCHEMA     KEY_SCHEMA_OF("")
#define NEW_KEY_SCHEMA KEY_SCHEMA_OF("\"key\",")

const wn_form wn_form_key_list = {
    .title = "keys",
    .answer_schema =
        WN_SCHEMA_OBJECT("\"object\",\"data\"", "\"object\":{\"const\":\"list\"},"
                                                "\"data\":" WN_SCHEMA_LIST(KEY_SCHEMA)),
};
const wn_form wn_form_key = {.title = "key", .answer_schema = KEY_SCHEMA};
const wn_form wn_form_key_create = {
    .title = "new key",
    .fields = wn_key_edit_fields,
    .n_fields = WN_KEY_EDIT_FIELDS,
    .answer_schema = NEW_KEY_SCHEMA,
};
const wn_form wn_form_key_update = {
    .title = "changed key",
    .fields = wn_key_edit_fields,
    .n_fields = WN_KEY_EDIT_FIELDS,
    .answer_schema = KEY_SCHEMA,
};
const wn_form wn_form_key_rotate = {
    .title = "rotated key",
    .fields = rotation_fields,
    .n_fields = WN_ARRAY_LEN(rotation_fields),
    .answer_schema = NEW_KEY_SCHEMA,
};

static void tell_no_key(wn_exchange *x)
{
    wn_problem_set(&x->problem, 404, "RESOURCE_NOT_FOUND", "There is no key '%.*s'.",
                   WN_STR_ARG(x->match.rest));
}

/* The id of the path; what has not the form of one names no key. */
static bool read_id(wn_exchange *x, wn_key_order *order)
{
    if (wn_key_id_parse(&order->id, x->match.rest))
        return true;
    tell_no_key(x);
    return false;
}

/* Everything happens in the state directory; a server without one has none but its own keys. */
static bool needs_state(wn_exchange *x)
{
    if (wn_accounts_has_state(wn_service_accounts(x->service)))
        return true;
    wn_problem_set(&x->problem, 409, "RESOURCE_CONFLICT",
                   "This server keeps no keys: it was started with --state-dir none.");
    return false;
}

static void tell_failure(wn_exchange *x, const wn_key_order *order, const wn_error *err)
{
    switch (order->outcome) {
    case WN_KEY_ORDER_NO_KEY:
        tell_no_key(x);
        break;
    case WN_KEY_ORDER_REVOKED:
        wn_problem_set(&x->problem, 409, "RESOURCE_CONFLICT",
                       "Key '%s' is revoked, which is for good: make a new one.", order->id.text);
        break;
    case WN_KEY_ORDER_WRONG:
        wn_problem_note(&x->problem, order->wrong, "value_error", NULL, "Input %s", err->message);
        break;
    case WN_KEY_ORDER_DONE:
        wn_service_log_act(x, "store_failed", err->message);
        wn_problem_set(&x->problem, 503, "SERVICE_UNAVAILABLE",
                       "Service temporarily unavailable: the store of keys does not answer.");
        x->problem.retry_after_s = 1;
        break;
    }
}

static wn_status run(wn_state *state, void *order, wn_error *err)
{
    return wn_key_order_run(state, order, err);
}

/* Carry an order out and answer with the key. */
static bool answer(wn_exchange *x, wn_key_order *order)
{
    static const char *const events[] = {
        [WN_KEY_CREATE] = "key_created", [WN_KEY_SHOW] = "key_shown",
        [WN_KEY_UPDATE] = "key_updated", [WN_KEY_REVOKE] = "key_revoked",
        [WN_KEY_ROTATE] = "key_rotated",
    };
    wn_error err = {0};
    if (!needs_state(x))
        return true;
    order->now_s = time(NULL);
    if (wn_accounts_with_state(wn_service_accounts(x->service), run, order, &err) != WN_OK) {
        tell_failure(x, order, &err);
    } else {
        wn_service_log_act(x, events[order->act], order->record.id.text);
        wn_key_push_json(&x->reply.body, &order->record, &order->text, order->now_s);
        wn_reply_push_field(&x->reply, "Cache-Control", "no-store");
        if (order->act == WN_KEY_CREATE)
            wn_reply_push_field(&x->reply, "Location", "/v1/admin/keys/%s", order->record.id.text);
        wn_exchange_reply_json(x, x->match.route->status);
    }
    wn_secret_wipe(&order->text, sizeof order->text);
    return true;
}

bool wn_api_keys_create(wn_exchange *x)
{
    wn_key_order order = {.act = WN_KEY_CREATE, .edit = WN_KEY_EDIT_INIT};
    return !wn_exchange_read_form(x, &order.edit) || answer(x, &order);
}

bool wn_api_keys_show(wn_exchange *x)
{
    wn_key_order order = {.act = WN_KEY_SHOW};
    return !read_id(x, &order) || answer(x, &order);
}

bool wn_api_keys_update(wn_exchange *x)
{
    wn_key_order order = {.act = WN_KEY_UPDATE, .edit = WN_KEY_EDIT_INIT};
    return !read_id(x, &order) || !wn_exchange_read_form(x, &order.edit) || answer(x, &order);
}

bool wn_api_keys_revoke(wn_exchange *x)
{
    wn_key_order order = {.act = WN_KEY_REVOKE};
    return !read_id(x, &order) || answer(x, &order);
}

bool wn_api_keys_rotate(wn_exchange *x)
{
    rotation own = {.overlap = WN_KEY_OVERLAP_S};
    wn_key_order order = {.act = WN_KEY_ROTATE};
    if (!read_id(x, &order) || !wn_exchange_read_form(x, &own))
        return true;
    order.overlap_s = own.overlap;
    return answer(x, &order);
}

/* ---- list ------------------------------------------------------------------------------------ */

typedef struct key_list {
    wn_key_record *records;
    size_t n;
} key_list;

static wn_status read_list(wn_state *state, void *arg, wn_error *err)
{
    key_list *list = arg;
    return wn_store_list_keys(state->store, &list->records, &list->n, err);
}

/* There may be many: their JSON is counted like the memory of any request. */
static bool take_memory(wn_exchange *x, size_t n)
{
    uint64_t need = (uint64_t)n * KEY_BYTES;
    if (!wn_budget_take(wn_service_budget(x->service), need)) {
        wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
        return false;
    }
    x->held_bytes += need;
    return true;
}

bool wn_api_keys_list(wn_exchange *x)
{
    wn_error err = {0};
    key_list list = {0};
    if (!needs_state(x))
        return true;
    if (wn_accounts_with_state(wn_service_accounts(x->service), read_list, &list, &err) != WN_OK) {
        tell_failure(x, &(wn_key_order){0}, &err);
    } else if (take_memory(x, list.n)) {
        wn_buf *out = &x->reply.body;
        wn_buf_push_str(out, WN_STR("{\"object\":\"list\",\"data\":["));
        for (size_t i = 0; i < list.n; i++) {
            if (i > 0)
                wn_buf_push_byte(out, ',');
            wn_key_push_json(out, &list.records[i], NULL, time(NULL));
        }
        wn_buf_push_str(out, WN_STR("]}"));
        wn_reply_push_field(&x->reply, "Cache-Control", "no-store");
        wn_exchange_reply_json(x, 200);
    }
    wn_mem_free(list.records);
    return true;
}
