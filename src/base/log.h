/* Log lines: fixed words and fields, one line an event, as logfmt or as JSON objects with the same
 * fields.  A line is written by one write(2), so lines of several threads do not mix; when that
 * fails the line is counted as dropped, and nobody waits for it.  Never log a text or a key of a
 * user.
 * Thread rule: a wn_log may be used by any thread; a line belongs to the one that began it. */
#ifndef WN_BASE_LOG_H
#define WN_BASE_LOG_H

#include "base/buf.h"

#include <stdatomic.h>

typedef enum wn_log_level {
    WN_LOG_ERROR = 0, /* someone must act */
    WN_LOG_WARN,
    WN_LOG_INFO, /* a line a request */
    WN_LOG_DEBUG
} wn_log_level;

typedef struct wn_log {
    int fd;
    _Atomic wn_log_level level; /* lines above it are not written */
    bool json;
    bool priorities; /* "<6>" in front, for journald */
    _Atomic uint64_t n_dropped;
} wn_log;

typedef struct wn_log_line {
    wn_log *log; /* NULL: not wanted, nothing is done */
    wn_buf text;
} wn_log_line;

/* Begin a line: time, level, module such as "serve.link", event such as "request_done". */
wn_log_line wn_log_begin(wn_log *log, wn_log_level level, const char *module, const char *event);

/* Append a field.  A text may hold anything; it is quoted where it must be.  Reals get three
 * digits. */
void wn_log_text(wn_log_line *line, const char *name, wn_str value);
void wn_log_int(wn_log_line *line, const char *name, int64_t value);
void wn_log_real(wn_log_line *line, const char *name, double value);

/* Write the line and free it. */
void wn_log_end(wn_log_line *line);

#endif
