/* See json_bind.h.  jansson parses; this file refuses beforehand what jansson would recurse into or
 * stop at (depth, NUL bytes), and turns its error into one line with file, line and byte. */
#include "data/json_bind.h"

#include "base/str.h"
#include "data/json_scan.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define WN_WHERE "data/json_bind"

/* Line of byte `at`, counted from 1. */
static size_t line_of(wn_str text, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += text.ptr[i] == '\n';
    return line;
}

static bool ends_token(char c)
{
    return c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':' || c == ' ' ||
           c == '\t' || c == '\n' || c == '\r';
}

/* Whether a token is an integer beyond 64 bits. */
static bool overflows(wn_str token)
{
    bool negative = token.len > 0 && token.ptr[0] == '-';
    wn_str digits = wn_str_slice(token, negative, token.len);
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
    }
    const char *limit = negative ? "9223372036854775808" : "9223372036854775807";
    return digits.len > 19 || (digits.len == 19 && memcmp(digits.ptr, limit, 19) > 0);
}

/* What has to be known of a text before jansson sees it. */
typedef struct facts {
    size_t longest_token, n_values;
    bool big_integers;
} facts;

/* Brackets outside strings may not nest too deep, and values may not be too many: each takes memory
 * that a byte or two of text do not justify. */
static wn_status scan(facts *out, wn_str text, const char *name, wn_error *err)
{
    size_t depth = 0, start = 0;
    *out = (facts){0};
    for (size_t i = 0; i < text.len;) {
        char c = text.ptr[i++];
        if (c == '"') {
            const char *behind = wn_scan_string_end(text.ptr + i, text.ptr + text.len);
            i = behind == NULL ? text.len : (size_t)(behind - text.ptr);
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
        } else if ((c == '{' || c == '[') && ++depth > WN_JSON_DEPTH_MAX) {
            WN_FAIL(err, WN_ERR_LIMIT, "%s: line %zu, byte %zu: nested deeper than %d levels", name,
                    line_of(text, i - 1), i - 1, WN_JSON_DEPTH_MAX);
        }
        out->n_values += c == ',' || c == '[' || c == '{';
        out->longest_token = WN_MAX(out->longest_token, i - start);
        if (ends_token(c)) {
            out->big_integers |= overflows(wn_str_slice(text, start, i - 1));
            start = i;
        }
    }
    if (out->n_values > WN_JSON_VALUES_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "%s: %zu JSON values, at most %d", name, out->n_values,
                WN_JSON_VALUES_MAX);
    return WN_OK;
}

/* When jansson 2.14 cannot grow the buffer of its current token, it drops the byte and goes on: a
 * moment without memory would give other strings, or abort in a number.  So the text is parsed as
 * the second element of an array.  The first, a string of n bytes, makes the buffer large enough
 * for every token of the text, and has lost none of its bytes if its length is still n. */
static bool make_opening(wn_buf *out, size_t longest, size_t *n)
{
    size_t size = 64; /* that the doubling buffer must have */
    while (size < longest + 8)
        size *= 2;
    *n = size - 8; /* so that the quote behind it causes no growth */
    if (!wn_buf_reserve(out, size))
        return false;
    memset(out->ptr, ' ', size);
    memcpy(out->ptr, "[\"", 2);
    memcpy(out->ptr + 2 + *n, "\",", 2);
    out->len = *n + 4;
    return true;
}

/* Gives jansson the next bytes of the three parts of its input. */
static size_t read_parts(void *buffer, size_t size, void *arg)
{
    wn_str *parts = arg;
    size_t i = 0;
    while (i < 2 && parts[i].len == 0)
        i++;
    size_t n = WN_MIN(size, parts[i].len);
    if (n > 0)
        memcpy(buffer, parts[i].ptr, n);
    parts[i] = wn_str_slice(parts[i], n, parts[i].len);
    return n;
}

/* NULL for any failure; *no_memory when it was a failed allocation, for which most paths of jansson
 * set no error of their own. */
static json_t *load(wn_str opening, size_t n, wn_str text, size_t flags, bool *no_memory)
{
    wn_str parts[3] = {opening, text, WN_STR("]")};
    errno = 0;
    json_error_t why;
    json_t *array = json_load_callback(read_parts, parts, flags, &why);
    json_t *first = json_array_get(array, 0), *second = json_array_get(array, 1);
    *no_memory = errno == ENOMEM || (array != NULL && json_string_length(first) != n);
    bool ok = !*no_memory && json_array_size(array) == 2 &&
              (json_is_object(second) || json_is_array(second));
    json_t *json = ok ? json_incref(second) : NULL;
    json_decref(array);
    return json;
}

/* The mistake of a text that does not parse, in jansson's words. */
static wn_status fail_parse(wn_str text, size_t flags, const char *name, wn_error *err)
{
    json_error_t why;
    json_t *json = json_loadb(text.len == 0 ? "" : text.ptr, text.len, flags, &why);
    json_decref(json);
    char *quote = strstr(why.text, " near '"); /* the text itself is not for messages */
    if (quote != NULL)
        *quote = '\0';
    WN_FAIL(err, WN_ERR_FORMAT, "%s: line %d, byte %d: %s", name, WN_MAX(why.line, 1),
            WN_MAX(why.position, 0), why.text);
}

