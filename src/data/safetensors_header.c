/* See safetensors_header.h.  Three passes: the JSON text, each tensor against its shape and the
 * file, and the ranges in file order against each other.  Nothing is allocated before the header's
 * length is known to be inside the file. */
#include "data/safetensors_header.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define WN_WHERE "data/safetensors"

typedef struct scanner {
    wn_str text;
    size_t at;
    const char *file;
    wn_arena *names;
    wn_error *err;
} scanner;

/* bits: of one element; reference: safetensors::tensor::Dtype */
static const struct {
    const char *name;
    size_t bits;
    wn_dtype dtype;
} dtypes[] = {
    {"F32", 32, WN_DTYPE_F32},      {"F16", 16, WN_DTYPE_F16},      {"BF16", 16, WN_DTYPE_BF16},
    {"I8", 8, WN_DTYPE_I8},         {"BOOL", 8, WN_DTYPE_OTHER},    {"F4", 4, WN_DTYPE_OTHER},
    {"F6_E2M3", 6, WN_DTYPE_OTHER}, {"F6_E3M2", 6, WN_DTYPE_OTHER}, {"U8", 8, WN_DTYPE_OTHER},
    {"F8_E5M2", 8, WN_DTYPE_OTHER}, {"F8_E4M3", 8, WN_DTYPE_OTHER}, {"F8_E8M0", 8, WN_DTYPE_OTHER},
    {"I16", 16, WN_DTYPE_OTHER},    {"U16", 16, WN_DTYPE_OTHER},    {"I32", 32, WN_DTYPE_OTHER},
    {"U32", 32, WN_DTYPE_OTHER},    {"I64", 64, WN_DTYPE_OTHER},    {"U64", 64, WN_DTYPE_OTHER},
    {"F64", 64, WN_DTYPE_OTHER},    {"C64", 64, WN_DTYPE_OTHER},
};

/* ---- the text -------------------------------------------------------------------------------- */

