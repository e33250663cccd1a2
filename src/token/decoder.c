/* See decoder.h.  Bytes that are no UTF-8 become U+FFFD: in ByteLevel one for each longest front of
 * a character, in ByteFallback one a byte, both as in the reference. */
#include "token/decoder.h"
#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "token/component.h"
#include "token/pattern.h"
#include "token/stand_in.h"

#include <stdio.h>

#define WN_WHERE    "token/decoder"
#define REPLACEMENT WN_STR("\xEF\xBF\xBD")

typedef enum kind {
    SPACES,        /* a space between pieces */
    FUSE,          /* one piece of all */
    WORDPIECE,     /* spaces in front of words, then English punctuation moved back */
    METASPACE,     /* spaces for the stand-in */
    BYTE_LEVEL,    /* bytes for their stand-ins, one piece of all */
    BYTE_FALLBACK, /* runs of "<0x41>" as the characters that they spell */
    REPLACE,       /* matches of a pattern by a text */
    STRIP          /* a character cut off both ends, at most so often */
} kind;

typedef struct step {
    kind kind;
    wn_str text; /* prefix, replacement or character */
    bool cleanup;
    uint32_t start, stop;
    wn_metaspace metaspace;
    wn_pattern *pattern;
} step;

struct wn_decoder {
    wn_arena arena;
    step *steps;
    size_t count, cap;
    int16_t byte_of[WN_BYTE_STAND_INS]; /* by character; -1: it stands for itself */
};

/* ---- pieces ---------------------------------------------------------------------------------- */

/* Lengthen the piece that is being made. */
static void put(wn_pieces *pieces, wn_str text)
{
    if (pieces->bytes.len + text.len > WN_TEXT_BYTES_MAX)
        pieces->too_long = true;
    else
        wn_buf_push_str(&pieces->bytes, text);
}

static void end_piece(wn_pieces *pieces)
{
    if (wn_mem_grow(&pieces->ends, &pieces->cap, pieces->n + 1, sizeof *pieces->ends))
        pieces->ends[pieces->n++] = pieces->bytes.len;
    else
        pieces->bytes.failed = true;
}

void wn_pieces_push(wn_pieces *pieces, wn_str piece)
{
    put(pieces, piece);
    end_piece(pieces);
}

void wn_pieces_deinit(wn_pieces *pieces)
{
    wn_buf_deinit(&pieces->bytes);
    wn_mem_free(pieces->ends);
    *pieces = (wn_pieces)WN_PIECES_INIT;
}

static wn_str piece_at(const wn_pieces *pieces, size_t i)
{
    size_t start = i == 0 ? 0 : pieces->ends[i - 1];
    return wn_str_slice(wn_buf_str(&pieces->bytes), start, pieces->ends[i]);
}

/* ---- parsing --------------------------------------------------------------------------------- */

static wn_status keep(wn_decoder *decoder, wn_str *out, wn_str text, wn_error *err)
{
    *out = wn_arena_str(&decoder->arena, text);
    if (out->ptr == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu bytes", text.len);
    return WN_OK;
}

static wn_status parse_wordpiece(wn_decoder *decoder, step *s, const wn_fields *component,
                                 wn_error *err)
{
    wn_str prefix;
    WN_TRY(wn_field_str(&prefix, component, "prefix", WN_REQUIRED, err));
    WN_TRY(wn_field_bool(&s->cleanup, component, "cleanup", WN_REQUIRED, err));
    return keep(decoder, &s->text, prefix, err);
}

static wn_status parse_replace(wn_decoder *decoder, step *s, const wn_fields *component,
                               wn_error *err)
{
    char path[WN_COMPONENT_PATH_MAX + 16];
    wn_str content;
    WN_TRY(wn_field_str(&content, component, "content", WN_REQUIRED, err));
    WN_TRY(keep(decoder, &s->text, content, err));
    snprintf(path, sizeof path, "%s.pattern", component->path);
    WN_TRY(wn_pattern_parse(&s->pattern, json_object_get(component->object, "pattern"), path, err));
    if (wn_pattern_is_foreign(s->pattern))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: only literal patterns are supported in a decoder",
                path);
    return WN_OK;
}

