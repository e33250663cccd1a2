/* See http_conn.h. */
#include "serve/http_conn.h"
#include "base/mem.h"
#include "base/str.h"

#include <http_parser.h>
#include <strings.h>

#define WN_WHERE "serve/http_conn"

typedef struct span {
    size_t name, name_len, value, value_len;
} span;

struct wn_conn {
    http_parser parser;
    wn_conn_limits limits;
    wn_conn_state state;
    wn_buf head, body;
    size_t target_len;
    span *spans;
    wn_http_field *fields;
    size_t n_fields;
    bool in_value, keep, skip, close, begun;
    uint32_t n_requests;
    uint64_t since_ns;
    wn_http_request request;
    wn_conn_fault fault;
};

static wn_conn *self(http_parser *p)
{
    return p->data;
}
static int fail(wn_conn *c, int status, const char *detail)
{
    if (c->state != WN_CONN_FAULT)
        c->fault = (wn_conn_fault){status, detail};
    c->state = WN_CONN_FAULT;
    return -1;
}
static int on_begin(http_parser *p)
{
    self(p)->begun = true;
    return 0;
}
static int push(wn_conn *c, const char *at, size_t n)
{
    if (c->head.len + n > c->limits.header_bytes)
        return fail(c, 431, "header block too large");
    return wn_buf_push(&c->head, at, n) ? 0 : fail(c, 503, "no memory");
}
static int on_url(http_parser *p, const char *at, size_t n)
{
    wn_conn *c = self(p);
    if (push(c, at, n) != 0)
        return -1;
    c->target_len += n;
    return c->target_len > c->limits.target_bytes ? fail(c, 414, "target too long") : 0;
}
static int on_name(http_parser *p, const char *at, size_t n)
{
    wn_conn *c = self(p);
    if (c->in_value || c->n_fields == 0) {
        if (c->n_fields == c->limits.n_headers)
            return fail(c, 431, "too many fields");
        c->spans[c->n_fields++] = (span){.name = c->head.len};
        c->in_value = false;
    }
    c->spans[c->n_fields - 1].name_len += n;
    return push(c, at, n);
}
static int on_value(http_parser *p, const char *at, size_t n)
{
    wn_conn *c = self(p);
    span *s = &c->spans[c->n_fields - 1];
    if (!c->in_value) {
        s->value = c->head.len;
        c->in_value = true;
    }
    s->value_len += n;
    return push(c, at, n);
}
static int on_head(http_parser *p)
{
    wn_conn *c = self(p);
    const char *b = c->head.ptr;
    for (size_t i = 0; i < c->n_fields; i++)
        c->fields[i] = (wn_http_field){{b + c->spans[i].name, c->spans[i].name_len},
                                       {b + c->spans[i].value, c->spans[i].value_len}};
    static const wn_http_method m[] = {
        [HTTP_GET] = WN_HTTP_GET, [HTTP_HEAD] = WN_HTTP_HEAD,     [HTTP_POST] = WN_HTTP_POST,
        [HTTP_PUT] = WN_HTTP_PUT, [HTTP_DELETE] = WN_HTTP_DELETE, [HTTP_OPTIONS] = WN_HTTP_OPTIONS};
    wn_http_request *r = &c->request;
    *r = (wn_http_request){
        .fields = c->fields, .n_fields = c->n_fields, .target = {b, c->target_len}};
    r->method = p->method < WN_ARRAY_LEN(m) ? m[p->method] : WN_HTTP_OTHER;
    const char *q = memchr(b, '?', c->target_len);
    r->path = (wn_str){b, q ? (size_t)(q - b) : c->target_len};
    if (q)
        r->query = wn_str_slice(r->target, r->path.len + 1, c->target_len);
    if (!wn_http_find(r, "Host", &r->host) && p->http_minor == 1)
        return fail(c, 400, "no Host field");
    c->close = !http_should_keep_alive(p);
    c->state = WN_CONN_HEAD;
    http_parser_pause(p, 1);
    return 0;
}
static int on_body(http_parser *p, const char *at, size_t n)
{
    wn_conn *c = self(p);
    if (!c->keep)
        return 0;
    if (c->body.len + n > c->limits.body_bytes)
        return fail(c, 413, "body too large");
    return wn_buf_push(&c->body, at, n) ? 0 : fail(c, 503, "no memory");
}
static int on_end(http_parser *p)
{
    wn_conn *c = self(p);
    c->state = WN_CONN_REQUEST;
    http_parser_pause(p, 1);
    return 0;
}
static const http_parser_settings settings = {.on_message_begin = on_begin,
                                              .on_url = on_url,
                                              .on_header_field = on_name,
                                              .on_header_value = on_value,
                                              .on_headers_complete = on_head,
                                              .on_body = on_body,
                                              .on_message_complete = on_end};

