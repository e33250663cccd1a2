/* Tells the service manager how the server is, by the protocol of sd_notify(3): datagrams of
 * NAME=VALUE lines to the socket that it names.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_NOTIFY_H
#define WN_SERVE_NOTIFY_H

#include "base/status.h"

typedef struct wn_notify {
    int fd; /* -1: nobody wants to know */
} wn_notify;

/* Connect to a socket: a path, or '@' and an abstract name; NULL makes one that sends nothing.
 * Fails:   WN_ERR_IO.
 * Owns:    caller closes with wn_notify_close(). */
WN_MUST_USE wn_status wn_notify_open(wn_notify *out, const char *address, wn_error *err);
void wn_notify_close(wn_notify *notify);

/* Send lines such as "READY=1"; what cannot be sent at once is dropped. */
void wn_notify_send(const wn_notify *notify, const char *format, ...) WN_PRINTF(2, 3);

#endif
