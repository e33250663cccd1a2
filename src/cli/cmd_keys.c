/* winnow keys: make, list, show, change, revoke and rotate the keys of a server.  A running server
 * takes the change over within two seconds.  The text of a key is shown once and kept nowhere. */
#include "cli/program.h"

#include "base/date.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/json_text.h"
#include "serve/state.h"
#include "serve/tiers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WN_WHERE "cli/keys"

typedef enum action { CREATE = 0, LIST, SHOW, UPDATE, REVOKE, ROTATE } action;

static int64_t unix_s(void)
{
    return (int64_t)time(NULL);
}

/* ---- printing -------------------------------------------------------------------------------- */

/* "2026-11-25 17:04", or a word for 0. */
static void push_time(wn_buf *out, int64_t s, const char *never)
{
    wn_date d = wn_date_from_s(s);
    if (s == 0)
        wn_buf_printf(out, "%-16s", never);
    else
        wn_buf_printf(out, "%04d-%02d-%02d %02d:%02d", d.year, d.month, d.day,
                      (int)(s % WN_DAY_S / 3600), (int)(s % 3600 / 60));
}

static const char *state_of(const wn_key_record *r, int64_t now_s)
{
    if (r->revoked_s != 0)
        return "revoked";
    return r->expires_s != 0 && r->expires_s <= now_s ? "expired" : "valid";
}

static void push_json_limit(wn_buf *out, const char *name, int64_t value)
{
    if (value != WN_UNSET)
        wn_buf_printf(out, ",\"%s\":%lld", name, (long long)value);
}

static void push_json_string(wn_buf *out, const char *name, const char *value)
{
    wn_buf_printf(out, "\"%s\":", name);
    wn_json_push_string(out, wn_str_from(value));
}

static void push_json(wn_buf *out, const wn_key_record *r, const wn_key_text *text, int64_t now_s)
{
    wn_buf scopes = WN_BUF_INIT;
    wn_buf_push_byte(out, '{');
    push_json_string(out, "id", r->id.text);
    if (text != NULL) {
        wn_buf_push_byte(out, ',');
        push_json_string(out, "key", text->text);
    }
    wn_buf_push_byte(out, ',');
    push_json_string(out, "name", r->name);
    wn_buf_push_byte(out, ',');
    push_json_string(out, "state", state_of(r, now_s));
    wn_buf_push_byte(out, ',');
    push_json_string(out, "tier", r->tier);
    if (wn_scopes_push(&scopes, r->scopes) && wn_buf_push_byte(&scopes, '\0')) {
        wn_buf_push_byte(out, ',');
        push_json_string(out, "scopes", scopes.ptr);
    }
    wn_buf_deinit(&scopes);
    push_json_limit(out, "rpm", r->limits.requests_per_minute);
    push_json_limit(out, "tpm", r->limits.tokens_per_minute);
    push_json_limit(out, "concurrency", r->limits.concurrency);
    push_json_limit(out, "monthly_tokens", r->limits.monthly_tokens);
    push_json_limit(out, "prepaid_tokens", r->limits.prepaid_tokens);
    wn_buf_printf(out, ",\"weight\":%lld,\"created\":%lld", (long long)r->limits.weight,
                  (long long)r->created_s);
    push_json_limit(out, "expires", r->expires_s == 0 ? WN_UNSET : r->expires_s);
    push_json_limit(out, "revoked", r->revoked_s == 0 ? WN_UNSET : r->revoked_s);
    push_json_limit(out, "last_used", r->last_used_s == 0 ? WN_UNSET : r->last_used_s);
    wn_buf_push_byte(out, '}');
}

static void push_row(wn_buf *out, const wn_key_record *r, int64_t now_s)
{
    wn_buf_printf(out, "%-8s  %-8s  %-8s  ", r->id.text, state_of(r, now_s), r->tier);
    push_time(out, r->created_s, "");
    wn_buf_push_str(out, WN_STR("  "));
    push_time(out, r->expires_s, "never");
    wn_buf_push_str(out, WN_STR("  "));
    push_time(out, r->last_used_s, "never");
    wn_buf_push_str(out, WN_STR("  "));
    wn_terminal_push_text(out, wn_str_from(r->name), WN_COLUMNS_UNLIMITED);
    wn_buf_push_byte(out, '\n');
}

/* ---- actions --------------------------------------------------------------------------------- */

static void set_limit(int64_t *limit, const wn_args *args, wn_option_id id)
{
    if (wn_args_has(args, id))
        *limit = wn_args_int(args, id);
}

