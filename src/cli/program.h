/* What the commands share: the parsed command line, where output goes, how a model is opened, what
 * a failure means for the exit status.  A command is a function wn_cmd_NAME() that returns a
 * status; only main.c prints its error and exits. Thread rule: main thread. */
#ifndef WN_CLI_PROGRAM_H
#define WN_CLI_PROGRAM_H

#include "cli/args.h"
#include "cli/sink.h"
#include "cli/terminal.h"

/* Exit statuses, as wn_exit_codes[] explains them. */
enum {
    WN_EXIT_OK = 0,
    WN_EXIT_FAILURE = 1,
    WN_EXIT_USAGE = 2,
    WN_EXIT_PARTIAL = 3,
    WN_EXIT_DATA = 4,
    WN_EXIT_CONFIG = 5,
    WN_EXIT_SIGNAL = 128 /* + its number */
};

typedef struct wn_program {
    wn_args args;
    int argc;
    const char *const *argv;
    const char *const *environment; /* NAME=VALUE, with a NULL behind them */
    wn_sink out;                    /* standard output */
    wn_terminal terminal;
    int exit_code; /* not 0: ends with this instead of what the status means */
} wn_program;

typedef wn_status wn_command_fn(wn_program *program, wn_error *err);

/* The commands.  Each one reads its options from program->args and writes to program->out. */
wn_command_fn wn_cmd_rank;
wn_command_fn wn_cmd_serve;
wn_command_fn wn_cmd_tokenize;
wn_command_fn wn_cmd_embed;
wn_command_fn wn_cmd_eval;
wn_command_fn wn_cmd_bench;
wn_command_fn wn_cmd_info;
wn_command_fn wn_cmd_verify;
wn_command_fn wn_cmd_quantize;
wn_command_fn wn_cmd_version;
wn_command_fn wn_cmd_help;
wn_command_fn wn_cmd_completion;
wn_command_fn wn_cmd_check_config;
wn_command_fn wn_cmd_check_ready;
wn_command_fn wn_cmd_reload;
wn_command_fn wn_cmd_keys;
wn_command_fn wn_cmd_usage;
wn_command_fn wn_cmd_top;
wn_command_fn wn_cmd_pull;
wn_command_fn wn_cmd_models;
wn_command_fn wn_cmd_licence;

/* Check the settings of a server as far as is possible without loading its model.
 * Fails:   WN_ERR_ARGUMENT, WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_serve_check(wn_args *args, wn_error *err);

/* Say what is wrong with the path of a model in words that help, before the loader does; NULL is
 * right.
 * Fails:   WN_ERR_FORMAT, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_program_check_model(const char *dir, wn_error *err);

/* The directory of keys and usage: --state-dir, else where the system has such things; *out NULL
 * for 'none'.
 * Fails:   WN_ERR_ARGUMENT when there is no place, WN_ERR_MEMORY.
 * Owns:    caller frees the buffer. */
WN_MUST_USE wn_status wn_program_state_dir(wn_buf *buf, const char **out, const wn_program *program,
                                           wn_error *err);

/* Open the model of --model with --cpu-level and --threads.
 * Fails:   as wn_engine_open(); a model that cannot be used sets exit_code to WN_EXIT_DATA.
 * Owns:    caller closes with wn_engine_close(). */
WN_MUST_USE wn_status wn_program_open_engine(wn_engine **out, wn_program *program, wn_error *err);

/* --dtype as the library names it. */
const char *wn_program_dtype(const wn_args *args);

/* Make a runner with --threads and --batch-tokens.
 * Owns:    caller frees with wn_runner_free(). */
WN_MUST_USE wn_status wn_program_open_runner(wn_runner **out, const wn_program *program,
                                             const wn_engine *engine, wn_error *err);

/* Write a finished buffer to standard output.
 * Fails:   WN_ERR_MEMORY when a push to it failed, WN_ERR_IO. */
WN_MUST_USE wn_status wn_program_write(wn_program *program, const wn_buf *bytes, wn_error *err);

/* All of a file, pipe or, for "-", standard input into *out, at most WN_LINE_BYTES_MAX.
 * Fails:   WN_ERR_IO, WN_ERR_LIMIT, WN_ERR_MEMORY, WN_ERR_CANCELLED after a signal. */
WN_MUST_USE wn_status wn_program_read_input(wn_buf *out, const char *path, wn_error *err);

/* A remark on standard error; nothing with --quiet. */
void wn_program_note(const wn_program *program, const char *format, ...) WN_PRINTF(2, 3);

/* Whether SIGINT or SIGTERM was caught; fits wn_request.should_stop. */
bool wn_program_should_stop(void *user);

/* The exit status that a status means. */
int wn_program_exit_code(wn_status status);

#endif
