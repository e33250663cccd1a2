/* winnow reload and winnow check-ready: what a service manager asks of a running server. */
#define _DEFAULT_SOURCE /* kill */
#include "cli/pid_file.h"
#include "cli/program.h"
#include "cli/settings.h"

#include "base/clock.h"
#include "base/str.h"
#include "serve/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WN_WHERE     "cli/reload"
#define WAIT_NS      60000000000 /* for a reload */
#define LOOK_NS      10000000
#define READY_TARGET "/healthz/ready"

/* ---- reload ---------------------------------------------------------------------------------- */

static wn_status wait_for_report(const char *path, uint64_t before, wn_error *err)
{
    uint64_t deadline_ns = wn_clock_ns() + WAIT_NS;
    wn_reload_report report;
    do {
        const struct timespec pause = {.tv_nsec = LOOK_NS};
        nanosleep(&pause, NULL);
        WN_TRY(wn_pid_file_read_report(&report, path, err));
    } while ((report.n == before || report.n == UINT64_MAX) && wn_clock_ns() < deadline_ns &&
             !wn_program_should_stop(NULL));
    if (report.n == before || report.n == UINT64_MAX)
        WN_FAIL(err, WN_ERR_IO, "the server has not told how its reload went");
    if (strcmp(report.text, "ok") != 0)
        WN_FAIL(err, WN_ERR_IO, "the server keeps its old settings: %.400s", report.text);
    return WN_OK;
}

static wn_status reload(const wn_program *program, wn_buf *buf, wn_error *err)
{
    const char *path;
    if (!wn_pid_file_path(buf, &path, wn_args_text(&program->args, WN_OPT_PID_FILE)))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a path");
    if (path == NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT, "reload needs --pid-file FILE, that of the server");
    pid_t pid;
    wn_reload_report before;
    WN_TRY(wn_pid_file_read(&pid, path, err));
    WN_TRY(wn_pid_file_read_report(&before, path, err));
    if (kill(pid, SIGHUP) != 0)
        WN_FAIL(err, WN_ERR_IO, "process %ld of '%s': %s", (long)pid, path, strerror(errno));
    return wait_for_report(path, before.n, err);
}

wn_status wn_cmd_reload(wn_program *program, wn_error *err)
{
    wn_buf buf = WN_BUF_INIT;
    wn_status status = reload(program, &buf, err);
    wn_buf_deinit(&buf);
    if (status != WN_OK && status != WN_ERR_ARGUMENT)
        program->exit_code = WN_EXIT_FAILURE;
    return status;
}

/* ---- check-ready ----------------------------------------------------------------------------- */

/* Where a server with the same settings would listen. */
static wn_status probe_of_settings(wn_probe *out, wn_args *serve, const wn_program *program,
                                   wn_error *err)
{
    WN_TRY(wn_settings_load(serve, program->environment, err));
    const char *host = wn_args_text(serve, WN_OPT_HOST);
    *out = (wn_probe){.secure = wn_args_has(serve, WN_OPT_TLS_CERT)};
    snprintf(out->host, sizeof out->host, "%s",
             strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1"
             : strcmp(host, "::") == 0    ? "::1"
                                          : host);
    snprintf(out->port, sizeof out->port, "%s", wn_args_text(serve, WN_OPT_PORT));
    return WN_OK;
}

wn_status wn_cmd_check_ready(wn_program *program, wn_error *err)
{
    static const char *const words[] = {"winnow", "serve"};
    const char *url = wn_args_text(&program->args, WN_OPT_URL);
    wn_args serve;
    wn_probe probe = {0};
    int status_code = 0;
    WN_TRY(wn_args_parse(&serve, 2, words, err));
    wn_status status = url != NULL ? wn_probe_parse(&probe, url, err)
                                   : probe_of_settings(&probe, &serve, program, err);
    const char *target = probe.path[0] != '\0' ? probe.path : READY_TARGET;
    probe.trust_any = true; /* it is told nothing */
    if (status == WN_OK)
        status = wn_probe_get(&probe, target, &status_code, NULL, err);
    if (status == WN_OK && status_code != 200)
        status = wn_error_set(err, WN_ERR_IO, WN_WHERE, "%s port %s: %s has status %d, not 200",
                              probe.host, probe.port, target, status_code);
    wn_args_deinit(&serve);
    if (status == WN_ERR_IO)
        program->exit_code = WN_EXIT_FAILURE;
    return status;
}
