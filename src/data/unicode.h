/* UTF-8, and what huggingface/tokenizers 0.23 believes about each code point.
 * The reference mixes Unicode versions (8 in BertNormalizer, about 11 in the normalization forms,
 * 16 in Oniguruma, 17 in Rust), so the tables are measured from it (tools/make_unicode.py) and
 * belong to this source: no result depends on the Unicode version of an installed library.
 * Functions that take a pointer need valid UTF-8; wn_utf8_check() is the gate.
 * Thread rule: any. */
#ifndef WN_DATA_UNICODE_H
#define WN_DATA_UNICODE_H

#include "base/defs.h"
#include "data/unicode_tables.h"
#include "winnow.h"

#include <string.h>

/* Flags of a code point. */
#define WN_UC_SPACE      (1u << 0) /* White_Space: Rust's char::is_whitespace, \s of both engines */
#define WN_UC_LETTER     (1u << 1) /* Oniguruma's \p{L} */
#define WN_UC_MARK       (1u << 2) /* Oniguruma's \p{M} */
#define WN_UC_NUMBER     (1u << 3) /* Oniguruma's \p{N} */
#define WN_UC_SYMBOL     (1u << 4) /* Oniguruma's \p{S} */
#define WN_UC_WORD       (1u << 5) /* \w of the regex crate */
#define WN_UC_NUMERIC    (1u << 6) /* Rust's char::is_numeric */
#define WN_UC_PUNCT      (1u << 7) /* ASCII punctuation and P* of Unicode 8 */
#define WN_UC_DROPPED    (1u << 8) /* BertNormalizer's clean_text removes it */
#define WN_UC_CJK        (1u << 9) /* BertNormalizer puts spaces around it */
#define WN_UC_NONSPACING (1u << 10) /* BertNormalizer's strip_accents removes it */
#define WN_UC_ACCENT     (1u << 11) /* StripAccents removes it */
#define WN_UC_UPPER      (1u << 12) /* Rust's char::to_lowercase changes it */
#define WN_UC_EXTEND     (1u << 13) /* grapheme clusters: joins what is before it */
#define WN_UC_PREPEND    (1u << 14) /* grapheme clusters: joins what is behind it */
#define WN_UC_CONTROL    (1u << 15) /* grapheme clusters: stands alone (known up to U+FFFF) */
#define WN_UC_PICTOGRAPH (1u << 16) /* grapheme clusters: joins behind a joiner */

#define WN_UC_CONSONANT (1u << 17) /* grapheme clusters: begins or ends an Indic conjunct */
#define WN_UC_LINKER    (1u << 18) /* grapheme clusters: a virama that links consonants */
#define WN_UC_LINKING   (1u << 19) /* grapheme clusters: may stand beside a linker */

/* Flags of a normalization record: the form changes the code point, or (NFC, NFKC) may compose it
 * with what is before it. */
#define WN_UC_NFC  1u
#define WN_UC_NFKC 2u
#define WN_UC_NFD  4u
#define WN_UC_NFKD 8u

/* The one code point whose lower case is two: U+0130 becomes i and U+0307. */
#define WN_UC_DOTTED_I 0x130u

#define WN_UTF8_MAX 4 /* bytes of one code point */

/* Length of the sequence that begins with this byte. */
static inline size_t wn_utf8_len(char lead)
{
    unsigned char b = (unsigned char)lead;
    return b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
}

/* The code point at p; *len is set to its bytes. */
static inline uint32_t wn_utf8_decode(const char *p, size_t *len)
{
    const unsigned char *b = (const unsigned char *)p;
    if (b[0] < 0x80) {
        *len = 1;
        return b[0];
    }
    if (b[0] < 0xE0) {
        *len = 2;
        return (b[0] & 0x1Fu) << 6 | (b[1] & 0x3Fu);
    }
    if (b[0] < 0xF0) {
        *len = 3;
        return (b[0] & 0x0Fu) << 12 | (b[1] & 0x3Fu) << 6 | (b[2] & 0x3Fu);
    }
    *len = 4;
    return (b[0] & 0x07u) << 18 | (b[1] & 0x3Fu) << 12 | (b[2] & 0x3Fu) << 6 | (b[3] & 0x3Fu);
}

/* The start of the code point that ends before at; at > 0. */
static inline size_t wn_utf8_before(const char *p, size_t at)
{
    do
        at--;
    while (((unsigned char)p[at] & 0xC0) == 0x80);
    return at;
}

/* Write c and return its bytes.
 * Shapes:  dst [WN_UTF8_MAX]. */
static inline size_t wn_utf8_encode(char *dst, uint32_t c)
{
    if (c < 0x80) {
        dst[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        dst[0] = (char)(0xC0 | c >> 6);
        dst[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        dst[0] = (char)(0xE0 | c >> 12);
        dst[1] = (char)(0x80 | (c >> 6 & 0x3F));
        dst[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    dst[0] = (char)(0xF0 | c >> 18);
    dst[1] = (char)(0x80 | (c >> 12 & 0x3F));
    dst[2] = (char)(0x80 | (c >> 6 & 0x3F));
    dst[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* Number of ASCII bytes at the front of p. */
static inline size_t wn_utf8_ascii_run(const char *p, size_t n)
{
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        if ((word & 0x8080808080808080u) != 0)
            break;
    }
    while (i < n && (unsigned char)p[i] < 0x80)
        i++;
    return i;
}

/* Offset of the first byte that is not part of a valid code point (shortest form, no surrogates, at
 * most U+10FFFF), or text.len when all are. */
size_t wn_utf8_check(wn_str text);

static inline const wn_unicode_class *wn_unicode_class_of(uint32_t c)
{
    uint32_t block = wn_unicode_first[c >> WN_UNICODE_BLOCK_BITS];
    uint32_t at = c & ((1u << WN_UNICODE_BLOCK_BITS) - 1);
    return &wn_unicode_classes[wn_unicode_second[block << WN_UNICODE_BLOCK_BITS | at]];
}

/* The WN_UC_ flags of c <= 0x10FFFF. */
static inline uint32_t wn_unicode_flags(uint32_t c)
{
    return wn_unicode_class_of(c)->flags;
}

/* The lower-case letter of c, or c; U+0130 gives i alone, its dot is the caller's. */
static inline uint32_t wn_unicode_lower(uint32_t c)
{
    return (uint32_t)((int32_t)c + wn_unicode_class_of(c)->lower);
}

/* The normalization record of c <= 0x10FFFF; a Hangul syllable has its flags, but no parts. */
static inline const wn_unicode_record *wn_unicode_norm(uint32_t c)
{
    uint32_t block = wn_unicode_norm_first[c >> WN_UNICODE_BLOCK_BITS];
    uint32_t at = c & ((1u << WN_UNICODE_BLOCK_BITS) - 1);
    return &wn_unicode_records[wn_unicode_norm_second[block << WN_UNICODE_BLOCK_BITS | at]];
}

/* The longest full decomposition of one code point. */
#define WN_UNICODE_PARTS_MAX 18

/* Full canonical (or compatibility) decomposition of c into parts, with Hangul by arithmetic.
 * Shapes:  parts [WN_UNICODE_PARTS_MAX].
 * Returns the number of parts, at least 1. */
size_t wn_unicode_decompose(uint32_t *parts, uint32_t c, bool compatibility);

/* The primary composite of first and second, or 0. */
uint32_t wn_unicode_compose(uint32_t first, uint32_t second);

#endif