wn_status wn_conn_new(wn_conn **out, const wn_conn_limits *limits, uint64_t now_ns, wn_error *err)
{
    wn_conn *c = wn_mem_zalloc(1, sizeof *c);
    if (c == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory");
    c->limits = *limits;
    c->spans = wn_mem_zalloc(limits->n_headers, sizeof *c->spans);
    c->fields = wn_mem_zalloc(limits->n_headers, sizeof *c->fields);
    if (c->spans == NULL || c->fields == NULL) {
        wn_conn_free(c);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory");
    }
    http_parser_init(&c->parser, HTTP_REQUEST);
    c->parser.data = c;
    c->since_ns = now_ns;
    *out = c;
    return WN_OK;
}
void wn_conn_free(wn_conn *c)
{
    if (c == NULL)
        return;
    wn_mem_free(c->spans);
    wn_mem_free(c->fields);
    wn_buf_deinit(&c->head);
    wn_buf_deinit(&c->body);
    wn_mem_free(c);
}
wn_conn_state wn_conn_feed(wn_conn *c, wn_str bytes, size_t *n_used, uint64_t now_ns)
{
    if (!c->begun)
        c->since_ns = now_ns;
    *n_used = http_parser_execute(&c->parser, &settings, bytes.ptr, bytes.len);
    enum http_errno e = HTTP_PARSER_ERRNO(&c->parser);
    if (e == HPE_PAUSED && c->state == WN_CONN_REQUEST)
        *n_used += 0;
    else if (e != HPE_OK && e != HPE_PAUSED)
        fail(c, 400, http_errno_description(e));
    return c->state;
}
wn_conn_state wn_conn_end(wn_conn *c, uint64_t now_ns)
{
    (void)now_ns;
    if (!c->begun)
        return c->state = WN_CONN_CLOSED;
    fail(c, 400, "the message ends too early");
    return c->state;
}
const wn_http_request *wn_conn_request(const wn_conn *c)
{
    return &c->request;
}
static wn_conn_state go_on(wn_conn *c)
{
    c->state = WN_CONN_READING;
    http_parser_pause(&c->parser, 0);
    return c->state;
}
wn_conn_state wn_conn_take_body(wn_conn *c)
{
    c->keep = true;
    return go_on(c);
}
wn_conn_state wn_conn_skip_body(wn_conn *c)
{
    c->keep = false;
    return go_on(c);
}
bool wn_conn_wants_continue(wn_conn *c)
{
    wn_str v;
    return wn_http_find(&c->request, "Expect", &v);
}
wn_buf wn_conn_move_body(wn_conn *c)
{
    wn_buf b = c->body;
    c->body = (wn_buf){0};
    return b;
}
wn_conn_state wn_conn_next(wn_conn *c, uint64_t now_ns)
{
    if (c->close || ++c->n_requests >= c->limits.n_requests)
        return c->state = WN_CONN_CLOSED;
    wn_buf_clear(&c->head);
    wn_buf_clear(&c->body);
    c->target_len = c->n_fields = 0;
    c->in_value = c->begun = false;
    c->since_ns = now_ns;
    return go_on(c);
}
bool wn_conn_keeps_alive(const wn_conn *c)
{
    return !c->close && c->n_requests + 1 < c->limits.n_requests;
}
bool wn_conn_is_idle(const wn_conn *c)
{
    return !c->begun;
}
uint64_t wn_conn_deadline(const wn_conn *c)
{
    return c->since_ns + (c->begun ? c->limits.header_ms : c->limits.idle_ms) * 1000000ULL;
}
wn_conn_state wn_conn_expire(wn_conn *c, uint64_t now_ns)
{
    if (now_ns < wn_conn_deadline(c))
        return c->state;
    if (!c->begun)
        return c->state = WN_CONN_CLOSED;
    fail(c, 408, "too slow");
    return c->state;
}
wn_conn_fault wn_conn_get_fault(const wn_conn *c)
{
    return c->fault;
}
bool wn_http_find(const wn_http_request *r, const char *name, wn_str *value)
{
    for (size_t i = 0; i < r->n_fields; i++)
        if (r->fields[i].name.len == strlen(name) &&
            strncasecmp(r->fields[i].name.ptr, name, strlen(name)) == 0) {
            *value = r->fields[i].value;
            return true;
        }
    return false;
}
