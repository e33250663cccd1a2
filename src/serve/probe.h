/* GET requests from outside, one a connection: what a health check and `winnow top` ask a server.
 * Thread rule: any; it blocks for seconds at most. */
#ifndef WN_SERVE_PROBE_H
#define WN_SERVE_PROBE_H

#include "base/buf.h"
#include "base/status.h"

#define WN_PROBE_BODY_MAX (64u << 20) /* bytes */

typedef struct wn_probe {
    char host[256], port[8]; /* as getaddrinfo() takes them */
    char path[512];          /* of the URL; empty: none */
    bool secure;             /* over TLS */
    bool trust_any; /* whose certificate it is does not matter; else a CA of this system vouches for
                       the host */
    const char *key; /* sent as Authorization: Bearer; NULL: none */
} wn_probe;

/* Read "http://host:port/path" or https://; port and path may be missing.
 * Fails:   WN_ERR_ARGUMENT. */
WN_MUST_USE wn_status wn_probe_parse(wn_probe *out, const char *url, wn_error *err);

/* Ask for a target such as "/metrics?x=1" and read the answer; its body goes to *body, unless that
 * is NULL, in place of what was there.
 * Fails:   WN_ERR_IO when there is no whole answer within 5 s, or it is not HTTP; WN_ERR_LIMIT,
 *          WN_ERR_MEMORY for its body. */
WN_MUST_USE wn_status wn_probe_get(const wn_probe *probe, const char *target, int *status_code,
                                   wn_buf *body, wn_error *err);

#endif
