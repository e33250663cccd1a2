/* What systemd tells a service in its environment: where to report, how often, which socket it
 * listens on already, whether standard error is the journal.
 * Thread rule: main thread, before others start. */
#ifndef WN_CLI_SYSTEMD_H
#define WN_CLI_SYSTEMD_H

#include "base/status.h"

typedef struct wn_systemd {
    const char *notify_socket; /* NULL: none */
    uint64_t watchdog_us;      /* 0: none */
    int listen_fd;             /* -1: none */
    char listen_host[64];      /* its address */
    bool journal;              /* standard error is the journal: lines may say their priority */
} wn_systemd;

/* Fails:   WN_ERR_ARGUMENT for sockets that cannot be served. */
WN_MUST_USE wn_status wn_systemd_read(wn_systemd *out, wn_error *err);

#endif
