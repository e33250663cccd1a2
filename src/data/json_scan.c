/* See json_scan.h. */
#include "data/json_scan.h"
#include "data/unicode.h"

#include <math.h>
#include <string.h>

static bool fail(wn_scan *scan, const char *at, const char *expected)
{
    if (scan->expected == NULL) {
        scan->expected = expected;
        scan->at = at;
    }
    return false;
}

static char peek(const wn_scan *scan)
{
    return scan->at < scan->end ? *scan->at : '\0';
}

static void pass_space(wn_scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

bool wn_scan_take(wn_scan *scan, char c)
{
    if (scan->expected != NULL)
        return false;
    pass_space(scan);
    if (peek(scan) != c)
        return false;
    scan->at++;
    return true;
}

bool wn_scan_need(wn_scan *scan, char c, const char *expected)
{
    return wn_scan_take(scan, c) || fail(scan, scan->at, expected);
}

bool wn_scan_end(wn_scan *scan)
{
    pass_space(scan);
    return scan->at == scan->end || fail(scan, scan->at, "nothing but white space");
}

/* ---- strings --------------------------------------------------------------------------------- */

/* The four digits of \uXXXX at p; UINT32_MAX when they are not there. */
static uint32_t hex4(const char *p, const char *end)
{
    if (end - p < 4)
        return UINT32_MAX;
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        if (c >= '0' && c <= '9')
            value = value << 4 | (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            value = value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return UINT32_MAX;
    }
    return value;
}

static bool push_code_point(wn_buf *out, uint32_t cp)
{
    char bytes[WN_UTF8_MAX];
    return wn_buf_push(out, bytes, wn_utf8_encode(bytes, cp));
}

/* Read the escape whose backslash is at scan->at. */
static bool take_escape(wn_scan *scan, uint32_t *out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *p = scan->at + 1;
    if (p >= scan->end)
        return fail(scan, p, "the end of an escape");
    const char *name = *p == '\0' ? NULL : strchr(names, *p);
    if (name != NULL) {
        scan->at = p + 1;
        *out = (uint32_t)values[name - names];
        return true;
    }
    if (*p != 'u')
        return fail(scan, p, "a JSON escape");
    uint32_t cp = hex4(p + 1, scan->end);
    p += 5;
    if (cp >= 0xD800 && cp < 0xDC00) {
        bool pair = scan->end - p >= 6 && p[0] == '\\' && p[1] == 'u';
        uint32_t low = pair ? hex4(p + 2, scan->end) : UINT32_MAX;
        if (low < 0xDC00 || low > 0xDFFF)
            return fail(scan, scan->at, "two surrogates of one character");
        cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
        p += 6;
    } else if (cp > 0xFFFF || (cp >= 0xDC00 && cp < 0xE000)) {
        return fail(scan, scan->at, "\\u and four hexadecimal digits of a character");
    }
    scan->at = p;
    *out = cp;
    return true;
}

/* Take the characters up to the next quote or backslash. */
static bool take_plain(wn_scan *scan, wn_str *out)
{
    const char *from = scan->at, *p = from;
    unsigned char high = 0;
    while (p < scan->end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        high |= (unsigned char)*p++;
    *out = (wn_str){from, (size_t)(p - from)};
    size_t valid = high < 0x80 ? out->len : wn_utf8_check(*out);
    if (valid < out->len)
        return fail(scan, from + valid, "valid UTF-8");
    if (p == scan->end || (unsigned char)*p < 0x20)
        return fail(scan, p, "the end of a string");
    scan->at = p;
    return true;
}

bool wn_scan_string(wn_scan *scan, wn_buf *out)
{
    if (!wn_scan_need(scan, '"', "a string"))
        return false;
    for (;;) {
        wn_str plain;
        uint32_t escaped;
        if (!take_plain(scan, &plain) || (out != NULL && !wn_buf_push_str(out, plain)))
            return false;
        if (*scan->at == '"') {
            scan->at++;
            return true;
        }
        if (!take_escape(scan, &escaped) || (out != NULL && !push_code_point(out, escaped)))
            return false;
    }
}

bool wn_scan_slice(wn_scan *scan, wn_str *out, wn_buf *spare)
{
    if (!wn_scan_need(scan, '"', "a string"))
        return false;
    const char *quote = scan->at - 1;
    if (!take_plain(scan, out))
        return false;
    if (*scan->at == '"') {
        scan->at++;
        return true;
    }
    scan->at = quote;
    wn_buf_clear(spare);
    bool ok = wn_scan_string(scan, spare);
    *out = wn_buf_str(spare);
    return ok;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Take digits into *value as long as they fit; returns how many were taken but did not fit. */
static int32_t take_digits(wn_scan *scan, uint64_t *value, int32_t *n_fitting)
{
    int32_t n_dropped = 0;
    for (; is_digit(peek(scan)); scan->at++) {
        uint64_t next;
        bool fits = n_dropped == 0 && !__builtin_mul_overflow(*value, 10u, &next) &&
                    !__builtin_add_overflow(next, (uint64_t)(*scan->at - '0'), &next);
        if (!fits) {
            n_dropped++;
        } else {
            *value = next;
            ++*n_fitting;
        }
    }
    return n_dropped;
}

bool wn_scan_uint(wn_scan *scan, uint64_t *out, uint64_t max)
{
    pass_space(scan);
    const char *from = scan->at;
    uint64_t value = 0;
    int32_t n = 0, n_dropped = take_digits(scan, &value, &n);
    char next = peek(scan);
    bool leading_zero = n > 1 && *from == '0';
    if (n == 0 || leading_zero || next == '.' || next == 'e' || next == 'E')
        return fail(scan, from, "a whole number of 0 or more");
    if (n_dropped > 0 || value > max)
        return fail(scan, from, "a smaller number");
    *out = value;
    return true;
}

#define TEN(h)                                                                                     \
    1e##h##0, 1e##h##1, 1e##h##2, 1e##h##3, 1e##h##4, 1e##h##5, 1e##h##6, 1e##h##7, 1e##h##8
#define TEN_9(h) TEN(h), 1e##h##9
#define HUNDRED(h)                                                                                 \
    TEN_9(h##0), TEN_9(h##1), TEN_9(h##2), TEN_9(h##3), TEN_9(h##4), TEN_9(h##5), TEN_9(h##6),     \
        TEN_9(h##7), TEN_9(h##8), TEN_9(h##9)
static const double power_of_ten[] = {HUNDRED(), HUNDRED(1), HUNDRED(2), TEN(30)};
#define POWER_MAX 308

/* significand * 10^exponent; infinite when that is out of range. */
static double scaled(uint64_t significand, int32_t exponent)
{
    double value = (double)significand;
    for (; exponent < -POWER_MAX && value != 0; exponent += POWER_MAX)
        value /= power_of_ten[POWER_MAX];
    if (exponent < 0)
        return exponent < -POWER_MAX ? value : value / power_of_ten[-exponent];
    if (exponent > POWER_MAX)
        return value == 0 ? 0 : (double)INFINITY;
    return value * power_of_ten[exponent];
}

/* Take "e-12" if it is there and add it to *exponent, which stays within +-2^30. */
static bool take_exponent(wn_scan *scan, int32_t *exponent)
{
    if (peek(scan) != 'e' && peek(scan) != 'E')
        return true;
    scan->at++;
    bool negative = peek(scan) == '-';
    if (negative || peek(scan) == '+')
        scan->at++;
    uint64_t value = 0;
    int32_t n = 0, n_dropped = take_digits(scan, &value, &n);
    if (n == 0)
        return fail(scan, scan->at, "a digit");
    int32_t most = 1 << 29;
    int32_t e = n_dropped > 0 || value > (uint64_t)most ? most : (int32_t)value;
    *exponent = WN_MAX(WN_MIN(*exponent, most), -most) + (negative ? -e : e);
    return true;
}

bool wn_scan_double(wn_scan *scan, double *out)
{
    pass_space(scan);
    const char *from = scan->at;
    bool negative = peek(scan) == '-';
    if (negative)
        scan->at++;
    const char *first = scan->at;
    uint64_t significand = 0;
    int32_t n = 0, exponent = take_digits(scan, &significand, &n);
    if (n == 0 || (n > 1 && *first == '0'))
        return fail(scan, from, "a number");
    if (peek(scan) == '.') {
        scan->at++;
        const char *fraction = scan->at;
        int32_t n_after = 0;
        take_digits(scan, &significand, &n_after);
        if (scan->at == fraction)
            return fail(scan, fraction, "a digit");
        exponent -= n_after;
    }
    if (!take_exponent(scan, &exponent))
        return false;
    double value = scaled(significand, exponent);
    if (isinf(value))
        return fail(scan, from, "a number in the range of a double");
    *out = negative ? -value : value;
    return true;
}

/* ---- passing over ---------------------------------------------------------------------------- */

const char *wn_scan_string_end(const char *p, const char *end)
{
    while (p < end) {
        p = memchr(p, '"', (size_t)(end - p));
        if (p == NULL)
            break;
        const char *slash = p++;
        while (slash[-1] == '\\')
            slash--;
        if ((p - slash) % 2 == 1)
            return p;
    }
    return NULL;
}

bool wn_scan_skip(wn_scan *scan)
{
    pass_space(scan);
    const char *from = scan->at;
    for (size_t depth = 0; scan->at < scan->end;) {
        char c = *scan->at;
        if (c == '"') {
            const char *behind = wn_scan_string_end(scan->at + 1, scan->end);
            if (behind == NULL)
                return fail(scan, scan->at, "the end of a string");
            scan->at = behind;
        } else {
            if (depth == 0 && (c == ',' || c == ']' || c == '}'))
                break; /* the end of a number or word, or no value at all */
            scan->at++;
            if (c == '[' || c == '{')
                depth++;
            else if (c == ']' || c == '}')
                depth--;
            else
                continue;
        }
        if (depth == 0)
            return true;
    }
    return scan->at > from || fail(scan, from, "a value");
}
