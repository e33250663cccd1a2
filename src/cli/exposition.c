/* See exposition.h. */
#include "cli/exposition.h"

#include <stdlib.h>

#define NUMBER_CHARS 64

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
}

static wn_str skip_blanks(wn_str s)
{
    size_t i = 0;
    while (i < s.len && (s.ptr[i] == ' ' || s.ptr[i] == '\t'))
        i++;
    return wn_str_slice(s, i, s.len);
}

/* Take a name off; empty when there is none. */
static wn_str take_name(wn_str *s)
{
    size_t n = 0;
    while (n < s->len && is_name_char(s->ptr[n]))
        n++;
    wn_str name = wn_str_slice(*s, 0, n);
    *s = wn_str_slice(*s, n, s->len);
    return name;
}

/* Take one name="value" and the comma behind it off; false when there is none. */
static bool take_label(wn_str *s, wn_str *name, wn_str *value)
{
    wn_str rest = skip_blanks(*s);
    *name = take_name(&rest);
    rest = skip_blanks(rest);
    if (name->len == 0 || rest.len < 2 || rest.ptr[0] != '=')
        return false;
    rest = skip_blanks(wn_str_slice(rest, 1, rest.len));
    if (rest.len == 0 || rest.ptr[0] != '"')
        return false;
    size_t end = 1;
    while (end < rest.len && rest.ptr[end] != '"')
        end += rest.ptr[end] == '\\' ? 2 : 1;
    if (end >= rest.len)
        return false;
    *value = wn_str_slice(rest, 1, end);
    rest = skip_blanks(wn_str_slice(rest, end + 1, rest.len));
    if (rest.len > 0 && rest.ptr[0] == ',')
        rest = wn_str_slice(rest, 1, rest.len);
    *s = rest;
    return true;
}

/* Take the labels with their braces off, if there are any; false when they do not end. */
static bool take_labels(wn_str *s, wn_str *labels)
{
    *labels = wn_str_slice(*s, 0, 0);
    if (s->len == 0 || s->ptr[0] != '{')
        return true;
    wn_str name, value, rest = wn_str_slice(*s, 1, s->len), all = rest;
    while (take_label(&rest, &name, &value))
        ;
    rest = skip_blanks(rest);
    if (rest.len == 0 || rest.ptr[0] != '}')
        return false;
    *labels = wn_str_slice(all, 0, all.len - rest.len);
    *s = wn_str_slice(rest, 1, rest.len);
    return true;
}

static bool parse_number(double *out, wn_str text)
{
    char copy[NUMBER_CHARS], *end;
    size_t n = 0;
    while (n < text.len && text.ptr[n] != ' ' && text.ptr[n] != '\t' && text.ptr[n] != '\r')
        n++;
    if (n == 0 || n >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, n);
    copy[n] = '\0';
    *out = strtod(copy, &end);
    return end == copy + n;
}

static bool parse_line(wn_sample *out, wn_str line)
{
    line = skip_blanks(line);
    out->name = take_name(&line);
    line = skip_blanks(line);
    return out->name.len > 0 && take_labels(&line, &out->labels) &&
           parse_number(&out->value, skip_blanks(line));
}

bool wn_exposition_next(wn_str *text, wn_sample *out)
{
    while (text->len > 0) {
        const char *end = memchr(text->ptr, '\n', text->len);
        size_t n = end == NULL ? text->len : (size_t)(end - text->ptr);
        wn_str line = wn_str_slice(*text, 0, n);
        *text = wn_str_slice(*text, WN_MIN(n + 1, text->len), text->len);
        if (parse_line(out, line))
            return true;
    }
    return false;
}

wn_str wn_sample_label(const wn_sample *sample, const char *name)
{
    wn_str rest = sample->labels, found, value;
    while (take_label(&rest, &found, &value))
        if (wn_str_equal(found, wn_str_from(name)))
            return value;
    return (wn_str){0};
}
