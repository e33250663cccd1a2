/* The Precompiled normalizer, with the crate's three surprises: the shortest key wins and replaces
 * the whole chunk; a grapheme cluster under six bytes is one chunk, so that marks in it can be
 * lost; in a longer cluster every code point is a chunk of its own.
 * Source: huggingface/tokenizers 0.23, normalizers/precompiled.rs; clusters after UAX #29. */
#include "data/unicode.h"
#include "token/edit.h"
#include "token/normalize_steps.h"

#define WHOLE_CLUSTER_BYTES 6 /* a cluster under this is looked up as a whole */
#define JOINER              0x200Du

typedef enum hangul { HANGUL_NONE, HANGUL_L, HANGUL_V, HANGUL_T, HANGUL_LV, HANGUL_LVT } hangul;

static hangul hangul_kind(uint32_t c)
{
    if ((c >= 0x1100 && c <= 0x115F) || (c >= 0xA960 && c <= 0xA97C))
        return HANGUL_L;
    if ((c >= 0x1160 && c <= 0x11A7) || (c >= 0xD7B0 && c <= 0xD7C6))
        return HANGUL_V;
    if ((c >= 0x11A8 && c <= 0x11FF) || (c >= 0xD7CB && c <= 0xD7FB))
        return HANGUL_T;
    if (c >= 0xAC00 && c <= 0xD7A3)
        return (c - 0xAC00) % 28 == 0 ? HANGUL_LV : HANGUL_LVT;
    return HANGUL_NONE;
}

/* GB6, GB7, GB8: a syllable goes on. */
static bool hangul_joins(uint32_t left, uint32_t right)
{
    hangul l = hangul_kind(left), r = hangul_kind(right);
    if (l == HANGUL_L)
        return r == HANGUL_L || r == HANGUL_V || r == HANGUL_LV || r == HANGUL_LVT;
    if (l == HANGUL_V || l == HANGUL_LV)
        return r == HANGUL_V || r == HANGUL_T;
    return (l == HANGUL_T || l == HANGUL_LVT) && r == HANGUL_T;
}

/* What the rules remember of a cluster beside its last code point. */
typedef struct cluster {
    bool pictograph; /* a pictograph, then only Extend (GB11) */
    bool consonant;  /* a consonant, then only linkers and what may stand beside them (GB9c) */
    bool linked;     /* and one of them was a linker */
} cluster;

static void cluster_add(cluster *state, uint32_t flags)
{
    if ((flags & WN_UC_PICTOGRAPH) != 0)
        state->pictograph = true;
    else if ((flags & WN_UC_EXTEND) == 0)
        state->pictograph = false;
    if ((flags & WN_UC_CONSONANT) != 0)
        *state = (cluster){.pictograph = state->pictograph, .consonant = true};
    else if ((flags & (WN_UC_LINKER | WN_UC_LINKING)) == 0)
        state->consonant = false;
    else if ((flags & WN_UC_LINKER) != 0)
        state->linked = true;
}

/* Whether the code point c with flags goes on with the cluster that ends in last. */
static bool cluster_joins(const cluster *state, uint32_t last, uint32_t last_flags, uint32_t c,
                          uint32_t flags)
{
    if (last == '\r' && c == '\n')
        return true;
    if (((last_flags | flags) & WN_UC_CONTROL) != 0)
        return false;
    if ((flags & WN_UC_EXTEND) != 0 || (last_flags & WN_UC_PREPEND) != 0 || hangul_joins(last, c))
        return true;
    if (state->consonant && state->linked && (flags & WN_UC_CONSONANT) != 0)
        return true;
    return last == JOINER && state->pictograph && (flags & WN_UC_PICTOGRAPH) != 0;
}

/* Where the grapheme cluster that begins at i ends.  Pairs of regional indicators count as two:
 * both are longer than what is looked up as a whole. */
static size_t cluster_end(const char *p, size_t i, size_t n)
{
    cluster state = {0};
    size_t len;
    uint32_t last = wn_utf8_decode(p + i, &len), last_flags = wn_unicode_flags(last);
    for (i += len; i < n; i += len) {
        uint32_t c = wn_utf8_decode(p + i, &len), flags = wn_unicode_flags(c);
        cluster_add(&state, last_flags);
        if (!cluster_joins(&state, last, last_flags, c, flags))
            break;
        last = c;
        last_flags = flags;
    }
    return i;
}

/* Put `to` in place of [from, end): character by character, a surplus counts as the last one. */
static void put_chunk(wn_edit *edit, size_t from, size_t end, wn_str to)
{
    const char *p = edit->text->bytes.ptr;
    wn_edit_skip(edit, from, end);
    for (size_t i = 0, like = from, len; i < to.len; i += len) {
        len = wn_utf8_len(to.ptr[i]);
        wn_edit_put(edit, to.ptr + i, len, like);
        size_t next = like + wn_utf8_len(p[like]);
        like = next < end ? next : like;
    }
}

wn_status wn_precompiled_run(const wn_charsmap *map, wn_text *text, wn_text *spare, wn_error *err)
{
    const char *p = text->bytes.ptr;
    const size_t n = text->bytes.len;
    wn_edit edit;
    wn_edit_begin(&edit, text, spare);
    for (size_t i = 0, len; i < n;) {
        unsigned char byte = (unsigned char)p[i];
        bool alone = i + 1 == n || (unsigned char)p[i + 1] < 0x80;
        if (byte < 0x80 && alone && byte != '\r' && wn_charsmap_keeps_ascii(map, byte)) {
            i++;
            continue;
        }
        size_t end = cluster_end(p, i, n);
        wn_str to;
        if (end - i < WHOLE_CLUSTER_BYTES && wn_charsmap_find(map, &to, p + i, end - i)) {
            put_chunk(&edit, i, end, to);
            i = end;
            continue;
        }
        for (; i < end; i += len) {
            len = wn_utf8_len(p[i]);
            if (wn_charsmap_find(map, &to, p + i, len))
                put_chunk(&edit, i, i + len, to);
        }
    }
    return wn_edit_finish(&edit, err);
}