/* Change a record as the options say; what they do not name stays. */
static wn_status apply_options(wn_key_record *r, const wn_args *args, wn_error *err)
{
    const char *name = wn_args_text(args, WN_OPT_KEY_NAME), *tier = wn_args_text(args, WN_OPT_TIER);
    const char *scopes = wn_args_text(args, WN_OPT_SCOPES);
    const char *expires = wn_args_text(args, WN_OPT_EXPIRES);
    if (name != NULL && snprintf(r->name, sizeof r->name, "%s", name) >= (int)sizeof r->name)
        WN_FAIL(err, WN_ERR_ARGUMENT, "--name has %zu bytes, at most %d", strlen(name),
                WN_KEY_NAME_MAX);
    if (tier != NULL && !wn_tier_exists(tier))
        WN_FAIL(err, WN_ERR_ARGUMENT, "--tier is '%s', expected " WN_TIER_NAMES, tier);
    if (tier != NULL)
        snprintf(r->tier, sizeof r->tier, "%s", tier);
    if (scopes != NULL)
        WN_TRY(wn_scopes_parse(&r->scopes, wn_str_from(scopes), err));
    wn_date date;
    if (expires != NULL && !wn_date_parse(&date, wn_str_from(expires)))
        WN_FAIL(err, WN_ERR_ARGUMENT, "--expires is '%s', expected a date such as 2027-01-31",
                expires);
    if (expires != NULL)
        r->expires_s = wn_date_to_days(date) * WN_DAY_S;
    set_limit(&r->limits.requests_per_minute, args, WN_OPT_RPM);
    set_limit(&r->limits.tokens_per_minute, args, WN_OPT_TPM);
    set_limit(&r->limits.concurrency, args, WN_OPT_CONCURRENCY);
    set_limit(&r->limits.monthly_tokens, args, WN_OPT_MONTHLY_TOKENS);
    set_limit(&r->limits.prepaid_tokens, args, WN_OPT_PREPAID_TOKENS);
    set_limit(&r->limits.weight, args, WN_OPT_WEIGHT);
    return wn_key_record_check(r, err);
}

/* A key that was just made: alone on standard output, so that a script can keep it. */
static void push_new(wn_buf *out, const wn_program *program, const wn_key_record *r,
                     const wn_key_text *text)
{
    if (wn_args_has(&program->args, WN_OPT_JSON)) {
        push_json(out, r, text, unix_s());
        wn_buf_push_byte(out, '\n');
        return;
    }
    wn_buf_printf(out, "%s\n", text->text);
    wn_program_note(program, "winnow: this is the only time that key %s is shown\n", r->id.text);
}

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

static wn_status create(wn_buf *out, const wn_program *program, wn_state *state, wn_error *err)
{
    wn_key_record record = wn_key_record_default();
    wn_key_text text;
    record.created_s = unix_s();
    WN_TRY(apply_options(&record, &program->args, err));
    WN_TRY(wn_key_id_make(&record.id, err));
    WN_TRY(make_secret(&text, &record.digest, &record.id, &state->pepper, err));
    WN_TRY(wn_store_add_key(state->store, &record, err));
    push_new(out, program, &record, &text);
    wn_secret_wipe(&text, sizeof text);
    return WN_OK;
}

static wn_status list(wn_buf *out, const wn_program *program, wn_state *state, wn_error *err)
{
    wn_key_record *records;
    size_t n;
    bool json = wn_args_has(&program->args, WN_OPT_JSON);
    WN_TRY(wn_store_list_keys(state->store, &records, &n, err));
    if (!json && n > 0)
        wn_buf_printf(out, "%-8s  %-8s  %-8s  %-16s  %-16s  %-16s  %s\n", "id", "state", "tier",
                      "created", "expires", "last used", "name");
    if (json)
        wn_buf_push_byte(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (json && i > 0)
            wn_buf_push_str(out, WN_STR(",\n "));
        if (json)
            push_json(out, &records[i], NULL, unix_s());
        else
            push_row(out, &records[i], unix_s());
    }
    if (json)
        wn_buf_push_str(out, WN_STR("]\n"));
    else if (n == 0)
        wn_program_note(program, "winnow: there are no keys yet: winnow keys create\n");
    wn_mem_free(records);
    return WN_OK;
}

/* The id that the command line names. */
static wn_status read_id(wn_key_id *id, const wn_args *args, wn_error *err)
{
    if (args->n_operands < 2)
        WN_FAIL(err, WN_ERR_ARGUMENT, "keys %s needs the id of a key: winnow keys list",
                args->operands[0]);
    if (!wn_key_id_parse(id, wn_str_from(args->operands[1])))
        WN_FAIL(err, WN_ERR_ARGUMENT, "'%s' is no id of a key: those have %d letters and digits",
                args->operands[1], WN_KEY_ID_LEN);
    return WN_OK;
}

