/* Which pages of other origins a browser lets use the server.
 * Source:  WHATWG Fetch, section 3.3, "CORS protocol".
 * Thread rule: any. */
#ifndef WN_SERVE_CORS_H
#define WN_SERVE_CORS_H

#include "serve/http_request.h"
#include "serve/reply.h"

/* Whether a list of origins can be used: "*", or origins with commas between them, each a scheme,
 * "://" and a host, such as "https://app.example:8443".  Else *wrong is the one that cannot. */
bool wn_cors_is_valid(wn_str origins, wn_str *wrong);

/* Whether the request is a browser's question before another, which it answers for. */
bool wn_cors_is_preflight(const wn_http_request *request);

/* Add the fields by which a browser lets a page of the request's origin have the answer.  Nothing
 * is added when the origin is not among them, except that answers depend on it.
 * origins of length 0: none. */
bool wn_cors_push(wn_reply *reply, const wn_http_request *request, wn_str origins);

#endif
