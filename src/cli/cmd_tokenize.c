/* winnow tokenize: the tokens of one text, uncut. */
#include "data/json_text.h"
#include "cli/program.h"

#include "base/str.h"

#include <stdio.h>

#define WN_WHERE "cli/tokenize"

static void push_json(wn_buf *out, const wn_tokens *tokens)
{
    wn_buf_printf(out, "{\"count\":%zu,\"tokens\":[", tokens->n);
    for (size_t i = 0; i < tokens->n; i++) {
        wn_buf_printf(out, "%s\n  {\"id\":%d,\"token\":", i > 0 ? "," : "", (int)tokens->ids[i]);
        wn_json_push_string(out, tokens->tokens[i]);
        wn_buf_printf(out, ",\"start\":%zu,\"end\":%zu}", tokens->start[i], tokens->end[i]);
    }
    wn_buf_printf(out, "%s]}\n", tokens->n > 0 ? "\n" : "");
}

/* Index, id, byte range, token: right-aligned numbers, so that they read down. */
static void push_table(wn_buf *out, const wn_tokens *tokens)
{
    for (size_t i = 0; i < tokens->n; i++) {
        char range[48];
        snprintf(range, sizeof range, "%zu-%zu", tokens->start[i], tokens->end[i]);
        wn_buf_printf(out, " %5zu  %7d  %11s  ", i, (int)tokens->ids[i], range);
        wn_terminal_push_text(out, tokens->tokens[i], WN_COLUMNS_UNLIMITED);
        wn_buf_push_byte(out, '\n');
    }
}

static wn_status print(wn_program *program, const wn_tokens *tokens, wn_error *err)
{
    wn_buf out = WN_BUF_INIT;
    if (wn_args_has(&program->args, WN_OPT_COUNT_ONLY))
        wn_buf_printf(&out, "%zu\n", tokens->n);
    else if (wn_args_int(&program->args, WN_OPT_TOKEN_FORMAT) == 1)
        push_json(&out, tokens);
    else
        push_table(&out, tokens);
    wn_status status = wn_program_write(program, &out, err);
    wn_buf_deinit(&out);
    return status;
}

/* The operand, or standard input without its last line end. */
static wn_status read_text(wn_buf *holder, wn_str *text, const wn_args *args, wn_error *err)
{
    if (args->n_operands > 0 && strcmp(args->operands[0], "-") != 0) {
        *text = wn_str_from(args->operands[0]);
        return WN_OK;
    }
    WN_TRY(wn_program_read_input(holder, "-", err));
    *text = wn_buf_str(holder);
    if (wn_str_ends(*text, WN_STR("\r\n")))
        text->len -= 2;
    else if (wn_str_ends(*text, WN_STR("\n")))
        text->len--;
    return WN_OK;
}

wn_status wn_cmd_tokenize(wn_program *program, wn_error *err)
{
    const wn_args *args = &program->args;
    wn_buf holder = WN_BUF_INIT;
    wn_engine *engine = NULL;
    wn_tokens *tokens = NULL;
    wn_tokenize_options options = WN_TOKENIZE_OPTIONS_INIT;
    wn_str text = {0};
    options.no_specials = wn_args_has(args, WN_OPT_NO_SPECIALS);
    options.plain_specials = wn_args_has(args, WN_OPT_PLAIN_SPECIALS);
    wn_status status = read_text(&holder, &text, args, err);
    if (status == WN_OK)
        status = wn_program_open_engine(&engine, program, err);
    if (status == WN_OK)
        status = wn_tokenize(&tokens, engine, text, &options, err);
    if (status == WN_OK)
        status = print(program, tokens, err);
    wn_tokens_free(tokens);
    wn_engine_close(engine);
    wn_buf_deinit(&holder);
    return status;
}
