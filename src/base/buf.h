/* A growable byte buffer.  Failure is sticky: after one failed allocation every push returns false
 * and the content is unchanged, so a writer may check once at its end.
 * Thread rule: one at a time. */
#ifndef WN_BASE_BUF_H
#define WN_BASE_BUF_H

#include "base/defs.h"
#include "winnow.h"

typedef struct wn_buf {
    char *ptr;
    size_t len, cap;
    bool failed;
} wn_buf;

#define WN_BUF_INIT                                                                                \
    {                                                                                              \
        0                                                                                          \
    }

/* Make room for more bytes behind len; the capacity at least doubles. */
bool wn_buf_reserve(wn_buf *buf, size_t more);

/* Append bytes, a string, one byte, or printf output. */
bool wn_buf_push(wn_buf *buf, const void *bytes, size_t n);
bool wn_buf_push_str(wn_buf *buf, wn_str s);
bool wn_buf_push_byte(wn_buf *buf, char byte);
bool wn_buf_printf(wn_buf *buf, const char *format, ...) WN_PRINTF(2, 3);

/* Append a whole number with commas between thousands. */
bool wn_buf_push_count(wn_buf *buf, uint64_t n);

/* Append a number of bytes as people read it, such as "1.1 GiB". */
bool wn_buf_push_size(wn_buf *buf, uint64_t n_bytes);

/* Set len to 0 and clear the failure; keeps the memory. */
void wn_buf_clear(wn_buf *buf);

/* The content as a slice, valid until the next change. */
static inline wn_str wn_buf_str(const wn_buf *buf)
{
    return (wn_str){buf->ptr, buf->len};
}

/* Free the memory; the buffer is empty and usable again. */
void wn_buf_deinit(wn_buf *buf);

#endif
