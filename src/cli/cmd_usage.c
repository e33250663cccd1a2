/* winnow usage: what keys have used, from the store of a server, which may run meanwhile; as a
 * report, or as monthly statements. */
#include "cli/program.h"
#include "cli/statement.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "serve/state.h"
#include "serve/usage_report.h"

#include <stdlib.h>
#include <time.h>

#define WN_WHERE         "cli/usage"
#define PRICES_BYTES_MAX (1 << 20)
#define MONTH_CHARS      7

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

/* What statements are made of. */
typedef struct ledger {
    wn_usage_query query;
    wn_prices *prices;   /* NULL: none */
    wn_key_record *keys; /* [n_keys] */
    wn_usage_row *rows;  /* [n_rows] by key, day and model */
    size_t n_keys, n_rows;
} ledger;

static wn_status read_month(wn_usage_query *query, const wn_args *args, wn_error *err)
{
    static const wn_option_id others[] = {WN_OPT_FROM, WN_OPT_TO, WN_OPT_BY, WN_OPT_USAGE_FORMAT};
    wn_str month = wn_str_from(wn_args_text(args, WN_OPT_STATEMENT));
    const wn_report_order order = {.from = month,
                                   .to = month,
                                   .by = WN_STR("day,key,model"),
                                   .key = wn_str_from(wn_args_text(args, WN_OPT_KEY))};
    for (size_t i = 0; i < WN_ARRAY_LEN(others); i++)
        if (wn_args_has(args, others[i]))
            WN_FAIL(err, WN_ERR_ARGUMENT, "--%s and --statement do not go together",
                    wn_options[others[i]].name);
    wn_error why;
    if (month.len != MONTH_CHARS || wn_report_query(query, &(wn_report_order){.to = month}, 0,
                                                    &(const char *){0}, &why) != WN_OK)
        WN_FAIL(err, WN_ERR_ARGUMENT, "--statement is '%.*s', expected a month such as 2026-11",
                WN_STR_ARG(month));
    return read_order(query, &order, err);
}

static wn_status read_prices(wn_prices **out, const char *path, wn_error *err)
{
    wn_buf text = WN_BUF_INIT;
    wn_status status;
    wn_prices *prices = wn_mem_zalloc(1, sizeof *prices);
    if (prices == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for prices");
    WN_TRY_OUT(wn_file_read(&text, path, PRICES_BYTES_MAX, err));
    WN_TRY_OUT(wn_prices_parse(prices, wn_buf_str(&text), path, err));
    *out = prices;
    prices = NULL;
out:
    wn_mem_free(prices);
    wn_buf_deinit(&text);
    return status;
}

static int compare_rows(const void *a, const void *b)
{
    const wn_usage_row *x = a, *y = b;
    int by_key = strcmp(x->key.text, y->key.text);
    if (by_key != 0)
        return by_key;
    if (x->minute != y->minute)
        return x->minute < y->minute ? -1 : 1;
    return strcmp(x->model, y->model);
}

static const char *name_of(const ledger *l, const char *id)
{
    for (size_t i = 0; i < l->n_keys; i++)
        if (strcmp(l->keys[i].id.text, id) == 0)
            return l->keys[i].name;
    return NULL;
}

/* The statement of the rows from the first on that are of its key; *n tells how many. */
static wn_status push_statement(wn_buf *out, const ledger *l, const char *id, size_t first,
                                size_t *n, wn_error *err)
{
    const char *name = name_of(l, id);
    *n = 0;
    while (first + *n < l->n_rows && strcmp(l->rows[first + *n].key.text, id) == 0)
        ++*n;
    const wn_statement statement = {.key_id = id,
                                    .key_name = name != NULL ? name : "",
                                    .since_s = l->query.since_s,
                                    .until_s = l->query.until_s,
                                    .now_s = time(NULL),
                                    .rows = l->rows + first,
                                    .n_rows = *n,
                                    .prices = l->prices};
    return wn_statement_push(out, &statement, err);
}

static wn_status push_statements(wn_buf *out, const ledger *l, wn_error *err)
{
    const char *id = l->query.key.text;
    size_t n;
    if (id[0] != '\0' && l->n_rows == 0 && name_of(l, id) == NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT, "there is no key '%s': winnow keys list", id);
    wn_statement_push_begin(out, l->query.since_s);
    if (id[0] != '\0')
        WN_TRY(push_statement(out, l, id, 0, &n, err));
    for (size_t i = 0; id[0] == '\0' && i < l->n_rows; i += n)
        WN_TRY(push_statement(out, l, l->rows[i].key.text, i, &n, err));
    wn_statement_push_end(out);
    return WN_OK;
}

static wn_status state_month(wn_buf *out, wn_state *state, const wn_program *program, wn_error *err)
{
    const char *prices = wn_args_text(&program->args, WN_OPT_PRICES);
    ledger l = {.n_rows = 0};
    wn_status status;
    WN_TRY_OUT(read_month(&l.query, &program->args, err));
    if (prices != NULL)
        WN_TRY_OUT(read_prices(&l.prices, prices, err));
    WN_TRY_OUT(wn_store_list_keys(state->store, &l.keys, &l.n_keys, err));
    WN_TRY_OUT(wn_store_report(state->store, &l.rows, &l.n_rows, &l.query, err));
    if (l.n_rows > 0)
        qsort(l.rows, l.n_rows, sizeof *l.rows, compare_rows);
    else if (l.query.key.text[0] == '\0')
        wn_program_note(program, "winnow: nothing was used in that month\n");
    status = push_statements(out, &l, err);
out:
    wn_mem_free(l.prices);
    wn_mem_free(l.keys);
    wn_mem_free(l.rows);
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
