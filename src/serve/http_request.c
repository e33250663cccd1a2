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

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

wn_str wn_http_trim(wn_str text)
{
    while (text.len > 0 && is_blank(text.ptr[0]))
        text = wn_str_slice(text, 1, text.len);
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

bool wn_http_next_item(wn_str *list, wn_str *item)
{
    size_t end = 0;
    if (list->len == 0)
        return false;
    while (end < list->len && list->ptr[end] != ',')
        end++;
    *item = wn_http_trim(wn_str_slice(*list, 0, end));
    *list = wn_str_slice(*list, WN_MIN(end + 1, list->len), list->len);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode(wn_buf *out, wn_str text)
{
    wn_buf_clear(out);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int high = c == '%' && i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        wn_buf_push_byte(out, c);
    }
    return !out->failed;
}

bool wn_http_next_parameter(wn_str *query, wn_buf *name, wn_buf *value)
{
    while (query->len > 0) {
        size_t end = 0, equals;
        while (end < query->len && query->ptr[end] != '&')
            end++;
        wn_str pair = wn_str_slice(*query, 0, end);
        *query = wn_str_slice(*query, WN_MIN(end + 1, query->len), query->len);
        for (equals = 0; equals < pair.len && pair.ptr[equals] != '=';)
            equals++;
        if (pair.len > 0)
            return decode(name, wn_str_slice(pair, 0, equals)) &&
                   decode(value, wn_str_slice(pair, WN_MIN(equals + 1, pair.len), pair.len));
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
