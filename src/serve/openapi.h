/* The API described from the tables that serve it: routes, fields of dialects, schemas of answers.
 * Source:  OpenAPI 3.1.
 * Thread rule: any. */
#ifndef WN_SERVE_OPENAPI_H
#define WN_SERVE_OPENAPI_H

#include "base/buf.h"

/* The OpenAPI document as JSON. */
bool wn_openapi_push(wn_buf *out);

/* The same for people: one HTML page that needs nothing else. */
bool wn_openapi_push_page(wn_buf *out);

#endif
