/* wn_str: a slice of bytes, never owned, no NUL needed.  Thread rule: any. */
#ifndef WN_BASE_STR_H
#define WN_BASE_STR_H

#include "base/defs.h"
#include "winnow.h"

#include <string.h>

/* A string literal as wn_str. */
#define WN_STR(literal) ((wn_str){literal, sizeof(literal) - 1})

/* Bytes of s that a message shows: at most 200, and no character of UTF-8 in part. */
static inline int wn_str_shown(wn_str s)
{
    size_t n = s.len;
    if (n > 200) {
        n = 200;
        while (n > 0 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
            n--;
    }
    return (int)n;
}

/* For printf("%.*s", WN_STR_ARG(s)). */
#define WN_STR_ARG(s) wn_str_shown(s), (s).len == 0 ? "" : (s).ptr

/* A NUL-terminated string as wn_str; NULL gives the empty one. */
static inline wn_str wn_str_from(const char *text)
{
    return text == NULL ? (wn_str){NULL, 0} : (wn_str){text, strlen(text)};
}

static inline bool wn_str_equal(wn_str a, wn_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool wn_str_starts(wn_str s, wn_str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool wn_str_ends(wn_str s, wn_str suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

static inline wn_str wn_str_slice(wn_str s, size_t start, size_t end)
{
    return (wn_str){s.ptr == NULL ? NULL : s.ptr + start, end - start};
}

#endif
