/* See gguf.h.  One pass from front to back: a cursor that knows what is left, so that no length of
 * the file is believed before as many bytes are there. */
#include "data/gguf.h"

#include "base/mem.h"
#include "base/str.h"
#include "data/unicode.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define WN_WHERE "data/gguf"

#define VERSION       3
#define ALIGN_DEFAULT 32
#define ALIGNMENT_KEY "general.alignment"

typedef struct pair {
    wn_str key;
    wn_gguf_value value;
} pair;

struct wn_gguf {
    pair *pairs;
    size_t n_pairs, pairs_cap;
    wn_map keys;     /* number of a pair */
    wn_tensors *set; /* with the mapping */
};

/* What is read, and where. */
typedef struct reader {
    wn_gguf *gguf;
    const unsigned char *start, *at, *end;
    const char *file;
    wn_error *err;
} reader;

/* Types of values: bytes of one; 0: not of one size. */
static const uint8_t value_bytes[] = {
    [WN_GGUF_U8] = 1,     [WN_GGUF_I8] = 1,    [WN_GGUF_U16] = 2, [WN_GGUF_I16] = 2,
    [WN_GGUF_U32] = 4,    [WN_GGUF_I32] = 4,   [WN_GGUF_F32] = 4, [WN_GGUF_BOOL] = 1,
    [WN_GGUF_STRING] = 0, [WN_GGUF_ARRAY] = 0, [WN_GGUF_U64] = 8, [WN_GGUF_I64] = 8,
    [WN_GGUF_F64] = 8,
};

/* Types of tensors by their number: a block has n values in so many bytes.
 * Source: ggml.h enum ggml_type; ggml-common.h. */
static const struct {
    const char *name; /* NULL: a number that is or was never used */
    uint16_t n, bytes;
    wn_dtype dtype;
} tensor_types[] = {
    [0] = {"F32", 1, 4, WN_DTYPE_F32},           [1] = {"F16", 1, 2, WN_DTYPE_F16},
    [2] = {"Q4_0", 32, 18, WN_DTYPE_Q4_0},       [3] = {"Q4_1", 32, 20, WN_DTYPE_Q4_1},
    [6] = {"Q5_0", 32, 22, WN_DTYPE_Q5_0},       [7] = {"Q5_1", 32, 24, WN_DTYPE_Q5_1},
    [8] = {"Q8_0", 32, 34, WN_DTYPE_Q8_0},       [9] = {"Q8_1", 32, 40, WN_DTYPE_OTHER},
    [10] = {"Q2_K", 256, 84, WN_DTYPE_OTHER},    [11] = {"Q3_K", 256, 110, WN_DTYPE_OTHER},
    [12] = {"Q4_K", 256, 144, WN_DTYPE_Q4_K},    [13] = {"Q5_K", 256, 176, WN_DTYPE_Q5_K},
    [14] = {"Q6_K", 256, 210, WN_DTYPE_Q6_K},    [15] = {"Q8_K", 256, 292, WN_DTYPE_OTHER},
    [16] = {"IQ2_XXS", 256, 66, WN_DTYPE_OTHER}, [17] = {"IQ2_XS", 256, 74, WN_DTYPE_OTHER},
    [18] = {"IQ3_XXS", 256, 98, WN_DTYPE_OTHER}, [19] = {"IQ1_S", 256, 50, WN_DTYPE_OTHER},
    [20] = {"IQ4_NL", 32, 18, WN_DTYPE_OTHER},   [21] = {"IQ3_S", 256, 110, WN_DTYPE_OTHER},
    [22] = {"IQ2_S", 256, 82, WN_DTYPE_OTHER},   [23] = {"IQ4_XS", 256, 136, WN_DTYPE_OTHER},
    [24] = {"I8", 1, 1, WN_DTYPE_OTHER},         [25] = {"I16", 1, 2, WN_DTYPE_OTHER},
    [26] = {"I32", 1, 4, WN_DTYPE_OTHER},        [27] = {"I64", 1, 8, WN_DTYPE_OTHER},
    [28] = {"F64", 1, 8, WN_DTYPE_OTHER},        [29] = {"IQ1_M", 256, 56, WN_DTYPE_OTHER},
    [30] = {"BF16", 1, 2, WN_DTYPE_BF16},        [34] = {"TQ1_0", 256, 54, WN_DTYPE_OTHER},
    [35] = {"TQ2_0", 256, 66, WN_DTYPE_OTHER},   [39] = {"MXFP4", 32, 17, WN_DTYPE_OTHER},
    [40] = {"NVFP4", 64, 36, WN_DTYPE_OTHER},    [41] = {"Q1_0", 128, 18, WN_DTYPE_OTHER},
};

