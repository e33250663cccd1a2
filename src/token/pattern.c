/* See pattern.h. */
#define _GNU_SOURCE
#define PCRE2_CODE_UNIT_WIDTH 8
#include "token/pattern.h"
#include "base/mem.h"
#include "data/json_bind.h"
#include "data/unicode.h"
#include "token/dialect.h"
#include "token/scanner.h"

#include <pcre2.h>

#define WN_WHERE          "token/pattern"
#define MATCH_LIMIT       10000000u
#define DEPTH_LIMIT       100000u
#define HEAP_LIMIT_KIB    65536u
#define CLASS_RANGES_MAX  256
#define PATTERN_BYTES_MAX 65536

typedef enum kind { KIND_LITERAL, KIND_BLANKS, KIND_CLASS, KIND_SCANNER, KIND_PCRE } kind;

typedef struct range {
    uint32_t first, last;
} range;

struct wn_pattern {
    kind kind;
    char *source; /* as written, with a NUL */
    size_t source_len;
    range *ranges; /* KIND_CLASS */
    size_t n_ranges;
    bool begins[256]; /* KIND_CLASS: a character of the class may begin with this byte */
    wn_scanner *scan;
    pcre2_general_context *memory;
    pcre2_code *code;
    pcre2_match_context *limits;
};

static void *pcre_alloc(size_t size, void *data)
{
    (void)data;
    return wn_mem_alloc(size, 1);
}

static void pcre_free(void *p, void *data)
{
    (void)data;
    wn_mem_free(p);
}

static unsigned char first_byte(uint32_t c)
{
    char bytes[4];
    (void)wn_utf8_encode(bytes, c);
    return (unsigned char)bytes[0];
}

/* "[...]" with plain characters and ranges only: no negation, escape or nested class.
 * *is_class false: it is something else. */