static void skip_space(scanner *s)
{
    for (; s->at < s->text.len; s->at++) {
        char c = s->text.ptr[s->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return;
    }
}

/* Step over c when it is the next character that counts. */
static bool take(scanner *s, char c)
{
    skip_space(s);
    bool found = s->at < s->text.len && s->text.ptr[s->at] == c;
    s->at += found;
    return found;
}

static wn_status fail_here(const scanner *s, const char *expected)
{
    if (s->at >= s->text.len)
        WN_FAIL(s->err, WN_ERR_FORMAT, "%s: header byte %zu: ends, expected %s", s->file, s->at,
                expected);
    unsigned char c = (unsigned char)s->text.ptr[s->at];
    if (c > 0x20 && c < 0x7F)
        WN_FAIL(s->err, WN_ERR_FORMAT, "%s: header byte %zu: '%c', expected %s", s->file, s->at, c,
                expected);
    WN_FAIL(s->err, WN_ERR_FORMAT, "%s: header byte %zu: 0x%02x, expected %s", s->file, s->at, c,
            expected);
}

static wn_status expect(scanner *s, char c)
{
    char expected[] = {'\'', c, '\'', '\0'};
    return take(s, c) ? WN_OK : fail_here(s, expected);
}

/* Four hexadecimal digits at s->at; -1 when they are not there. */
static int32_t read_hex4(scanner *s)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        char c = s->at < s->text.len ? s->text.ptr[s->at] : '\0';
        int32_t digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The character of an escape, s->at behind the backslash; -1 when there is no such escape. */
static int32_t read_escape(scanner *s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = s->at < s->text.len ? s->text.ptr[s->at++] : '\0';
    if (c != 'u') {
        const char *found = c == '\0' ? NULL : strchr(from, c);
        return found == NULL ? -1 : to[found - from];
    }
    int32_t high = read_hex4(s);
    if (high < 0xD800 || high > 0xDFFF)
        return high;
    if (high > 0xDBFF || s->at + 1 >= s->text.len || s->text.ptr[s->at] != '\\' ||
        s->text.ptr[s->at + 1] != 'u')
        return -1;
    s->at += 2;
    int32_t low = read_hex4(s);
    return low < 0xDC00 || low > 0xDFFF ? -1 : 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* One character of a string, escapes resolved; -1 when it is not valid. */
static int32_t read_char(scanner *s)
{
    unsigned char first = (unsigned char)s->text.ptr[s->at];
    utf8proc_int32_t c;
    if (first < 0x80)
        s->at++;
    if (first == '\\')
        return read_escape(s);
    if (first < 0x80)
        return first < 0x20 ? -1 : first;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s->text.ptr + s->at,
                                          (utf8proc_ssize_t)(s->text.len - s->at), &c);
    if (n < 1)
        return -1;
    s->at += (size_t)n;
    return c;
}

/* A JSON string.  Without escapes *out is a slice of the header; with them a copy among the names,
 * or, when the caller wants no text (out NULL), nothing. */
static wn_status read_string(scanner *s, wn_str *out)
{
    WN_TRY(expect(s, '"'));
    size_t start = s->at, n_escapes = 0;
    while (s->at < s->text.len && s->text.ptr[s->at] != '"') {
        size_t at = s->at;
        n_escapes += s->text.ptr[at] == '\\';
        if (read_char(s) < 0) {
            s->at = at;
            return fail_here(s, "valid UTF-8, a valid escape and no control character");
        }
    }
    size_t end = s->at;
    WN_TRY(expect(s, '"'));
    if (out == NULL)
        return WN_OK;
    *out = wn_str_slice(s->text, start, end);
    if (n_escapes == 0)
        return WN_OK;
    char *copy = wn_arena_alloc(s->names, end - start, 1);
    if (copy == NULL)
        WN_FAIL(s->err, WN_ERR_MEMORY, "%s: no memory for a name of %zu bytes", s->file,
                end - start);
    size_t len = 0;
    scanner again = *s;
    again.at = start;
    while (again.at < end)
        len += (size_t)utf8proc_encode_char(read_char(&again), (utf8proc_uint8_t *)copy + len);
    *out = (wn_str){copy, len};
    return WN_OK;
}

/* A whole number as JSON writes it: digits, no sign, no leading zero. */
static wn_status read_size(scanner *s, size_t *out)
{
    skip_space(s);
    size_t start = s->at, value = 0;
    for (; s->at < s->text.len && s->text.ptr[s->at] >= '0' && s->text.ptr[s->at] <= '9'; s->at++) {
        if (!wn_mul_size(&value, value, 10) ||
            !wn_add_size(&value, value, (size_t)(s->text.ptr[s->at] - '0')))
            WN_FAIL(s->err, WN_ERR_FORMAT, "%s: header byte %zu: number over 2^64", s->file, start);
    }
    if (s->at == start || (s->text.ptr[start] == '0' && s->at > start + 1))
        return fail_here(s, "a whole number");
    *out = value;
    return WN_OK;
}

/* [a, b, ...] of at most max numbers. */
static wn_status read_sizes(scanner *s, size_t *out, size_t *n, size_t max, const char *what)
{
    *n = 0;
    WN_TRY(expect(s, '['));
    if (take(s, ']'))
        return WN_OK;
    do {
        if (*n == max)
            WN_FAIL(s->err, WN_ERR_LIMIT, "%s: header byte %zu: %s has over %zu numbers", s->file,
                    s->at, what, max);
        WN_TRY(read_size(s, &out[(*n)++]));
    } while (take(s, ','));
    return expect(s, ']');
}

/* {"key": "text", ...}; the texts are of no use here, and no key is compared with another. */
static wn_status skip_metadata(scanner *s)
{
    WN_TRY(expect(s, '{'));
    if (take(s, '}'))
        return WN_OK;
    do {
        WN_TRY(read_string(s, NULL));
        WN_TRY(expect(s, ':'));
        WN_TRY(read_string(s, NULL));
    } while (take(s, ','));
    return expect(s, '}');
}

/* ---- one tensor ------------------------------------------------------------------------------ */

static wn_status bind_dtype(const scanner *s, wn_tensor_view *view, wn_str name, size_t *bits)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(dtypes); i++) {
        if (wn_str_equal(name, wn_str_from(dtypes[i].name))) {
            view->dtype = dtypes[i].dtype;
            view->dtype_name = dtypes[i].name;
            *bits = dtypes[i].bits;
            return WN_OK;
        }
    }
    WN_FAIL(s->err, WN_ERR_FORMAT, "%s: tensor '%.*s': unknown dtype '%.*s'", s->file,
            WN_STR_ARG(view->name), WN_STR_ARG(name));
}

