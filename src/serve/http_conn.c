/* See http_conn.h.  Heads, chunk sizes and trailers come as lines: a line is collected, checked by
 * the guard and then given to http-parser, so what is decided never depends on how the bytes were
 * cut.  Bodies and the data of chunks pass through by count.  The parser takes the message apart,
 * and is never shown a byte behind the end of one. */
#include "serve/http_conn.h"

#include "base/mem.h"
#include "serve/http_guard.h"

#include <http_parser.h>

#define WN_WHERE "serve/http_conn"

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

/* What the next bytes are. */
typedef enum phase {
    PHASE_HEAD,       /* a line of the head */
    PHASE_BODY,       /* the body of a message with Content-Length */
    PHASE_CHUNK_SIZE, /* the line in front of a chunk */
    PHASE_CHUNK_DATA,
    PHASE_CHUNK_END, /* the CR LF behind it */
    PHASE_TRAILER    /* a line behind the last chunk */
} phase;

struct wn_conn {
    wn_conn_limits limits;
    wn_conn_state state;
    phase phase;
    http_parser parser;
    wn_http_request request;
    wn_http_fault fault;
    wn_buf head; /* has room for header_bytes: it never moves, the request points into it */
    wn_http_field *fields; /* [limits.n_headers] */
    wn_buf line;           /* the part of a line outside of the head that has come */
    size_t line_start;     /* of the head's last line */
    size_t extra_bytes;    /* of chunk extensions and trailer so far */
    wn_buf body;
    uint64_t n_left;  /* bytes of the body or of the chunk to come */
    uint64_t n_body;  /* bytes of the body that are announced or have come */
    uint32_t n_heads; /* requests so far */
    bool began;       /* the first byte of a request has come */
    bool blank;       /* the empty line that may stand in front of a request has come */
    bool skipping;    /* the body is dropped */
    bool must_close;  /* no request may follow */
    bool owes_continue;
    bool parsed; /* the parser has seen the end of the message */
    uint64_t deadline_ns;
};

/* ---- what the parser finds ------------------------------------------------------------------- */

static int on_header_field(http_parser *parser, const char *at, size_t n)
{
    wn_conn *conn = parser->data;
    if (conn->phase == PHASE_HEAD)
        conn->fields[conn->request.n_fields++] = (wn_http_field){{at, n}, {at, 0}};
    return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t n)
{
    wn_conn *conn = parser->data;
    if (conn->phase == PHASE_HEAD)
        conn->fields[conn->request.n_fields - 1].value = wn_http_trim((wn_str){at, n});
    return 0;
}

static int on_headers_complete(http_parser *parser)
{
    wn_conn *conn = parser->data;
    wn_http_request *request = &conn->request;
    request->length = request->has_length ? parser->content_length : 0;
    request->keep_alive =
        (parser->flags & F_CONNECTION_CLOSE) == 0 &&
        (request->minor_version == 1 || (parser->flags & F_CONNECTION_KEEP_ALIVE) != 0);
    return 0;
}

static int on_chunk_header(http_parser *parser)
{
    wn_conn *conn = parser->data;
    conn->n_left = parser->content_length;
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t n)
{
    wn_conn *conn = parser->data;
    if (conn->skipping || wn_buf_push(&conn->body, at, n))
        return 0;
    wn_http_refuse(&conn->fault, 503, "no memory for a body of %llu bytes",
                   (unsigned long long)conn->n_body);
    return 1;
}

static int on_message_complete(http_parser *parser)
{
    wn_conn *conn = parser->data;
    conn->parsed = true;
    return 0;
}

/* Give bytes to the parser; false with the fault filled when it refuses them. */
static bool parse(wn_conn *conn, wn_str bytes)
{
    static const http_parser_settings settings = {.on_header_field = on_header_field,
                                                  .on_header_value = on_header_value,
                                                  .on_headers_complete = on_headers_complete,
                                                  .on_chunk_header = on_chunk_header,
                                                  .on_body = on_body,
                                                  .on_message_complete = on_message_complete};
    http_parser_execute(&conn->parser, &settings, bytes.ptr, bytes.len);
    enum http_errno why = HTTP_PARSER_ERRNO(&conn->parser);
    char text[WN_HTTP_QUOTE_BYTES];
    if (why != HPE_OK && conn->fault.status == 0)
        wn_http_refuse(&conn->fault, 400, "%s in '%s'", http_errno_description(why),
                       wn_http_quote(text, bytes));
    return why == HPE_OK;
}

/* ---- states ---------------------------------------------------------------------------------- */

