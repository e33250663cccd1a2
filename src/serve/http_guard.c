/* See http_guard.h.  A check that refuses too much costs a rare client a clear answer; one that
 * lets through what a proxy in front reads differently lets one client speak for another. */
#include "serve/http_guard.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

bool wn_http_refuse(wn_http_fault *fault, int status, const char *format, ...)
{
    fault->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(fault->detail, sizeof fault->detail, format, args);
    va_end(args);
    return false;
}

/* ---- characters ------------------------------------------------------------------------------ */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 9110 section 5.6.2. */
static bool is_token_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* RFC 3986: what a path and a query consist of, and the brackets that clients do not escape. */
static bool is_target_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("-._~!$&'()*+,;=:@/?%[]", c) != NULL);
}

/* RFC 3986 section 3.2.2, the characters of a registered name or an IPv4 address. */
static bool is_name_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("-._~!$&'()*+,;=", c) != NULL);
}

/* How many bytes at the start of s have a property. */
static size_t span_of(wn_str s, bool (*is)(char c))
{
    size_t n = 0;
    while (n < s.len && is(s.ptr[n]))
        n++;
    return n;
}

static bool is_all(wn_str s, bool (*is)(char c))
{
    return s.len > 0 && span_of(s, is) == s.len;
}

/* Where a byte first stands in s; s.len when it does not. */
static size_t index_of(wn_str s, char c)
{
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);
    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

const char *wn_http_quote(char *out, wn_str s)
{
    size_t n = 0;
    s.len -= wn_str_ends(s, WN_STR("\r\n")) ? 2 : 0;
    for (size_t i = 0; i < s.len; i++) {
        if (n > WN_HTTP_QUOTE_BYTES - 8) {
            memcpy(out + n, "...", 3);
            n += 3;
            break;
        }
        if (s.ptr[i] >= ' ' && s.ptr[i] <= '~')
            out[n++] = s.ptr[i];
        else
            n += (size_t)snprintf(out + n, 5, "\\x%02x", (unsigned char)s.ptr[i]);
    }
    out[n] = '\0';
    return out;
}

/* ---- lines ----------------------------------------------------------------------------------- */

bool wn_http_check_line(wn_str line, wn_http_fault *fault)
{
    char text[WN_HTTP_QUOTE_BYTES];
    if (line.len < 2 || line.ptr[line.len - 2] != '\r')
        return wn_http_refuse(fault, 400, "line '%s' ends without CR", wn_http_quote(text, line));
    for (size_t i = 0; i < line.len - 2; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return wn_http_refuse(fault, 400, "control byte 0x%02x in '%s'", c,
                                  wn_http_quote(text, line));
    }
    return true;
}

static bool read_version(wn_http_request *request, wn_str text, wn_http_fault *fault)
{
    char quoted[WN_HTTP_QUOTE_BYTES];
    if (text.len != 8 || !wn_str_starts(text, WN_STR("HTTP/")) || !is_digit(text.ptr[5]) ||
        text.ptr[6] != '.' || !is_digit(text.ptr[7]))
        return wn_http_refuse(fault, 400, "request line ends with '%s', expected a version",
                              wn_http_quote(quoted, text));
    if (text.ptr[5] != '1' || text.ptr[7] > '1')
        return wn_http_refuse(fault, 505, "version '%s', expected HTTP/1.0 or HTTP/1.1",
                              wn_http_quote(quoted, text));
    request->minor_version = (uint8_t)(text.ptr[7] - '0');
    return true;
}

bool wn_http_read_request_line(wn_http_request *request, wn_str line, size_t target_bytes,
                               wn_http_fault *fault)
{
    char text[WN_HTTP_QUOTE_BYTES];
    wn_str method = wn_str_slice(line, 0, index_of(line, ' '));
    if (!is_all(method, is_token_char))
        return wn_http_refuse(fault, 400, "request line '%s' starts without a method",
                              wn_http_quote(text, line));
    wn_str rest = wn_str_slice(line, WN_MIN(method.len + 1, line.len), line.len);
    wn_str target = wn_str_slice(rest, 0, index_of(rest, ' '));
    if (target.len > target_bytes)
        return wn_http_refuse(fault, 414, "target of %zu bytes, at most %zu", target.len,
                              target_bytes);
    if (!is_all(target, is_target_char))
        return wn_http_refuse(fault, 400, "target '%s' holds what a target cannot",
                              wn_http_quote(text, target));
    wn_str version = wn_str_slice(rest, WN_MIN(target.len + 1, rest.len), rest.len);
    if (!read_version(request, version, fault))
        return false;
    if (wn_str_equal(method, WN_STR("CONNECT")))
        return wn_http_refuse(fault, 501, "method CONNECT asks for a proxy");
    request->method = wn_http_method_of(method);
    request->target = target;
    return true;
}

