/* winnow usage: what keys have used, from the store of a server, which may run meanwhile; as a
 * report, or as monthly statements. */
#include "cli/price_file.h"
#include "cli/program.h"

#include "base/mem.h"
#include "base/str.h"
#include "serve/state.h"
#include "serve/statement.h"
#include "serve/usage_report.h"

#include <string.h>
#include <time.h>

#define WN_WHERE "cli/usage"

static wn_status read_order(wn_usage_query *query, const wn_report_order *order, wn_error *err)
{
    const char *wrong;
    wn_status status = wn_report_query(query, order, time(NULL), &wrong, err);
    if (status != WN_OK) {
        wn_error why = *err;
        WN_FAIL(err, status, "--%s %s", wrong, why.message);
    }
    return WN_OK;
}

/* ---- reports --------------------------------------------------------------------------------- */

static wn_status report(wn_buf *out, wn_state *state, const wn_args *args, wn_error *err)
{
    const wn_report_order order = {.from = wn_str_from(wn_args_text(args, WN_OPT_FROM)),
                                   .to = wn_str_from(wn_args_text(args, WN_OPT_TO)),
                                   .by = wn_str_from(wn_args_text(args, WN_OPT_BY)),
                                   .key = wn_str_from(wn_args_text(args, WN_OPT_KEY))};
    wn_report_format format = (wn_report_format)wn_args_int(args, WN_OPT_USAGE_FORMAT);
    wn_usage_query query;
    wn_usage_row *rows;
    size_t n;
    WN_TRY(read_order(&query, &order, err));
    WN_TRY(wn_store_report(state->store, &rows, &n, &query, err));
    wn_report_push(out, format, &query, rows, n);
    if (format == WN_REPORT_JSON)
        wn_buf_push_byte(out, '\n');
    wn_mem_free(rows);
    return WN_OK;
}

/* ---- statements ------------------------------------------------------------------------------ */

static wn_status read_month(wn_usage_query *query, const wn_args *args, wn_error *err)
{
    static const wn_option_id others[] = {WN_OPT_FROM, WN_OPT_TO, WN_OPT_BY, WN_OPT_USAGE_FORMAT};
    wn_str month = wn_str_from(wn_args_text(args, WN_OPT_STATEMENT));
    wn_str key = wn_str_from(wn_args_text(args, WN_OPT_KEY));
    const char *wrong;
    wn_error why;
    for (size_t i = 0; i < WN_ARRAY_LEN(others); i++)
        if (wn_args_has(args, others[i]))
            WN_FAIL(err, WN_ERR_ARGUMENT, "--%s and --statement do not go together",
                    wn_options[others[i]].name);
    wn_status status = wn_statements_query(query, month, key, &wrong, &why);
    if (status != WN_OK)
        WN_FAIL(err, status, "--%s %s", strcmp(wrong, "key") == 0 ? wrong : "statement",
                why.message);
    return WN_OK;
}

static wn_status check_key(const wn_usage_query *query, const wn_key_record *keys, size_t n,
                           wn_error *err)
{
    size_t i = 0;
    while (i < n && strcmp(keys[i].id.text, query->key.text) != 0)
        i++;
    if (query->key.text[0] != '\0' && i == n)
        WN_FAIL(err, WN_ERR_ARGUMENT, "there is no key '%s': winnow keys list", query->key.text);
    return WN_OK;
}

static wn_status state_month(wn_buf *out, wn_state *state, const wn_program *program, wn_error *err)
{
    wn_statements s = {.now_s = time(NULL)};
    wn_prices *prices = NULL;
    wn_key_record *keys = NULL;
    wn_status status;
    WN_TRY_OUT(read_month(&s.query, &program->args, err));
    WN_TRY_OUT(wn_price_file_read(&prices, wn_args_text(&program->args, WN_OPT_PRICES), err));
    WN_TRY_OUT(wn_store_list_keys(state->store, &keys, &s.n_keys, err));
    WN_TRY_OUT(wn_store_report(state->store, &s.rows, &s.n_rows, &s.query, err));
    if (s.n_rows == 0)
        WN_TRY_OUT(check_key(&s.query, keys, s.n_keys, err));
    if (s.n_rows == 0 && s.query.key.text[0] == '\0')
        wn_program_note(program, "winnow: nothing was used in that month\n");
    s.keys = keys;
    s.prices = prices;
    status = wn_statements_push(out, &s, err);
out:
    wn_mem_free(prices);
    wn_mem_free(keys);
    wn_mem_free(s.rows);
    return status;
}

wn_status wn_cmd_usage(wn_program *program, wn_error *err)
{
    const wn_args *args = &program->args;
    const char *dir;
    wn_buf path = WN_BUF_INIT, out = WN_BUF_INIT;
    wn_state state = {0};
    wn_status status;
    bool statement = wn_args_has(args, WN_OPT_STATEMENT);
    if (!statement && wn_args_has(args, WN_OPT_PRICES))
        WN_FAIL(err, WN_ERR_ARGUMENT, "--prices needs --statement");
    WN_TRY_OUT(wn_program_state_dir(&path, &dir, program, err));
    if (dir == NULL)
        WN_FAIL_OUT(err, WN_ERR_ARGUMENT, "--state-dir is 'none': no usage is kept");
    WN_TRY_OUT(wn_state_open(&state, dir, err));
    WN_TRY_OUT(statement ? state_month(&out, &state, program, err)
                         : report(&out, &state, args, err));
    status = wn_program_write(program, &out, err);
out:
    wn_state_close(&state);
    wn_buf_deinit(&out);
    wn_buf_deinit(&path);
    return status;
}
