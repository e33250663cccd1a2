/* See segment.h. */
#include "data/segment.h"
#include "data/unicode.h"

/* How a character ends a sentence. */
typedef enum ending {
    NO_END = 0,
    SPACED_END, /* when white space follows */
    DOT_END,    /* likewise, and not behind an initial */
    FULL_END    /* whatever follows */
} ending;

static ending ending_of(uint32_t c)
{
    switch (c) {
    case '.':
        return DOT_END;
    case '!':
    case '?':
    case 0x203C: /* double exclamation mark and its kin */
    case 0x2047:
    case 0x2048:
    case 0x2049:
    case 0x2026: /* ellipsis */
    case 0x037E: /* Greek question mark */
    case 0x0589: /* Armenian */
    case 0x061F: /* Arabic question mark */
    case 0x06D4: /* Urdu */
    case 0x0964: /* danda, double danda */
    case 0x0965:
    case 0x1362: /* Ethiopic */
    case 0x1367:
    case 0x17D4: /* Khmer */
    case 0x104A: /* Myanmar */
    case 0x104B:
        return SPACED_END;
    case 0x3002: /* ideographic, full width, half width */
    case 0xFF01:
    case 0xFF0E:
    case 0xFF1F:
    case 0xFF61:
        return FULL_END;
    default:
        return NO_END;
    }
}

static bool is_closer(uint32_t c)
{
    static const uint32_t closers[] = {'"',    '\'',   ')',    ']',    '}',    0x00BB,
                                       0x2019, 0x201D, 0x203A, 0x3009, 0x300B, 0x300D,
                                       0x300F, 0x3011, 0xFF09, 0xFF3D};
    for (size_t i = 0; i < WN_ARRAY_LEN(closers); i++) {
        if (c == closers[i])
            return true;
    }
    return false;
}

static bool is_line_end(uint32_t c)
{
    return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static uint32_t character_at(wn_str text, size_t at, size_t *len)
{
    *len = 1;
    return at < text.len ? wn_utf8_decode(text.ptr + at, len) : 0;
}

static bool has(uint32_t c, uint32_t flags)
{
    return (wn_unicode_flags(c) & flags) != 0;
}

/* A small letter of a script that has capital ones. */
static bool is_small(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } scripts[] = {{'a', 'z'},     {0xDF, 0x24F},  {0x371, 0x3FF},
                   {0x430, 0x52F}, {0x561, 0x587}, {0x1E00, 0x1FFF}};
    for (size_t i = 0; i < WN_ARRAY_LEN(scripts); i++) {
        if (c >= scripts[i].first && c <= scripts[i].last)
            return has(c, WN_UC_LETTER) && !has(c, WN_UC_UPPER);
    }
    return false;
}

/* ---- sentences ------------------------------------------------------------------------------- */

/* Where the white space that begins at `at` ends, at the latest behind an end of line; *line_ended
 * tells whether there was one. */
static size_t skip_space(wn_str text, size_t at, bool *line_ended)
{
    *line_ended = false;
    while (at < text.len && !*line_ended) {
        size_t len;
        uint32_t c = character_at(text, at, &len);
        if (!has(c, WN_UC_SPACE))
            break;
        *line_ended = is_line_end(c);
        at += len;
    }
    return at;
}

/* Whether the sentence ends in front of what begins at `at`, behind its last mark. */
static bool ends_here(wn_str text, size_t at, ending last, bool behind_initial)
{
    size_t len;
    bool line_ended;
    size_t next = skip_space(text, at, &line_ended);
    if (last == FULL_END || next == text.len || line_ended)
        return true;
    if (next == at)
        return false;
    return last == SPACED_END || !(behind_initial || is_small(character_at(text, next, &len)));
}

/* Pass over the marks that begin at *at and what closes behind them; returns how they end a
 * sentence. */
static ending skip_marks(wn_str text, size_t *at)
{
    size_t len, n = 0;
    ending last = NO_END;
    for (ending e; *at < text.len && (e = ending_of(character_at(text, *at, &len))) != NO_END;
         n++) {
        last = last == NO_END || e == FULL_END ? e : last == FULL_END ? last : SPACED_END;
        *at += len;
    }
    while (last != NO_END && *at < text.len && is_closer(character_at(text, *at, &len)))
        *at += len;
    return last;
}

static bool next_sentence(wn_segment *out, size_t *at, wn_str text)
{
    size_t len, letters = 0; /* of the word behind which we are */
    bool line_ended = true;
    while (line_ended)
        *at = skip_space(text, *at, &line_ended);
    if (*at == text.len)
        return false;
    *out = (wn_segment){*at, *at};
    while (*at < text.len) {
        ending last = skip_marks(text, at);
        if (last != NO_END) {
            out->end = *at;
            if (ends_here(text, *at, last, letters == 1))
                break;
            letters = 0;
            continue;
        }
        uint32_t c = character_at(text, *at, &len);
        if (is_line_end(c))
            break;
        *at += len;
        letters = has(c, WN_UC_LETTER) ? letters + 1 : 0;
        if (!has(c, WN_UC_SPACE))
            out->end = *at;
    }
    return true;
}

/* ---- words ----------------------------------------------------------------------------------- */

static bool is_apostrophe(uint32_t c)
{
    return c == '\'' || c == 0x2019;
}

static bool is_word_character(wn_str text, size_t at, size_t *len)
{
    uint32_t c = character_at(text, at, len);
    return at < text.len && has(c, WN_UC_WORD) && !has(c, WN_UC_CJK);
}

static bool next_word(wn_segment *out, size_t *at, wn_str text)
{
    size_t len, next_len;
    while (*at < text.len && !has(character_at(text, *at, &len), WN_UC_WORD | WN_UC_CJK))
        *at += len;
    if (*at == text.len)
        return false;
    *out = (wn_segment){*at, *at + len};
    if (is_word_character(text, *at, &len)) {
        while (is_word_character(text, out->end, &len) ||
               (is_apostrophe(character_at(text, out->end, &len)) &&
                is_word_character(text, out->end + len, &next_len)))
            out->end += len;
    }
    *at = out->end;
    return true;
}

/* ---- both ------------------------------------------------------------------------------------ */

typedef bool next_segment(wn_segment *out, size_t *at, wn_str text);

static size_t collect(wn_segment *out, size_t most, wn_str text, next_segment *next)
{
    wn_segment segment;
    size_t n = 0, at = 0;
    while (next(&segment, &at, text))
        n++;
    size_t group = (n + most - 1) / most, i = 0;
    for (at = 0; next(&segment, &at, text); i++) {
        if (i % group == 0)
            out[i / group].start = segment.start;
        out[i / group].end = segment.end;
    }
    return n == 0 ? 0 : (n + group - 1) / group;
}

size_t wn_segment_sentences(wn_segment *out, size_t most, wn_str text)
{
    return collect(out, most, text, next_sentence);
}

size_t wn_segment_words(wn_segment *out, size_t most, wn_str text)
{
    return collect(out, most, text, next_word);
}