/* The name and the value of a field line. */
static wn_http_field split_field(wn_str line)
{
    size_t colon = index_of(line, ':'), end = line.len;
    size_t start = WN_MIN(colon + 1, line.len);
    start += span_of(wn_str_slice(line, start, end), is_blank);
    while (end > start && is_blank(line.ptr[end - 1]))
        end--;
    return (wn_http_field){wn_str_slice(line, 0, colon), wn_str_slice(line, start, end)};
}

bool wn_http_check_field(wn_str line, wn_http_fault *fault)
{
    char text[WN_HTTP_QUOTE_BYTES];
    wn_http_field field = split_field(line);
    if (is_blank(line.ptr[0]))
        return wn_http_refuse(fault, 400, "folded line '%s'", wn_http_quote(text, line));
    if (field.name.len == line.len)
        return wn_http_refuse(fault, 400, "field line '%s' has no ':'", wn_http_quote(text, line));
    if (!is_all(field.name, is_token_char))
        return wn_http_refuse(fault, 400, "field name '%s' is no token",
                              wn_http_quote(text, field.name));
    if (wn_http_same(field.name, WN_STR("Content-Length")) && !is_all(field.value, is_digit))
        return wn_http_refuse(fault, 400, "Content-Length is '%s', expected digits",
                              wn_http_quote(text, field.value));
    return true;
}

bool wn_http_check_trailer(wn_str line, wn_http_fault *fault)
{
    static const char *const refused[] = {"Content-Length", "Transfer-Encoding", "Host",
                                          "Connection"};
    if (!wn_http_check_field(line, fault))
        return false;
    wn_str name = split_field(line).name;
    for (size_t i = 0; i < WN_ARRAY_LEN(refused); i++)
        if (wn_http_same(name, wn_str_from(refused[i])))
            return wn_http_refuse(fault, 400, "field %s in a trailer", refused[i]);
    return true;
}

bool wn_http_check_chunk_line(wn_str line, wn_http_fault *fault)
{
    char text[WN_HTTP_QUOTE_BYTES];
    wn_str size = wn_str_slice(line, 0, index_of(line, ';'));
    if (!is_all(size, is_hex) || size.len > WN_HTTP_CHUNK_LINE_BYTES - 2)
        return wn_http_refuse(fault, 400, "chunk size is '%s', expected 1 to %d hexadecimal digits",
                              wn_http_quote(text, size), WN_HTTP_CHUNK_LINE_BYTES - 2);
    return true;
}

/* ---- heads ----------------------------------------------------------------------------------- */

/* How many fields have a name; *value is that of the first. */
static size_t count_fields(const wn_http_request *request, const char *name, wn_str *value)
{
    size_t n = 0;
    for (size_t i = request->n_fields; i-- > 0;)
        if (wn_http_same(request->fields[i].name, wn_str_from(name))) {
            *value = request->fields[i].value;
            n++;
        }
    return n;
}

static bool is_port(wn_str text)
{
    unsigned port = 0;
    for (size_t i = 0; i < text.len; i++) {
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
        if (!is_digit(text.ptr[i]) || port > 65535)
            return false;
    }
    return true;
}

/* "name", "127.0.0.1" or "[::1]", with an optional ":port"; RFC 3986 section 3.2.2. */
static bool is_host(wn_str text)
{
    size_t end = 0;
    if (text.len > 0 && text.ptr[0] == '[') {
        char address[INET6_ADDRSTRLEN];
        struct in6_addr parsed;
        size_t close = index_of(text, ']');
        if (close == text.len || close > sizeof address)
            return false;
        memcpy(address, text.ptr + 1, close - 1);
        address[close - 1] = '\0';
        if (inet_pton(AF_INET6, address, &parsed) != 1)
            return false;
        end = close + 1;
    } else {
        end = span_of(text, is_name_char);
    }
    return end > 0 && (end == text.len ||
                       (text.ptr[end] == ':' && is_port(wn_str_slice(text, end + 1, text.len))));
}

