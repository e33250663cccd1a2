/* See key_order.h. */
#include "serve/key_order.h"

#include "base/str.h"
#include "data/json_text.h"

#define WN_WHERE "serve/key_order"

/* ---- acts ------------------------------------------------------------------------------------ */

/* A new secret for the record's id, whose digest is kept. */
static wn_status make_secret(wn_key_text *text, wn_digest *digest, const wn_key_id *id,
                             const wn_pepper *pepper, wn_error *err)
{
    wn_key_id same;
    wn_str secret;
    WN_TRY(wn_key_make(text, id, err));
    WN_ASSERT(wn_key_parse(&same, &secret, wn_str_from(text->text)));
    return wn_digest_make(digest, pepper, secret, err);
}

static wn_status apply(wn_key_order *order, wn_error *err)
{
    wn_status status = wn_key_edit_apply(&order->edit, &order->record, &order->wrong, err);
    if (status != WN_OK)
        order->outcome = WN_KEY_ORDER_WRONG;
    return status;
}

static wn_status create(wn_state *state, wn_key_order *order, wn_error *err)
{
    wn_key_record *record = &order->record;
    *record = wn_key_record_default();
    record->created_s = order->now_s;
    WN_TRY(apply(order, err));
    WN_TRY(wn_key_id_make(&record->id, err));
    WN_TRY(make_secret(&order->text, &record->digest, &record->id, &state->pepper, err));
    return wn_store_add_key(state->store, record, err);
}

static wn_status fail_no_key(wn_key_order *order, wn_error *err)
{
    order->outcome = WN_KEY_ORDER_NO_KEY;
    WN_FAIL(err, WN_ERR_ARGUMENT, "there is no key %s", order->id.text);
}

static wn_status find(wn_state *state, wn_key_order *order, wn_error *err)
{
    bool found;
    WN_TRY(wn_store_find_key(state->store, &order->record, &found, &order->id, err));
    return found ? WN_OK : fail_no_key(order, err);
}

static wn_status update(wn_state *state, wn_key_order *order, wn_error *err)
{
    bool found;
    WN_TRY(apply(order, err));
    WN_TRY(wn_store_update_key(state->store, &found, &order->record, err));
    return found ? WN_OK : fail_no_key(order, err);
}

static wn_status revoke(wn_state *state, wn_key_order *order, wn_error *err)
{
    bool found;
    WN_TRY(wn_store_revoke_key(state->store, &found, &order->id, order->now_s, err));
    return find(state, order, err);
}

static wn_status rotate(wn_state *state, wn_key_order *order, wn_error *err)
{
    bool found;
    wn_digest digest;
    if (order->record.revoked_s != 0) {
        order->outcome = WN_KEY_ORDER_REVOKED;
        WN_FAIL(err, WN_ERR_ARGUMENT, "key %s is revoked, which is for good", order->id.text);
    }
    WN_TRY(make_secret(&order->text, &digest, &order->id, &state->pepper, err));
    return wn_store_rotate_key(state->store, &found, &order->id, &digest,
                               order->now_s + order->overlap_s, err);
}

wn_status wn_key_order_run(wn_state *state, wn_key_order *order, wn_error *err)
{
    order->outcome = WN_KEY_ORDER_DONE;
    order->wrong = NULL;
    order->text = (wn_key_text){{0}};
    if (order->act == WN_KEY_CREATE)
        return create(state, order, err);
    WN_TRY(find(state, order, err));
    switch (order->act) {
    case WN_KEY_CREATE:
    case WN_KEY_SHOW:
        break;
    case WN_KEY_UPDATE:
        return update(state, order, err);
    case WN_KEY_REVOKE:
        return revoke(state, order, err);
    case WN_KEY_ROTATE:
        return rotate(state, order, err);
    }
    return WN_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

const char *wn_key_standing(const wn_key_record *record, int64_t now_s)
{
    if (record->revoked_s != 0)
        return "revoked";
    return record->expires_s != 0 && record->expires_s <= now_s ? "expired" : "valid";
}

/* ,"name": value, unless it is not set. */
static void push_number(wn_buf *out, const char *name, int64_t value, int64_t unset)
{
    if (value != unset)
        wn_buf_printf(out, ",\"%s\":%lld", name, (long long)value);
}

static void push_string(wn_buf *out, const char *name, const char *value)
{
    wn_buf_printf(out, ",\"%s\":", name);
    wn_json_push_string(out, wn_str_from(value));
}

bool wn_key_push_json(wn_buf *out, const wn_key_record *record, const wn_key_text *text,
                      int64_t now_s)
{
    const wn_key_limits *limits = &record->limits;
    wn_buf_printf(out, "{\"id\":\"%s\"", record->id.text);
    if (text != NULL && text->text[0] != '\0')
        push_string(out, "key", text->text);
    push_string(out, "name", record->name);
    push_string(out, "state", wn_key_standing(record, now_s));
    push_string(out, "tier", record->tier);
    wn_buf_push_str(out, WN_STR(",\"scopes\":\""));
    wn_scopes_push(out, record->scopes);
    wn_buf_push_byte(out, '"');
    push_number(out, "rpm", limits->requests_per_minute, WN_UNSET);
    push_number(out, "tpm", limits->tokens_per_minute, WN_UNSET);
    push_number(out, "concurrency", limits->concurrency, WN_UNSET);
    push_number(out, "monthly_tokens", limits->monthly_tokens, WN_UNSET);
    push_number(out, "prepaid_tokens", limits->prepaid_tokens, WN_UNSET);
    push_number(out, "weight", limits->weight, WN_UNSET);
    push_number(out, "created", record->created_s, WN_UNSET);
    push_number(out, "expires", record->expires_s, 0);
    push_number(out, "revoked", record->revoked_s, 0);
    push_number(out, "last_used", record->last_used_s, 0);
    return wn_buf_push_byte(out, '}');
}