/* {"dtype": .., "shape": [..], "data_offsets": [start, end]}, each once, in any order. */
static wn_status read_entry(scanner *s, wn_tensor_view *view, size_t *bits, size_t offsets[2])
{
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4, ALL = 7 };
    unsigned seen = 0;
    WN_TRY(expect(s, '{'));
    do {
        wn_str key, dtype;
        size_t n = 2;
        WN_TRY(read_string(s, &key));
        WN_TRY(expect(s, ':'));
        unsigned field = wn_str_equal(key, WN_STR("dtype"))          ? DTYPE
                         : wn_str_equal(key, WN_STR("shape"))        ? SHAPE
                         : wn_str_equal(key, WN_STR("data_offsets")) ? OFFSETS
                                                                     : 0;
        if (field == 0 || (seen & field) != 0)
            WN_FAIL(s->err, WN_ERR_FORMAT, "%s: tensor '%.*s': %s field '%.*s'", s->file,
                    WN_STR_ARG(view->name), field == 0 ? "unknown" : "second", WN_STR_ARG(key));
        seen |= field;
        if (field == DTYPE) {
            WN_TRY(read_string(s, &dtype));
            WN_TRY(bind_dtype(s, view, dtype, bits));
        } else if (field == SHAPE) {
            WN_TRY(read_sizes(s, view->dims, &view->n_dims, WN_SAFETENSORS_DIMS_MAX, "a shape"));
        } else {
            WN_TRY(read_sizes(s, offsets, &n, 2, "data_offsets"));
        }
        if (n != 2)
            WN_FAIL(s->err, WN_ERR_FORMAT,
                    "%s: tensor '%.*s': data_offsets has %zu numbers, expected 2", s->file,
                    WN_STR_ARG(view->name), n);
    } while (take(s, ','));
    WN_TRY(expect(s, '}'));
    if (seen != ALL)
        WN_FAIL(s->err, WN_ERR_FORMAT, "%s: tensor '%.*s': has no field '%s'", s->file,
                WN_STR_ARG(view->name),
                (seen & DTYPE) == 0   ? "dtype"
                : (seen & SHAPE) == 0 ? "shape"
                                      : "data_offsets");
    return WN_OK;
}

/* Bytes that shape and dtype ask for; false when they wrap or do not fill whole bytes. */
static bool bytes_of_shape(const wn_tensor_view *view, size_t bits, size_t *out)
{
    size_t n = 1;
    for (size_t i = 0; i < view->n_dims; i++) {
        if (!wn_mul_size(&n, n, view->dims[i]))
            return false;
    }
    if (!wn_mul_size(&n, n, bits) || n % 8 != 0)
        return false;
    *out = n / 8;
    return true;
}

/* The range lies inside the data and has the size that the shape asks for. */
static wn_status check_range(const scanner *s, const wn_tensor_view *view, size_t bits,
                             const size_t offsets[2], size_t data_bytes)
{
    size_t need = 0;
    if (offsets[0] > offsets[1] || offsets[1] > data_bytes)
        WN_FAIL(s->err, WN_ERR_FORMAT,
                "%s: tensor '%.*s': range %zu..%zu, but the data has %zu bytes", s->file,
                WN_STR_ARG(view->name), offsets[0], offsets[1], data_bytes);
    if (!bytes_of_shape(view, bits, &need))
        WN_FAIL(s->err, WN_ERR_FORMAT, "%s: tensor '%.*s': its shape of %s has no size in bytes",
                s->file, WN_STR_ARG(view->name), view->dtype_name);
    if (need != offsets[1] - offsets[0])
        WN_FAIL(s->err, WN_ERR_FORMAT,
                "%s: tensor '%.*s': shape and %s need %zu bytes, range %zu..%zu has %zu", s->file,
                WN_STR_ARG(view->name), view->dtype_name, need, offsets[0], offsets[1],
                offsets[1] - offsets[0]);
    return WN_OK;
}

/* A name that can be shown to a user and compared by eye. */
static bool is_printable(wn_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7F)
            return false;
    }
    return name.len > 0;
}

static wn_status append_view(wn_view_list *list, const wn_tensor_view *view, const scanner *s)
{
    if (list->n == WN_SAFETENSORS_TENSORS_MAX)
        WN_FAIL(s->err, WN_ERR_LIMIT, "%s: over %zu tensors", s->file, list->n);
    if (!wn_mem_grow(&list->at, &list->cap, list->n + 1, sizeof *list->at))
        WN_FAIL(s->err, WN_ERR_MEMORY, "%s: no memory for %zu tensors", s->file, list->n + 1);
    list->at[list->n++] = *view;
    return WN_OK;
}

