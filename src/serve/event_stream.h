/* An answer as server-sent events, for a client that wants to see how far a long request is:
 *     event: progress    data: {"done": 512, "total": 10000}
 *     event: result      data: what the answer's body would be
 *     event: error       data: likewise, of a request that fails when the stream has begun
 * in a chunked body.  All functions append to *out and return false when memory is short.
 * Source:  WHATWG HTML, section 9.2, "Server-sent events"; RFC 9112, section 7.1.
 * Thread rule: any. */
#ifndef WN_SERVE_EVENT_STREAM_H
#define WN_SERVE_EVENT_STREAM_H

#include "serve/http_request.h"
#include "serve/reply.h"

/* Whether a client asks for events: text/event-stream is in its Accept field. */
bool wn_event_stream_is_wanted(const wn_http_request *request);

/* The head; fields has lines of the answer. */
bool wn_event_stream_push_head(wn_buf *out, const wn_buf *fields, bool keep_alive);

/* How far it is, in sequences. */
bool wn_event_stream_push_progress(wn_buf *out, uint64_t n_done, uint64_t n_total);

/* What stands before and behind the data of the last event. */
bool wn_event_stream_open_last(wn_buf *out, bool is_error, size_t n_bytes);
bool wn_event_stream_close_last(wn_buf *out);

#endif
