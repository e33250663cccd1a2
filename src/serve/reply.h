/* An answer on its way out: status, fields, body; and how they become bytes.
 * Push functions return false when memory is short; a reply whose buffers failed is sent as a 503.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_REPLY_H
#define WN_SERVE_REPLY_H

#include "base/buf.h"

typedef struct wn_reply {
    int status;
    const char *content_type; /* NULL: no body */
    wn_buf fields;            /* "Name: value" lines, CR LF behind each */
    wn_buf body;
} wn_reply;

/* Free what it holds; it is empty afterwards. */
void wn_reply_deinit(wn_reply *reply);

/* Append a field; a value with control characters is left out, as it would be another field. */
bool wn_reply_push_field(wn_reply *reply, const char *name, const char *format, ...)
    WN_PRINTF(3, 4);

/* The i-th status that the server gives; 0 behind the last. */
int wn_reply_status(size_t i);

/* The words that go with a status, such as "Not Found". */
const char *wn_reply_reason(int status);

/* Write status line and fields, with Content-Length and Connection, up to the body. */
bool wn_reply_push_head(wn_buf *out, const wn_reply *reply, bool keep_alive);

#endif
