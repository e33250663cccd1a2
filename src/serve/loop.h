/* An I/O thread: an event loop with the connections that belong to it.  Exchanges that other
 * threads have answered come back through its inbox.  It never parses a body, tokenises or touches
 * a disk.
 * Thread rule: loop thread only, unless a function says otherwise. */
#ifndef WN_SERVE_LOOP_H
#define WN_SERVE_LOOP_H

#include "base/queue.h"
#include "serve/http_conn.h"
#include "serve/service.h"
#include "serve/tls.h"

#include <event2/event.h>

struct wn_link;

typedef struct wn_loop {
    struct event_base *base;
    wn_service *service;
    wn_conn_limits limits;
    wn_tls *tls;           /* of connections from now on; NULL: none */
    bool cancel_on_eof;    /* a client that shuts down its sending side has gone */
    bool draining;         /* answers close their connections */
    wn_queue inbox;        /* exchanges that are answered */
    struct event *wake;    /* the inbox was filled */
    struct wn_link *links; /* all connections */
    size_t n_links, n_links_max;
    void (*emptied)(void *owner); /* the last connection of a draining loop is gone */
    void *owner;
} wn_loop;

/* Make a loop without connections; the members up to draining and the last two are the caller's to
 * set, the others are zero.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees with wn_loop_deinit(), also after a failure. */
WN_MUST_USE wn_status wn_loop_init(wn_loop *loop, wn_error *err);

/* Nobody waits for the answers of its connections any more. */
void wn_loop_cancel(wn_loop *loop);

/* Close all connections; their exchanges must be answered. */
void wn_loop_deinit(wn_loop *loop);

/* Serve an accepted socket; one too many is closed.
 * Owns:    the descriptor. */
void wn_loop_accept(wn_loop *loop, evutil_socket_t fd, const char *client);

/* Close what is idle, and every other connection with its next answer. */
void wn_loop_drain(wn_loop *loop);

/* An exchange of one of its connections is answered.
 * Thread:  any. */
void wn_loop_post(wn_loop *loop, wn_exchange *x);

#endif