static wn_status parse_class(wn_pattern *pattern, bool *is_class, wn_error *err)
{
    const char *p = pattern->source;
    size_t n = pattern->source_len;
    *is_class = false;
    if (n < 3 || p[0] != '[' || p[n - 1] != ']' || p[1] == '^')
        return WN_OK;
    range ranges[CLASS_RANGES_MAX];
    size_t count = 0, len;
    for (size_t i = 1; i < n - 1;) {
        uint32_t c = wn_utf8_decode(p + i, &len);
        i += len;
        if (c == '\\' || c == '[' || c == ']' || c == '&' || c == '-' || count == CLASS_RANGES_MAX)
            return WN_OK;
        range r = {c, c};
        if (i + 1 < n - 1 && p[i] == '-') {
            r.last = wn_utf8_decode(p + i + 1, &len);
            i += 1 + len;
        }
        if (r.last < r.first || r.last == '\\' || r.last == '[')
            return WN_OK;
        ranges[count++] = r;
        memset(pattern->begins + first_byte(r.first), true,
               (size_t)(first_byte(r.last) - first_byte(r.first)) + 1);
    }
    pattern->ranges = wn_mem_alloc(count, sizeof *ranges);
    if (pattern->ranges == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu character ranges", count);
    memcpy(pattern->ranges, ranges, count * sizeof *ranges);
    pattern->n_ranges = count;
    *is_class = true;
    return WN_OK;
}

static wn_status compile_rewritten(wn_pattern *pattern, wn_str text, const char *path,
                                   wn_error *err)
{
    int code;
    PCRE2_SIZE at;
    pattern->memory = pcre2_general_context_create(pcre_alloc, pcre_free, NULL);
    pcre2_compile_context *context =
        pattern->memory == NULL ? NULL : pcre2_compile_context_create(pattern->memory);
    if (context == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a pattern");
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pattern->code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len,
                                  PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                                  &code, &at, context);
    pcre2_compile_context_free(context);
    if (pattern->code == NULL) {
        PCRE2_UCHAR reason[120] = "";
        pcre2_get_error_message(code, reason, sizeof reason);
        WN_FAIL(err, code == PCRE2_ERROR_HEAP_FAILED ? WN_ERR_MEMORY : WN_ERR_UNSUPPORTED,
                "%s: regular expression '%.100s', as '%.100s' at byte %zu: %s", path,
                pattern->source, text.ptr, (size_t)at, (const char *)reason);
    }
    pattern->limits = pcre2_match_context_create(pattern->memory);
    if (pattern->limits == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a pattern");
    pcre2_set_match_limit(pattern->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(pattern->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(pattern->limits, HEAP_LIMIT_KIB);
    return WN_OK;
}

static wn_status compile(wn_pattern *pattern, const char *path, wn_error *err)
{
    wn_buf text = WN_BUF_INIT;
    wn_str source = {pattern->source, pattern->source_len};
    wn_status status = wn_dialect_rewrite(&text, source, path, err);
    if (status == WN_OK && !wn_buf_push_byte(&text, '\0'))
        status = wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "no memory for a pattern");
    if (status == WN_OK)
        status = compile_rewritten(pattern, (wn_str){text.ptr, text.len - 1}, path, err);
    wn_buf_deinit(&text);
    return status;
}

/* Choose how an expression is matched. */
static wn_status parse_regex(wn_pattern *pattern, const char *path, wn_error *err)
{
    wn_str source = {pattern->source, pattern->source_len};
    bool is_class;
    pattern->scan = wn_scanner_find(source);
    if (pattern->scan != NULL) {
        pattern->kind = KIND_SCANNER;
        return WN_OK;
    }
    if (wn_str_equal(source, WN_STR(" {2,}"))) {
        pattern->kind = KIND_BLANKS;
        return WN_OK;
    }
    WN_TRY(parse_class(pattern, &is_class, err));
    pattern->kind = is_class ? KIND_CLASS : KIND_PCRE;
    return is_class ? WN_OK : compile(pattern, path, err);
}

wn_status wn_pattern_parse(wn_pattern **out, const json_t *node, const char *path, wn_error *err)
{
    const json_t *literal = json_object_get(node, "String"),
                 *regex = json_object_get(node, "Regex");
    const json_t *value = literal != NULL ? literal : regex;
    if (!json_is_string(value) || json_object_size(node) != 1)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: is %s, expected {\"String\": text} or {\"Regex\": text}",
                path, wn_json_type_name(node));
    size_t len = json_string_length(value);
    if (len == 0 || len > PATTERN_BYTES_MAX)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: a pattern of %zu bytes, expected 1 to %d", path, len,
                PATTERN_BYTES_MAX);
    wn_pattern *pattern = wn_mem_zalloc(1, sizeof *pattern);
    if (pattern == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a pattern");
    pattern->kind = KIND_LITERAL;
    pattern->source = wn_mem_alloc(len + 1, 1);
    wn_status status = WN_OK;
    if (pattern->source == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a pattern of %zu bytes", len);
    memcpy(pattern->source, json_string_value(value), len);
    pattern->source[len] = '\0';
    pattern->source_len = len;
    if (regex != NULL)
        status = parse_regex(pattern, path, err);
out:
    if (status != WN_OK)
        wn_pattern_free(pattern);
    else
        *out = pattern;
    return status;
}

void wn_pattern_free(wn_pattern *pattern)
{
    if (pattern == NULL)
        return;
    pcre2_match_context_free(pattern->limits);
    pcre2_code_free(pattern->code);
    pcre2_general_context_free(pattern->memory);
    wn_mem_free(pattern->ranges);
    wn_mem_free(pattern->source);
    wn_mem_free(pattern);
}

bool wn_pattern_is_foreign(const wn_pattern *pattern)
{
    return pattern->kind == KIND_PCRE;
}

wn_status wn_finder_begin(wn_finder *finder, const wn_pattern *pattern, wn_str text, void **match,
                          wn_error *err)
{
    *finder = (wn_finder){.pattern = pattern, .text = text};
    if (pattern->kind != KIND_PCRE)
        return WN_OK;
    WN_ASSERT(match != NULL);
    if (*match == NULL)
        *match = pcre2_match_data_create(1, pattern->memory);
    if (*match == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for match data");
    finder->match = *match;
    return WN_OK;
}

void wn_finder_match_free(void *match)
{
    pcre2_match_data_free(match);
}

static bool find_literal(const wn_finder *f, wn_span *span)
{
    const wn_pattern *p = f->pattern;
    if (f->text.len - f->at < p->source_len)
        return false;
    const char *hit = memmem(f->text.ptr + f->at, f->text.len - f->at, p->source, p->source_len);
    if (hit == NULL)
        return false;
    size_t start = (size_t)(hit - f->text.ptr);
    *span = (wn_span){(uint32_t)start, (uint32_t)(start + p->source_len)};
    return true;
}

/* Two or more spaces. */
static bool find_blanks(const wn_finder *f, wn_span *span)
{
    size_t at = f->at, n = f->text.len;
    while (at < n) {
        const char *hit = memchr(f->text.ptr + at, ' ', n - at);
        if (hit == NULL)
            return false;
        size_t start = (size_t)(hit - f->text.ptr), end = start;
        while (end < n && f->text.ptr[end] == ' ')
            end++;
        if (end - start >= 2) {
            *span = (wn_span){(uint32_t)start, (uint32_t)end};
            return true;
        }
        at = end;
    }
    return false;
}

static bool is_in_class(const wn_pattern *p, uint32_t c)
{
    for (size_t i = 0; i < p->n_ranges; i++) {
        if (c >= p->ranges[i].first && c <= p->ranges[i].last)
            return true;
    }
    return false;
}

/* No character begins with a byte that another goes on with, so byte by byte is safe. */
static bool find_class(const wn_finder *f, wn_span *span)
{
    const wn_pattern *p = f->pattern;
    size_t len;
    for (size_t at = f->at; at < f->text.len; at++) {
        if (!p->begins[(unsigned char)f->text.ptr[at]] ||
            !is_in_class(p, wn_utf8_decode(f->text.ptr + at, &len)))
            continue;
        *span = (wn_span){(uint32_t)at, (uint32_t)(at + len)};
        return true;
    }
    return false;
}

static bool find_scanned(const wn_finder *f, wn_span *span)
{
    for (size_t at = f->at; at < f->text.len; at += wn_utf8_len(f->text.ptr[at])) {
        size_t end = f->pattern->scan(f->text, at);
        if (end > at) {
            *span = (wn_span){(uint32_t)at, (uint32_t)end};
            return true;
        }
    }
    return false;
}

static wn_status find_pcre(wn_finder *f, bool *found, wn_span *span, wn_error *err)
{
    const wn_pattern *p = f->pattern;
    *found = false;
    while (f->at < f->text.len) {
        int code = pcre2_match(p->code, (PCRE2_SPTR)f->text.ptr, f->text.len, f->at,
                               PCRE2_NO_UTF_CHECK, f->match, p->limits);
        if (code == PCRE2_ERROR_NOMATCH)
            return WN_OK;
        if (code < 0) {
            PCRE2_UCHAR text[120] = "";
            pcre2_get_error_message(code, text, sizeof text);
            WN_FAIL(err, code == PCRE2_ERROR_NOMEMORY ? WN_ERR_MEMORY : WN_ERR_LIMIT,
                    "pattern '%.100s' at byte %zu: %s", p->source, f->at, (const char *)text);
        }
        const PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(f->match);
        if (bounds[1] > bounds[0]) {
            *span = (wn_span){(uint32_t)bounds[0], (uint32_t)bounds[1]};
            *found = true;
            return WN_OK;
        }
        f->at = bounds[1] + (bounds[1] < f->text.len ? wn_utf8_len(f->text.ptr[bounds[1]]) : 1);
    }
    return WN_OK;
}

wn_status wn_finder_next(wn_finder *finder, bool *found, wn_span *span, wn_error *err)
{
    switch (finder->pattern->kind) {
    case KIND_LITERAL:
        *found = find_literal(finder, span);
        break;
    case KIND_BLANKS:
        *found = find_blanks(finder, span);
        break;
    case KIND_CLASS:
        *found = find_class(finder, span);
        break;
    case KIND_SCANNER:
        *found = find_scanned(finder, span);
        break;
    case KIND_PCRE:
        WN_TRY(find_pcre(finder, found, span, err));
        break;
    }
    finder->at = *found ? span->end : finder->text.len;
    return WN_OK;
}
