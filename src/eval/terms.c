/* Cuts text into terms exactly as the reference script of the development sets does, because a
 * yardstick is only worth something when everybody's is equally long.
 * Lower case is Unicode's full mapping: beyond the one-to-one table these are U+0130, which gives
 * two characters, and the final sigma. Source:  bm25.py of the development sets; UAX #15;
 * SpecialCasing.txt. */
#include "eval/terms.h"

#include "base/mem.h"
#include "base/str.h"

#include <string.h>
#include <utf8proc.h>

#define WN_WHERE "eval/terms"

enum { CAPITAL_I_DOT = 0x0130, DOT_ABOVE = 0x0307, CAPITAL_SIGMA = 0x03A3, FINAL_SIGMA = 0x03C2 };

/* Blocks of scripts that are written without blanks, in order. */
static const struct {
    int32_t first, last;
} unspaced[] = {{0x0E00, 0x0FFF}, {0x1000, 0x109F}, {0x1780, 0x17FF},  {0x3040, 0x30FF},
                {0x3400, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x3134F}};

static bool is_unspaced(int32_t c)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(unspaced); i++)
        if (c >= unspaced[i].first && c <= unspaced[i].last)
            return true;
    return false;
}

/* Letters, marks and numbers; 0 is no character. */
static bool is_word(int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

static void push_char(wn_buf *out, int32_t c)
{
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t n = utf8proc_encode_char(c, bytes);
    wn_buf_push(out, bytes, (size_t)n);
}

/* One word in lower case. */
static void push_word(wn_buf *out, const int32_t *chars, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool final_sigma = chars[i] == CAPITAL_SIGMA && i > 0 && i + 1 == n;
        push_char(out, final_sigma ? FINAL_SIGMA : utf8proc_tolower(chars[i]));
        if (chars[i] == CAPITAL_I_DOT)
            push_char(out, DOT_ABOVE);
    }
    wn_buf_push_byte(out, '\n');
}

/* All pairs of neighbours; a single character stands alone.  These scripts have no case. */
static void push_pairs(wn_buf *out, const int32_t *chars, size_t n)
{
    for (size_t i = 0; i < WN_MAX(n - 1, (size_t)1); i++) {
        push_char(out, chars[i]);
        if (n > 1)
            push_char(out, chars[i + 1]);
        wn_buf_push_byte(out, '\n');
    }
}

static void push_runs(wn_buf *out, const int32_t *chars, size_t n)
{
    for (size_t start = 0, end; start < n; start = end) {
        end = start + 1;
        if (!is_word(chars[start]))
            continue;
        bool pairs = is_unspaced(chars[start]);
        while (end < n && is_word(chars[end]) && is_unspaced(chars[end]) == pairs)
            end++;
        (pairs ? push_pairs : push_word)(out, chars + start, end - start);
    }
}

wn_status wn_terms_push(wn_buf *out, wn_str text, wn_error *err)
{
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text.ptr;
    const utf8proc_option_t nfkc = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    wn_status status = WN_OK;
    utf8proc_ssize_t n = utf8proc_decompose(bytes, (utf8proc_ssize_t)text.len, NULL, 0, nfkc);
    if (n < 0)
        WN_FAIL(err, WN_ERR_INPUT, "text of %zu bytes: %s", text.len, utf8proc_errmsg(n));
    int32_t *chars = wn_mem_alloc(WN_MAX((size_t)n, (size_t)1), sizeof *chars);
    if (chars == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a text of %zu characters", (size_t)n);
    n = utf8proc_decompose(bytes, (utf8proc_ssize_t)text.len, chars, n, nfkc);
    n = utf8proc_normalize_utf32(chars, n, nfkc);
    push_runs(out, chars, (size_t)n);
    if (out->failed)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for the terms of %zu characters", (size_t)n);
out:
    wn_mem_free(chars);
    return status;
}

bool wn_terms_next(wn_str *term, wn_str *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    if (end == NULL)
        return false;
    *term = (wn_str){rest->ptr, (size_t)(end - rest->ptr)};
    *rest = wn_str_slice(*rest, term->len + 1, rest->len);
    return true;
}
