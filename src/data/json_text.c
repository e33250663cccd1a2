/* See json_text.h. */
#include "data/json_text.h"

#include "base/str.h"
#include "data/json_scan.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>

/* Bytes of the control character at p, which has `left` bytes: 1 for U+0000..001F and U+007F, 2 for
 * U+0080..009F, else 0. */
static size_t control_len(const char *p, size_t left)
{
    unsigned char c = (unsigned char)p[0];
    if (c < 0x20 || c == 0x7f)
        return 1;
    return c == 0xc2 && left > 1 && (unsigned char)p[1] < 0xa0 ? 2 : 0;
}

static bool push_control(wn_buf *out, const char *p, size_t len)
{
    switch (p[0]) {
    case '\n':
        return wn_buf_push(out, "\\n", 2);
    case '\t':
        return wn_buf_push(out, "\\t", 2);
    case '\r':
        return wn_buf_push(out, "\\r", 2);
    default:
        return wn_buf_printf(out, "\\u%04x", (unsigned char)p[len - 1]);
    }
}

/* Append bytes; control characters become escapes, `others` get a backslash in front. */
static bool push_escaped(wn_buf *out, wn_str text, const char *others)
{
    size_t done = 0;
    for (size_t i = 0; i < text.len;) {
        const char *p = text.ptr + i;
        size_t control = control_len(p, text.len - i);
        bool other = control == 0 && strchr(others, *p) != NULL;
        if (control == 0 && !other) {
            i++;
            continue;
        }
        wn_buf_push(out, text.ptr + done, i - done);
        if (other)
            wn_buf_printf(out, "\\%c", *p);
        else
            push_control(out, p, control);
        i += WN_MAX(control, (size_t)1);
        done = i;
    }
    if (done < text.len)
        wn_buf_push(out, text.ptr + done, text.len - done);
    return !out->failed;
}

bool wn_json_push_string(wn_buf *out, wn_str text)
{
    wn_buf_push_byte(out, '"');
    push_escaped(out, text, "\"\\");
    return wn_buf_push_byte(out, '"');
}

bool wn_json_push_cell(wn_buf *out, wn_str text)
{
    return push_escaped(out, text, "\\");
}

static bool push_number(wn_buf *out, const char *digits)
{
    wn_buf_push_str(out, wn_str_from(digits));
    return strpbrk(digits, ".e") != NULL ? !out->failed : wn_buf_push(out, ".0", 2);
}

bool wn_json_push_float(wn_buf *out, float x)
{
    char digits[32];
    for (int precision = FLT_DIG; precision <= FLT_DECIMAL_DIG; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, (double)x);
        if (strtof(digits, NULL) == x)
            break;
    }
    return push_number(out, digits);
}

bool wn_json_push_double(wn_buf *out, double x)
{
    char digits[32];
    for (int precision = DBL_DIG; precision <= DBL_DECIMAL_DIG; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, x);
        if (strtod(digits, NULL) == x)
            break;
    }
    return push_number(out, digits);
}

/* Offset behind the string that begins at `at`. */
static size_t string_end(wn_str text, size_t at)
{
    const char *end = wn_scan_string_end(text.ptr + at + 1, text.ptr + text.len);
    return end == NULL ? text.len : (size_t)(end - text.ptr);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool wn_json_push_compact(wn_buf *out, wn_str json)
{
    for (size_t i = 0; i < json.len;) {
        size_t end = json.ptr[i] == '"' ? string_end(json, i) : i + 1;
        if (!is_space(json.ptr[i]))
            push_escaped(out, wn_str_slice(json, i, end), "");
        i = end;
    }
    return !out->failed;
}

static size_t skip_space(wn_str text, size_t at)
{
    while (at < text.len && is_space(text.ptr[at]))
        at++;
    return at;
}

/* Offset behind the value that begins at `at`. */
static size_t value_end(wn_str text, size_t at)
{
    char first = text.ptr[at];
    if (first == '"')
        return string_end(text, at);
    if (first != '[' && first != '{') {
        while (at < text.len && strchr(",]} \t\r\n", text.ptr[at]) == NULL)
            at++;
        return at;
    }
    size_t depth = 0;
    do {
        char c = text.ptr[at];
        depth += c == '[' || c == '{' ? 1 : 0;
        depth -= c == ']' || c == '}' ? 1 : 0;
        at = c == '"' ? string_end(text, at) : at + 1;
    } while (depth > 0 && at < text.len);
    return at;
}

wn_json_walk wn_json_walk_begin(wn_str container)
{
    size_t at = skip_space(container, 0);
    WN_ASSERT(at < container.len && (container.ptr[at] == '{' || container.ptr[at] == '['));
    return (wn_json_walk){container, at + 1, container.ptr[at] == '{'};
}

bool wn_json_walk_next(wn_json_walk *walk, wn_str *value)
{
    wn_str text = walk->text;
    size_t at = skip_space(text, walk->at);
    if (at < text.len && text.ptr[at] == ',')
        at = skip_space(text, at + 1);
    if (at >= text.len || text.ptr[at] == '}' || text.ptr[at] == ']')
        return false;
    if (walk->in_object)
        at = skip_space(text, skip_space(text, string_end(text, at)) + 1);
    walk->at = value_end(text, at);
    *value = wn_str_slice(text, at, walk->at);
    return true;
}
