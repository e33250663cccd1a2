/* See abi.h. */
#include "rank/abi.h"

#include <string.h>

#define WN_WHERE         "rank/abi"
#define STRUCT_BYTES_MAX 4096 /* a larger struct_size was never set */

static wn_status read_size(size_t *out, const void *options, const char *name, wn_error *err)
{
    size_t size = 0;
    if (options == NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT, "%s: is NULL", name);
    memcpy(&size, options, sizeof size);
    if (size < sizeof size || size > STRUCT_BYTES_MAX)
        WN_FAIL(err, WN_ERR_ARGUMENT, "%s: struct_size is %zu, expected sizeof(%s)", name, size,
                name);
    *out = size;
    return WN_OK;
}

wn_status wn_abi_read(void *out, size_t size, const void *options, const char *name, wn_error *err)
{
    size_t given;
    WN_TRY(read_size(&given, options, name, err));
    const unsigned char *bytes = options;
    for (size_t i = size; i < given; i++) {
        if (bytes[i] != 0)
            WN_FAIL(err, WN_ERR_ARGUMENT,
                    "%s: byte %zu is set, this version of the library knows %zu", name, i, size);
    }
    memset(out, 0, size);
    memcpy(out, options, WN_MIN(size, given));
    return WN_OK;
}

wn_status wn_abi_write(void *out, const void *info, size_t size, const char *name, wn_error *err)
{
    size_t given;
    WN_TRY(read_size(&given, out, name, err));
    memset(out, 0, given);
    memcpy(out, info, WN_MIN(size, given));
    memcpy(out, &given, sizeof given);
    return WN_OK;
}

wn_status wn_abi_check_text(wn_str text, wn_error *err)
{
    if (text.ptr == NULL && text.len > 0)
        WN_FAIL(err, WN_ERR_ARGUMENT, "a text of %zu bytes is NULL", text.len);
    return WN_OK;
}
