/* Decides whether a request may use a route: which key it brings, and whether that key's scopes
 * cover the route's.  Keys come in the Authorization field, with or without "Bearer", or in Api-Key
 * or X-Api-Key.  Comparison takes the same time whatever the first wrong byte is.
 * Thread rule: shared read-only after wn_auth_new(). */
#ifndef WN_SERVE_AUTH_H
#define WN_SERVE_AUTH_H

#include "serve/http_conn.h"
#include "serve/identity.h"
#include "serve/problem.h"

typedef struct wn_auth wn_auth;

typedef struct wn_auth_options {
    const char *const *static_keys; /* [n_static_keys] as given on the command line */
    size_t n_static_keys;
    bool open; /* without a key everything but administration is allowed */
} wn_auth_options;

/* Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees with wn_auth_free(). */
WN_MUST_USE wn_status wn_auth_new(wn_auth **out, const wn_auth_options *options, wn_error *err);
void wn_auth_free(wn_auth *auth);

/* Fill *out and return true when the request may use what needs this scope (a set of wn_scope, 0:
 * public); else a 401 or 403 in *problem. */
bool wn_auth_check(const wn_auth *auth, wn_identity *out, const wn_http_request *request,
                   unsigned scope, wn_problem *problem);

#endif