static wn_status parse_strip(wn_decoder *decoder, step *s, const wn_fields *component,
                             wn_error *err)
{
    wn_str content;
    WN_TRY(wn_field_character(&content, component, "content", err));
    WN_TRY(wn_field_uint(&s->start, component, "start", WN_REQUIRED, err));
    WN_TRY(wn_field_uint(&s->stop, component, "stop", WN_REQUIRED, err));
    return keep(decoder, &s->text, content, err);
}

static wn_status push_step(wn_decoder *decoder, step **out, kind which, wn_error *err)
{
    if (!wn_mem_grow(&decoder->steps, &decoder->cap, decoder->count + 1, sizeof(step)))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a decoder");
    *out = &decoder->steps[decoder->count++];
    **out = (step){.kind = which};
    return WN_OK;
}

static wn_status add_step(void *arg, const wn_fields *component, wn_str type, wn_error *err)
{
    static const struct {
        const char *type;
        kind kind;
    } types[] = {
        {"WordPiece", WORDPIECE},
        {"Metaspace", METASPACE},
        {"ByteLevel", BYTE_LEVEL},
        {"ByteFallback", BYTE_FALLBACK},
        {"Replace", REPLACE},
        {"Strip", STRIP},
        {"Fuse", FUSE},
    };
    wn_decoder *decoder = arg;
    size_t i = 0;
    while (i < WN_ARRAY_LEN(types) && !wn_str_equal(type, wn_str_from(types[i].type)))
        i++;
    if (i == WN_ARRAY_LEN(types))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: decoder '%.*s' is not supported", component->path,
                WN_STR_ARG(type));
    step *s;
    WN_TRY(push_step(decoder, &s, types[i].kind, err));
    switch (s->kind) {
    case WORDPIECE:
        return parse_wordpiece(decoder, s, component, err);
    case METASPACE:
        return wn_metaspace_parse(&s->metaspace, component, err);
    case REPLACE:
        return parse_replace(decoder, s, component, err);
    case STRIP:
        return parse_strip(decoder, s, component, err);
    case SPACES:
    case FUSE:
    case BYTE_LEVEL:
    case BYTE_FALLBACK:
        break;
    }
    return WN_OK;
}

static void index_stand_ins(wn_decoder *decoder)
{
    uint32_t characters[256];
    wn_byte_stand_ins(characters);
    memset(decoder->byte_of, -1, sizeof decoder->byte_of);
    for (int16_t b = 0; b < 256; b++)
        decoder->byte_of[characters[b]] = b;
}

