/* winnow usage: what keys have used, from the store of a server, which may run meanwhile. */
#include "cli/program.h"

#include "base/mem.h"
#include "base/str.h"
#include "serve/state.h"
#include "serve/usage_report.h"

#include <time.h>

#define WN_WHERE "cli/usage"

static wn_status read_query(wn_usage_query *query, const wn_args *args, wn_error *err)
{
    const wn_report_order order = {.from = wn_str_from(wn_args_text(args, WN_OPT_FROM)),
                                   .to = wn_str_from(wn_args_text(args, WN_OPT_TO)),
                                   .by = wn_str_from(wn_args_text(args, WN_OPT_BY)),
                                   .key = wn_str_from(wn_args_text(args, WN_OPT_KEY))};
    const char *wrong;
    wn_status status = wn_report_query(query, &order, time(NULL), &wrong, err);
    if (status != WN_OK) {
        wn_error why = *err;
        WN_FAIL(err, status, "--%s %s", wrong, why.message);
    }
    return WN_OK;
}

static wn_status report(wn_buf *out, wn_state *state, const wn_usage_query *query,
                        wn_report_format format, wn_error *err)
{
    wn_usage_row *rows;
    size_t n;
    WN_TRY(wn_store_report(state->store, &rows, &n, query, err));
    wn_report_push(out, format, query, rows, n);
    if (format == WN_REPORT_JSON)
        wn_buf_push_byte(out, '\n');
    wn_mem_free(rows);
    return WN_OK;
}

wn_status wn_cmd_usage(wn_program *program, wn_error *err)
{
    const wn_args *args = &program->args;
    const char *dir;
    wn_buf path = WN_BUF_INIT, out = WN_BUF_INIT;
    wn_state state = {0};
    wn_usage_query query;
    wn_status status;
    WN_TRY(read_query(&query, args, err));
    WN_TRY_OUT(wn_program_state_dir(&path, &dir, program, err));
    if (dir == NULL)
        WN_FAIL_OUT(err, WN_ERR_ARGUMENT, "--state-dir is 'none': no usage is kept");
    WN_TRY_OUT(wn_state_open(&state, dir, err));
    WN_TRY_OUT(report(&out, &state, &query,
                      (wn_report_format)wn_args_int(args, WN_OPT_USAGE_FORMAT), err));
    status = wn_program_write(program, &out, err);
out:
    wn_state_close(&state);
    wn_buf_deinit(&out);
    wn_buf_deinit(&path);
    return status;
}
