/* The table of routes: which method and path is served by what, and which scope a key needs for it.
 * A path that is not in the table is served by nothing, and a route without a scope of its own does
 * not exist, so forgetting one denies access.  Paths are compared as they were sent, without
 * decoding: "//" or "%2e" never match.  One slash at the end is ignored.
 * Thread rule: constant, any. */
#ifndef WN_SERVE_ROUTE_H
#define WN_SERVE_ROUTE_H

#include "serve/api_dialect.h"
#include "serve/key_record.h"

struct wn_exchange;

/* Begin to answer.  Returns whether the answer (a reply or a problem) is complete; otherwise
 * the route's resume is called when it goes on. */
typedef bool wn_handler(struct wn_exchange *x);

typedef struct wn_route {
    wn_http_method method; /* GET serves HEAD too */
    const char *path;      /* "..." in it stands for an argument, which may have slashes */
    wn_scope scope;        /* that a key needs for it */
    bool on_worker;        /* parses, tokenises or touches a disk */
    wn_handler *begin;
    wn_handler *resume;
    const wn_dialect *const *dialects; /* the first that speaks; the last always does; NULL: jina */
    const wn_form *form;               /* of what is no ranking; NULL: not described */
    int status;                        /* of a success; 0: 200 */
    const char *summary;
    const char *name; /* for metrics, logs and usage; rows with the same one stand together */
} wn_route;

typedef struct wn_route_match {
    const wn_route *route; /* NULL: none */
    wn_str rest;           /* the argument */
    bool path_exists;      /* with another method */
    char allow[64];        /* the methods of that path, for 405 and OPTIONS */
} wn_route_match;

/* Find the route of a request. */
wn_route_match wn_route_find(const wn_http_request *request);

/* The table itself, for descriptions and tests. */
const wn_route *wn_routes(size_t *n);

#endif
