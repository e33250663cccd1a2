/* The program: reads the command line, runs one command, prints its error, chooses the exit status.
 * Data goes to standard output, everything else to standard error. */
#include "cli/hub_options.h"
#include "cli/program.h"
#include "cli/settings.h"
#include "cli/signals.h"

#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static wn_command_fn *const commands[WN_CMD_COUNT] = {
    [WN_CMD_RANK] = wn_cmd_rank,
    [WN_CMD_SERVE] = wn_cmd_serve,
    [WN_CMD_TOKENIZE] = wn_cmd_tokenize,
    [WN_CMD_EMBED] = wn_cmd_embed,
    [WN_CMD_EVAL] = wn_cmd_eval,
    [WN_CMD_BENCH] = wn_cmd_bench,
    [WN_CMD_INFO] = wn_cmd_info,
    [WN_CMD_VERIFY] = wn_cmd_verify,
    [WN_CMD_QUANTIZE] = wn_cmd_quantize,
    [WN_CMD_VERSION] = wn_cmd_version,
    [WN_CMD_HELP] = wn_cmd_help,
    [WN_CMD_COMPLETION] = wn_cmd_completion,
    [WN_CMD_CHECK_CONFIG] = wn_cmd_check_config,
    [WN_CMD_CHECK_READY] = wn_cmd_check_ready,
    [WN_CMD_RELOAD] = wn_cmd_reload,
    [WN_CMD_KEYS] = wn_cmd_keys,
    [WN_CMD_USAGE] = wn_cmd_usage,
    [WN_CMD_TOP] = wn_cmd_top,
    [WN_CMD_PULL] = wn_cmd_pull,
    [WN_CMD_MODELS] = wn_cmd_models,
    [WN_CMD_LICENCE] = wn_cmd_licence,
};

/* Whoever started us may have closed standard descriptors: a file opened later must not become one
 * of them.  Writing to the stand-in fails, as it would have. */
static void fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            return;
}

/* An error may quote what a user gave: show it as a terminal may see it. */
static void print_error(const wn_error *err)
{
    wn_buf line = WN_BUF_INIT;
    if (wn_terminal_push_text(&line, wn_str_from(err->message), WN_COLUMNS_UNLIMITED) &&
        wn_buf_push_byte(&line, '\0'))
        fprintf(stderr, "winnow: %s\n", line.ptr);
    wn_buf_deinit(&line);
}

static int end(wn_program *program, wn_status status, wn_error *err)
{
    if (status == WN_OK && program->out.fd >= 0)
        status = wn_sink_close(&program->out, err);
    if (program->out.reader_gone)
        return WN_EXIT_OK;
    if (status != WN_OK && status != WN_ERR_CANCELLED)
        print_error(err);
    return program->exit_code != 0 ? program->exit_code : wn_program_exit_code(status);
}

extern char **environ;

/* Settings from elsewhere than the command line; --help has to work whatever they are. */
static wn_status load_settings(wn_program *program, wn_error *err)
{
    if (wn_args_has(&program->args, WN_OPT_HELP))
        return WN_OK;
    wn_status status = wn_settings_load(&program->args, program->environment, err);
    if (status != WN_OK)
        program->exit_code = WN_EXIT_CONFIG;
    return status;
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    wn_error err = {0};
    wn_program program = {.out = {.fd = STDOUT_FILENO, .name = "standard output"},
                          .argc = argc,
                          .argv = (const char *const *)argv,
                          .environment = (const char *const *)environ};
    wn_status status = wn_signals_install(&err);
    if (status == WN_OK)
        status = wn_args_parse(&program.args, argc, program.argv, &err);
    if (status == WN_OK)
        status = load_settings(&program, &err);
    if (status == WN_OK) {
        wn_terminal_init(&program.terminal, wn_args_has(&program.args, WN_OPT_QUIET));
        bool help = wn_args_has(&program.args, WN_OPT_HELP);
        if (!help && program.args.command != WN_CMD_SERVE) /* which has several */
            status = wn_hub_resolve_option(&program.args, &err);
        if (status == WN_OK)
            status = commands[help ? WN_CMD_HELP : program.args.command](&program, &err);
    }
    int code = end(&program, status, &err);
    wn_args_deinit(&program.args);
    return code;
}