/* ---- the file -------------------------------------------------------------------------------- */

static wn_status read_members(scanner *s, wn_view_list *list, wn_str data)
{
    bool has_metadata = false;
    WN_TRY(expect(s, '{'));
    if (take(s, '}'))
        return WN_OK;
    do {
        wn_tensor_view view = {0};
        size_t bits = 0, offsets[2] = {0, 0};
        WN_TRY(read_string(s, &view.name));
        WN_TRY(expect(s, ':'));
        if (wn_str_equal(view.name, WN_STR("__metadata__"))) {
            if (has_metadata)
                WN_FAIL(s->err, WN_ERR_FORMAT, "%s: two '__metadata__' fields", s->file);
            has_metadata = true;
            WN_TRY(skip_metadata(s));
            continue;
        }
        if (!is_printable(view.name))
            WN_FAIL(s->err, WN_ERR_FORMAT,
                    "%s: header byte %zu: a tensor's name is empty or has a control character",
                    s->file, s->at);
        WN_TRY(read_entry(s, &view, &bits, offsets));
        WN_TRY(check_range(s, &view, bits, offsets, data.len));
        view.data = (const unsigned char *)data.ptr + offsets[0];
        view.bytes = offsets[1] - offsets[0];
        WN_TRY(append_view(list, &view, s));
    } while (take(s, ','));
    return expect(s, '}');
}

static int compare_places(const void *a, const void *b)
{
    const wn_tensor_view *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* Sort by place; then each range must begin where the one before it ends. */
static wn_status check_cover(const scanner *s, wn_tensor_view *views, size_t n, wn_str data)
{
    const unsigned char *start = (const unsigned char *)data.ptr;
    if (n > 0)
        qsort(views, n, sizeof *views, compare_places);
    size_t end = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)(views[i].data - start);
        if (at != end && i == 0)
            WN_FAIL(s->err, WN_ERR_FORMAT, "%s: tensor '%.*s': starts at byte %zu, expected 0",
                    s->file, WN_STR_ARG(views[i].name), at);
        if (at != end)
            WN_FAIL(s->err, WN_ERR_FORMAT,
                    "%s: tensor '%.*s': starts at byte %zu, %s '%.*s' ends at %zu", s->file,
                    WN_STR_ARG(views[i].name), at,
                    at < end ? "overlaps:" : "leaves a gap:", WN_STR_ARG(views[i - 1].name), end);
        end = at + views[i].bytes;
    }
    if (end != data.len)
        WN_FAIL(s->err, WN_ERR_FORMAT, "%s: its tensors have %zu bytes, its data %zu", s->file, end,
                data.len);
    return WN_OK;
}

wn_status wn_safetensors_header_read(wn_view_list *list, wn_str bytes, const char *file,
                                     wn_error *err)
{
    uint64_t header_bytes = 0;
    if (bytes.len < 8)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: has %zu bytes, expected at least 8", file, bytes.len);
    for (size_t i = 0; i < 8; i++)
        header_bytes |= (uint64_t)(unsigned char)bytes.ptr[i] << 8 * i;
    if (header_bytes > WN_SAFETENSORS_HEADER_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "%s: header of %llu bytes, at most %u are read", file,
                (unsigned long long)header_bytes, WN_SAFETENSORS_HEADER_MAX);
    if (header_bytes > bytes.len - 8)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: header of %llu bytes, but only %zu follow its length",
                file, (unsigned long long)header_bytes, bytes.len - 8);
    wn_str data = wn_str_slice(bytes, 8 + (size_t)header_bytes, bytes.len);
    scanner s = {.text = wn_str_slice(bytes, 8, 8 + (size_t)header_bytes),
                 .file = file,
                 .names = &list->names,
                 .err = err};
    size_t first = list->n;
    if (s.text.len == 0 || s.text.ptr[0] != '{')
        return fail_here(&s, "'{'");
    WN_TRY(read_members(&s, list, data));
    skip_space(&s);
    if (s.at < s.text.len)
        return fail_here(&s, "nothing but spaces behind the last '}'");
    if (list->n == first) /* no array to point into */
        return check_cover(&s, NULL, 0, data);
    return check_cover(&s, list->at + first, list->n - first, data);
}