static wn_status find(wn_key_record *out, wn_state *state, const wn_key_id *id, wn_error *err)
{
    bool found;
    WN_TRY(wn_store_find_key(state->store, out, &found, id, err));
    if (!found)
        WN_FAIL(err, WN_ERR_ARGUMENT, "there is no key %s: winnow keys list", id->text);
    return WN_OK;
}

static wn_status show(wn_buf *out, const wn_program *program, wn_state *state, wn_error *err)
{
    wn_key_id id;
    wn_key_record record;
    WN_TRY(read_id(&id, &program->args, err));
    WN_TRY(find(&record, state, &id, err));
    push_json(out, &record, NULL, unix_s());
    wn_buf_push_byte(out, '\n');
    return WN_OK;
}

static wn_status update(wn_buf *out, const wn_program *program, wn_state *state, wn_error *err)
{
    wn_key_id id;
    wn_key_record record;
    bool found;
    WN_TRY(read_id(&id, &program->args, err));
    WN_TRY(find(&record, state, &id, err));
    WN_TRY(apply_options(&record, &program->args, err));
    WN_TRY(wn_store_update_key(state->store, &found, &record, err));
    push_json(out, &record, NULL, unix_s());
    wn_buf_push_byte(out, '\n');
    return WN_OK;
}

static wn_status revoke(const wn_program *program, wn_state *state, wn_error *err)
{
    wn_key_id id;
    wn_key_record record;
    bool found;
    WN_TRY(read_id(&id, &program->args, err));
    WN_TRY(find(&record, state, &id, err));
    WN_TRY(wn_store_revoke_key(state->store, &found, &id, unix_s(), err));
    wn_program_note(program, "winnow: key %s is revoked; running servers know within two seconds\n",
                    id.text);
    return WN_OK;
}

static wn_status rotate(wn_buf *out, const wn_program *program, wn_state *state, wn_error *err)
{
    wn_key_id id;
    wn_key_record record;
    wn_key_text text;
    wn_digest digest;
    bool found;
    int64_t overlap_s = wn_args_int(&program->args, WN_OPT_OVERLAP);
    WN_TRY(read_id(&id, &program->args, err));
    WN_TRY(find(&record, state, &id, err));
    if (record.revoked_s != 0)
        WN_FAIL(err, WN_ERR_ARGUMENT, "key %s is revoked: winnow keys create", id.text);
    WN_TRY(make_secret(&text, &digest, &id, &state->pepper, err));
    WN_TRY(wn_store_rotate_key(state->store, &found, &id, &digest, unix_s() + overlap_s, err));
    push_new(out, program, &record, &text);
    wn_program_note(program, "winnow: the old one holds for %lld seconds more\n",
                    (long long)overlap_s);
    wn_secret_wipe(&text, sizeof text);
    return WN_OK;
}

static wn_status act(wn_buf *out, action what, const wn_program *program, wn_state *state,
                     wn_error *err)
{
    switch (what) {
    case CREATE:
        return create(out, program, state, err);
    case LIST:
        return list(out, program, state, err);
    case SHOW:
        return show(out, program, state, err);
    case UPDATE:
        return update(out, program, state, err);
    case REVOKE:
        return revoke(program, state, err);
    case ROTATE:
        return rotate(out, program, state, err);
    }
    return WN_OK;
}

static wn_status parse_action(action *out, const char *word, wn_error *err)
{
    static const char *const words[] = {"create", "list", "show", "update", "revoke", "rotate"};
    for (size_t i = 0; i < WN_ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i]) == 0) {
            *out = (action)i;
            return WN_OK;
        }
    }
    WN_FAIL(err, WN_ERR_ARGUMENT,
            "'%s' is nothing that can be done with keys, expected create, "
            "list, show, revoke or rotate",
            word);
}

wn_status wn_cmd_keys(wn_program *program, wn_error *err)
{
    action what = LIST;
    const char *dir;
    wn_buf path = WN_BUF_INIT, out = WN_BUF_INIT;
    wn_state state = {0};
    wn_status status;
    WN_TRY(parse_action(&what, program->args.operands[0], err));
    WN_TRY_OUT(wn_program_state_dir(&path, &dir, program, err));
    if (dir == NULL)
        WN_FAIL_OUT(err, WN_ERR_ARGUMENT, "--state-dir is 'none': there is no place for keys");
    WN_TRY_OUT(wn_state_open(&state, dir, err));
    WN_TRY_OUT(act(&out, what, program, &state, err));
    status = wn_program_write(program, &out, err);
out:
    wn_state_close(&state);
    wn_secret_wipe(out.ptr, out.len);
    wn_buf_deinit(&out);
    wn_buf_deinit(&path);
    return status;
}
