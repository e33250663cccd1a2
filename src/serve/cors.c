/* See cors.h.  Keys come in a field that the page sets itself, so credentials of the browser (its
 * cookies) are never allowed. */
#include "serve/cors.h"

#include "base/str.h"

#define METHODS "GET, POST, PATCH, DELETE"
#define FIELDS                                                                                     \
    "Authorization, Content-Type, X-Api-Key, X-Request-Id, X-Request-Timeout-Ms, X-Winnow-Lane, "  \
    "traceparent"
#define ANSWERS                                                                                    \
    "X-Request-Id, X-Winnow-Model, Retry-After, RateLimit, RateLimit-Policy, Server-Timing, "      \
    "traceparent"
#define MAX_AGE_S "7200"

static bool is_any(wn_str origins)
{
    return wn_str_equal(origins, WN_STR("*"));
}

static bool is_origin(wn_str origin)
{
    size_t scheme = 0;
    while (scheme < origin.len && origin.ptr[scheme] != ':')
        scheme++;
    wn_str rest = wn_str_slice(origin, scheme, origin.len);
    if (scheme == 0 || rest.len <= 3 || !wn_str_starts(rest, WN_STR("://")))
        return false;
    for (size_t i = 3; i < rest.len; i++) {
        if (rest.ptr[i] == '/' || rest.ptr[i] == '*' || (unsigned char)rest.ptr[i] <= ' ')
            return false;
    }
    return true;
}

bool wn_cors_is_valid(wn_str origins, wn_str *wrong)
{
    *wrong = (wn_str){0};
    for (wn_str rest = origins; !is_any(origins) && wn_http_next_item(&rest, wrong);) {
        if (!is_origin(*wrong))
            return false;
    }
    return true;
}

bool wn_cors_is_preflight(const wn_http_request *request)
{
    wn_str value;
    return request->method == WN_HTTP_OPTIONS && wn_http_find(request, "Origin", &value) &&
           wn_http_find(request, "Access-Control-Request-Method", &value);
}

static bool allows(wn_str origins, wn_str origin)
{
    wn_str allowed;
    for (wn_str rest = origins; wn_http_next_item(&rest, &allowed);) {
        if (wn_str_equal(allowed, origin))
            return true;
    }
    return is_any(origins);
}

bool wn_cors_push(wn_reply *reply, const wn_http_request *request, wn_str origins)
{
    wn_str origin;
    if (origins.len == 0)
        return true;
    if (!is_any(origins))
        wn_reply_push_field(reply, "Vary", "Origin");
    if (!wn_http_find(request, "Origin", &origin) || !allows(origins, origin))
        return !reply->fields.failed;
    wn_str told = is_any(origins) ? origins : origin;
    wn_reply_push_field(reply, "Access-Control-Allow-Origin", "%.*s", (int)told.len, told.ptr);
    if (!wn_cors_is_preflight(request))
        return wn_reply_push_field(reply, "Access-Control-Expose-Headers", ANSWERS);
    wn_reply_push_field(reply, "Access-Control-Allow-Methods", METHODS);
    wn_reply_push_field(reply, "Access-Control-Allow-Headers", FIELDS);
    return wn_reply_push_field(reply, "Access-Control-Max-Age", MAX_AGE_S);
}
