/* One HTTP/1.1 connection as a pure machine: bytes in, requests out.  It knows no socket and no
 * clock: the caller feeds bytes and tells the time, so that tests, fuzzers and sockets drive the
 * same code.  One request at a time: what a client sends behind an unanswered request stays with
 * the caller, unread, so a request behind an error is never run.
 * The life of a request: READING until its head is there, HEAD until the owner takes or skips the
 * body, READING until the body is there, REQUEST until the answer is written and wn_conn_next().
 * Thread rule: one at a time. */
#ifndef WN_SERVE_HTTP_CONN_H
#define WN_SERVE_HTTP_CONN_H

#include "base/buf.h"
#include "base/status.h"
#include "serve/http_request.h"

typedef struct wn_conn wn_conn;

/* Where a connection stands. */
typedef enum wn_conn_state {
    WN_CONN_READING = 0, /* needs more bytes */
    WN_CONN_HEAD,        /* a head is complete: wn_conn_take_body() or wn_conn_skip_body() */
    WN_CONN_REQUEST,     /* a request is complete: answer it, then wn_conn_next() */
    WN_CONN_FAULT,       /* the client broke a rule or a limit: answer the fault, then close */
    WN_CONN_CLOSED       /* ended by the client between requests, or idle: close silently */
} wn_conn_state;

typedef struct wn_conn_limits {
    size_t header_bytes;       /* request line and fields; chunk extensions and trailer; 431 */
    size_t n_headers;          /* 431 */
    size_t target_bytes;       /* 414 */
    size_t body_bytes;         /* 413 */
    uint32_t n_requests;       /* on one connection */
    uint32_t header_ms;        /* from the first byte of a head to its end; 408 */
    uint32_t idle_ms;          /* from an answer to the next request's first byte */
    uint32_t body_bytes_per_s; /* slowest body; it may fall behind by header_ms; 408 */
} wn_conn_limits;

#define WN_CONN_LIMITS_DEFAULT                                                                     \
    {                                                                                              \
        16384, 100, 8192, 32 << 20, 1000, 10000, 75000, 1024                                       \
    }

/* Why a connection is in FAULT. */
typedef struct wn_conn_fault {
    int status;         /* of the answer, 4xx or 5xx */
    const char *detail; /* names the thing; quotes the client's bytes escaped */
} wn_conn_fault;

/* The parser's own limit for a head. */
#define WN_CONN_HEADER_BYTES_MAX ((size_t)64 << 10)

/* What is read of a body that nobody wants before the connection is given up instead. */
#define WN_CONN_SKIP_BYTES ((uint64_t)1 << 20)

/* A connection that was just accepted; its first head has header_ms from now.
 * Needs:   header_bytes <= WN_CONN_HEADER_BYTES_MAX; no limit is 0.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_conn_free(). */
WN_MUST_USE wn_status wn_conn_new(wn_conn **out, const wn_conn_limits *limits, uint64_t now_ns,
                                  wn_error *err);

/* NULL is allowed. */
void wn_conn_free(wn_conn *conn);

/* Take bytes until a state other than READING is reached; *n_used of them are done with, the
 * caller keeps the rest and feeds it later.  In other states nothing is taken. */
wn_conn_state wn_conn_feed(wn_conn *conn, wn_str bytes, size_t *n_used, uint64_t now_ns);

/* The client sends no more: what was unfinished is a FAULT, and the present request is the last.
 * Needs:   all bytes that came are fed. */
wn_conn_state wn_conn_end(wn_conn *conn);

/* The request at hand: all of it in HEAD and REQUEST, in FAULT what was read before.
 * Owns:    valid until wn_conn_next() or wn_conn_free(). */
const wn_http_request *wn_conn_request(const wn_conn *conn);

/* Keep the body: READING, or REQUEST at once when there is none.
 * Needs:   HEAD. */
wn_conn_state wn_conn_take_body(wn_conn *conn, uint64_t now_ns);

/* Read and drop the body, as far as that costs little; the answer is known already.  From here on
 * nothing is a FAULT any more: what goes wrong is a REQUEST after which the connection ends, and so
 * is a body over WN_CONN_SKIP_BYTES, or one that the client holds back for "100 Continue".
 * Needs:   HEAD. */
wn_conn_state wn_conn_skip_body(wn_conn *conn, uint64_t now_ns);

/* Whether to send "HTTP/1.1 100 Continue" now: true once, after wn_conn_take_body(), when the
 * client waits for it. */
bool wn_conn_wants_continue(wn_conn *conn);

/* The body changes its owner.
 * Needs:   REQUEST.
 * Owns:    caller frees the buffer. */
wn_buf wn_conn_move_body(wn_conn *conn);

/* Bytes of the body that are kept so far. */
size_t wn_conn_body_bytes(const wn_conn *conn);

/* Whether no byte of a request has come. */
bool wn_conn_is_idle(const wn_conn *conn);

/* Whether another request may follow: what the answer's Connection field has to say. */
bool wn_conn_keeps_alive(const wn_conn *conn);

/* The answer is written: READING, or CLOSED when the connection has to end.
 * Needs:   REQUEST. */
wn_conn_state wn_conn_next(wn_conn *conn, uint64_t now_ns);

/* When wn_conn_expire() is due; UINT64_MAX: never, it is not the client who has to act.  It moves
 * when bytes come. */
uint64_t wn_conn_deadline(const wn_conn *conn);

/* Look at the deadline: a request that is late is a FAULT 408, none at all is CLOSED. */
wn_conn_state wn_conn_expire(wn_conn *conn, uint64_t now_ns);

/* What was wrong.
 * Needs:   FAULT.
 * Owns:    the detail is valid until wn_conn_free(). */
wn_conn_fault wn_conn_get_fault(const wn_conn *conn);

#endif
