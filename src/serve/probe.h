/* One GET request from outside, as a health check sends it.
 * Thread rule: any; it blocks for seconds at most. */
#ifndef WN_SERVE_PROBE_H
#define WN_SERVE_PROBE_H

#include "base/status.h"

typedef struct wn_probe {
    const char *host, *port; /* as getaddrinfo() takes them */
    const char *target;      /* "/healthz/ready" */
    bool secure;             /* over TLS; whose certificate it is does not matter */
} wn_probe;

/* Send it and read the status of the answer.
 * Fails:   WN_ERR_IO when there is no answer within 5 s, or it is not HTTP. */
WN_MUST_USE wn_status wn_probe_run(const wn_probe *probe, int *status_code, wn_error *err);

#endif
