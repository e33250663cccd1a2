/* See dialect.h.  One pass from left to right: what means the same is copied. */
#include "token/dialect.h"
#include "base/str.h"

#define WN_WHERE "token/dialect"

/* Sets of Oniguruma, in a PCRE2 class.  Its \w has six numbers of Latin-1 (and no others) outside
 * of a class, not within one. */
#define WORD_CLASS "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"
#define WORD       "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}" WORD_CLASS
#define SPACE      "\\p{White_Space}"
#define DIGIT      "\\p{Nd}"
#define HEX        "0-9a-fA-F"

typedef struct rewriter {
    wn_buf *out;
    wn_str source;
    size_t at;
    const char *path;
    wn_error *err;
} rewriter;

typedef struct rewrite {
    char letter;
    bool in_class;
    const char *text;
} rewrite;

/* Escapes with another meaning or another set in PCRE2. */
static const rewrite rewrites[] = {
    {'w', false, "[" WORD "]"},
    {'W', false, "[^" WORD "]"},
    {'w', true, WORD_CLASS},
    {'s', false, SPACE},
    {'S', false, "\\P{White_Space}"},
    {'s', true, SPACE},
    {'S', true, "\\P{White_Space}"},
    {'d', false, DIGIT},
    {'D', false, "\\P{Nd}"},
    {'d', true, DIGIT},
    {'D', true, "\\P{Nd}"},
    {'h', false, "[" HEX "]"},
    {'H', false, "[^" HEX "]"},
    {'h', true, HEX},
    {'v', false, "\\x0B"},
    {'v', true, "\\x0B"},
    {'b', true, "\\x08"},
    {'b', false, "(?:(?<=[" WORD "])(?![" WORD "])|(?<![" WORD "])(?=[" WORD "]))"},
    {'B', false, "(?:(?<=[" WORD "])(?=[" WORD "])|(?<![" WORD "])(?![" WORD "]))"},
};

static char peek(const rewriter *r, size_t ahead)
{
    return r->at + ahead < r->source.len ? r->source.ptr[r->at + ahead] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void copy(rewriter *r, size_t n)
{
    wn_buf_push(r->out, r->source.ptr + r->at, n);
    r->at += n;
}

static wn_status refuse(const rewriter *r, size_t n)
{
    n = WN_MIN(n, r->source.len - r->at);
    WN_FAIL(r->err, WN_ERR_UNSUPPORTED,
            "%s: regular expression '%.*s': '%.*s' at byte %zu is not supported", r->path,
            WN_STR_ARG(r->source), (int)n, r->source.ptr + r->at, r->at);
}

/* \p{Name}: a general category has the same name; a script has the characters of that script alone,
 * not of its extensions. */
static wn_status rewrite_property(rewriter *r)
{
    size_t name = 3, n = 0;
    if (peek(r, 2) != '{')
        return refuse(r, 3);
    name += peek(r, name) == '^';
    while (is_letter(peek(r, name + n)) || peek(r, name + n) == '_')
        n++;
    if (n == 0 || peek(r, name + n) != '}')
        return refuse(r, name + n + 1);
    if (n > 2) {
        copy(r, name);
        wn_buf_push_str(r->out, WN_STR("sc:"));
        copy(r, n + 1);
    } else {
        copy(r, name + n + 1);
    }
    return WN_OK;
}

static wn_status rewrite_escape(rewriter *r, bool in_class)
{
    char c = peek(r, 1);
    if (r->at + 1 >= r->source.len)
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: regular expression '%.*s' ends with '\\'", r->path,
                WN_STR_ARG(r->source));
    for (size_t i = 0; i < WN_ARRAY_LEN(rewrites); i++) {
        if (rewrites[i].letter == c && rewrites[i].in_class == in_class) {
            wn_buf_push_str(r->out, wn_str_from(rewrites[i].text));
            r->at += 2;
            return WN_OK;
        }
    }
    if (c == 'p' || c == 'P')
        return rewrite_property(r);
    if (c == 'u') {
        wn_buf_push_str(r->out, WN_STR("\\x{"));
        r->at += 2;
        copy(r, WN_MIN((size_t)4, r->source.len - r->at));
        wn_buf_push_byte(r->out, '}');
        return WN_OK;
    }
    bool same = c == 'x' || strchr("nrtfae", c) != NULL || (!in_class && strchr("AzZ", c) != NULL);
    if (!same && (is_letter(c) || is_digit(c)))
        return refuse(r, 2);
    copy(r, 2);
    return WN_OK;
}

/* [...]: classes within classes and their intersections are Oniguruma's own. */
static wn_status rewrite_class(rewriter *r)
{
    copy(r, peek(r, 1) == '^' ? 2 : 1);
    for (bool first = true; r->at < r->source.len; first = false) {
        char c = peek(r, 0);
        if (c == '[' || (c == ']' && first))
            return refuse(r, 2);
        if (c == '&' && peek(r, 1) == '&')
            return refuse(r, 2);
        if (c == '\\') {
            WN_TRY(rewrite_escape(r, true));
            continue;
        }
        copy(r, 1);
        if (c == ']')
            break;
    }
    return WN_OK;
}

/* (?...: groups without a name, look-around, atomic groups, the case option for a group. */
static wn_status rewrite_group(rewriter *r)
{
    static const char *const known[] = {"(?:",  "(?=",  "(?!",  "(?>",
                                        "(?<=", "(?<!", "(?i:", "(?-i:"};
    if (peek(r, 1) != '?') {
        copy(r, 1);
        return WN_OK;
    }
    wn_str rest = wn_str_slice(r->source, r->at, r->source.len);
    for (size_t i = 0; i < WN_ARRAY_LEN(known); i++) {
        if (wn_str_starts(rest, wn_str_from(known[i]))) {
            copy(r, strlen(known[i]));
            return WN_OK;
        }
    }
    if (r->at == 0 && wn_str_starts(rest, WN_STR("(?i)"))) {
        copy(r, 4);
        return WN_OK;
    }
    return refuse(r, 4);
}

/* {n}, {n,}, {,m}, {n,m}; anything else is a literal brace.  A sign behind it is a second
 * repetition for Oniguruma. */
static wn_status rewrite_interval(rewriter *r)
{
    size_t n = 1, low, high = 0;
    while (is_digit(peek(r, n)))
        n++;
    low = n - 1;
    bool comma = peek(r, n) == ',';
    if (comma) {
        n++;
        while (is_digit(peek(r, n + high)))
            high++;
        n += high;
    }
    if (peek(r, n) != '}' || low + high == 0) {
        wn_buf_push_byte(r->out, '\\');
        copy(r, 1);
        return WN_OK;
    }
    if (peek(r, n + 1) == '+' || (peek(r, n + 1) == '?' && !comma))
        return refuse(r, n + 2);
    copy(r, 1);
    if (low == 0)
        wn_buf_push_byte(r->out, '0');
    copy(r, n);
    return WN_OK;
}

wn_status wn_dialect_rewrite(wn_buf *out, wn_str source, const char *path, wn_error *err)
{
    rewriter r = {.out = out, .source = source, .path = path, .err = err};
    while (r.at < source.len) {
        switch (peek(&r, 0)) {
        case '\\':
            WN_TRY(rewrite_escape(&r, false));
            break;
        case '[':
            WN_TRY(rewrite_class(&r));
            break;
        case '(':
            WN_TRY(rewrite_group(&r));
            break;
        case '{':
            WN_TRY(rewrite_interval(&r));
            break;
        default:
            copy(&r, 1);
        }
    }
    if (out->failed)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a pattern");
    return WN_OK;
}
