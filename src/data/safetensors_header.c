/* See safetensors_header.h.  Three passes: the JSON text, each tensor against its shape and the
 * file, and the ranges in file order against each other.  Nothing is allocated before the header's
 * length is known to be inside the file. */
#include "data/safetensors_header.h"

#include "base/str.h"
#include "data/json_scan.h"

#include <stdlib.h>
#include <string.h>

#define WN_WHERE "data/safetensors"

typedef struct reader {
    wn_scan scan;
    wn_buf spare; /* the text of a string with escapes */
    const char *file;
    wn_tensors *set;
    wn_error *err;
} reader;

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

/* What was expected at the place where the scan failed. */
static wn_status fail_here(const reader *r)
{
    size_t at = (size_t)(r->scan.at - r->scan.start);
    const char *expected = r->scan.expected;
    if (expected == NULL)
        WN_FAIL(r->err, WN_ERR_MEMORY, "%s: no memory for a string of its header", r->file);
    if (r->scan.at >= r->scan.end)
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: header byte %zu: ends, expected %s", r->file, at,
                expected);
    unsigned char c = (unsigned char)*r->scan.at;
    if (c > 0x20 && c < 0x7F)
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: header byte %zu: '%c', expected %s", r->file, at, c,
                expected);
    WN_FAIL(r->err, WN_ERR_FORMAT, "%s: header byte %zu: 0x%02x, expected %s", r->file, at, c,
            expected);
}

/* "text" and a colon.  *key is valid until the next string is read. */
static wn_status read_key(reader *r, wn_str *key)
{
    bool ok = wn_scan_slice(&r->scan, key, &r->spare) && wn_scan_need(&r->scan, ':', "':'");
    return ok ? WN_OK : fail_here(r);
}

/* [a, b, ...] of at most max numbers. */
static wn_status read_sizes(reader *r, size_t *out, size_t *n, size_t max, const char *what)
{
    wn_scan *scan = &r->scan;
    *n = 0;
    if (!wn_scan_need(scan, '[', "'['"))
        return fail_here(r);
    if (wn_scan_take(scan, ']'))
        return WN_OK;
    do {
        uint64_t value;
        if (*n == max)
            WN_FAIL(r->err, WN_ERR_LIMIT, "%s: header byte %zu: %s has over %zu numbers", r->file,
                    (size_t)(scan->at - scan->start), what, max);
        if (!wn_scan_uint(scan, &value, SIZE_MAX))
            return fail_here(r);
        out[(*n)++] = (size_t)value;
    } while (wn_scan_take(scan, ','));
    return wn_scan_need(scan, ']', "']'") ? WN_OK : fail_here(r);
}

/* {"key": "text", ...}; the texts are of no use here, and no key is compared with another. */
static wn_status skip_metadata(reader *r)
{
    wn_scan *scan = &r->scan;
    if (!wn_scan_need(scan, '{', "'{'"))
        return fail_here(r);
    if (wn_scan_take(scan, '}'))
        return WN_OK;
    do {
        if (!wn_scan_string(scan, NULL) || !wn_scan_need(scan, ':', "':'") ||
            !wn_scan_string(scan, NULL))
            return fail_here(r);
    } while (wn_scan_take(scan, ','));
    return wn_scan_need(scan, '}', "'}'") ? WN_OK : fail_here(r);
}

/* ---- one tensor ------------------------------------------------------------------------------ */

static wn_status bind_dtype(const reader *r, wn_tensor_view *view, wn_str name, size_t *bits)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(dtypes); i++) {
        if (wn_str_equal(name, wn_str_from(dtypes[i].name))) {
            view->dtype = dtypes[i].dtype;
            view->dtype_name = dtypes[i].name;
            *bits = dtypes[i].bits;
            return WN_OK;
        }
    }
    WN_FAIL(r->err, WN_ERR_FORMAT, "%s: tensor '%.*s': unknown dtype '%.*s'", r->file,
            WN_STR_ARG(view->name), WN_STR_ARG(name));
}

