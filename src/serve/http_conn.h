/* One HTTP/1.1 connection as a pure machine: bytes in, requests out.  It knows no socket and no
 * clock: the caller feeds bytes and tells the time, so that tests, fuzzers and sockets drive the
 * same code.  One request at a time: what a client sends behind an unanswered request stays with
 * the caller, unread, so a request behind an error is never run.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_HTTP_CONN_H
#define WN_SERVE_HTTP_CONN_H

#include "base/buf.h"
#include "base/status.h"

typedef struct wn_conn wn_conn;

/* Where a connection stands. */
typedef enum wn_conn_state {
    WN_CONN_READING = 0,
    WN_CONN_HEAD,
    WN_CONN_REQUEST,
    WN_CONN_FAULT,
    WN_CONN_CLOSED
} wn_conn_state;

typedef struct wn_conn_limits {
    size_t header_bytes, n_headers, target_bytes, body_bytes;
    uint32_t n_requests, header_ms, idle_ms, body_bytes_per_s;
} wn_conn_limits;
#define WN_CONN_LIMITS_DEFAULT                                                                     \
    {                                                                                              \
        16384, 100, 8192, 32 << 20, 1000, 10000, 75000, 1024                                       \
    }

typedef enum wn_http_method {
    WN_HTTP_OTHER = 0,
    WN_HTTP_GET,
    WN_HTTP_HEAD,
    WN_HTTP_POST,
    WN_HTTP_PUT,
    WN_HTTP_DELETE,
    WN_HTTP_OPTIONS,
    WN_HTTP_PATCH
} wn_http_method;

typedef struct wn_http_field {
    wn_str name, value;
} wn_http_field;

typedef struct wn_http_request {
    wn_http_method method;
    wn_str target, path, query, host;
    const wn_http_field *fields;
    size_t n_fields;
} wn_http_request;

typedef struct wn_conn_fault {
    int status;
    const char *detail;
} wn_conn_fault;

/* Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_conn_free(). */
WN_MUST_USE wn_status wn_conn_new(wn_conn **out, const wn_conn_limits *limits, uint64_t now_ns,
                                  wn_error *err);

/* Free a connection; NULL is allowed. */
void wn_conn_free(wn_conn *conn);

/* Take bytes until another state than READING is reached; *n_used of them are done with, the caller
 * keeps the rest. */
wn_conn_state wn_conn_feed(wn_conn *conn, wn_str bytes, size_t *n_used, uint64_t now_ns);

/* The client sends no more. */
wn_conn_state wn_conn_end(wn_conn *conn, uint64_t now_ns);

/* The request, from HEAD on until wn_conn_next(). */
const wn_http_request *wn_conn_request(const wn_conn *conn);

/* After HEAD: its body is kept, or read and dropped. */
wn_conn_state wn_conn_take_body(wn_conn *conn);
wn_conn_state wn_conn_skip_body(wn_conn *conn);

/* Whether "100 Continue" has to be sent, after wn_conn_take_body(). */
bool wn_conn_wants_continue(wn_conn *conn);

/* The body changes owner. */
wn_buf wn_conn_move_body(wn_conn *conn);

/* The answer is written: wait for the next request. */
wn_conn_state wn_conn_next(wn_conn *conn, uint64_t now_ns);

/* Whether the connection goes on behind this request; whether no request has begun. */
bool wn_conn_keeps_alive(const wn_conn *conn);
bool wn_conn_is_idle(const wn_conn *conn);

/* When wn_conn_expire() is due; and that: a fault, or closed when idle. */
uint64_t wn_conn_deadline(const wn_conn *conn);
wn_conn_state wn_conn_expire(wn_conn *conn, uint64_t now_ns);

/* What was wrong. */
wn_conn_fault wn_conn_get_fault(const wn_conn *conn);

/* The value of a field, whatever the case of its name. */
bool wn_http_find(const wn_http_request *request, const char *name, wn_str *value);

#endif