/* ---- numbers and strings --------------------------------------------------------------------- */

static uint64_t little_endian(const unsigned char *p, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)p[i] << 8 * i;
    return value;
}

static size_t left(const reader *r)
{
    return (size_t)(r->end - r->at);
}

static wn_status fail_short(const reader *r, uint64_t need, const char *what)
{
    WN_FAIL(r->err, WN_ERR_FORMAT,
            "%s: byte %zu: %s needs %" PRIu64 " bytes, but the file has %zu more", r->file,
            (size_t)(r->at - r->start), what, need, left(r));
}

/* Pass n bytes; *out is where they begin. */
static wn_status take(reader *r, const unsigned char **out, uint64_t n, const char *what)
{
    if (n > left(r))
        return fail_short(r, n, what);
    *out = r->at;
    r->at += n;
    return WN_OK;
}

static wn_status take_number(reader *r, uint64_t *out, size_t bytes, const char *what)
{
    const unsigned char *p;
    WN_TRY(take(r, &p, bytes, what));
    *out = little_endian(p, bytes);
    return WN_OK;
}

static wn_status take_string(reader *r, wn_str *out, const char *what)
{
    const unsigned char *p;
    uint64_t len;
    WN_TRY(take_number(r, &len, 8, what));
    WN_TRY(take(r, &p, len, what));
    *out = (wn_str){(const char *)p, (size_t)len};
    return WN_OK;
}

/* A key or a name: what a user can read in a message. */
static wn_status take_name(reader *r, wn_str *out, size_t max_bytes, const char *what)
{
    size_t at = (size_t)(r->at - r->start);
    WN_TRY(take_string(r, out, what));
    if (out->len == 0 || out->len > max_bytes)
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: byte %zu: %s has %zu bytes, expected 1..%zu", r->file,
                at, what, out->len, max_bytes);
    bool printable = wn_utf8_check(*out) == out->len;
    for (size_t i = 0; i < out->len; i++)
        printable &= (unsigned char)out->ptr[i] >= 0x20 && out->ptr[i] != 0x7F;
    if (!printable)
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: byte %zu: %s is not printable UTF-8", r->file, at,
                what);
    return WN_OK;
}

/* ---- metadata -------------------------------------------------------------------------------- */

/* The type of a value or of an array's items. */
static wn_status take_type(reader *r, wn_gguf_type *out, wn_str key, bool of_items)
{
    uint64_t type;
    WN_TRY(take_number(r, &type, 4, "the type of a value"));
    if (type >= WN_ARRAY_LEN(value_bytes) || (of_items && type == WN_GGUF_ARRAY))
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: key '%.*s': %s type %" PRIu64 " is unknown", r->file,
                WN_STR_ARG(key), of_items ? "item" : "value", type);
    *out = (wn_gguf_type)type;
    return WN_OK;
}

/* n values of one type. */
static wn_status take_items(reader *r, const wn_gguf_value *value, wn_str key)
{
    size_t bytes = 0;
    const unsigned char *unused;
    if (value->type == WN_GGUF_STRING) {
        for (size_t i = 0; i < value->n; i++) {
            wn_str text;
            WN_TRY(take_string(r, &text, "a string"));
        }
        return WN_OK;
    }
    if (!wn_mul_size(&bytes, value->n, value_bytes[value->type]))
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: key '%.*s': an array of %zu items", r->file,
                WN_STR_ARG(key), value->n);
    WN_TRY(take(r, &unused, bytes, "a value"));
    for (size_t i = 0; value->type == WN_GGUF_BOOL && i < value->n; i++) {
        if (value->data[i] > 1)
            WN_FAIL(r->err, WN_ERR_FORMAT, "%s: key '%.*s': a boolean is %u, expected 0 or 1",
                    r->file, WN_STR_ARG(key), value->data[i]);
    }
    return WN_OK;
}

static wn_status take_value(reader *r, wn_gguf_value *value, wn_str key)
{
    uint64_t n = 1;
    WN_TRY(take_type(r, &value->type, key, false));
    value->is_array = value->type == WN_GGUF_ARRAY;
    if (value->is_array) {
        WN_TRY(take_type(r, &value->type, key, true));
        WN_TRY(take_number(r, &n, 8, "the length of an array"));
        if (n > left(r)) /* an item has a byte at least */
            WN_FAIL(r->err, WN_ERR_FORMAT,
                    "%s: key '%.*s': an array of %" PRIu64
                    " items, but the file has %zu more bytes",
                    r->file, WN_STR_ARG(key), n, left(r));
    }
    value->n = (size_t)n;
    value->data = r->at;
    return take_items(r, value, key);
}

