/* One HTTP request as the handlers see it, without its body.
 * Everything in a request is a slice of the bytes that the client sent, checked but not decoded.
 * Thread rule: shared read-only. */
#ifndef WN_SERVE_HTTP_REQUEST_H
#define WN_SERVE_HTTP_REQUEST_H

#include "base/buf.h"
#include "base/str.h"

typedef enum wn_http_method {
    WN_HTTP_OTHER = 0, /* any other token; methods are case-sensitive */
    WN_HTTP_GET,
    WN_HTTP_HEAD,
    WN_HTTP_POST,
    WN_HTTP_PUT,
    WN_HTTP_DELETE,
    WN_HTTP_OPTIONS,
    WN_HTTP_PATCH
} wn_http_method;

typedef struct wn_http_field {
    wn_str name, value; /* value without white space around it */
} wn_http_field;

typedef struct wn_http_request {
    wn_http_method method;
    wn_str target;      /* as sent */
    wn_str path, query; /* of the target, split at the first '?'; path starts with '/' or is "*" */
    wn_str host;        /* with its port; empty only in HTTP/1.0 */
    const wn_http_field *fields;
    size_t n_fields;
    uint64_t length;       /* Content-Length, 0 without one */
    bool has_length;       /* false for a chunked body and for none */
    bool chunked;          /* Transfer-Encoding: chunked */
    bool wants_continue;   /* the client waits for "100 Continue" before it sends the body */
    bool keep_alive;       /* the client would go on after this request */
    uint8_t minor_version; /* 0 or 1 */
} wn_http_request;

/* The first field of a name, in any letter case, into *value; false when there is none. */
bool wn_http_find(const wn_http_request *request, const char *name, wn_str *value);

/* Whether two texts are equal in any letter case of ASCII. */
bool wn_http_same(wn_str a, wn_str b);

/* A text without the blanks around it: OWS of RFC 9110, spaces and tabs. */
wn_str wn_http_trim(wn_str text);

/* Take the first item off a list with commas, without the blanks around it; false at the end. */
bool wn_http_next_item(wn_str *list, wn_str *item);

/* Take the first "name=value" off a query and decode both: "+" is a space, "%41" is "A", and a "%"
 * that begins nothing stays; a parameter without "=" has an empty value, one without anything is
 * passed over.  False at the end, and when memory is short, which the buffers tell. */
bool wn_http_next_parameter(wn_str *query, wn_buf *name, wn_buf *value);

/* The method of a request line. */
wn_http_method wn_http_method_of(wn_str token);

/* Its name, such as "GET"; "" for WN_HTTP_OTHER. */
const char *wn_http_method_name(wn_http_method method);

#endif
