/* The bytes of a connection: fed whole and in pieces they have to give the same requests, bodies
 * stay within their limit, and nothing comes behind a fault.  The body of a request whose target
 * begins with /skip is not wanted.  What is unfinished at the end is late, or the client's end. */
#include "serve/http_conn.h"
#include "base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 4096, REQUESTS_MAX = 64 };

typedef struct outcome {
    size_t n_requests, n_bytes;
    uint64_t sum; /* of everything that was served */
    int status;
} outcome;

static uint64_t mix(uint64_t sum, wn_str s)
{
    for (size_t i = 0; i < s.len; i++)
        sum = (sum ^ (unsigned char)s.ptr[i]) * 0x100000001b3;
    return sum * 31 + s.len;
}

static wn_conn_state serve(outcome *out, wn_conn *conn)
{
    const wn_http_request *request = wn_conn_request(conn);
    out->sum = mix(mix(out->sum, request->target), request->host);
    for (size_t i = 0; i < request->n_fields; i++)
        out->sum = mix(mix(out->sum, request->fields[i].name), request->fields[i].value);
    wn_buf body = wn_conn_move_body(conn);
    if (body.len > BODY_MAX)
        abort();
    out->sum = mix(out->sum, wn_buf_str(&body));
    wn_buf_deinit(&body);
    out->n_requests++;
    bool ends = !wn_conn_keeps_alive(conn);
    wn_conn_state state = wn_conn_next(conn, 0);
    if (ends != (state == WN_CONN_CLOSED))
        abort();
    return state;
}

static wn_conn_state choose(outcome *out, wn_conn *conn)
{
    if (wn_str_starts(wn_conn_request(conn)->target, WN_STR("/skip")))
        return wn_conn_skip_body(conn, 0);
    wn_conn_state state = wn_conn_take_body(conn, 0);
    out->sum += wn_conn_wants_continue(conn);
    return state;
}

/* It is closed, or there is a fault that stays. */
static void end(outcome *out, wn_conn *conn, wn_conn_state state, bool late)
{
    if (state == WN_CONN_READING && late)
        state = wn_conn_expire(conn, wn_conn_deadline(conn));
    else if (state == WN_CONN_READING)
        state = wn_conn_end(conn);
    if (state == WN_CONN_REQUEST) /* whose body was skipped */
        state = serve(out, conn);
    if (state == WN_CONN_FAULT) {
        size_t used = 1;
        out->status = wn_conn_get_fault(conn).status;
        if (out->status < 400 || out->status > 599 || wn_conn_deadline(conn) != UINT64_MAX ||
            wn_conn_feed(conn, WN_STR("GET / HTTP/1.1\r\n"), &used, 0) != WN_CONN_FAULT ||
            used != 0)
            abort();
    } else if (state != WN_CONN_CLOSED) {
        abort();
    }
}

static outcome run(const char *bytes, size_t n, size_t piece, bool late)
{
    const wn_conn_limits limits = {4096, 16, 512, BODY_MAX, REQUESTS_MAX, 1000, 1000, 1024};
    wn_conn *conn;
    wn_error err;
    outcome out = {0};
    if (wn_conn_new(&conn, &limits, 0, &err) != WN_OK)
        abort();
    wn_conn_state state = WN_CONN_READING;
    for (size_t at = 0, used; at < n && state == WN_CONN_READING; at += used) {
        size_t len = n - at < piece ? n - at : piece;
        char *copy = malloc(len);
        memcpy(copy, bytes + at, len);
        state = wn_conn_feed(conn, (wn_str){copy, len}, &used, 0);
        free(copy);
        out.n_bytes += used;
        if (state == WN_CONN_HEAD)
            state = choose(&out, conn);
        if (state == WN_CONN_REQUEST)
            state = serve(&out, conn);
    }
    end(&out, conn, state, late);
    wn_conn_free(conn);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 16384)
        return 0;
    outcome whole = run((const char *)data, size, SIZE_MAX, false);
    (void)run((const char *)data, size, SIZE_MAX, true);
    for (size_t piece = 1; piece <= 7; piece += 3) {
        outcome cut = run((const char *)data, size, piece, false);
        if (cut.n_requests != whole.n_requests || cut.sum != whole.sum ||
            cut.status != whole.status || cut.n_bytes != whole.n_bytes)
            abort();
    }
    return 0;
}
