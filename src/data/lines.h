/* Lines of a file or stream, one at a time, in bounded memory.
 * A line ends with LF or CR LF, which are not part of it; the last one may have neither.  A UTF-8
 * byte order mark at the start is dropped.  Bytes are passed on as they are: NUL and invalid UTF-8
 * are the caller's business.  Errors name the input and the line.
 * Thread rule: one at a time per reader. */
#ifndef WN_DATA_LINES_H
#define WN_DATA_LINES_H

#include "base/buf.h"
#include "base/status.h"

#define WN_BYTE_ORDER_MARK "\xEF\xBB\xBF"     /* dropped at the start of a file of texts */
#define WN_LINE_BYTES_MAX  ((size_t)64 << 20) /* longest line that the program's commands read */

typedef struct wn_lines {
    const char *name; /* for messages; borrowed */
    int fd;
    int wake_fd; /* -1, or a descriptor: once it is readable, waiting for input is over */
    bool owns_fd;
    bool at_end;        /* read() has returned 0 */
    bool skipping;      /* inside a line that was refused */
    size_t limit_bytes; /* longest line, its LF not counted */
    uint64_t number;    /* of the line last returned or refused, from 1; 0 before the first */
    size_t start;       /* of the first byte not yet returned, in buf */
    size_t scanned;     /* bytes behind start that hold no LF */
    wn_buf buf;
} wn_lines;

/* Read from an open descriptor.
 * Needs:   1 <= limit_bytes <= WN_LINE_BYTES_MAX.
 * Owns:    borrows fd and name until wn_lines_close(). */
void wn_lines_init(wn_lines *lines, int fd, const char *name, size_t limit_bytes);

/* Read from a file; "-" is standard input.  A FIFO is waited for until somebody writes to it.
 * Needs:   as wn_lines_init(); wake_fd as in wn_lines.
 * Fails:   WN_ERR_IO when it cannot be opened or is a directory; WN_ERR_CANCELLED when wake_fd is
 *          readable while a FIFO is waited for.
 * Owns:    caller closes with wn_lines_close(); borrows path and wake_fd until then. */
WN_MUST_USE wn_status wn_lines_open(wn_lines *lines, const char *path, size_t limit_bytes,
                                    int wake_fd, wn_error *err);

/* The next line into *line; *got is false when there is none.  After WN_ERR_LIMIT the next call
 * goes on behind the refused line.
 * Fails:   WN_ERR_LIMIT for a line over the limit, WN_ERR_IO, WN_ERR_MEMORY, WN_ERR_CANCELLED when
 *          no whole line is there and wake_fd is readable.
 * Owns:    *line is valid until the next call. */
WN_MUST_USE wn_status wn_lines_next(wn_lines *lines, wn_str *line, bool *got, wn_error *err);

/* Free the buffer and close what wn_lines_open() opened. */
void wn_lines_close(wn_lines *lines);

#endif