/* A key must be new. */
static wn_status enter(reader *r, wn_str key, size_t number)
{
    bool replaced = false;
    if (!wn_map_put(&r->gguf->keys, key, (int32_t)number, &replaced))
        WN_FAIL(r->err, WN_ERR_MEMORY, "%s: no memory for a key", r->file);
    if (replaced)
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: key '%.*s' is there twice", r->file, WN_STR_ARG(key));
    return WN_OK;
}

static wn_status read_pairs(reader *r, uint64_t n)
{
    wn_gguf *gguf = r->gguf;
    if (n > WN_GGUF_PAIRS_MAX)
        WN_FAIL(r->err, WN_ERR_LIMIT, "%s: %" PRIu64 " keys, at most %d", r->file, n,
                WN_GGUF_PAIRS_MAX);
    for (size_t i = 0; i < n; i++) {
        pair p;
        WN_TRY(take_name(r, &p.key, WN_GGUF_KEY_BYTES_MAX, "a key"));
        WN_TRY(take_value(r, &p.value, p.key));
        WN_TRY(enter(r, p.key, i));
        if (!wn_mem_grow(&gguf->pairs, &gguf->pairs_cap, i + 1, sizeof *gguf->pairs))
            WN_FAIL(r->err, WN_ERR_MEMORY, "%s: no memory for %zu keys", r->file, i + 1);
        gguf->pairs[gguf->n_pairs++] = p;
    }
    return WN_OK;
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* Number of dimensions and each of them, the fastest first. */
static wn_status take_dims(reader *r, wn_tensor_view *view)
{
    uint64_t n;
    WN_TRY(take_number(r, &n, 4, "a shape"));
    if (n == 0 || n > WN_GGUF_DIMS_MAX)
        WN_FAIL(r->err, WN_ERR_FORMAT,
                "%s: tensor '%.*s': has %" PRIu64 " dimensions, expected 1..%d", r->file,
                WN_STR_ARG(view->name), n, WN_GGUF_DIMS_MAX);
    view->n_dims = (size_t)n;
    for (size_t i = view->n_dims; i-- > 0;) {
        uint64_t dim;
        WN_TRY(take_number(r, &dim, 8, "a shape"));
        view->dims[i] = (size_t)dim;
    }
    return WN_OK;
}

/* Type and shape give the size. */
static wn_status take_tensor_type(reader *r, wn_tensor_view *view)
{
    uint64_t type;
    WN_TRY(take_number(r, &type, 4, "the type of a tensor"));
    if (type >= WN_ARRAY_LEN(tensor_types) || tensor_types[type].name == NULL)
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: tensor '%.*s': type %" PRIu64 " is unknown", r->file,
                WN_STR_ARG(view->name), type);
    size_t block = tensor_types[type].n, row = view->dims[view->n_dims - 1], bytes;
    view->dtype = tensor_types[type].dtype;
    view->dtype_name = tensor_types[type].name;
    if (row % block != 0)
        WN_FAIL(r->err, WN_ERR_FORMAT,
                "%s: tensor '%.*s': rows of %zu values, expected whole blocks of %s, %zu values",
                r->file, WN_STR_ARG(view->name), row, view->dtype_name, block);
    bool fits = wn_mul_size(&bytes, row / block, tensor_types[type].bytes);
    for (size_t i = 0; i + 1 < view->n_dims; i++)
        fits = fits && wn_mul_size(&bytes, bytes, view->dims[i]);
    if (!fits)
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: tensor '%.*s': its shape has no size in bytes", r->file,
                WN_STR_ARG(view->name));
    view->bytes = bytes;
    return WN_OK;
}

/* One entry of the table; *end is where the tensors before it end, from the start of the data. */
static wn_status read_tensor(reader *r, uint64_t *end, size_t alignment)
{
    wn_tensor_view view = {0};
    uint64_t offset, expected = (*end + alignment - 1) / alignment * alignment;
    WN_TRY(take_name(r, &view.name, WN_GGUF_NAME_MAX, "the name of a tensor"));
    WN_TRY(take_dims(r, &view));
    WN_TRY(take_tensor_type(r, &view));
    WN_TRY(take_number(r, &offset, 8, "the place of a tensor"));
    if (offset != expected)
        WN_FAIL(r->err, WN_ERR_FORMAT,
                "%s: tensor '%.*s': starts at byte %" PRIu64 " of the data, expected %" PRIu64,
                r->file, WN_STR_ARG(view.name), offset, expected);
    if (view.bytes > (uint64_t)INT64_MAX - expected - alignment)
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: tensor '%.*s': ends behind byte 2^63", r->file,
                WN_STR_ARG(view.name));
    *end = expected + view.bytes;
    return wn_tensors_add(r->gguf->set, &view, r->file, r->err);
}

