/* The file that tells others which process serves, and beside it NAME.reload, which tells how the
 * last reload went: "N ok" or "N why not", N counting up from 0, the start.
 * Thread rule: one at a time. */
#ifndef WN_CLI_PID_FILE_H
#define WN_CLI_PID_FILE_H

#include "base/buf.h"
#include "base/status.h"

#include <sys/types.h>

#define WN_RELOAD_TEXT_MAX 1024

typedef struct wn_reload_report {
    uint64_t n;
    char text[WN_RELOAD_TEXT_MAX]; /* "ok", or what is wrong */
} wn_reload_report;

/* The path of --pid-file, or winnow.pid where systemd keeps the unit's runtime files; NULL for
 * neither.  `given` may be NULL.
 * Fails:   false when memory is short. */
bool wn_pid_file_path(wn_buf *buf, const char **out, const char *given);

/* Write this process's id and the report of its start; each file appears whole.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_pid_file_write(const char *path, wn_error *err);
WN_MUST_USE wn_status wn_pid_file_report(const char *path, uint64_t n, const char *text,
                                         wn_error *err);

/* Remove both files. */
void wn_pid_file_remove(const char *path);

/* Read them.  A report that is not there has n UINT64_MAX.
 * Fails:   WN_ERR_IO, WN_ERR_FORMAT when there is no process id in it, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_pid_file_read(pid_t *out, const char *path, wn_error *err);
WN_MUST_USE wn_status wn_pid_file_read_report(wn_reload_report *out, const char *path,
                                              wn_error *err);

#endif
