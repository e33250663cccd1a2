/* See log.h.  logfmt as in Go's kr/logfmt: a value with a space, a quote, '=' or a control
 * character is quoted, with JSON's escapes. */
#include "base/log.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char *const words[] = {"error", "warn", "info", "debug"};
static const int priorities[] = {3, 4, 6, 7}; /* of syslog */

static bool is_plain(wn_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
            return false;
    }
    return value.len > 0;
}

static void push_quoted(wn_buf *out, wn_str value)
{
    wn_buf_push_byte(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c == '"' || c == '\\')
            wn_buf_printf(out, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            wn_buf_printf(out, "\\u%04x", c);
        else
            wn_buf_push_byte(out, (char)c);
    }
    wn_buf_push_byte(out, '"');
}

static void push_name(wn_log_line *line, const char *name)
{
    const char *format = line->log->json ? ",\"%s\":" : " %s=";
    wn_buf_printf(&line->text, format, name);
}

wn_log_line wn_log_begin(wn_log *log, wn_log_level level, const char *module, const char *event)
{
    wn_log_line line = {.log = log != NULL && level <= log->level ? log : NULL};
    if (line.log == NULL)
        return line;
    struct timespec now;
    struct tm utc;
    char time[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &utc);
    if (log->priorities)
        wn_buf_printf(&line.text, "<%d>", priorities[level]);
    wn_buf_printf(&line.text,
                  log->json
                      ? "{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\",\"mod\":\"%s\",\"event\":\"%s\""
                      : "ts=%s.%03ldZ level=%s mod=%s event=%s",
                  time, now.tv_nsec / 1000000, words[level], module, event);
    return line;
}

void wn_log_text(wn_log_line *line, const char *name, wn_str value)
{
    if (line->log == NULL)
        return;
    push_name(line, name);
    if (!line->log->json && is_plain(value))
        wn_buf_push_str(&line->text, value);
    else
        push_quoted(&line->text, value);
}

void wn_log_int(wn_log_line *line, const char *name, int64_t value)
{
    if (line->log == NULL)
        return;
    push_name(line, name);
    wn_buf_printf(&line->text, "%" PRId64, value);
}

void wn_log_real(wn_log_line *line, const char *name, double value)
{
    if (line->log == NULL)
        return;
    push_name(line, name);
    wn_buf_printf(&line->text, "%.3f", value);
}

void wn_log_end(wn_log_line *line)
{
    if (line->log == NULL)
        return;
    wn_buf_push_str(&line->text, line->log->json ? WN_STR("}\n") : WN_STR("\n"));
    if (line->text.failed ||
        write(line->log->fd, line->text.ptr, line->text.len) != (ssize_t)line->text.len)
        atomic_fetch_add_explicit(&line->log->n_dropped, 1, memory_order_relaxed);
    wn_buf_deinit(&line->text);
    line->log = NULL;
}
