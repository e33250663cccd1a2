/* See terminal.h. */
#define _DEFAULT_SOURCE /* TIOCGWINSZ */
#include "cli/terminal.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#define COLUMNS_DEFAULT  80
#define COLUMNS_MIN      20
#define COLUMNS_MAX      1000
#define PROGRESS_WAIT_NS 1000000000u /* before the first line */
#define PROGRESS_STEP_NS 100000000u  /* between two lines */
#define PROGRESS_LINE_NS UINT64_C(10000000000)
#define REPLACEMENT      0xfffd

/* ---- what the descriptors are ---------------------------------------------------------------- */

static size_t columns_of(int fd)
{
    struct winsize size = {0};
    long columns = ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
    const char *variable = wn_options_env("COLUMNS");
    if (columns == 0 && variable != NULL)
        columns = strtol(variable, NULL, 10);
    if (columns <= 0)
        columns = COLUMNS_DEFAULT;
    return (size_t)WN_MIN(WN_MAX(columns, COLUMNS_MIN), COLUMNS_MAX);
}

void wn_terminal_init(wn_terminal *terminal, bool quiet)
{
    const char *term = wn_options_env("TERM");
    bool dumb = term == NULL || strcmp(term, "dumb") == 0;
    *terminal = (wn_terminal){
        .out_is_tty = isatty(STDOUT_FILENO) == 1,
        .err_is_tty = isatty(STDERR_FILENO) == 1,
        .colour = !dumb && wn_options_env("NO_COLOR") == NULL,
    };
    terminal->out_columns = terminal->out_is_tty ? columns_of(STDOUT_FILENO) : WN_COLUMNS_UNLIMITED;
    terminal->err_columns = columns_of(STDERR_FILENO);
    terminal->progress = terminal->err_is_tty && !dumb && !quiet && wn_options_env("CI") == NULL;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* The next character as it is shown; 0 for one that is left out.  *at moves behind it. */
static utf8proc_int32_t next_shown(wn_str text, size_t *at)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.ptr + *at,
                                          (utf8proc_ssize_t)(text.len - *at), &c);
    *at += n > 0 ? (size_t)n : 1;
    if (n <= 0)
        return REPLACEMENT;
    if ((c >= '\t' && c <= '\r') || c == 0x85 || c == 0x2028 || c == 0x2029)
        return ' ';
    if (utf8proc_category(c) == UTF8PROC_CATEGORY_CC)
        return REPLACEMENT;
    bool direction = c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                     (c >= 0x2066 && c <= 0x2069);
    return direction ? 0 : c;
}

static size_t columns_of_char(utf8proc_int32_t c)
{
    int width = c == 0 ? 0 : utf8proc_charwidth(c);
    return width > 0 ? (size_t)width : 0;
}

size_t wn_terminal_text_columns(wn_str text)
{
    size_t columns = 0;
    for (size_t at = 0; at < text.len;)
        columns += columns_of_char(next_shown(text, &at));
    return columns;
}

/* Bytes of text that fit into so many columns. */
static size_t fitting_len(wn_str text, size_t columns)
{
    size_t used = 0;
    for (size_t at = 0; at < text.len;) {
        size_t before = at;
        used += columns_of_char(next_shown(text, &at));
        if (used > columns)
            return before;
    }
    return text.len;
}

bool wn_terminal_push_text(wn_buf *out, wn_str text, size_t columns)
{
    size_t len = columns == WN_COLUMNS_UNLIMITED ? text.len : fitting_len(text, columns);
    bool cut = len < text.len;
    if (cut)
        len = columns == 0 ? 0 : fitting_len(text, columns - 1);
    for (size_t at = 0; at < len;) {
        utf8proc_uint8_t bytes[4];
        utf8proc_int32_t c = next_shown(text, &at);
        if (c != 0)
            wn_buf_push(out, bytes, (size_t)utf8proc_encode_char(c, bytes));
    }
    if (cut && columns > 0)
        wn_buf_push_str(out, WN_STR("…"));
    return !out->failed;
}

bool wn_terminal_push_bar(wn_buf *out, double fraction, size_t cells)
{
    static const char *const parts[8] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    WN_ASSERT(cells <= WN_BAR_CELLS_MAX);
    double clamped = fraction > 0 ? WN_MIN(fraction, 1.0) : 0;
    size_t eighths = (size_t)(clamped * (double)(cells * 8) + 0.5);
    for (size_t i = 0; i < cells; i++, eighths -= WN_MIN(eighths, (size_t)8))
        wn_buf_push_str(out, wn_str_from(eighths >= 8 ? "█" : parts[eighths]));
    return !out->failed;
}

/* ---- progress -------------------------------------------------------------------------------- */

static void push_duration(wn_buf *out, double seconds)
{
    unsigned long s = (unsigned long)(seconds + 0.999);
    if (s < 60)
        wn_buf_printf(out, "%lu s", s);
    else if (s < 3600)
        wn_buf_printf(out, "%lu min %02lu s", s / 60, s % 60);
    else
        wn_buf_printf(out, "%lu h %02lu min", s / 3600, s / 60 % 60);
}

