/* See buf.h. */
#include "base/buf.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool wn_buf_reserve(wn_buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (more <= buf->cap - buf->len)
        return true;
    size_t need;
    if (!wn_add_size(&need, buf->len, more) || need > SIZE_MAX / 2) {
        buf->failed = true;
        return false;
    }
    size_t cap = WN_MAX(need, WN_MAX(buf->cap * 2, (size_t)64));
    char *ptr = wn_mem_realloc(buf->ptr, cap, 1);
    if (ptr == NULL) {
        buf->failed = true;
        return false;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    return true;
}

bool wn_buf_push(wn_buf *buf, const void *bytes, size_t n)
{
    if (!wn_buf_reserve(buf, n))
        return false;
    if (n > 0)
        memcpy(buf->ptr + buf->len, bytes, n);
    buf->len += n;
    return true;
}

bool wn_buf_push_str(wn_buf *buf, wn_str s)
{
    return wn_buf_push(buf, s.ptr, s.len);
}

bool wn_buf_push_byte(wn_buf *buf, char byte)
{
    return wn_buf_push(buf, &byte, 1);
}

bool wn_buf_printf(wn_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bool ok = n >= 0 && wn_buf_reserve(buf, (size_t)n + 1);
    if (ok) {
        vsnprintf(buf->ptr + buf->len, (size_t)n + 1, format, again);
        buf->len += (size_t)n;
    }
    va_end(again);
    return ok;
}

bool wn_buf_push_count(wn_buf *buf, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            wn_buf_push_byte(buf, ',');
        wn_buf_push_byte(buf, digits[i]);
    }
    return !buf->failed;
}

bool wn_buf_push_size(wn_buf *buf, uint64_t n_bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double n = (double)n_bytes / 1024;
    size_t i = 0;
    if (n_bytes < 1000)
        return wn_buf_printf(buf, "%llu bytes", (unsigned long long)n_bytes);
    for (; n >= 999.5 && i + 1 < WN_ARRAY_LEN(units); i++)
        n /= 1024;
    return wn_buf_printf(buf, n < 9.95 ? "%.1f %s" : "%.0f %s", n, units[i]);
}

void wn_buf_clear(wn_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

void wn_buf_deinit(wn_buf *buf)
{
    wn_mem_free(buf->ptr);
    *buf = (wn_buf)WN_BUF_INIT;
}
