/* See charsmap.h.  Layout, little-endian: u32 byte length of the array, the array of u32 units,
 * then NUL-terminated UTF-8 strings to the end. */
#include "token/charsmap.h"
#include "base/str.h"
#include "base/mem.h"
#include "data/unicode.h"

#include <string.h>

#define WN_WHERE "token/charsmap"

struct wn_charsmap {
    uint32_t *units;
    size_t n_units;
    char *blob;
    size_t blob_len;
    bool keeps_ascii[128];
};

/* One unit of the double array. */
static bool has_leaf(uint32_t unit)
{
    return (unit >> 8 & 1) != 0;
}

static uint32_t value(uint32_t unit)
{
    return unit & 0x7FFFFFFF;
}

static uint32_t label(uint32_t unit)
{
    return unit & 0x800000FF;
}

static size_t offset(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & 0x200) >> 6);
}

/* ---- base64 ---------------------------------------------------------------------------------- */

static int32_t digit(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode standard base64 with padding into out [text.len / 4 * 3]; false when it is not that. */
static bool decode_base64(unsigned char *out, size_t *n, wn_str text)
{
    if (text.len % 4 != 0)
        return false;
    size_t pad = wn_str_ends(text, WN_STR("==")) ? 2 : wn_str_ends(text, WN_STR("=")) ? 1 : 0;
    *n = 0;
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t bits = 0;
        size_t skip = i + 4 == text.len ? pad : 0;
        for (size_t k = 0; k < 4; k++) {
            int32_t d = k < 4 - skip ? digit((unsigned char)text.ptr[i + k]) : 0;
            if (d < 0)
                return false;
            bits = bits << 6 | (uint32_t)d;
        }
        if ((bits & ((1u << 8 * skip) - 1)) != 0) /* bits that belong to no byte */
            return false;
        for (size_t k = 0; k < 3 - skip; k++)
            out[(*n)++] = (unsigned char)(bits >> (16 - 8 * k));
    }
    return true;
}

/* ---- parse ----------------------------------------------------------------------------------- */

/* Read the array and the blob from bytes; takes ownership of nothing. */
static wn_status read_parts(wn_charsmap *map, const unsigned char *bytes, size_t n,
                            const char *path, wn_error *err)
{
    uint32_t array_bytes = 0;
    for (size_t k = 0; k < 4 && k < n; k++)
        array_bytes |= (uint32_t)bytes[k] << 8 * k;
    if (n < 4 || array_bytes % 4 != 0 || array_bytes < 4 || array_bytes > n - 4)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: array of %u bytes in a map of %zu bytes", path,
                array_bytes, n);
    map->n_units = array_bytes / 4;
    map->blob_len = n - 4 - array_bytes;
    map->units = wn_mem_alloc(map->n_units, sizeof *map->units);
    map->blob = wn_mem_alloc(map->blob_len + 1, 1);
    if (map->units == NULL || map->blob == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory for %zu bytes", path, n);
    for (size_t i = 0; i < map->n_units; i++) {
        const unsigned char *u = bytes + 4 + 4 * i;
        map->units[i] = u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
    }
    memcpy(map->blob, bytes + 4 + array_bytes, map->blob_len);
    map->blob[map->blob_len] = '\0';
    return WN_OK;
}

/* Every leaf must point into the blob, at the start of a character. */
static wn_status check_parts(const wn_charsmap *map, const char *path, wn_error *err)
{
    size_t bad = wn_utf8_check((wn_str){map->blob, map->blob_len});
    if (bad != map->blob_len)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: strings are not UTF-8 at byte %zu of %zu", path, bad,
                map->blob_len);
    for (size_t i = 0; i < map->n_units; i++) {
        uint32_t unit = map->units[i];
        if ((unit & 0x80000000) != 0 || !has_leaf(unit))
            continue;
        size_t at = i ^ offset(unit);
        if (at >= map->n_units)
            WN_FAIL(err, WN_ERR_FORMAT, "%s: unit %zu has its leaf at %zu of %zu", path, i, at,
                    map->n_units);
        size_t to = value(map->units[at]);
        if (to >= map->blob_len || ((unsigned char)map->blob[to] & 0xC0) == 0x80)
            WN_FAIL(err, WN_ERR_FORMAT, "%s: unit %zu has its string at %zu of %zu", path, i, to,
                    map->blob_len);
    }
    return WN_OK;
}

wn_status wn_charsmap_parse(wn_charsmap **out, wn_str base64, const char *path, wn_error *err)
{
    wn_status status = WN_OK;
    size_t n = 0;
    wn_charsmap *map = wn_mem_zalloc(1, sizeof *map);
    unsigned char *bytes = wn_mem_alloc(base64.len / 4 * 3 + 1, 1);
    if (map == NULL || bytes == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "%s: no memory for %zu bytes", path, base64.len);
    if (!decode_base64(bytes, &n, base64))
        WN_FAIL_OUT(err, WN_ERR_FORMAT, "%s: not base64 (%zu characters)", path, base64.len);
    WN_TRY_OUT(read_parts(map, bytes, n, path, err));
    WN_TRY_OUT(check_parts(map, path, err));
    for (int32_t c = 0; c < 128; c++) {
        wn_str to;
        map->keeps_ascii[c] = !wn_charsmap_find(map, &to, (const char[]){(char)c}, 1);
    }
    *out = map;
    map = NULL;
out:
    wn_mem_free(bytes);
    wn_charsmap_free(map);
    return status;
}

void wn_charsmap_free(wn_charsmap *map)
{
    if (map == NULL)
        return;
    wn_mem_free(map->units);
    wn_mem_free(map->blob);
    wn_mem_free(map);
}

/* ---- search ---------------------------------------------------------------------------------- */

bool wn_charsmap_find(const wn_charsmap *map, wn_str *to, const char *text, size_t len)
{
    size_t pos = offset(map->units[0]);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        pos ^= byte;
        if (byte == 0 || pos >= map->n_units || label(map->units[pos]) != byte)
            return false;
        uint32_t unit = map->units[pos];
        pos ^= offset(unit);
        if (has_leaf(unit)) {
            const char *s = map->blob + value(map->units[pos]);
            *to = (wn_str){s, strlen(s)};
            return true;
        }
    }
    return false;
}

bool wn_charsmap_keeps_ascii(const wn_charsmap *map, unsigned char byte)
{
    return map->keeps_ascii[byte];
}
