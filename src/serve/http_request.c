/* See http_request.h. */
#include "serve/http_request.h"

bool wn_http_same(wn_str a, wn_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        char x = a.ptr[i], y = b.ptr[i];
        x = (char)(x >= 'A' && x <= 'Z' ? x + ('a' - 'A') : x);
        y = (char)(y >= 'A' && y <= 'Z' ? y + ('a' - 'A') : y);
        if (x != y)
            return false;
    }
    return true;
}

bool wn_http_find(const wn_http_request *request, const char *name, wn_str *value)
{
    for (size_t i = 0; i < request->n_fields; i++)
        if (wn_http_same(request->fields[i].name, wn_str_from(name))) {
            *value = request->fields[i].value;
            return true;
        }
    return false;
}

static const char *const names[] = {
    [WN_HTTP_OTHER] = "",      [WN_HTTP_GET] = "GET",         [WN_HTTP_HEAD] = "HEAD",
    [WN_HTTP_POST] = "POST",   [WN_HTTP_PUT] = "PUT",         [WN_HTTP_DELETE] = "DELETE",
    [WN_HTTP_PATCH] = "PATCH", [WN_HTTP_OPTIONS] = "OPTIONS",
};

wn_http_method wn_http_method_of(wn_str token)
{
    for (size_t i = WN_HTTP_GET; i < WN_ARRAY_LEN(names); i++)
        if (wn_str_equal(token, wn_str_from(names[i])))
            return (wn_http_method)i;
    return WN_HTTP_OTHER;
}

const char *wn_http_method_name(wn_http_method method)
{
    return names[method];
}