static bool check_host(wn_http_request *request, wn_http_fault *fault)
{
    char text[WN_HTTP_QUOTE_BYTES];
    size_t n = count_fields(request, "Host", &request->host);
    if (n > 1)
        return wn_http_refuse(fault, 400, "%zu Host fields, expected one", n);
    if (n == 0 && request->minor_version == 1)
        return wn_http_refuse(fault, 400, "no Host field");
    if (n == 1 && !is_host(request->host))
        return wn_http_refuse(fault, 400, "Host is '%s', expected a name with an optional port",
                              wn_http_quote(text, request->host));
    return true;
}

/* "/path?query", "*" for OPTIONS, or "http://HOST/path?query" with the Host of the field. */
static bool check_target(wn_http_request *request, wn_http_fault *fault)
{
    char text[WN_HTTP_QUOTE_BYTES];
    wn_str target = request->target;
    size_t scheme = index_of(target, ':');
    wn_str name = wn_str_slice(target, 0, scheme), rest = wn_str_slice(target, scheme, target.len);
    if ((wn_http_same(name, WN_STR("http")) || wn_http_same(name, WN_STR("https"))) &&
        wn_str_starts(rest, WN_STR("://"))) {
        wn_str tail = wn_str_slice(rest, 3, rest.len);
        wn_str authority = wn_str_slice(tail, 0, WN_MIN(index_of(tail, '/'), index_of(tail, '?')));
        if (authority.len == 0 || !wn_http_same(authority, request->host))
            return wn_http_refuse(fault, 400, "target '%s' names another host than Host",
                                  wn_http_quote(text, target));
        target = wn_str_slice(tail, authority.len, tail.len);
    } else if (target.ptr[0] != '/' &&
               !(request->method == WN_HTTP_OPTIONS && wn_str_equal(target, WN_STR("*")))) {
        return wn_http_refuse(fault, 400, "target '%s' is no path", wn_http_quote(text, target));
    }
    size_t mark = index_of(target, '?');
    request->path = mark == 0 ? WN_STR("/") : wn_str_slice(target, 0, mark);
    request->query = wn_str_slice(target, WN_MIN(mark + 1, target.len), target.len);
    return true;
}

static bool check_framing(wn_http_request *request, wn_http_fault *fault)
{
    char text[WN_HTTP_QUOTE_BYTES];
    wn_str value = {NULL, 0};
    size_t n = count_fields(request, "Transfer-Encoding", &value);
    request->has_length = wn_http_find(request, "Content-Length", &(wn_str){NULL, 0});
    request->chunked = n > 0;
    if (n == 0)
        return true;
    if (n > 1)
        return wn_http_refuse(fault, 400, "%zu Transfer-Encoding fields, expected one", n);
    if (request->minor_version == 0)
        return wn_http_refuse(fault, 400, "Transfer-Encoding in HTTP/1.0");
    if (request->has_length)
        return wn_http_refuse(fault, 400, "both Transfer-Encoding and Content-Length");
    if (!wn_http_same(value, WN_STR("chunked")))
        return wn_http_refuse(fault, 501, "Transfer-Encoding is '%s', expected 'chunked'",
                              wn_http_quote(text, value));
    return true;
}

/* All fields of one name have one value, in any letter case. */
static bool check_value(const wn_http_request *request, const char *name, const char *expected,
                        int status, wn_http_fault *fault)
{
    char text[WN_HTTP_QUOTE_BYTES];
    for (size_t i = 0; i < request->n_fields; i++) {
        wn_http_field field = request->fields[i];
        if (wn_http_same(field.name, wn_str_from(name)) &&
            !wn_http_same(field.value, wn_str_from(expected)))
            return wn_http_refuse(fault, status, "%s is '%s', expected '%s'", name,
                                  wn_http_quote(text, field.value), expected);
    }
    return true;
}

bool wn_http_check_head(wn_http_request *request, wn_http_fault *fault)
{
    if (!check_host(request, fault) || !check_target(request, fault) ||
        !check_framing(request, fault) ||
        !check_value(request, "Content-Encoding", "identity", 415, fault) ||
        !check_value(request, "Expect", "100-continue", 417, fault))
        return false;
    request->wants_continue =
        request->minor_version == 1 && wn_http_find(request, "Expect", &(wn_str){NULL, 0});
    return true;
}
