/* A client's connection on an event loop: moves bytes between its socket and the connection core,
 * and requests between the core and the service.
 * Thread rule: loop thread only. */
#ifndef WN_SERVE_LINK_H
#define WN_SERVE_LINK_H

#include "serve/loop.h"

typedef struct wn_link wn_link;

/* Serve an accepted socket on a loop, until the client or the server ends it; then it frees itself.
 * Owns:    the descriptor, also after a failure.
 * Fails:   false when memory is short. */
bool wn_link_open(wn_loop *loop, evutil_socket_t fd, const char *client);

/* Send the answer of the link's exchange. */
void wn_link_answered(wn_exchange *x);

/* The server ends: close an idle link now, a busy one with its answer. */
void wn_link_drain(wn_link *link);

/* Nobody waits for its answer any more. */
void wn_link_cancel(wn_link *link);

/* Close at once, whatever it does. */
void wn_link_abort(wn_link *link);

/* The link behind it in its loop's list. */
wn_link *wn_link_next(const wn_link *link);

#endif
