/* winnow help and winnow completion */
#include "cli/manual.h"
#include "cli/program.h"

#include "base/str.h"

#define COLUMNS_MAX 100 /* longer lines are hard to read */

static void push_help(wn_buf *out, const wn_program *program)
{
    const wn_args *args = &program->args;
    const wn_terminal *terminal = &program->terminal;
    bool colour = terminal->out_is_tty && terminal->colour;
    size_t columns = terminal->out_is_tty ? WN_MIN(terminal->out_columns, (size_t)COLUMNS_MAX)
                                          : (size_t)COLUMNS_MAX;
    if (args->command != WN_CMD_HELP)
        wn_manual_push_command(out, args->command, columns, colour);
    else if (args->n_operands > 0)
        wn_manual_push_command(out, wn_args_find_command(args->operands[0]), columns, colour);
    else
        wn_manual_push_overview(out, columns, colour);
}

wn_status wn_cmd_help(wn_program *program, wn_error *err)
{
    wn_buf out = WN_BUF_INIT;
    if (wn_args_has(&program->args, WN_OPT_MAN))
        wn_manual_push_troff(&out);
    else if (wn_args_has(&program->args, WN_OPT_MARKDOWN))
        wn_manual_push_markdown(&out);
    else if (wn_args_has(&program->args, WN_OPT_CONFIGURATION))
        wn_manual_push_configuration(&out);
    else
        push_help(&out, program);
    wn_status status = wn_program_write(program, &out, err);
    wn_buf_deinit(&out);
    return status;
}

wn_status wn_cmd_completion(wn_program *program, wn_error *err)
{
    wn_buf out = WN_BUF_INIT;
    const char *name = program->args.operands[0];
    wn_manual_push_completion(&out, name[0] == 'b'   ? WN_SHELL_BASH
                                    : name[0] == 'z' ? WN_SHELL_ZSH
                                                     : WN_SHELL_FISH);
    wn_status status = wn_program_write(program, &out, err);
    wn_buf_deinit(&out);
    return status;
}
