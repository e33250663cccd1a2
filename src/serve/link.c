/* See link.h.  One request at a time: while it is being answered, bytes behind it wait in the input
 * buffer, and when that is full in the kernel, so a client cannot make the server hold more.  The
 * connection is freed when it is closed and no other thread has its exchange. */
#include "serve/link.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "serve/event_stream.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define INPUT_BYTES_MAX   (64 * 1024) /* unread input of one client */
#define OUTPUT_BYTES_MAX  (64 * 1024) /* more unsent output: its next request has to wait */
#define STALLED_S         30          /* a client that takes nothing of its answer for so long */
#define COPIED_BYTES_MAX  1024        /* shorter answers are not worth a reference */
#define TAKEN_BYTES_PER_S 1024      /* the slowest client takes; it may fall behind by STALLED_S */
#define PROGRESS_NS       250000000 /* between two events that tell how far it is */
/* How long a closing connection reads on, so that its last answer is not lost to a reset. */
#define LINGER_NS 2000000000

typedef enum stage {
    STAGE_OPEN = 0, /* reading requests, or answering one */
    STAGE_FLUSHING, /* the last answer is being sent */
    STAGE_LINGERING /* everything is sent; what still comes is dropped */
} stage;

struct wn_link {
    wn_link *next, *prev;
    wn_loop *loop;
    struct bufferevent *socket; /* NULL: closed, waits for its exchange */
    struct event *timer;
    struct event *patience; /* until all output is taken */
    wn_conn *conn;
    wn_exchange exchange;
    size_t held_bytes; /* of the body, taken from the service's budget */
    bool busy;         /* another thread may have the exchange */
    bool end;          /* the client sends no more */
    bool streaming;    /* the head of an event stream is sent */
    uint64_t n_done;   /* that the client was told last */
    bool shaking;      /* TLS is not yet agreed on */
    stage stage;
};

static void pump(wn_link *link);

/* ---- life ------------------------------------------------------------------------------------ */

static void unlist(wn_link *link)
{
    wn_loop *loop = link->loop;
    if (link->prev != NULL)
        link->prev->next = link->next;
    else
        loop->links = link->next;
    if (link->next != NULL)
        link->next->prev = link->prev;
    loop->n_links--;
    wn_counter_set(&wn_service_metrics(loop->service)->connections_open, loop->n_links);
    if (loop->draining && loop->n_links == 0)
        loop->emptied(loop->owner);
}

static void free_link(wn_link *link)
{
    if (link->exchange.request != NULL) {
        wn_service_abandon(&link->exchange);
        wn_exchange_end(&link->exchange);
    }
    wn_budget_give(wn_service_budget(link->loop->service), link->held_bytes);
    if (link->timer != NULL)
        event_free(link->timer);
    if (link->patience != NULL)
        event_free(link->patience);
    wn_conn_free(link->conn);
    wn_mem_free(link);
}

/* Give up the socket; the rest goes when its exchange is back. */
static void close_link(wn_link *link)
{
    if (link->socket != NULL)
        bufferevent_free(link->socket);
    link->socket = NULL;
    event_del(link->timer);
    event_del(link->patience);
    if (link->busy) {
        wn_service_cancel(&link->exchange);
        return;
    }
    unlist(link);
    free_link(link);
}

static void set_timer(wn_link *link, uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX) {
        event_del(link->timer);
        return;
    }
    uint64_t now = wn_clock_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
    const struct timeval wait = {.tv_sec = (time_t)(left / 1000000000),
                                 .tv_usec = (suseconds_t)(left % 1000000000 / 1000 + 1)};
    event_add(link->timer, &wait);
}

