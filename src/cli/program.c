/* See program.h. */
#define _DEFAULT_SOURCE /* stat */
#include "cli/program.h"

#include "base/file.h"
#include "base/str.h"
#include "cli/signals.h"
#include "data/license.h"
#include "data/lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE   "cli/program"
#define READ_BYTES 65536

wn_status wn_program_check_model(const char *dir, wn_error *err)
{
    struct stat info;
    if (dir == NULL)
        return WN_OK;
    if (stat(dir, &info) != 0)
        WN_FAIL(err, WN_ERR_FORMAT, "model '%s': %s", dir, strerror(errno));
    return WN_OK;
}

wn_status wn_program_state_dir(wn_buf *buf, const char **out, const wn_program *program,
                               wn_error *err)
{
    const char *given = wn_args_text(&program->args, WN_OPT_STATE_DIR);
    const char *unit = wn_options_env("STATE_DIRECTORY"), *home = wn_options_env("HOME");
    const char *state = wn_options_env("XDG_STATE_HOME");
    *out = NULL;
    if (given != NULL && strcmp(given, "none") == 0)
        return WN_OK;
    bool ok = true;
    if (given != NULL)
        ok = wn_buf_printf(buf, "%s", given);
    else if (unit != NULL)
        ok = wn_buf_printf(buf, "%.*s", (int)strcspn(unit, ":"), unit);
    else if (getuid() == 0)
        ok = wn_buf_printf(buf, "/var/lib/winnow");
    else if (state != NULL)
        ok = wn_buf_printf(buf, "%s/winnow", state);
    else if (home != NULL)
        ok = wn_buf_printf(buf, "%s/.local/state/winnow", home);
    else
        WN_FAIL(err, WN_ERR_ARGUMENT,
                "no place for keys and usage: give --state-dir, which may be "
                "'none'");
    if (!ok || !wn_buf_push_byte(buf, '\0'))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a path");
    *out = buf->ptr;
    return WN_OK;
}

const char *wn_program_dtype(const wn_args *args)
{
    static const char *const names[] = {"f32", "auto", "bf16", "int8", "f32", "bf16", "auto"};
    return names[wn_args_int(args, WN_OPT_DTYPE)];
}

/* --require-licence */
static wn_status check_license(const wn_args *args, const wn_engine *engine, wn_error *err)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    if (wn_args_int(args, WN_OPT_REQUIRE_LICENCE) == 0)
        return WN_OK;
    WN_TRY(wn_engine_get_info(engine, &info, err));
    return wn_license_require_commercial(info.license, info.model, err);
}

wn_status wn_program_open_engine(wn_engine **out, wn_program *program, wn_error *err)
{
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    wn_engine *engine = NULL;
    options.model_dir = wn_args_text(&program->args, WN_OPT_MODEL);
    options.cpu_level = wn_args_text(&program->args, WN_OPT_CPU_LEVEL);
    options.dtype = wn_program_dtype(&program->args);
    options.task = wn_args_text(&program->args, WN_OPT_TASK);
    options.n_threads = (int32_t)wn_args_int(&program->args, WN_OPT_THREADS);
    wn_status status = wn_program_check_model(options.model_dir, err);
    if (status == WN_OK)
        status = wn_engine_open(&engine, &options, err);
    if (status == WN_OK)
        status = check_license(&program->args, engine, err);
    if (status == WN_OK)
        *out = engine;
    else
        wn_engine_close(engine);
    if (status != WN_OK && status != WN_ERR_MEMORY && status != WN_ERR_ARGUMENT)
        program->exit_code = WN_EXIT_DATA;
    return status;
}

wn_status wn_program_open_runner(wn_runner **out, const wn_program *program,
                                 const wn_engine *engine, wn_error *err)
{
    wn_runner_options options = WN_RUNNER_OPTIONS_INIT;
    options.n_threads = (int32_t)wn_args_int(&program->args, WN_OPT_THREADS);
    options.batch_tokens = (int32_t)wn_args_int(&program->args, WN_OPT_BATCH_TOKENS);
    return wn_runner_new(out, engine, &options, err);
}

wn_status wn_program_write(wn_program *program, const wn_buf *bytes, wn_error *err)
{
    if (bytes->failed)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the output");
    return wn_sink_write(&program->out, wn_buf_str(bytes), err);
}

static wn_status read_all(wn_buf *out, const wn_lines *input, wn_error *err)
{
    for (;;) {
        if (!wn_buf_reserve(out, READ_BYTES))
            WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory for %zu bytes", input->name, out->len);
        ssize_t n = read(input->fd, out->ptr + out->len, READ_BYTES);
        if (wn_signals_caught() != 0)
            WN_FAIL(err, WN_ERR_CANCELLED, "%s: stopped after %zu bytes", input->name, out->len);
        if (n < 0 && errno != EINTR)
            WN_FAIL(err, WN_ERR_IO, "cannot read %s: %s", input->name, strerror(errno));
        if (n == 0)
            return WN_OK;
        out->len += n > 0 ? (size_t)n : 0;
        if (out->len > input->limit_bytes)
            WN_FAIL(err, WN_ERR_LIMIT, "%s: longer than %zu bytes", input->name,
                    input->limit_bytes);
    }
}

wn_status wn_program_read_input(wn_buf *out, const char *path, wn_error *err)
{
    wn_lines input;
    wn_buf_clear(out);
    WN_TRY(wn_lines_open(&input, path, WN_LINE_BYTES_MAX, wn_signals_wake_fd(), err));
    wn_status status = read_all(out, &input, err);
    wn_lines_close(&input);
    return status;
}

void wn_program_note(const wn_program *program, const char *format, ...)
{
    if (wn_args_has(&program->args, WN_OPT_QUIET))
        return;
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}

bool wn_program_should_stop(void *user)
{
    (void)user;
    return wn_signals_caught() != 0;
}

int wn_program_exit_code(wn_status status)
{
    switch (status) {
    case WN_OK:
        return WN_EXIT_OK;
    case WN_ERR_ARGUMENT:
        return WN_EXIT_USAGE;
    case WN_ERR_FORMAT:
    case WN_ERR_UNSUPPORTED:
    case WN_ERR_LIMIT:
    case WN_ERR_INPUT:
        return WN_EXIT_DATA;
    case WN_ERR_CANCELLED:
        return WN_EXIT_SIGNAL + wn_signals_caught();
    default:
        return WN_EXIT_FAILURE;
    }
}
