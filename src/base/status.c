/* Errors are values: a fixed-size struct that the caller owns.  Nothing is allocated here, so an
 * out-of-memory error can always be reported. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = {
    "WN_OK",          "WN_ERR_ARGUMENT", "WN_ERR_MEMORY", "WN_ERR_IO",        "WN_ERR_FORMAT",
    "WN_ERR_UNSUPPORTED", "WN_ERR_LIMIT", "WN_ERR_INPUT",  "WN_ERR_CANCELLED", "WN_ERR_INTERNAL",
};

const char *wn_status_name(wn_status status)
{
    size_t i = (size_t)status;
    return i < WN_ARRAY_LEN(status_names) ? status_names[i] : "WN_ERR_UNKNOWN";
}

const char *wn_version(void)
{
    return WN_VERSION;
}

/* Cut a message at a character boundary when it did not fit. */
static void trim_to_character(char *text, size_t size, int wanted)
{
    if (wanted < 0 || (size_t)wanted < size)
        return;
    size_t len = strlen(text);
    while (len > 0 && ((unsigned char)text[len - 1] & 0xC0) == 0x80)
        len--;
    if (len > 0 && (unsigned char)text[len - 1] >= 0xC0)
        len--;
    text[len] = '\0';
}

wn_status wn_error_set(wn_error *err, wn_status status, const char *where, const char *format, ...)
{
    if (err == NULL)
        return status;
    err->status = status;
    snprintf(err->where, sizeof err->where, "%s", where);
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    trim_to_character(err->message, sizeof err->message, wanted);
    return status;
}

wn_status wn_error_prefix(wn_error *err, wn_status status, const char *format, ...)
{
    if (err == NULL)
        return status;
    char old[sizeof err->message];
    memcpy(old, err->message, sizeof old);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    size_t at = used < 0 ? 0 : WN_MIN((size_t)used, sizeof err->message - 1);
    int more = snprintf(err->message + at, sizeof err->message - at, ": %s", old);
    trim_to_character(err->message, sizeof err->message, more < 0 ? more : (int)at + more);
    return status;
}

void wn_assert_fail(const char *cond, const char *file, int line)
{
    fprintf(stderr, "winnow: internal error: %s (%s:%d)\n", cond, file, line);
    abort();
}
