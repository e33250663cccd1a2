/* winnow keys: make, list, show, change, revoke and rotate the keys of a server.  A running server
 * takes the change over within two seconds.  The text of a key is shown once and kept nowhere. */
#include "cli/program.h"

#include "base/date.h"
#include "base/mem.h"
#include "base/str.h"
#include "serve/key_order.h"

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

static void push_row(wn_buf *out, const wn_key_record *r, int64_t now_s)
{
    wn_buf_printf(out, "%-8s  %-8s  %-8s  ", r->id.text, wn_key_standing(r, now_s), r->tier);
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

/* What the options say; what they do not name stays. */
static wn_key_edit edit_of(const wn_args *args)
{
    wn_key_edit edit = WN_KEY_EDIT_INIT;
    const struct {
        wn_option_id id;
        wn_str *text;
        int64_t *number;
    } rows[] = {
        {WN_OPT_KEY_NAME, &edit.name, NULL},
        {WN_OPT_TIER, &edit.tier, NULL},
        {WN_OPT_SCOPES, &edit.scopes, NULL},
        {WN_OPT_EXPIRES, &edit.expires, NULL},
        {WN_OPT_RPM, NULL, &edit.rpm},
        {WN_OPT_TPM, NULL, &edit.tpm},
        {WN_OPT_CONCURRENCY, NULL, &edit.concurrency},
        {WN_OPT_MONTHLY_TOKENS, NULL, &edit.monthly_tokens},
        {WN_OPT_PREPAID_TOKENS, NULL, &edit.prepaid_tokens},
        {WN_OPT_WEIGHT, NULL, &edit.weight},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(rows); i++) {
        if (!wn_args_has(args, rows[i].id))
            continue;
        if (rows[i].text != NULL)
            *rows[i].text = wn_str_from(wn_args_text(args, rows[i].id));
        else
            *rows[i].number = wn_args_int(args, rows[i].id);
    }
    return edit;
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
            wn_key_push_json(out, &records[i], NULL, unix_s());
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

/* Tell what was done; a key that was just made stands alone on standard output, so that a script
 * can keep it. */
static void push_done(wn_buf *out, const wn_program *program, const wn_key_order *order)
{
    const char *id = order->record.id.text;
    if (order->act == WN_KEY_REVOKE) {
        wn_program_note(program,
                        "winnow: key %s is revoked; running servers know within two seconds\n", id);
        return;
    }
    bool is_new = order->text.text[0] != '\0';
    if (is_new && !wn_args_has(&program->args, WN_OPT_JSON)) {
        wn_buf_printf(out, "%s\n", order->text.text);
        wn_program_note(program, "winnow: this is the only time that key %s is shown\n", id);
    } else {
        wn_key_push_json(out, &order->record, &order->text, order->now_s);
        wn_buf_push_byte(out, '\n');
    }
    if (order->act == WN_KEY_ROTATE)
        wn_program_note(program, "winnow: the old one holds for %lld seconds more\n",
                        (long long)order->overlap_s);
}

/* In the words of the command line. */
static wn_status fail(const wn_key_order *order, wn_status status, wn_error *err)
{
    wn_error why = *err;
    switch (order->outcome) {
    case WN_KEY_ORDER_DONE:
        break;
    case WN_KEY_ORDER_NO_KEY:
        WN_FAIL(err, status, "%s: winnow keys list", why.message);
    case WN_KEY_ORDER_REVOKED:
        WN_FAIL(err, status, "%s: winnow keys create", why.message);
    case WN_KEY_ORDER_WRONG:
        WN_FAIL(err, status, "--%s %s", order->wrong, why.message);
    }
    return status;
}

static wn_status act(wn_buf *out, action what, const wn_program *program, wn_state *state,
                     wn_error *err)
{
    static const wn_key_act acts[] = {
        [CREATE] = WN_KEY_CREATE, [SHOW] = WN_KEY_SHOW,     [UPDATE] = WN_KEY_UPDATE,
        [REVOKE] = WN_KEY_REVOKE, [ROTATE] = WN_KEY_ROTATE,
    };
    const wn_args *args = &program->args;
    if (what == LIST)
        return list(out, program, state, err);
    wn_key_order order = {.act = acts[what],
                          .edit = edit_of(args),
                          .overlap_s = wn_args_int(args, WN_OPT_OVERLAP),
                          .now_s = unix_s()};
    if (what != CREATE)
        WN_TRY(read_id(&order.id, args, err));
    wn_status status = wn_key_order_run(state, &order, err);
    if (status == WN_OK)
        push_done(out, program, &order);
    else
        status = fail(&order, status, err);
    wn_secret_wipe(&order.text, sizeof order.text);
    return status;
}

/* Only those that are about one key take its id. */
static wn_status check_operands(action what, const wn_args *args, wn_error *err)
{
    if (args->n_operands == 1 || (what != CREATE && what != LIST))
        return WN_OK;
    WN_FAIL(err, WN_ERR_ARGUMENT, "keys %s: '%s' is one operand too many, expected 0%s",
            args->operands[0], args->operands[1], what == CREATE ? "; a name goes to --name" : "");
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
            "list, show, update, revoke or rotate",
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
    WN_TRY(check_operands(what, &program->args, err));
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
