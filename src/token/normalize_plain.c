/* The normalizers that are a line of Rust each: Lowercase, StripAccents, Nmt, Strip, Prepend,
 * Replace.
 * Source: huggingface/tokenizers 0.23, normalizers/ and tokenizer/normalizer.rs. */
#include "data/unicode.h"
#include "token/edit.h"
#include "token/normalize_steps.h"

#include <string.h>

#define WN_WHERE "token/normalize_plain"

/* Lower-case ASCII letters in place, eight bytes a step. */
static void lower_ascii(char *p, size_t n)
{
    const uint64_t ones = 0x0101010101010101u;
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t w;
        memcpy(&w, p + i, 8);
        /* High bit of each byte: set by adding when the byte is at least 'A', over 'Z'. */
        uint64_t upper = (w + ones * (0x80 - 'A')) & ~(w + ones * (0x7F - 'Z')) & (ones << 7);
        w += upper >> 2;
        memcpy(p + i, &w, 8);
    }
    for (; i < n; i++)
        p[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + ('a' - 'A') : p[i]);
}

wn_status wn_lowercase_run(wn_text *text, wn_text *spare, wn_error *err)
{
    char *p = text->bytes.ptr;
    const size_t n = text->bytes.len;
    wn_edit edit;
    wn_edit_begin(&edit, text, spare);
    for (size_t i = 0, len; i < n; i += len) {
        len = wn_utf8_ascii_run(p + i, n - i);
        if (len > 0) {
            lower_ascii(p + i, len);
            continue;
        }
        uint32_t c = wn_utf8_decode(p + i, &len);
        const wn_unicode_class *class = wn_unicode_class_of(c);
        if ((class->flags & WN_UC_UPPER) == 0)
            continue;
        char bytes[2 * WN_UTF8_MAX];
        size_t lower_len = wn_utf8_encode(bytes, (uint32_t)((int32_t)c + class->lower));
        if (c == WN_UC_DOTTED_I)
            lower_len += wn_utf8_encode(bytes + lower_len, 0x307);
        if (lower_len == len) { /* in place: offsets stay */
            memcpy(p + i, bytes, len);
        } else {
            wn_edit_skip(&edit, i, i + len);
            wn_edit_put(&edit, bytes, lower_len, i);
        }
    }
    return wn_edit_finish(&edit, err);
}

wn_status wn_filter_run(uint32_t flags, wn_text *text, wn_text *spare, wn_error *err)
{
    const char *p = text->bytes.ptr;
    const size_t n = text->bytes.len;
    wn_edit edit;
    wn_edit_begin(&edit, text, spare);
    for (size_t i = 0, len; i < n; i += len)
        if ((wn_unicode_flags(wn_utf8_decode(p + i, &len)) & flags) != 0)
            wn_edit_skip(&edit, i, i + len);
    return wn_edit_finish(&edit, err);
}

static bool nmt_drops(uint32_t c)
{
    return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
           c == 0x8F || c == 0x9F;
}

static bool nmt_blanks(uint32_t c)
{
    return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
           (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
           c == 0xFEFF || c == 0xFFFD;
}

wn_status wn_nmt_run(wn_text *text, wn_text *spare, wn_error *err)
{
    const char *p = text->bytes.ptr;
    const size_t n = text->bytes.len;
    wn_edit edit;
    wn_edit_begin(&edit, text, spare);
    for (size_t i = 0, len; i < n; i += len) {
        uint32_t c = wn_utf8_decode(p + i, &len);
        if (nmt_drops(c)) {
            wn_edit_skip(&edit, i, i + len);
        } else if (nmt_blanks(c)) {
            wn_edit_skip(&edit, i, i + len);
            wn_edit_put(&edit, " ", 1, i);
        }
    }
    return wn_edit_finish(&edit, err);
}

void wn_strip_run(bool left, bool right, wn_text *text)
{
    const char *p = text->bytes.ptr;
    size_t from = 0, to = text->bytes.len, len;
    while (left && from < to &&
           (wn_unicode_flags(wn_utf8_decode(p + from, &len)) & WN_UC_SPACE) != 0)
        from += len;
    while (right && to > from) {
        size_t at = wn_utf8_before(p, to);
        if ((wn_unicode_flags(wn_utf8_decode(p + at, &len)) & WN_UC_SPACE) == 0)
            break;
        to = at;
    }
    wn_text_cut(text, from, to);
}

wn_status wn_prepend_run(wn_str content, wn_text *text, wn_text *spare, wn_error *err)
{
    wn_edit edit;
    wn_edit_begin(&edit, text, spare);
    if (text->bytes.len > 0 && content.len > 0) {
        wn_edit_skip(&edit, 0, 0);
        wn_edit_put(&edit, content.ptr, content.len, 0);
    }
    return wn_edit_finish(&edit, err);
}

wn_status wn_replace_run(const wn_pattern *pattern, wn_str content, wn_text *text, wn_text *spare,
                         wn_error *err)
{
    wn_edit edit;
    wn_edit_begin(&edit, text, spare);
    wn_finder finder;
    WN_TRY(wn_finder_begin(&finder, pattern, wn_buf_str(&text->bytes), NULL, err));
    for (;;) {
        wn_span match;
        bool found;
        WN_TRY(wn_finder_next(&finder, &found, &match, err));
        if (!found)
            break;
        wn_edit_skip(&edit, match.start, match.end);
        if (content.len > 0)
            wn_edit_put(&edit, content.ptr, content.len, match.end - 1);
    }
    return wn_edit_finish(&edit, err);
}