wn_status wn_decoder_parse(wn_decoder **out, const json_t *node, wn_error *err)
{
    wn_decoder *decoder = wn_mem_zalloc(1, sizeof *decoder);
    step *s;
    if (decoder == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a decoder");
    index_stand_ins(decoder);
    wn_status status = node == NULL || json_is_null(node)
                           ? push_step(decoder, &s, SPACES, err)
                           : wn_component_walk(node, "decoder", "decoders", add_step, decoder, err);
    if (status != WN_OK)
        wn_decoder_free(decoder);
    else
        *out = decoder;
    return status;
}

void wn_decoder_free(wn_decoder *decoder)
{
    if (decoder == NULL)
        return;
    for (size_t i = 0; i < decoder->count; i++)
        wn_pattern_free(decoder->steps[i].pattern);
    wn_mem_free(decoder->steps);
    wn_arena_deinit(&decoder->arena);
    wn_mem_free(decoder);
}

/* ---- steps on one piece ---------------------------------------------------------------------- */

/* Replace every occurrence of a text by one that is not longer; returns the new length. */
static size_t replace_all(char *p, size_t n, wn_str old, wn_str new)
{
    size_t to = 0;
    for (size_t at = 0; at < n;) {
        if (n - at >= old.len && memcmp(p + at, old.ptr, old.len) == 0) {
            memcpy(p + to, new.ptr, new.len);
            at += old.len;
            to += new.len;
        } else {
            p[to++] = p[at++];
        }
    }
    return to;
}

/* The list of the reference, in its order. */
static size_t clean_up(char *p, size_t n)
{
    static const wn_str rules[][2] = {
        {{" .", 2}, {".", 1}},     {{" ?", 2}, {"?", 1}},           {{" !", 2}, {"!", 1}},
        {{" ,", 2}, {",", 1}},     {{" ' ", 3}, {"'", 1}},          {{" n't", 4}, {"n't", 3}},
        {{" 'm", 3}, {"'m", 2}},   {{" do not", 7}, {" don't", 6}}, {{" 's", 3}, {"'s", 2}},
        {{" 've", 4}, {"'ve", 3}}, {{" 're", 4}, {"'re", 3}},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(rules); i++)
        n = replace_all(p, n, rules[i][0], rules[i][1]);
    return n;
}

static void put_wordpiece(const step *s, wn_pieces *out, wn_str piece, bool first)
{
    size_t start = out->bytes.len;
    if (!first && wn_str_starts(piece, s->text))
        piece = wn_str_slice(piece, s->text.len, piece.len);
    else if (!first)
        put(out, WN_STR(" "));
    put(out, piece);
    if (s->cleanup && out->bytes.len > start)
        out->bytes.len = start + clean_up(out->bytes.ptr + start, out->bytes.len - start);
}

/* The first piece loses what was put in front of the text, and any further one that it begins
 * with. */
static void put_metaspace(const step *s, wn_pieces *out, wn_str piece, bool first)
{
    const wn_metaspace *m = &s->metaspace;
    bool drop = first && m->prepend != WN_PREPEND_NEVER;
    wn_str replacement = {m->replacement, m->replacement_len};
    for (size_t at = 0, n; at < piece.len; at += n) {
        wn_str rest = wn_str_slice(piece, at, piece.len);
        n = wn_utf8_len(rest.ptr[0]);
        if (!wn_str_starts(rest, replacement))
            put(out, wn_str_slice(rest, 0, n));
        else if (!drop)
            put(out, WN_STR(" "));
    }
}

static void put_stripped(const step *s, wn_pieces *out, wn_str piece)
{
    for (uint32_t i = 0; i < s->start && wn_str_starts(piece, s->text); i++)
        piece = wn_str_slice(piece, s->text.len, piece.len);
    for (uint32_t i = 0; i < s->stop && wn_str_ends(piece, s->text); i++)
        piece.len -= s->text.len;
    put(out, piece);
}

static wn_status put_replaced(const step *s, wn_pieces *out, wn_str piece, wn_error *err)
{
    wn_finder finder;
    size_t done = 0;
    WN_TRY(wn_finder_begin(&finder, s->pattern, piece, NULL, err));
    for (;;) {
        bool found;
        wn_span match;
        WN_TRY(wn_finder_next(&finder, &found, &match, err));
        put(out, wn_str_slice(piece, done, found ? match.start : piece.len));
        if (!found)
            return WN_OK;
        put(out, s->text);
        done = match.end;
    }
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* Bytes at the front of p that begin a character, at least 1; they are none in full. */
static size_t broken_len(const char *p, size_t n)
{
    unsigned char lead = (unsigned char)p[0];
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    size_t want = lead < 0xC2 || lead > 0xF4 ? 1 : wn_utf8_len(p[0]), i = 1;
    while (i < want && i < n && (unsigned char)p[i] >= low && (unsigned char)p[i] <= high) {
        low = 0x80;
        high = 0xBF;
        i++;
    }
    return i;
}

static void put_lossy(wn_pieces *out, wn_str bytes)
{
    while (bytes.len > 0) {
        size_t n = wn_utf8_check(bytes);
        put(out, wn_str_slice(bytes, 0, n));
        bytes = wn_str_slice(bytes, n, bytes.len);
        if (bytes.len > 0) {
            put(out, REPLACEMENT);
            bytes = wn_str_slice(bytes, broken_len(bytes.ptr, bytes.len), bytes.len);
        }
    }
}

/* The bytes that a piece stands for; a piece with any other character is itself. */
static void push_bytes(const wn_decoder *decoder, wn_buf *out, wn_str piece)
{
    size_t before = out->len;
    for (size_t at = 0, n; at < piece.len; at += n) {
        uint32_t c = wn_utf8_decode(piece.ptr + at, &n);
        if (c >= WN_BYTE_STAND_INS || decoder->byte_of[c] < 0) {
            out->len = before;
            wn_buf_push_str(out, piece);
            return;
        }
        wn_buf_push_byte(out, (char)decoder->byte_of[c]);
    }
}

static void run_byte_level(const wn_decoder *decoder, const wn_pieces *in, wn_pieces *out)
{
    wn_buf bytes = WN_BUF_INIT;
    for (size_t i = 0; i < in->n; i++)
        push_bytes(decoder, &bytes, piece_at(in, i));
    put_lossy(out, wn_buf_str(&bytes));
    end_piece(out);
    out->bytes.failed |= bytes.failed;
    wn_buf_deinit(&bytes);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The byte of "<0x41>", or -1. */
static int byte_of_piece(wn_str piece)
{
    if (piece.len != 6 || memcmp(piece.ptr, "<0x", 3) != 0 || piece.ptr[5] != '>')
        return -1;
    int high = hex_digit(piece.ptr[3]), low = hex_digit(piece.ptr[4]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static void end_run(wn_buf *run, wn_pieces *out)
{
    wn_str bytes = wn_buf_str(run);
    if (wn_utf8_check(bytes) == bytes.len && bytes.len > 0)
        wn_pieces_push(out, bytes);
    else
        for (size_t i = 0; i < bytes.len; i++)
            wn_pieces_push(out, REPLACEMENT);
    out->bytes.failed |= run->failed;
    wn_buf_clear(run);
}

static void run_byte_fallback(const wn_pieces *in, wn_pieces *out)
{
    wn_buf run = WN_BUF_INIT;
    for (size_t i = 0; i < in->n; i++) {
        wn_str piece = piece_at(in, i);
        int byte = byte_of_piece(piece);
        if (byte >= 0) {
            wn_buf_push_byte(&run, (char)byte);
            continue;
        }
        end_run(&run, out);
        wn_pieces_push(out, piece);
    }
    end_run(&run, out);
    wn_buf_deinit(&run);
}

/* ---- running --------------------------------------------------------------------------------- */

static wn_status run_pieces(const step *s, const wn_pieces *in, wn_pieces *out, wn_error *err)
{
    for (size_t i = 0; i < in->n; i++) {
        wn_str piece = piece_at(in, i);
        if (s->kind == WORDPIECE)
            put_wordpiece(s, out, piece, i == 0);
        else if (s->kind == METASPACE)
            put_metaspace(s, out, piece, i == 0);
        else if (s->kind == REPLACE)
            WN_TRY(put_replaced(s, out, piece, err));
        else
            put_stripped(s, out, piece);
        end_piece(out);
    }
    return WN_OK;
}

static void join(const wn_pieces *in, wn_pieces *out, wn_str separator)
{
    for (size_t i = 0; i < in->n; i++) {
        put(out, i == 0 ? WN_STR("") : separator);
        put(out, piece_at(in, i));
    }
    end_piece(out);
}

static wn_status run_step(const wn_decoder *decoder, const step *s, const wn_pieces *in,
                          wn_pieces *out, wn_error *err)
{
    switch (s->kind) {
    case SPACES:
        join(in, out, WN_STR(" "));
        break;
    case FUSE:
        join(in, out, WN_STR(""));
        break;
    case BYTE_LEVEL:
        run_byte_level(decoder, in, out);
        break;
    case BYTE_FALLBACK:
        run_byte_fallback(in, out);
        break;
    case WORDPIECE:
    case METASPACE:
    case REPLACE:
    case STRIP:
        return run_pieces(s, in, out, err);
    }
    return WN_OK;
}

static wn_status check(const wn_pieces *pieces, wn_error *err)
{
    if (pieces->too_long)
        WN_FAIL(err, WN_ERR_LIMIT, "the text has over %u bytes", WN_TEXT_BYTES_MAX);
    if (pieces->bytes.failed)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a text of %zu pieces", pieces->n);
    return WN_OK;
}

wn_status wn_decoder_run(const wn_decoder *decoder, wn_pieces *pieces, wn_error *err)
{
    wn_status status = check(pieces, err);
    for (size_t i = 0; i < decoder->count && status == WN_OK; i++) {
        wn_pieces out = WN_PIECES_INIT;
        status = run_step(decoder, &decoder->steps[i], pieces, &out, err);
        if (status == WN_OK)
            status = check(&out, err);
        wn_pieces_deinit(pieces);
        *pieces = out;
    }
    return status;
}