static void push_rule(wn_buf *out, double fraction, size_t cells, bool colour)
{
    size_t filled = (size_t)(fraction * (double)cells + 0.5);
    if (colour)
        wn_buf_push_str(out, WN_STR("\033[36m"));
    for (size_t i = 0; i < cells; i++) {
        if (i == filled && colour)
            wn_buf_push_str(out, WN_STR("\033[39;2m"));
        wn_buf_push_str(out, i < filled ? WN_STR("━") : WN_STR("─"));
    }
    if (colour)
        wn_buf_push_str(out, WN_STR("\033[0m"));
}

/* "12 of 100 documents", or sizes when there is no noun. */
static void push_amounts(wn_buf *out, const char *noun, size_t done, size_t total)
{
    bool (*push)(wn_buf *, uint64_t) = noun == NULL ? wn_buf_push_size : wn_buf_push_count;
    push(out, done);
    if (total > 0) {
        wn_buf_printf(out, " of ");
        push(out, total);
    }
    if (noun != NULL)
        wn_buf_printf(out, " %s", noun);
}

static void push_rate(wn_buf *out, const char *noun, double a_second)
{
    wn_buf_printf(out, ", ");
    if (noun != NULL) {
        wn_buf_printf(out, "%.3g a second", a_second);
        return;
    }
    wn_buf_push_size(out, (uint64_t)a_second);
    wn_buf_printf(out, "/s");
}

/* Amounts, rate and time left. */
static void push_words(wn_buf *out, const wn_progress *progress, double seconds, size_t done,
                       size_t total)
{
    double so_far = (double)done - (double)progress->n_first;
    push_amounts(out, progress->noun, done, total);
    if (seconds > 0 && so_far > 0 && (total == 0 || progress->noun == NULL))
        push_rate(out, progress->noun, so_far / seconds);
    if (total > 0 && so_far > 0 && done <= total) {
        wn_buf_printf(out, ", ");
        push_duration(out, seconds * (double)(total - done) / so_far);
        wn_buf_printf(out, " left");
    }
}

bool wn_progress_push_line(wn_buf *out, const wn_progress *progress, uint64_t elapsed_ns,
                           size_t done, size_t total)
{
    double seconds = (double)elapsed_ns / 1e9;
    double fraction = total == 0 ? 0 : WN_MIN((double)done / (double)total, 1.0);
    wn_buf words = WN_BUF_INIT;
    push_words(&words, progress, seconds, done, total);
    size_t used = wn_terminal_text_columns(wn_buf_str(&words));
    size_t room = progress->columns > used + 4 ? progress->columns - used - 4 : 0;
    size_t cells = total == 0 ? 0 : WN_MIN(room, (size_t)32);
    wn_buf_push_byte(out, ' ');
    if (cells >= 8) {
        push_rule(out, fraction, cells, progress->colour);
        wn_buf_push(out, "  ", 2);
    }
    wn_terminal_push_text(out, wn_buf_str(&words), progress->columns - 2);
    out->failed |= words.failed;
    wn_buf_deinit(&words);
    return !out->failed;
}

void wn_progress_begin(wn_progress *progress, const wn_terminal *terminal, const char *noun)
{
    uint64_t now = wn_clock_ns();
    *progress = (wn_progress){
        .enabled = terminal->progress,
        .colour = terminal->colour,
        .columns = terminal->err_columns,
        .noun = noun,
        .start_ns = now,
        .last_ns = now,
    };
}

/* Progress is decoration: when it cannot be written it is left out. */
static void draw(wn_str bytes)
{
    ssize_t written = write(STDERR_FILENO, bytes.ptr, bytes.len);
    (void)written;
}

/* Where no bar can be drawn: a line now and then. */
static void write_line(wn_progress *progress, uint64_t now, size_t done, size_t total)
{
    if (!progress->lines || now - progress->last_ns < PROGRESS_LINE_NS)
        return;
    wn_buf line = WN_BUF_INIT;
    wn_buf_printf(&line, "winnow: ");
    push_words(&line, progress, (double)(now - progress->start_ns) / 1e9, done, total);
    if (wn_buf_push_byte(&line, '\n'))
        draw(wn_buf_str(&line));
    wn_buf_deinit(&line);
    progress->last_ns = now;
}

void wn_progress_update(wn_progress *progress, size_t done, size_t total)
{
    uint64_t now = wn_clock_ns();
    if (!progress->enabled) {
        write_line(progress, now, done, total);
        return;
    }
    if (now - progress->start_ns < PROGRESS_WAIT_NS ||
        (progress->drawn && now - progress->last_ns < PROGRESS_STEP_NS))
        return;
    wn_buf line = WN_BUF_INIT;
    wn_buf_printf(&line, "\r");
    if (wn_progress_push_line(&line, progress, now - progress->start_ns, done, total) &&
        wn_buf_push_str(&line, WN_STR("\033[K")))
        draw(wn_buf_str(&line));
    wn_buf_deinit(&line);
    progress->drawn = true;
    progress->last_ns = now;
}

void wn_progress_end(wn_progress *progress)
{
    if (progress->drawn)
        draw(WN_STR("\r\033[K"));
    progress->drawn = false;
}