/* The data begins behind the table; all tensors must lie in the file. */
static wn_status place_tensors(reader *r, uint64_t data_bytes, size_t alignment)
{
    wn_tensors *set = r->gguf->set;
    size_t size = (size_t)(r->end - r->start), table = (size_t)(r->at - r->start);
    uint64_t start = (table + (uint64_t)alignment - 1) / alignment * alignment, at = 0;
    if (set->n > 0 && start + data_bytes > size)
        WN_FAIL(r->err, WN_ERR_FORMAT,
                "%s: cut off: has %zu bytes, its tensors end at byte %" PRIu64, r->file, size,
                start + data_bytes);
    for (size_t i = 0; i < set->n; i++) {
        at = (at + alignment - 1) / alignment * alignment;
        set->views[i].data = r->start + start + at;
        at += set->views[i].bytes;
    }
    return WN_OK;
}

static wn_status read_alignment(const reader *r, size_t *out)
{
    const wn_gguf_value *value = wn_gguf_find(r->gguf, ALIGNMENT_KEY);
    *out = ALIGN_DEFAULT;
    if (value == NULL)
        return WN_OK;
    if (value->is_array || value->type != WN_GGUF_U32)
        WN_FAIL(r->err, WN_ERR_FORMAT, "%s: key '" ALIGNMENT_KEY "': is not a number of 32 bits",
                r->file);
    size_t n = (size_t)little_endian(value->data, 4);
    if (n == 0 || n > WN_GGUF_ALIGN_MAX || (n & (n - 1)) != 0)
        WN_FAIL(r->err, WN_ERR_FORMAT,
                "%s: key '" ALIGNMENT_KEY "': is %zu, expected a power of two up to %d", r->file, n,
                WN_GGUF_ALIGN_MAX);
    *out = n;
    return WN_OK;
}

/* ---- the file -------------------------------------------------------------------------------- */

static const unsigned char magic[4] = {'G', 'G', 'U', 'F'};

static wn_status check_version(reader *r)
{
    const unsigned char *p;
    uint64_t version;
    WN_TRY(take(r, &p, sizeof magic, "a GGUF file's magic"));
    if (memcmp(p, magic, sizeof magic) != 0)
        WN_FAIL(r->err, WN_ERR_FORMAT,
                "%s: begins with the bytes %02x %02x %02x %02x, a GGUF file with 47 47 55 46",
                r->file, p[0], p[1], p[2], p[3]);
    WN_TRY(take_number(r, &version, 4, "the version"));
    if ((version & 0xFFFF) == 0)
        WN_FAIL(r->err, WN_ERR_UNSUPPORTED,
                "%s: GGUF of big-endian numbers is not supported, only of little-endian ones",
                r->file);
    if (version != VERSION)
        WN_FAIL(r->err, WN_ERR_UNSUPPORTED,
                "%s: GGUF version %" PRIu64 " is not supported, only version %d", r->file, version,
                VERSION);
    return WN_OK;
}

static wn_status read_file(reader *r)
{
    uint64_t n_tensors, n_pairs, data_bytes = 0;
    size_t alignment;
    WN_TRY(check_version(r));
    WN_TRY(take_number(r, &n_tensors, 8, "the number of tensors"));
    WN_TRY(take_number(r, &n_pairs, 8, "the number of keys"));
    WN_TRY(read_pairs(r, n_pairs));
    WN_TRY(read_alignment(r, &alignment));
    if (n_tensors > WN_TENSORS_MAX)
        WN_FAIL(r->err, WN_ERR_LIMIT, "%s: %" PRIu64 " tensors, at most %d", r->file, n_tensors,
                WN_TENSORS_MAX);
    for (size_t i = 0; i < n_tensors; i++)
        WN_TRY(read_tensor(r, &data_bytes, alignment));
    WN_TRY(wn_tensors_index(r->gguf->set, 0, r->file, r->err));
    return place_tensors(r, data_bytes, alignment);
}

static wn_status read_bytes(wn_gguf *gguf, wn_str bytes, const char *name, wn_error *err)
{
    const unsigned char *start = (const unsigned char *)(bytes.len == 0 ? "" : bytes.ptr);
    reader r = {gguf, start, start, start + bytes.len, name, err};
    return read_file(&r);
}