wn_status wn_json_parse(json_t **out, wn_str text, const char *name, wn_error *err)
{
    const char *nul = text.len == 0 ? NULL : memchr(text.ptr, 0, text.len);
    if (nul != NULL) {
        size_t at = (size_t)(nul - text.ptr);
        WN_FAIL(err, WN_ERR_FORMAT, "%s: line %zu, byte %zu: NUL byte", name, line_of(text, at),
                at);
    }
    facts known;
    WN_TRY(scan(&known, text, name, err));
    size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL |
                   (known.big_integers ? JSON_DECODE_INT_AS_REAL : 0);
    size_t n;
    json_t *json = NULL;
    wn_buf opening = WN_BUF_INIT;
    bool no_memory = !make_opening(&opening, known.longest_token, &n);
    if (!no_memory)
        json = load(wn_buf_str(&opening), n, text, flags, &no_memory);
    wn_buf_deinit(&opening);
    if (no_memory)
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory for its JSON (%zu bytes)", name, text.len);
    if (json == NULL)
        return fail_parse(text, flags, name, err);
    *out = json;
    return WN_OK;
}

const char *wn_json_type_name(const json_t *value)
{
    if (value == NULL)
        return "missing";
    static const char *const names[] = {"an object", "an array", "a string", "an integer",
                                        "a number",  "true",     "false",    "null"};
    return names[json_typeof(value)];
}

void wn_binder_init(wn_binder *binder, const json_t *object, const char *name)
{
    *binder = (wn_binder){.object = object, .name = name, .mistakes = WN_BUF_INIT};
}

/* Start the next mistake: they are separated by "; ". */
static void begin_mistake(wn_binder *binder)
{
    if (binder->n_mistakes++ > 0)
        wn_buf_printf(&binder->mistakes, "; ");
}

void wn_binder_note(wn_binder *binder, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    begin_mistake(binder);
    wn_buf_printf(&binder->mistakes, "%s", text);
}

/* The value of a field; NULL when it is missing or null. */
static const json_t *field(const wn_binder *binder, const char *key)
{
    const json_t *value = json_object_get(binder->object, key);
    return json_is_null(value) ? NULL : value;
}

static void note_type(wn_binder *binder, const char *key, const json_t *value, const char *expected)
{
    wn_binder_note(binder, "field '%s': is %s, expected %s", key, wn_json_type_name(value),
                   expected);
}

/* The integer that a JSON number stands for.  A real counts when it is whole: one integer beyond 64
 * bits turns all of its document into reals. */
static bool whole_number(const json_t *value, int64_t *out)
{
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    double real = json_real_value(value);
    if (!json_is_real(value) || real != floor(real) || fabs(real) > 9007199254740992.0)
        return false;
    *out = (int64_t)real;
    return true;
}

void wn_bind_int(wn_binder *binder, const char *key, int64_t *out, int64_t min, int64_t max,
                 int64_t fallback)
{
    const json_t *value = field(binder, key);
    int64_t number = 0;
    *out = fallback;
    if (value == NULL)
        return;
    if (!json_is_number(value)) {
        note_type(binder, key, value, "an integer");
    } else if (!whole_number(value, &number)) {
        wn_binder_note(binder, "field '%s': is %.17g, expected an integer %lld..%lld", key,
                       json_number_value(value), (long long)min, (long long)max);
    } else if (number < min || number > max) {
        wn_binder_note(binder, "field '%s': is %lld, expected %lld..%lld", key, (long long)number,
                       (long long)min, (long long)max);
    } else {
        *out = number;
    }
}

void wn_bind_int_required(wn_binder *binder, const char *key, int64_t *out, int64_t min,
                          int64_t max)
{
    if (field(binder, key) == NULL)
        wn_binder_note(binder, "field '%s': is missing, expected %lld..%lld", key, (long long)min,
                       (long long)max);
    wn_bind_int(binder, key, out, min, max, min);
}

void wn_bind_double(wn_binder *binder, const char *key, double *out, double min, double max,
                    double fallback)
{
    const json_t *value = field(binder, key);
    *out = fallback;
    if (value == NULL)
        return;
    double number = json_number_value(value);
    if (!json_is_number(value))
        note_type(binder, key, value, "a number");
    else if (!(number >= min && number <= max))
        wn_binder_note(binder, "field '%s': is %g, expected %g..%g", key, number, min, max);
    else
        *out = number;
}

void wn_bind_bool(wn_binder *binder, const char *key, bool *out, bool fallback)
{
    const json_t *value = field(binder, key);
    *out = fallback;
    if (json_is_boolean(value))
        *out = json_is_true(value);
    else if (value != NULL)
        note_type(binder, key, value, "true or false");
}

void wn_bind_string(wn_binder *binder, const char *key, const char **out, const char *fallback)
{
    const json_t *value = field(binder, key);
    *out = fallback;
    if (value == NULL)
        return;
    if (!json_is_string(value))
        note_type(binder, key, value, "a string");
    else if (strlen(json_string_value(value)) != json_string_length(value))
        wn_binder_note(binder, "field '%s': contains a NUL", key);
    else
        *out = json_string_value(value);
}

wn_status wn_binder_end(wn_binder *binder, wn_error *err)
{
    wn_status status = WN_OK;
    if (binder->mistakes.failed)
        status = wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "%s: no memory for its %zu mistakes",
                              binder->name, binder->n_mistakes);
    else if (binder->n_mistakes > 0)
        status = wn_error_set(err, WN_ERR_FORMAT, WN_WHERE, "%s: %.*s", binder->name,
                              (int)binder->mistakes.len,
                              binder->mistakes.ptr == NULL ? "" : binder->mistakes.ptr);
    wn_buf_deinit(&binder->mistakes);
    return status;
}