/* {"dtype": .., "shape": [..], "data_offsets": [start, end]}, each once, in any order. */
static wn_status read_entry(reader *r, wn_tensor_view *view, size_t *bits, size_t offsets[2])
{
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4, ALL = 7 };
    unsigned seen = 0;
    if (!wn_scan_need(&r->scan, '{', "'{'"))
        return fail_here(r);
    do {
        wn_str key, dtype;
        size_t n = 2;
        WN_TRY(read_key(r, &key));
        unsigned field = wn_str_equal(key, WN_STR("dtype"))          ? DTYPE
                         : wn_str_equal(key, WN_STR("shape"))        ? SHAPE
                         : wn_str_equal(key, WN_STR("data_offsets")) ? OFFSETS
                                                                     : 0;
        if (field == 0 || (seen & field) != 0)
            WN_FAIL(r->err, WN_ERR_FORMAT, "%s: tensor '%.*s': %s field '%.*s'", r->file,
                    WN_STR_ARG(view->name), field == 0 ? "unknown" : "second", WN_STR_ARG(key));
        seen |= field;
        if (field == DTYPE) {
            if (!wn_scan_slice(&r->scan, &dtype, &r->spare))
                return fail_here(r);
            WN_TRY(bind_dtype(r, view, dtype, bits));
        } else if (field == SHAPE) {
            WN_TRY(read_sizes(r, view->dims, &view->n_dims, WN_TENSOR_DIMS_MAX, "a shape"));
        } else {
            WN_TRY(read_sizes(r, offsets, &n, 2, "data_offsets"));
        }
        if (n != 2)
            WN_FAIL(r->err, WN_ERR_FORMAT,
                    "%s: tensor '%.*s': data_offsets has %zu numbers, expected 2", r->file,
                    WN_STR_ARG(view->name), n);
    } while (wn_scan_take(&r->scan, ','));
    if (!wn_scan_need(&r->scan, '}', "'}'"))
        return fail_here(r);
    if (seen != ALL)
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: tensor '%.*s': has no field '%s'", r->file,
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
static wn_status check_range(const reader *r, const wn_tensor_view *view, size_t bits,
                             const size_t offsets[2], size_t data_bytes)
{
    size_t need = 0;
    if (offsets[0] > offsets[1] || offsets[1] > data_bytes)
        WN_FAIL(r->err, WN_ERR_FORMAT,
                "%s: tensor '%.*s': range %zu..%zu, but the data has %zu bytes", r->file,
                WN_STR_ARG(view->name), offsets[0], offsets[1], data_bytes);
    if (!bytes_of_shape(view, bits, &need))
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: tensor '%.*s': its shape of %s has no size in bytes",
                r->file, WN_STR_ARG(view->name), view->dtype_name);
    if (need != offsets[1] - offsets[0])
        WN_FAIL(r->err, WN_ERR_FORMAT,
                "%s: tensor '%.*s': shape and %s need %zu bytes, range %zu..%zu has %zu", r->file,
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

/* ---- the file -------------------------------------------------------------------------------- */

/* Check a tensor's name and let it outlive the next string. */
static wn_status keep_name(const reader *r, wn_str *name)
{
    if (!is_printable(*name))
        WN_FAIL(r->err, WN_ERR_FORMAT,
                "%s: header byte %zu: a tensor's name is empty or has a control character", r->file,
                (size_t)(r->scan.at - r->scan.start));
    if (name->ptr == r->spare.ptr)
        *name = wn_arena_str(&r->set->arena, *name);
    if (name->ptr == NULL)
        WN_FAIL(r->err, WN_ERR_MEMORY, "%s: no memory for a name of %zu bytes", r->file, name->len);
    return WN_OK;
}

static wn_status read_members(reader *r, wn_str data)
{
    wn_scan *scan = &r->scan;
    bool has_metadata = false;
    if (!wn_scan_need(scan, '{', "'{'"))
        return fail_here(r);
    if (wn_scan_take(scan, '}'))
        return wn_scan_end(scan) ? WN_OK : fail_here(r);
    do {
        wn_tensor_view view = {0};
        size_t bits = 0, offsets[2] = {0, 0};
        WN_TRY(read_key(r, &view.name));
        if (wn_str_equal(view.name, WN_STR("__metadata__"))) {
            if (has_metadata)
                WN_FAIL(r->err, WN_ERR_FORMAT, "%s: two '__metadata__' fields", r->file);
            has_metadata = true;
            WN_TRY(skip_metadata(r));
            continue;
        }
        WN_TRY(keep_name(r, &view.name));
        WN_TRY(read_entry(r, &view, &bits, offsets));
        WN_TRY(check_range(r, &view, bits, offsets, data.len));
        view.data = (const unsigned char *)data.ptr + offsets[0];
        view.bytes = offsets[1] - offsets[0];
        WN_TRY(wn_tensors_add(r->set, &view, r->file, r->err));
    } while (wn_scan_take(scan, ','));
    return wn_scan_need(scan, '}', "'}'") && wn_scan_end(scan) ? WN_OK : fail_here(r);
}

static int compare_places(const void *a, const void *b)
{
    const wn_tensor_view *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* Sort by place; then each range must begin where the one before it ends. */
static wn_status check_cover(const reader *r, wn_tensor_view *views, size_t n, wn_str data)
{
    const unsigned char *start = (const unsigned char *)data.ptr;
    if (n > 0)
        qsort(views, n, sizeof *views, compare_places);
    size_t end = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)(views[i].data - start);
        if (at != end && i == 0)
            WN_FAIL(r->err, WN_ERR_FORMAT, "%s: tensor '%.*s': starts at byte %zu, expected 0",
                    r->file, WN_STR_ARG(views[i].name), at);
        if (at != end)
            WN_FAIL(r->err, WN_ERR_FORMAT,
                    "%s: tensor '%.*s': starts at byte %zu, %s '%.*s' ends at %zu", r->file,
                    WN_STR_ARG(views[i].name), at,
                    at < end ? "overlaps:" : "leaves a gap:", WN_STR_ARG(views[i - 1].name), end);
        end = at + views[i].bytes;
    }
    if (end != data.len)
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: its tensors have %zu bytes, its data %zu", r->file, end,
                data.len);
    return WN_OK;
}

wn_status wn_safetensors_header_read(wn_tensors *set, wn_str bytes, const char *file, wn_error *err)
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
    const char *header = bytes.ptr + 8;
    reader r = {.scan = {header, header, data.ptr, NULL}, .file = file, .set = set, .err = err};
    size_t first = set->n;
    if (header_bytes == 0 || *header != '{') /* white space is not allowed here */
        r.scan.expected = "'{'";
    wn_status status = read_members(&r, data);
    wn_buf_deinit(&r.spare);
    WN_TRY(status);
    wn_tensor_view *views = set->n == first ? NULL : set->views + first;
    return check_cover(&r, views, set->n - first, data);
}