/* path NULL: the bytes are in memory. */
static wn_status open_new(wn_gguf **out, const char *path, wn_str bytes, const char *name,
                          wn_error *err)
{
    wn_gguf *gguf = wn_mem_zalloc(1, sizeof *gguf);
    if (gguf == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory to read '%s'", name);
    wn_status status = wn_tensors_new(&gguf->set, err);
    if (status == WN_OK && path != NULL)
        status = wn_tensors_map(gguf->set, &bytes, path, err);
    if (status == WN_OK)
        status = read_bytes(gguf, bytes, name, err);
    if (status == WN_OK)
        *out = gguf;
    else
        wn_gguf_close(gguf);
    return status;
}

bool wn_gguf_is_file(const char *path)
{
    char first[sizeof magic];
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) /* opening a pipe would wait */
        return false;
    FILE *file = fopen(path, "re");
    bool good = file != NULL && fread(first, 1, sizeof first, file) == sizeof first &&
                memcmp(first, magic, sizeof magic) == 0;
    if (file != NULL)
        fclose(file);
    return good;
}

wn_status wn_gguf_open(wn_gguf **out, const char *path, wn_error *err)
{
    const char *slash = strrchr(path, '/');
    return open_new(out, path, (wn_str){NULL, 0}, slash == NULL ? path : slash + 1, err);
}

wn_status wn_gguf_parse(wn_gguf **out, wn_str bytes, const char *name, wn_error *err)
{
    return open_new(out, NULL, bytes, name, err);
}

void wn_gguf_close(wn_gguf *gguf)
{
    if (gguf == NULL)
        return;
    wn_tensors_close(gguf->set);
    wn_mem_free(gguf->pairs);
    wn_map_deinit(&gguf->keys);
    wn_mem_free(gguf);
}

/* ---- what it says ---------------------------------------------------------------------------- */

const wn_gguf_value *wn_gguf_find(const wn_gguf *gguf, const char *key)
{
    int32_t i = wn_map_get(&gguf->keys, wn_str_from(key), -1);
    return i < 0 ? NULL : &gguf->pairs[i].value;
}

wn_str wn_gguf_next_string(const unsigned char **at)
{
    wn_str text = {(const char *)*at + 8, (size_t)little_endian(*at, 8)};
    *at += 8 + text.len;
    return text;
}

wn_str wn_gguf_string(const wn_gguf *gguf, const char *key)
{
    const wn_gguf_value *value = wn_gguf_find(gguf, key);
    if (value == NULL || value->is_array || value->type != WN_GGUF_STRING)
        return (wn_str){NULL, 0};
    const unsigned char *at = value->data;
    return wn_gguf_next_string(&at);
}

/* An integer that two's complement extends from so many bytes. */
static int64_t signed_number(uint64_t bits, size_t bytes)
{
    unsigned unused = (unsigned)(64 - 8 * bytes);
    return (int64_t)(bits << unused) >> unused;
}

double wn_gguf_number(const wn_gguf_value *value, size_t i)
{
    size_t bytes = value_bytes[value->type];
    WN_ASSERT(bytes > 0 && i < value->n);
    const unsigned char *p = value->data + i * bytes;
    uint64_t bits = little_endian(p, bytes);
    float single;
    double number;
    switch (value->type) {
    case WN_GGUF_F32:
        memcpy(&single, p, sizeof single);
        return (double)single;
    case WN_GGUF_F64:
        memcpy(&number, p, sizeof number);
        return number;
    case WN_GGUF_I8:
    case WN_GGUF_I16:
    case WN_GGUF_I32:
    case WN_GGUF_I64:
        return (double)signed_number(bits, bytes);
    default:
        return (double)bits;
    }
}

wn_str wn_gguf_key_at(const wn_gguf *gguf, size_t i)
{
    return i < gguf->n_pairs ? gguf->pairs[i].key : (wn_str){0};
}

json_t *wn_gguf_json(const wn_gguf *gguf, const char *key)
{
    const wn_gguf_value *value = wn_gguf_find(gguf, key);
    if (value == NULL || value->is_array)
        return json_null();
    if (value->type == WN_GGUF_STRING) {
        wn_str text = wn_gguf_string(gguf, key);
        return wn_utf8_check(text) == text.len ? json_stringn(text.ptr, text.len) : json_null();
    }
    if (value->type == WN_GGUF_BOOL)
        return json_boolean(value->data[0]);
    double number = wn_gguf_number(value, 0);
    bool whole = value->type != WN_GGUF_F32 && value->type != WN_GGUF_F64;
    if (whole && fabs(number) < 0x1p62)
        return json_integer((json_int_t)number);
    return isfinite(number) ? json_real(number) : json_null();
}

wn_tensors *wn_gguf_tensors(const wn_gguf *gguf)
{
    return gguf->set;
}
