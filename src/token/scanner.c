/* See scanner.h.  The character sets are those of the reference's engine (Oniguruma with Unicode
 * 16): L letters, N numbers, S white space, and "other" for the rest.
 *
 *   GPT-2   's|'t|'re|'ve|'m|'ll|'d| ?L+| ?N+| ?other+|S+(?!not S)|S+
 *   Qwen    (?i:'s|...)|[^\r\n L N]?L+|N| ?other+[\r\n]*|S*[\r\n]+|S+(?!not S)|S+
 *   Llama-3 as Qwen with N{1,3}
 *   Winnow  [L M]+|N+|[symbols*%&#@] */
#include "token/scanner.h"
#include "data/unicode.h"

#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define MODERN(numbers)                                                                            \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" numbers                          \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define WINNOW "[\\p{L}\\p{M}]+|\\p{N}+|[\\p{S}*%&#@]"

#define CLASSES (WN_UC_LETTER | WN_UC_NUMBER | WN_UC_SPACE)

/* Flags of the character at `at`, and its bytes. */
static inline uint32_t flags_at(wn_str text, size_t at, size_t *len)
{
    return wn_unicode_flags(wn_utf8_decode(text.ptr + at, len));
}

/* End of the run of characters with one of the flags that begins at `at`. */
static size_t run_of(wn_str text, size_t at, uint32_t flags)
{
    size_t len;
    while (at < text.len && (flags_at(text, at, &len) & flags) != 0)
        at += len;
    return at;
}

/* End of the run of characters that are neither letter, number nor white space. */
static size_t run_of_others(wn_str text, size_t at)
{
    size_t len;
    while (at < text.len && (flags_at(text, at, &len) & CLASSES) == 0)
        at += len;
    return at;
}

/* Length of the contraction behind an apostrophe at `at`, or 0. */
static size_t contraction(wn_str text, size_t at, bool fold)
{
    if (text.ptr[at] != '\'' || at + 1 >= text.len)
        return 0;
    unsigned char a = (unsigned char)text.ptr[at + 1];
    unsigned char b = at + 2 < text.len ? (unsigned char)text.ptr[at + 2] : 0;
    if (fold) {
        if (a == 0xC5 && b == 0xBF) /* U+017F folds to s */
            return 3;
        a |= a >= 'A' && a <= 'Z' ? 0x20 : 0;
        b |= b >= 'A' && b <= 'Z' ? 0x20 : 0;
    }
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    return (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
}

/* S+(?!not S)|S+ : a run before something else leaves its last character to what follows. */
static size_t white_space(wn_str text, size_t at)
{
    size_t end = run_of(text, at, WN_UC_SPACE);
    if (end == text.len)
        return end;
    size_t last = wn_utf8_before(text.ptr, end);
    return last > at ? last : end;
}

static size_t scan_gpt2(wn_str text, size_t at)
{
    size_t n = contraction(text, at, false);
    if (n > 0)
        return at + n;
    size_t from = at + (text.ptr[at] == ' '), len;
    if (from < text.len) {
        uint32_t flags = flags_at(text, from, &len);
        if ((flags & WN_UC_LETTER) != 0)
            return run_of(text, from, WN_UC_LETTER);
        if ((flags & WN_UC_NUMBER) != 0)
            return run_of(text, from, WN_UC_NUMBER);
        if ((flags & WN_UC_SPACE) == 0)
            return run_of_others(text, from);
    }
    return white_space(text, at);
}

static bool is_newline(char c)
{
    return c == '\r' || c == '\n';
}

/* S*[\r\n]+ : up to the last line break of the run; `at` when there is none. */
static size_t through_newlines(wn_str text, size_t at)
{
    size_t end = run_of(text, at, WN_UC_SPACE);
    while (end > at && !is_newline(text.ptr[end - 1]))
        end--;
    return end;
}

static size_t scan_modern(wn_str text, size_t at, int max_digits)
{
    size_t n = contraction(text, at, true), len, next;
    if (n > 0)
        return at + n;
    uint32_t flags = flags_at(text, at, &len);
    if ((flags & WN_UC_LETTER) != 0)
        return run_of(text, at, WN_UC_LETTER);
    if ((flags & WN_UC_NUMBER) != 0) {
        for (int i = 0; i < max_digits && at < text.len; i++) {
            if ((flags_at(text, at, &len) & WN_UC_NUMBER) == 0)
                break;
            at += len;
        }
        return at;
    }
    size_t behind = at + len;
    if (!is_newline(text.ptr[at]) && behind < text.len &&
        (flags_at(text, behind, &next) & WN_UC_LETTER) != 0)
        return run_of(text, behind, WN_UC_LETTER);
    size_t from = at + (text.ptr[at] == ' ');
    size_t end = run_of_others(text, from);
    if (end > from) {
        while (end < text.len && is_newline(text.ptr[end]))
            end++;
        return end;
    }
    end = through_newlines(text, at);
    return end > at ? end : white_space(text, at);
}

static size_t scan_qwen(wn_str text, size_t at)
{
    return scan_modern(text, at, 1);
}

static size_t scan_llama3(wn_str text, size_t at)
{
    return scan_modern(text, at, 3);
}

static size_t scan_winnow(wn_str text, size_t at)
{
    size_t len;
    uint32_t flags = flags_at(text, at, &len);
    if ((flags & (WN_UC_LETTER | WN_UC_MARK)) != 0)
        return run_of(text, at, WN_UC_LETTER | WN_UC_MARK);
    if ((flags & WN_UC_NUMBER) != 0)
        return run_of(text, at, WN_UC_NUMBER);
    bool single = (flags & WN_UC_SYMBOL) != 0 ||
                  (len == 1 && strchr("*%&#@", text.ptr[at]) != NULL && text.ptr[at] != '\0');
    return single ? at + len : at;
}

wn_scanner *wn_scanner_find(wn_str pattern)
{
    static const struct {
        wn_str pattern;
        wn_scanner *scan;
    } known[] = {
        {{GPT2, sizeof GPT2 - 1}, scan_gpt2},
        {{MODERN("\\p{N}"), sizeof MODERN("\\p{N}") - 1}, scan_qwen},
        {{MODERN("\\p{N}{1,3}"), sizeof MODERN("\\p{N}{1,3}") - 1}, scan_llama3},
        {{WINNOW, sizeof WINNOW - 1}, scan_winnow},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(known); i++) {
        if (wn_str_equal(pattern, known[i].pattern))
            return known[i].scan;
    }
    return NULL;
}
