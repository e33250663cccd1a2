/* Making and forwarding errors.  A fallible function returns wn_status and takes wn_error *err
 * last; out parameters are set only on success.  WN_FAIL makes an error, WN_TRY forwards one.
 * The message names the thing and both values: "tensor 'a.b': shape [384,312], expected [384,384]".
 * wn_status, wn_error and wn_str themselves are declared by winnow.h.  Thread rule: any. */
#ifndef WN_BASE_STATUS_H
#define WN_BASE_STATUS_H

#include "base/defs.h"
#include "winnow.h"

/* Fill *err (NULL allowed) and return status; where is the module, such as "data/safetensors". */
wn_status wn_error_set(wn_error *err, wn_status status, const char *where, const char *format, ...)
    WN_PRINTF(4, 5);

/* Put "prefix: " in front of the message of *err (NULL allowed) and return its status unchanged. */
wn_status wn_error_prefix(wn_error *err, wn_status status, const char *format, ...)
    WN_PRINTF(3, 4);

/* Each .c file that fails defines WN_WHERE before its first use. */
#define WN_FAIL(err, status, ...) return wn_error_set(err, status, WN_WHERE, __VA_ARGS__)

#define WN_TRY(call)                                                                               \
    do {                                                                                           \
        wn_status wn_try_status = (call);                                                          \
        if (wn_try_status != WN_OK)                                                                \
            return wn_try_status;                                                                  \
    } while (0)

/* As WN_TRY in a function with clean-up: stores into `status` and jumps to `out`. */
#define WN_TRY_OUT(call)                                                                           \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != WN_OK)                                                                       \
            goto out;                                                                              \
    } while (0)

/* As WN_FAIL in a function with clean-up. */
#define WN_FAIL_OUT(err, code, ...)                                                                \
    do {                                                                                           \
        status = wn_error_set(err, code, WN_WHERE, __VA_ARGS__);                                   \
        goto out;                                                                                  \
    } while (0)

#endif