/* Wait for the first byte of a request. */
static void begin(wn_conn *conn, uint64_t deadline_ns)
{
    http_parser_init(&conn->parser, HTTP_REQUEST);
    conn->parser.data = conn;
    wn_buf_deinit(&conn->head);
    wn_buf_deinit(&conn->line);
    wn_buf_deinit(&conn->body);
    wn_mem_free(conn->fields);
    *conn = (wn_conn){.limits = conn->limits,
                      .parser = conn->parser,
                      .n_heads = conn->n_heads,
                      .deadline_ns = deadline_ns};
}

/* Stop reading: the fault is filled. */
static void refuse(wn_conn *conn)
{
    conn->must_close = true;
    conn->state = conn->skipping ? WN_CONN_REQUEST : WN_CONN_FAULT;
}

static void finish(wn_conn *conn)
{
    WN_ASSERT(conn->parsed);
    conn->state = WN_CONN_REQUEST;
}

wn_status wn_conn_new(wn_conn **out, const wn_conn_limits *limits, uint64_t now_ns, wn_error *err)
{
    WN_ASSERT(limits->header_bytes > 0 && limits->header_bytes <= WN_CONN_HEADER_BYTES_MAX);
    WN_ASSERT(limits->n_headers > 0 && limits->body_bytes_per_s > 0);
    wn_conn *conn = wn_mem_zalloc(1, sizeof *conn);
    if (conn == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a connection");
    conn->limits = *limits;
    begin(conn, now_ns + limits->header_ms * NS_PER_MS);
    *out = conn;
    return WN_OK;
}

void wn_conn_free(wn_conn *conn)
{
    if (conn == NULL)
        return;
    begin(conn, 0);
    wn_mem_free(conn);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* What a line that does not end is refused with. */
static bool refuse_long(wn_conn *conn)
{
    if (conn->phase == PHASE_CHUNK_END)
        return wn_http_refuse(&conn->fault, 400, "chunk is longer than its size");
    if (conn->phase == PHASE_HEAD && conn->line_start == 0)
        return wn_http_refuse(&conn->fault, 414, "request line over %zu bytes",
                              conn->limits.header_bytes);
    return wn_http_refuse(&conn->fault, 431, "%s over %zu bytes",
                          conn->phase == PHASE_HEAD ? "header" : "chunk extensions and trailer",
                          conn->limits.header_bytes);
}

/* How many bytes the line may still have. */
static size_t line_room(const wn_conn *conn)
{
    size_t extra = conn->limits.header_bytes - conn->extra_bytes;
    switch (conn->phase) {
    case PHASE_HEAD:
        return conn->limits.header_bytes - conn->head.len;
    case PHASE_CHUNK_END:
        return 2 - conn->line.len;
    case PHASE_CHUNK_SIZE:
        return WN_HTTP_CHUNK_LINE_BYTES + extra - conn->line.len;
    default:
        return extra - conn->line.len;
    }
}

/* Collect bytes up to the end of a line, which is then in *line; *line is empty before that. */
static bool collect(wn_conn *conn, wn_str *bytes, wn_str *line)
{
    wn_buf *buf = conn->phase == PHASE_HEAD ? &conn->head : &conn->line;
    size_t start = conn->phase == PHASE_HEAD ? conn->line_start : 0;
    size_t window = WN_MIN(bytes->len, line_room(conn));
    const char *lf = window == 0 ? NULL : memchr(bytes->ptr, '\n', window);
    size_t n = lf == NULL ? window : (size_t)(lf - bytes->ptr) + 1;
    if (!wn_buf_push(buf, bytes->ptr, n))
        return wn_http_refuse(&conn->fault, 503, "no memory for a line of %zu bytes", buf->len + n);
    *bytes = wn_str_slice(*bytes, n, bytes->len);
    *line = lf == NULL ? (wn_str){NULL, 0} : wn_str_slice(wn_buf_str(buf), start, buf->len);
    return lf != NULL || line_room(conn) > 0 || refuse_long(conn);
}

/* The empty line behind the head: whether the request may be looked at. */
static bool end_head(wn_conn *conn, wn_str line)
{
    wn_http_request *request = &conn->request;
    if (!wn_http_check_head(request, &conn->fault) || !parse(conn, line))
        return false;
    if (request->length > conn->limits.body_bytes)
        return wn_http_refuse(&conn->fault, 413, "body of %llu bytes, at most %zu",
                              (unsigned long long)request->length, conn->limits.body_bytes);
    request->wants_continue &= request->chunked || request->length > 0;
    conn->n_heads++;
    conn->state = WN_CONN_HEAD;
    return true;
}

static bool take_head_line(wn_conn *conn, wn_str line)
{
    wn_http_request *request = &conn->request;
    wn_str text = wn_str_slice(line, 0, line.len - 2);
    if (request->target.len == 0 && text.len == 0 && !conn->blank) {
        conn->blank = true;
        conn->head.len = 0;
        return true;
    }
    conn->line_start = conn->head.len;
    if (request->target.len == 0) {
        /* The parser knows some methods only, and they change nothing for it. */
        return wn_http_read_request_line(request, text, conn->limits.target_bytes, &conn->fault) &&
               parse(conn, WN_STR("POST")) &&
               parse(conn,
                     wn_str_slice(line, (size_t)(request->target.ptr - 1 - line.ptr), line.len));
    }
    if (text.len == 0)
        return end_head(conn, line);
    if (request->n_fields == conn->limits.n_headers)
        return wn_http_refuse(&conn->fault, 431, "over %zu header fields", conn->limits.n_headers);
    return wn_http_check_field(text, &conn->fault) && parse(conn, line);
}

static bool take_chunk_size(wn_conn *conn, wn_str line)
{
    if (!wn_http_check_chunk_line(wn_str_slice(line, 0, line.len - 2), &conn->fault) ||
        !parse(conn, line))
        return false;
    uint64_t limit = conn->skipping ? WN_CONN_SKIP_BYTES : conn->limits.body_bytes;
    if (conn->n_left > limit - conn->n_body)
        return wn_http_refuse(&conn->fault, 413, "chunked body over %llu bytes",
                              (unsigned long long)limit);
    conn->n_body += conn->n_left;
    conn->extra_bytes += line.len - WN_MIN(line.len, (size_t)WN_HTTP_CHUNK_LINE_BYTES);
    conn->phase = conn->n_left > 0 ? PHASE_CHUNK_DATA : PHASE_TRAILER;
    return true;
}

static bool take_trailer_line(wn_conn *conn, wn_str line)
{
    wn_str text = wn_str_slice(line, 0, line.len - 2);
    conn->extra_bytes += line.len;
    if ((text.len > 0 && !wn_http_check_trailer(text, &conn->fault)) || !parse(conn, line))
        return false;
    if (text.len == 0)
        finish(conn);
    return true;
}

static bool take_line(wn_conn *conn, wn_str *bytes)
{
    wn_str line;
    if (!collect(conn, bytes, &line))
        return false;
    if (line.len == 0)
        return true;
    if (!wn_http_check_line(line, &conn->fault))
        return false;
    if (conn->phase == PHASE_HEAD)
        return take_head_line(conn, line);
    conn->line.len = 0;
    if (conn->phase == PHASE_CHUNK_SIZE)
        return take_chunk_size(conn, line);
    if (conn->phase == PHASE_TRAILER)
        return take_trailer_line(conn, line);
    conn->phase = PHASE_CHUNK_SIZE;
    return parse(conn, line);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static bool take_data(wn_conn *conn, wn_str *bytes)
{
    size_t n = (size_t)WN_MIN((uint64_t)bytes->len, conn->n_left);
    wn_str data = wn_str_slice(*bytes, 0, n);
    *bytes = wn_str_slice(*bytes, n, bytes->len);
    if (!parse(conn, data))
        return false;
    conn->n_left -= n;
    if (conn->n_left > 0)
        return true;
    if (conn->phase == PHASE_BODY)
        finish(conn);
    else
        conn->phase = PHASE_CHUNK_END;
    return true;
}

/* The first byte of a request has come. */
static bool begin_head(wn_conn *conn, uint64_t now_ns)
{
    conn->began = true;
    conn->deadline_ns = now_ns + conn->limits.header_ms * NS_PER_MS;
    conn->fields = wn_mem_zalloc(conn->limits.n_headers, sizeof *conn->fields);
    if (conn->fields == NULL || !wn_buf_reserve(&conn->head, conn->limits.header_bytes))
        return wn_http_refuse(&conn->fault, 503, "no memory for a header");
    conn->request.fields = conn->fields;
    return true;
}

/* Bytes of a body buy the time that the slowest client would need for them; time is not saved up
 * beyond header_ms, so a fast start does not pay for a stall. */
static void extend_deadline(wn_conn *conn, size_t n, uint64_t now_ns)
{
    uint64_t bought = WN_MIN((uint64_t)n, UINT32_MAX) * NS_PER_S / conn->limits.body_bytes_per_s;
    uint64_t latest = now_ns + conn->limits.header_ms * NS_PER_MS;
    conn->deadline_ns = WN_MIN(conn->deadline_ns + bought, latest);
}

wn_conn_state wn_conn_feed(wn_conn *conn, wn_str bytes, size_t *n_used, uint64_t now_ns)
{
    wn_str rest = bytes;
    bool ok = true;
    *n_used = 0;
    if (conn->state != WN_CONN_READING || bytes.len == 0)
        return conn->state;
    if (!conn->began)
        ok = begin_head(conn, now_ns);
    bool is_body = conn->phase != PHASE_HEAD;
    conn->owes_continue = false;
    while (ok && conn->state == WN_CONN_READING && rest.len > 0)
        ok = conn->phase == PHASE_BODY || conn->phase == PHASE_CHUNK_DATA ? take_data(conn, &rest)
                                                                          : take_line(conn, &rest);
    if (!ok)
        refuse(conn);
    *n_used = bytes.len - rest.len;
    if (is_body)
        extend_deadline(conn, *n_used, now_ns);
    return conn->state;
}

wn_conn_state wn_conn_end(wn_conn *conn)
{
    conn->must_close = true;
    if (conn->state != WN_CONN_READING)
        return conn->state;
    if (wn_conn_is_idle(conn)) {
        conn->state = WN_CONN_CLOSED;
        return conn->state;
    }
    wn_http_refuse(&conn->fault, 400, "the client ended inside a %s",
                   conn->phase == PHASE_HEAD ? "header" : "body");
    refuse(conn);
    return conn->state;
}

/* ---- the owner's side ------------------------------------------------------------------------ */

const wn_http_request *wn_conn_request(const wn_conn *conn)
{
    return &conn->request;
}

/* Go on behind the head. */
static wn_conn_state read_body(wn_conn *conn, uint64_t now_ns)
{
    const wn_http_request *request = &conn->request;
    conn->phase = request->chunked ? PHASE_CHUNK_SIZE : PHASE_BODY;
    conn->n_left = request->length;
    conn->n_body = request->length;
    conn->deadline_ns = now_ns + conn->limits.header_ms * NS_PER_MS;
    conn->state = WN_CONN_READING;
    if (!request->chunked && request->length == 0)
        finish(conn);
    else if (conn->must_close)
        return wn_conn_end(conn);
    return conn->state;
}

wn_conn_state wn_conn_take_body(wn_conn *conn, uint64_t now_ns)
{
    WN_ASSERT(conn->state == WN_CONN_HEAD);
    conn->owes_continue = conn->request.wants_continue;
    return read_body(conn, now_ns);
}

wn_conn_state wn_conn_skip_body(wn_conn *conn, uint64_t now_ns)
{
    WN_ASSERT(conn->state == WN_CONN_HEAD);
    conn->skipping = true;
    if (conn->request.wants_continue || conn->request.length > WN_CONN_SKIP_BYTES) {
        refuse(conn);
        return conn->state;
    }
    return read_body(conn, now_ns);
}

bool wn_conn_wants_continue(wn_conn *conn)
{
    bool owes = conn->owes_continue && conn->state == WN_CONN_READING;
    conn->owes_continue = false;
    return owes;
}

wn_buf wn_conn_move_body(wn_conn *conn)
{
    WN_ASSERT(conn->state == WN_CONN_REQUEST);
    wn_buf body = conn->body;
    conn->body = (wn_buf)WN_BUF_INIT;
    return body;
}

size_t wn_conn_body_bytes(const wn_conn *conn)
{
    return conn->body.len;
}

bool wn_conn_is_idle(const wn_conn *conn)
{
    return conn->state == WN_CONN_READING && conn->phase == PHASE_HEAD && conn->head.len == 0;
}

bool wn_conn_keeps_alive(const wn_conn *conn)
{
    return conn->request.keep_alive && !conn->must_close && conn->n_heads < conn->limits.n_requests;
}

wn_conn_state wn_conn_next(wn_conn *conn, uint64_t now_ns)
{
    WN_ASSERT(conn->state == WN_CONN_REQUEST);
    if (wn_conn_keeps_alive(conn))
        begin(conn, now_ns + conn->limits.idle_ms * NS_PER_MS);
    else
        conn->state = WN_CONN_CLOSED;
    return conn->state;
}

uint64_t wn_conn_deadline(const wn_conn *conn)
{
    return conn->state == WN_CONN_READING ? conn->deadline_ns : UINT64_MAX;
}

wn_conn_state wn_conn_expire(wn_conn *conn, uint64_t now_ns)
{
    if (now_ns < wn_conn_deadline(conn))
        return conn->state;
    if (wn_conn_is_idle(conn)) {
        conn->state = WN_CONN_CLOSED;
        return conn->state;
    }
    if (conn->phase == PHASE_HEAD)
        wn_http_refuse(&conn->fault, 408, "header not complete after %u ms",
                       (unsigned)conn->limits.header_ms);
    else
        wn_http_refuse(&conn->fault, 408, "body slower than %u bytes/s",
                       (unsigned)conn->limits.body_bytes_per_s);
    refuse(conn);
    return conn->state;
}

wn_conn_fault wn_conn_get_fault(const wn_conn *conn)
{
    return (wn_conn_fault){conn->fault.status, conn->fault.detail};
}