/* Send what there is, then close. */
static void finish(wn_link *link)
{
    link->stage = STAGE_FLUSHING;
    event_del(link->timer);
    if (evbuffer_get_length(bufferevent_get_output(link->socket)) > 0)
        return;
    link->stage = STAGE_LINGERING;
    bufferevent_enable(link->socket, EV_READ);
    if (link->end) {
        close_link(link);
        return;
    }
    SSL *ssl = bufferevent_openssl_get_ssl(link->socket);
    if (ssl != NULL && !link->shaking)
        (void)SSL_shutdown(ssl); /* tells that the answer is whole */
    shutdown(bufferevent_getfd(link->socket), SHUT_WR);
    struct evbuffer *input = bufferevent_get_input(link->socket);
    evbuffer_drain(input, evbuffer_get_length(input));
    set_timer(link, wn_clock_ns() + LINGER_NS);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void free_body(const void *bytes, size_t n, void *budget)
{
    wn_mem_free((void *)(uintptr_t)bytes);
    wn_budget_give(budget, 2 * n);
}

/* The body changes owner, and so does what its request holds of the budget: a client that does not
 * take its answer keeps others from beginning what would not fit beside it. */
static bool push_body(wn_link *link, struct evbuffer *output, wn_buf *body)
{
    wn_budget *budget = wn_service_budget(link->loop->service);
    uint64_t need = 2 * body->len; /* a growing buffer is at most half empty */
    uint64_t held = WN_MIN(need, link->exchange.held_bytes);
    if (!wn_budget_take(budget, need - held))
        return false;
    link->exchange.held_bytes -= held;
    if (evbuffer_add_reference(output, body->ptr, body->len, free_body, budget) != 0) {
        wn_budget_give(budget, need);
        return false;
    }
    *body = (wn_buf){0};
    return true;
}

static bool add_body(wn_link *link, struct evbuffer *output, wn_buf *body)
{
    if (body->len <= COPIED_BYTES_MAX)
        return evbuffer_add(output, body->ptr, body->len) == 0;
    return push_body(link, output, body);
}

static bool push_reply(wn_link *link, wn_reply *reply, bool keep_alive, bool is_head)
{
    struct evbuffer *output = bufferevent_get_output(link->socket);
    wn_buf head = WN_BUF_INIT;
    bool ok = wn_reply_push_head(&head, reply, keep_alive) &&
              evbuffer_add(output, head.ptr, head.len) == 0;
    wn_buf_deinit(&head);
    return ok && (is_head || add_body(link, output, &reply->body));
}

/* The client has to take what there is in time. */
static bool be_patient(wn_link *link)
{
    size_t n = evbuffer_get_length(bufferevent_get_output(link->socket));
    const struct timeval wait = {.tv_sec = (time_t)(STALLED_S + n / TAKEN_BYTES_PER_S)};
    return event_add(link->patience, &wait) == 0;
}

static bool send_reply(wn_link *link, wn_reply *reply, bool keep_alive, bool is_head)
{
    return push_reply(link, reply, keep_alive, is_head) && be_patient(link);
}

/* ---- event streams --------------------------------------------------------------------------- */

static bool wants_events(const wn_exchange *x)
{
    return x->match.route != NULL && x->match.route->dialects != NULL &&
           wn_event_stream_is_wanted(x->request);
}

static bool begin_stream(wn_link *link, wn_buf *out, bool keep_alive)
{
    wn_reply reply = {0};
    wn_exchange_push_fields(&link->exchange, &reply);
    bool ok = !reply.fields.failed && wn_event_stream_push_head(out, &reply.fields, keep_alive);
    wn_reply_deinit(&reply);
    link->streaming = ok;
    return ok;
}

/* Tell a client that waits how far its request is, if it is further than before. */
static void tell_progress(wn_link *link)
{
    uint64_t n_done, n_total;
    struct evbuffer *output = bufferevent_get_output(link->socket);
    set_timer(link, wn_clock_ns() + PROGRESS_NS);
    if (!wn_service_progress(&link->exchange, &n_done, &n_total) ||
        (link->streaming && n_done == link->n_done) ||
        evbuffer_get_length(output) > OUTPUT_BYTES_MAX)
        return;
    wn_buf out = WN_BUF_INIT;
    bool ok = (link->streaming || begin_stream(link, &out, wn_conn_keeps_alive(link->conn))) &&
              wn_event_stream_push_progress(&out, n_done, n_total) &&
              evbuffer_add(output, out.ptr, out.len) == 0;
    wn_buf_deinit(&out);
    link->n_done = n_done;
    if (!ok)
        close_link(link);
}

/* The answer as the last event. */
static bool send_last_event(wn_link *link, wn_reply *reply, bool keep_alive)
{
    wn_buf head = WN_BUF_INIT, tail = WN_BUF_INIT;
    struct evbuffer *output = bufferevent_get_output(link->socket);
    bool ok = (link->streaming || begin_stream(link, &head, keep_alive)) &&
              wn_event_stream_open_last(&head, reply->status != 200, reply->body.len) &&
              evbuffer_add(output, head.ptr, head.len) == 0 &&
              add_body(link, output, &reply->body) && wn_event_stream_close_last(&tail) &&
              evbuffer_add(output, tail.ptr, tail.len) == 0 && be_patient(link);
    wn_buf_deinit(&head);
    wn_buf_deinit(&tail);
    link->streaming = false;
    return ok;
}

void wn_link_answered(wn_exchange *x)
{
    wn_link *link = x->owner;
    link->busy = false;
    if (link->socket == NULL) {
        wn_exchange_end(x);
        close_link(link);
        return;
    }
    bool keep_alive = wn_conn_keeps_alive(link->conn) && !link->loop->draining;
    event_del(link->timer);
    bool ok = link->streaming || (x->reply.status == 200 && wants_events(x))
                  ? send_last_event(link, &x->reply, keep_alive)
                  : send_reply(link, &x->reply, keep_alive, x->request->method == WN_HTTP_HEAD);
    wn_exchange_end(x);
    if (!ok)
        close_link(link);
    else if (!keep_alive || wn_conn_next(link->conn, wn_clock_ns()) == WN_CONN_CLOSED)
        finish(link);
    else
        pump(link);
}

static void post(wn_exchange *x)
{
    wn_link *link = x->owner;
    wn_loop_post(link->loop, x);
}

static wn_conn_state read_head(wn_link *link)
{
    wn_exchange *x = &link->exchange;
    wn_exchange_begin(x, wn_conn_request(link->conn), wn_clock_ns());
    if (!wn_service_admit(x))
        return wn_conn_skip_body(link->conn, wn_clock_ns());
    wn_conn_state state = wn_conn_take_body(link->conn, wn_clock_ns());
    if (wn_conn_wants_continue(link->conn) &&
        bufferevent_write(link->socket, "HTTP/1.1 100 Continue\r\n\r\n", 25) != 0)
        wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
    return state;
}

/* Hold the body against the budget as it comes; false when there is no more. */
static bool hold_body(wn_link *link)
{
    size_t now = 2 * wn_conn_body_bytes(link->conn); /* a growing buffer is at most half empty */
    wn_budget *budget = wn_service_budget(link->loop->service);
    if (now > link->held_bytes && !wn_budget_take(budget, now - link->held_bytes))
        return false;
    if (now < link->held_bytes)
        wn_budget_give(budget, link->held_bytes - now);
    link->held_bytes = now;
    return true;
}

static void run_request(wn_link *link)
{
    wn_exchange *x = &link->exchange;
    x->body = wn_conn_move_body(link->conn);
    (void)hold_body(link); /* from here on the service holds it */
    link->busy = true;
    set_timer(link, wants_events(x) ? wn_clock_ns() + PROGRESS_NS : UINT64_MAX);
    wn_service_begin(x);
}

/* End with a problem that has no dialect: the client broke a rule or a limit, or we did. */
static void tell(wn_link *link, int status, const char *detail)
{
    wn_exchange *x = &link->exchange;
    if (x->request == NULL)
        wn_exchange_begin(x, wn_conn_request(link->conn), wn_clock_ns());
    wn_service_fail(x, status, detail);
    bool ok = send_reply(link, &x->reply, false, false);
    wn_exchange_end(x);
    if (ok)
        finish(link);
    else
        close_link(link);
}

static void tell_fault(wn_link *link)
{
    wn_conn_fault fault = wn_conn_get_fault(link->conn);
    tell(link, fault.status, fault.detail);
}

/* Feed the core from the input buffer until it has something to say or nothing to read. */
static wn_conn_state feed(wn_link *link)
{
    struct evbuffer *input = bufferevent_get_input(link->socket);
    wn_conn_state state = WN_CONN_READING;
    while (state == WN_CONN_READING && evbuffer_get_length(input) > 0) {
        struct evbuffer_iovec piece;
        evbuffer_peek(input, -1, NULL, &piece, 1);
        size_t used;
        state =
            wn_conn_feed(link->conn, (wn_str){piece.iov_base, piece.iov_len}, &used, wn_clock_ns());
        evbuffer_drain(input, used);
    }
    if (state == WN_CONN_READING && link->end)
        state = wn_conn_end(link->conn);
    return state;
}

/* Do what the state of the connection asks for. */
static void act(wn_link *link, wn_conn_state state)
{
    switch (state) {
    case WN_CONN_REQUEST:
        run_request(link);
        break;
    case WN_CONN_FAULT:
        tell_fault(link);
        break;
    case WN_CONN_CLOSED:
        finish(link);
        break;
    case WN_CONN_READING:
    case WN_CONN_HEAD:
        set_timer(link, wn_conn_deadline(link->conn));
        break;
    }
}

/* Whether its next request has to wait: for this one, or for the client to take its answer. */
static bool is_waiting(const wn_link *link)
{
    struct evbuffer *output = bufferevent_get_output(link->socket);
    return link->busy || evbuffer_get_length(output) > OUTPUT_BYTES_MAX;
}

static void pump(wn_link *link)
{
    if (link->stage != STAGE_OPEN || is_waiting(link))
        return;
    bufferevent_enable(link->socket, EV_READ);
    wn_conn_state state = feed(link);
    while (state == WN_CONN_HEAD) {
        state = read_head(link);
        if (state == WN_CONN_READING)
            state = feed(link);
    }
    if (!hold_body(link))
        tell(link, 503, "Service temporarily unavailable: no memory for the body now.");
    else
        act(link, state);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void on_read(struct bufferevent *socket, void *arg)
{
    wn_link *link = arg;
    struct evbuffer *input = bufferevent_get_input(socket);
    if (link->stage != STAGE_OPEN)
        evbuffer_drain(input, evbuffer_get_length(input));
    else if (!is_waiting(link))
        pump(link);
    else if (evbuffer_get_length(input) >= INPUT_BYTES_MAX)
        bufferevent_disable(socket, EV_READ); /* its own high watermark cannot do without memory */
}

/* All output is sent. */
static void on_write(struct bufferevent *socket, void *arg)
{
    (void)socket;
    wn_link *link = arg;
    event_del(link->patience);
    if (link->stage == STAGE_FLUSHING)
        finish(link);
    else
        pump(link);
}

static void on_event(struct bufferevent *socket, short what, void *arg)
{
    (void)socket;
    wn_link *link = arg;
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        link->shaking = false;
        return;
    }
    if ((what & BEV_EVENT_EOF) == 0 || link->stage == STAGE_LINGERING ||
        (link->busy && link->loop->cancel_on_eof)) {
        close_link(link);
        return;
    }
    link->end = true;
    pump(link);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    wn_link *link = arg;
    if (link->busy) {
        tell_progress(link);
        return;
    }
    if (link->stage != STAGE_OPEN || link->shaking) {
        close_link(link);
        return;
    }
    act(link, wn_conn_expire(link->conn, wn_clock_ns()));
}

static void on_impatience(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    close_link(arg);
}

static struct bufferevent *open_socket(wn_link *link, evutil_socket_t fd)
{
    struct event_base *base = link->loop->base;
    if (link->loop->tls == NULL)
        return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    SSL *ssl = wn_tls_open(link->loop->tls);
    if (ssl == NULL)
        return NULL;
    struct bufferevent *socket = bufferevent_openssl_socket_new(
        base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (socket == NULL) {
        SSL_free(ssl);
        return NULL;
    }
    bufferevent_openssl_set_allow_dirty_shutdown(socket, 1);
    link->shaking = true;
    return socket;
}

bool wn_link_open(wn_loop *loop, evutil_socket_t fd, const char *client)
{
    wn_error err;
    wn_link *link = wn_mem_zalloc(1, sizeof *link);
    if (link == NULL) {
        evutil_closesocket(fd);
        return false;
    }
    link->loop = loop;
    link->exchange.service = loop->service;
    link->exchange.answered = post;
    link->exchange.owner = link;
    snprintf(link->exchange.peer, sizeof link->exchange.peer, "%s", client);
    link->socket = open_socket(link, fd);
    link->timer = evtimer_new(loop->base, on_timer, link);
    link->patience = evtimer_new(loop->base, on_impatience, link);
    if (link->socket == NULL || link->timer == NULL || link->patience == NULL ||
        wn_conn_new(&link->conn, &loop->limits, wn_clock_ns(), &err) != WN_OK) {
        if (link->socket != NULL)
            bufferevent_free(link->socket);
        else
            evutil_closesocket(fd);
        free_link(link);
        return false;
    }
    link->next = loop->links;
    if (link->next != NULL)
        link->next->prev = link;
    loop->links = link;
    loop->n_links++;
    const struct timeval stalled = {.tv_sec = STALLED_S};
    bufferevent_setcb(link->socket, on_read, on_write, on_event, link);
    bufferevent_set_timeouts(link->socket, NULL, &stalled);
    bufferevent_set_max_single_write(link->socket, OUTPUT_BYTES_MAX);
    bufferevent_enable(link->socket, EV_READ | EV_WRITE);
    set_timer(link, wn_conn_deadline(link->conn));
    return true;
}

void wn_link_drain(wn_link *link)
{
    if (!link->busy && !link->shaking && link->stage == STAGE_OPEN && wn_conn_is_idle(link->conn))
        finish(link);
}

void wn_link_cancel(wn_link *link)
{
    if (link->busy)
        wn_service_cancel(&link->exchange);
}

void wn_link_abort(wn_link *link)
{
    close_link(link);
}

wn_link *wn_link_next(const wn_link *link)
{
    return link->next;
}
