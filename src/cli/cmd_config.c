/* winnow check-config */
#include "cli/program.h"
#include "cli/settings.h"

static wn_status check(const wn_program *program, wn_args *serve, wn_error *err)
{
    WN_TRY(wn_settings_load(serve, program->environment, err));
    return wn_serve_check(serve, err);
}

wn_status wn_cmd_check_config(wn_program *program, wn_error *err)
{
    const char *file = program->args.n_operands > 0 ? program->args.operands[0] : NULL;
    const char *const words[] = {"winnow", "serve", "--config", file};
    wn_args serve;
    WN_TRY(wn_args_parse(&serve, file != NULL ? 4 : 2, words, err));
    wn_status status = check(program, &serve, err);
    wn_args_deinit(&serve);
    if (status != WN_OK) {
        program->exit_code = WN_EXIT_CONFIG;
        return status;
    }
    wn_buf out = WN_BUF_INIT;
    wn_buf_printf(&out, "%s: the settings are right\n", file != NULL ? file : "winnow");
    status = wn_program_write(program, &out, err);
    wn_buf_deinit(&out);
    return status;
}
