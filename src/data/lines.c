/* See lines.h.  The buffer holds [returned | current line so far | read ahead]; before each read
 * the returned part is dropped, so it never grows beyond one line and one read. */
#define _GNU_SOURCE
#include "data/lines.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE "data/lines"

#define READ_BYTES ((size_t)64 << 10)

void wn_lines_init(wn_lines *lines, int fd, const char *name, size_t limit_bytes)
{
    WN_ASSERT(limit_bytes >= 1 && limit_bytes <= WN_LINE_BYTES_MAX);
    *lines = (wn_lines){.name = name, .fd = fd, .wake_fd = -1, .limit_bytes = limit_bytes};
}

/* Wait until fd can be read without blocking; WN_ERR_CANCELLED when wake_fd is readable first. */
static wn_status wait_readable(const wn_lines *lines, wn_error *err)
{
    struct pollfd fds[2] = {{.fd = lines->wake_fd, .events = POLLIN},
                            {.fd = lines->fd, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            WN_FAIL(err, WN_ERR_IO, "cannot wait for %s: %s", lines->name, strerror(errno));
        }
        if (fds[0].revents != 0)
            WN_FAIL(err, WN_ERR_CANCELLED, "%s: stopped after line %llu", lines->name,
                    (unsigned long long)lines->number);
        if (fds[1].revents != 0)
            return WN_OK;
    }
}

/* Check what was opened, and wait for a FIFO's writer.  Opening one does not wait, so that nothing
 * is missed that happens between a look at wake_fd and the wait. */
static wn_status check_opened(const wn_lines *lines, const char *path, wn_error *err)
{
    struct stat info;
    if (fstat(lines->fd, &info) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot look at '%s': %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode))
        WN_FAIL(err, WN_ERR_IO, "'%s' is a directory, expected a file", path);
    if (S_ISFIFO(info.st_mode))
        WN_TRY(wait_readable(lines, err));
    if (fcntl(lines->fd, F_SETFL, 0) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
    return WN_OK;
}

wn_status wn_lines_open(wn_lines *lines, const char *path, size_t limit_bytes, int wake_fd,
                        wn_error *err)
{
    if (strcmp(path, "-") == 0) {
        wn_lines_init(lines, STDIN_FILENO, "standard input", limit_bytes);
        lines->wake_fd = wake_fd;
        return WN_OK;
    }
    wn_lines opened;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        WN_FAIL(err, WN_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    wn_lines_init(&opened, fd, path, limit_bytes);
    opened.wake_fd = wake_fd;
    opened.owns_fd = true;
    wn_status status = check_opened(&opened, path, err);
    if (status != WN_OK)
        close(fd);
    else
        *lines = opened;
    return status;
}

static wn_status read_more(wn_lines *lines, wn_error *err)
{
    if (lines->start > 0) {
        memmove(lines->buf.ptr, lines->buf.ptr + lines->start, lines->buf.len - lines->start);
        lines->buf.len -= lines->start;
        lines->start = 0;
    }
    if (!wn_buf_reserve(&lines->buf, READ_BYTES))
        WN_FAIL(err, WN_ERR_MEMORY, "%s line %llu: no memory for %zu bytes", lines->name,
                (unsigned long long)lines->number + 1, lines->buf.len + READ_BYTES);
    ssize_t n = 0;
    do {
        if (lines->wake_fd >= 0 || (n < 0 && errno == EAGAIN))
            WN_TRY(wait_readable(lines, err));
        n = read(lines->fd, lines->buf.ptr + lines->buf.len, READ_BYTES);
    } while (n < 0 && (errno == EINTR || errno == EAGAIN));
    if (n < 0)
        WN_FAIL(err, WN_ERR_IO, "cannot read %s: %s", lines->name, strerror(errno));
    lines->buf.len += (size_t)n;
    lines->at_end = n == 0;
    return WN_OK;
}

/* Bytes of the current line up to its LF or, without one, all that is there. */
static size_t scan(wn_lines *lines, bool *ended)
{
    const char *line = lines->buf.ptr + lines->start;
    size_t n = lines->buf.len - lines->start;
    const char *lf =
        n > lines->scanned ? memchr(line + lines->scanned, '\n', n - lines->scanned) : NULL;
    *ended = lf != NULL;
    lines->scanned = n;
    return lf != NULL ? (size_t)(lf - line) : n;
}

static void advance(wn_lines *lines, size_t n_bytes)
{
    lines->start += n_bytes;
    lines->scanned = 0;
}

/* Read on until the refused line has ended. */
static wn_status skip_line(wn_lines *lines, wn_error *err)
{
    while (lines->skipping) {
        bool ended;
        size_t n = scan(lines, &ended);
        advance(lines, n + (ended ? 1 : 0));
        lines->skipping = !ended && !lines->at_end;
        if (lines->skipping)
            WN_TRY(read_more(lines, err));
    }
    return WN_OK;
}

wn_status wn_lines_next(wn_lines *lines, wn_str *line, bool *got, wn_error *err)
{
    WN_TRY(skip_line(lines, err));
    bool ended;
    size_t n = scan(lines, &ended);
    while (!ended && !lines->at_end && n <= lines->limit_bytes) {
        WN_TRY(read_more(lines, err));
        n = scan(lines, &ended);
    }
    if (!ended && n == 0) {
        *got = false;
        return WN_OK;
    }
    lines->number++;
    if (n > lines->limit_bytes) {
        lines->skipping = true;
        lines->scanned = 0;
        WN_FAIL(err, WN_ERR_LIMIT, "%s line %llu: longer than %zu bytes", lines->name,
                (unsigned long long)lines->number, lines->limit_bytes);
    }
    wn_str text = {lines->buf.ptr + lines->start, n};
    if (lines->number == 1 && wn_str_starts(text, WN_STR(WN_BYTE_ORDER_MARK)))
        text = wn_str_slice(text, 3, text.len);
    if (text.len > 0 && text.ptr[text.len - 1] == '\r')
        text.len--;
    *line = text;
    *got = true;
    advance(lines, n + (ended ? 1 : 0));
    return WN_OK;
}

void wn_lines_close(wn_lines *lines)
{
    if (lines->owns_fd)
        close(lines->fd);
    wn_buf_deinit(&lines->buf);
    *lines = (wn_lines){.fd = -1, .wake_fd = -1};
}
