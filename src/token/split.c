/* A splitter is a list of small steps over a text and its spans.  A cutting step turns each span
 * into several; a rewriting step makes a new text and moves the spans along.  ByteLevel and
 * Metaspace are parsed into one step of each kind.
 * Source: huggingface/tokenizers 0.23, pre_tokenizers/, tokenizer/pattern.rs,
 * tokenizer/normalizer.rs SplitDelimiterBehavior. */
#include "token/split.h"
#include "base/mem.h"
#include "data/unicode.h"
#include "token/component.h"
#include "token/pattern.h"
#include "token/scanner.h"
#include "token/stand_in.h"

#include <stdio.h>

#define WN_WHERE "token/split"

typedef enum behavior { REMOVED, ISOLATED, MERGED_PREVIOUS, MERGED_NEXT, CONTIGUOUS } cut_behavior;

typedef enum kind {
    CUT_PATTERN,   /* matches of a pattern */
    CUT_SCANNER,   /* matches of a scanner */
    CUT_FLAGS,     /* every character that has a flag */
    CUT_WORDS,     /* \w+|[^\w\s]+ kept, the rest dropped */
    CUT_BERT,      /* white space dropped, punctuation apart */
    PUT_SPACE,     /* a space in front of each span that has none */
    PUT_METASPACE, /* spaces replaced, the replacement in front */
    PUT_BYTES      /* each byte as its printable stand-in */
} step_kind;

typedef struct step {
    step_kind kind;
    cut_behavior behavior;
    bool invert;
    uint32_t flags;
    wn_scanner *scan;
    wn_pattern *pattern;
    wn_metaspace metaspace;
} step;

struct wn_splitter {
    step *steps;
    size_t count, cap;
    struct {
        char bytes[2];
        uint8_t len;
    } stand_in[256];
};

void wn_split_scratch_deinit(wn_split_scratch *scratch)
{
    wn_text_deinit(&scratch->spare);
    wn_spans_deinit(&scratch->spans);
    wn_finder_match_free(scratch->match);
    *scratch = (wn_split_scratch)WN_SPLIT_SCRATCH_INIT;
}

/* ---- parsing --------------------------------------------------------------------------------- */

static wn_status add(wn_splitter *splitter, step **out, step_kind kind, cut_behavior behavior,
                     wn_error *err)
{
    if (!wn_mem_grow(&splitter->steps, &splitter->cap, splitter->count + 1, sizeof(step)))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a pre-tokenizer");
    *out = &splitter->steps[splitter->count++];
    **out = (step){.kind = kind, .behavior = behavior};
    return WN_OK;
}

static wn_status parse_behavior(cut_behavior *out, const wn_fields *component, wn_presence presence,
                                wn_error *err)
{
    static const char *const names[] = {[REMOVED] = "Removed",
                                        [ISOLATED] = "Isolated",
                                        [MERGED_PREVIOUS] = "MergedWithPrevious",
                                        [MERGED_NEXT] = "MergedWithNext",
                                        [CONTIGUOUS] = "Contiguous"};
    wn_str name = wn_str_from(names[ISOLATED]);
    WN_TRY(wn_field_str(&name, component, "behavior", presence, err));
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++) {
        if (wn_str_equal(name, wn_str_from(names[i]))) {
            *out = (cut_behavior)i;
            return WN_OK;
        }
    }
    WN_FAIL(err, WN_ERR_FORMAT,
            "%s.behavior: '%.*s' is none of Removed, Isolated, "
            "MergedWithPrevious, MergedWithNext, Contiguous",
            component->path, WN_STR_ARG(name));
}

static wn_status parse_split(wn_splitter *splitter, const wn_fields *component, wn_error *err)
{
    step *s;
    char path[WN_COMPONENT_PATH_MAX + 16];
    WN_TRY(add(splitter, &s, CUT_PATTERN, ISOLATED, err));
    WN_TRY(parse_behavior(&s->behavior, component, WN_REQUIRED, err));
    WN_TRY(wn_field_bool(&s->invert, component, "invert", WN_OPTIONAL, err));
    snprintf(path, sizeof path, "%s.pattern", component->path);
    return wn_pattern_parse(&s->pattern, json_object_get(component->object, "pattern"), path, err);
}

static wn_status parse_byte_level(wn_splitter *splitter, const wn_fields *component, wn_error *err)
{
    static const char gpt2[] =
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    bool prefix, regex = true;
    step *s;
    WN_TRY(wn_field_bool(&prefix, component, "add_prefix_space", WN_REQUIRED, err));
    WN_TRY(wn_field_bool(&regex, component, "use_regex", WN_OPTIONAL, err));
    if (prefix)
        WN_TRY(add(splitter, &s, PUT_SPACE, ISOLATED, err));
    if (regex) {
        WN_TRY(add(splitter, &s, CUT_SCANNER, ISOLATED, err));
        s->scan = wn_scanner_find(WN_STR(gpt2));
    }
    return add(splitter, &s, PUT_BYTES, ISOLATED, err);
}

static wn_status parse_metaspace(wn_splitter *splitter, const wn_fields *component, wn_error *err)
{
    bool split = true;
    step *s;
    WN_TRY(wn_field_bool(&split, component, "split", WN_OPTIONAL, err));
    WN_TRY(add(splitter, &s, PUT_METASPACE, ISOLATED, err));
    WN_TRY(wn_metaspace_parse(&s->metaspace, component, err));
    if (!split)
        return WN_OK;
    const wn_metaspace metaspace = s->metaspace;
    WN_TRY(add(splitter, &s, CUT_PATTERN, MERGED_NEXT, err));
    json_t *node = json_pack("{s:s%}", "String", metaspace.replacement, metaspace.replacement_len);
    if (node == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a pattern");
    wn_status status = wn_pattern_parse(&s->pattern, node, component->path, err);
    json_decref(node);
    return status;
}

static wn_status parse_flags(wn_splitter *splitter, uint32_t flags, cut_behavior behavior,
                             wn_error *err)
{
    step *s;
    WN_TRY(add(splitter, &s, CUT_FLAGS, behavior, err));
    s->flags = flags;
    return WN_OK;
}

static wn_status add_step(void *arg, const wn_fields *component, wn_str type, wn_error *err)
{
    wn_splitter *splitter = arg;
    step *s;
    cut_behavior behavior;
    bool single;
    if (wn_str_equal(type, WN_STR("BertPreTokenizer")))
        return add(splitter, &s, CUT_BERT, ISOLATED, err);
    if (wn_str_equal(type, WN_STR("WhitespaceSplit")))
        return parse_flags(splitter, WN_UC_SPACE, REMOVED, err);
    if (wn_str_equal(type, WN_STR("Whitespace")))
        return add(splitter, &s, CUT_WORDS, REMOVED, err);
    if (wn_str_equal(type, WN_STR("Metaspace")))
        return parse_metaspace(splitter, component, err);
    if (wn_str_equal(type, WN_STR("ByteLevel")))
        return parse_byte_level(splitter, component, err);
    if (wn_str_equal(type, WN_STR("Split")))
        return parse_split(splitter, component, err);
    if (wn_str_equal(type, WN_STR("Digits"))) {
        WN_TRY(wn_field_bool(&single, component, "individual_digits", WN_REQUIRED, err));
        return parse_flags(splitter, WN_UC_NUMERIC, single ? ISOLATED : CONTIGUOUS, err);
    }
    if (wn_str_equal(type, WN_STR("Punctuation"))) {
        WN_TRY(parse_behavior(&behavior, component, WN_OPTIONAL, err));
        return parse_flags(splitter, WN_UC_PUNCT, behavior, err);
    }
    WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: pre-tokenizer '%.*s' is not supported", component->path,
            WN_STR_ARG(type));
}

static void make_stand_ins(wn_splitter *splitter)
{
    uint32_t characters[256];
    wn_byte_stand_ins(characters);
    for (size_t b = 0; b < 256; b++) {
        char bytes[WN_UTF8_MAX];
        size_t n = wn_utf8_encode(bytes, characters[b]);
        memcpy(splitter->stand_in[b].bytes, bytes, WN_MIN(n, (size_t)2));
        splitter->stand_in[b].len = (uint8_t)n;
    }
}

wn_status wn_splitter_parse(wn_splitter **out, const json_t *node, wn_error *err)
{
    wn_splitter *splitter = wn_mem_zalloc(1, sizeof *splitter);
    if (splitter == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a pre-tokenizer");
    make_stand_ins(splitter);
    wn_status status = WN_OK;
    if (node != NULL && !json_is_null(node))
        status = wn_component_walk(node, "pre_tokenizer", "pretokenizers", add_step, splitter, err);
    if (status != WN_OK)
        wn_splitter_free(splitter);
    else
        *out = splitter;
    return status;
}

void wn_splitter_free(wn_splitter *splitter)
{
    if (splitter == NULL)
        return;
    for (size_t i = 0; i < splitter->count; i++)
        wn_pattern_free(splitter->steps[i].pattern);
    wn_mem_free(splitter->steps);
    wn_mem_free(splitter);
}

/* ---- cutting --------------------------------------------------------------------------------- */

/* Collects the pieces of one span under a behaviour. */
typedef struct cutter {
    wn_spans *out;
    cut_behavior behavior;
    size_t first;         /* number of spans in out before this one */
    bool any, last_match; /* a piece was seen; it was a match */
    size_t held_start;    /* MERGED_NEXT: a match that waits for the next piece */
    bool held;
    bool ok;
} cutter;

static void cutter_extend(cutter *c, size_t end)
{
    c->out->items[c->out->count - 1].end = (uint32_t)end;
}

static void cutter_push(cutter *c, size_t start, size_t end)
{
    c->ok = wn_spans_push(c->out, start, end) && c->ok;
}

/* Take piece [start, end), not empty. */
static void cutter_take(cutter *c, size_t start, size_t end, bool is_match)
{
    bool has_last = c->out->count > c->first;
    switch (c->behavior) {
    case REMOVED:
        if (!is_match)
            cutter_push(c, start, end);
        break;
    case ISOLATED:
        cutter_push(c, start, end);
        break;
    case CONTIGUOUS:
        if (c->any && c->last_match == is_match && has_last)
            cutter_extend(c, end);
        else
            cutter_push(c, start, end);
        break;
    case MERGED_PREVIOUS:
        if (is_match && !c->last_match && has_last)
            cutter_extend(c, end);
        else
            cutter_push(c, start, end);
        break;
    case MERGED_NEXT:
        if (c->held && is_match)
            cutter_push(c, c->held_start, start);
        if (is_match) {
            c->held_start = start;
            c->held = true;
        } else {
            cutter_push(c, c->held ? c->held_start : start, end);
            c->held = false;
        }
        break;
    }
    c->any = true;
    c->last_match = is_match;
}

static void cutter_finish(cutter *c, size_t end)
{
    if (c->held)
        cutter_push(c, c->held_start, end);
}

static wn_status cut_pattern(const step *s, wn_str text, wn_span span, cutter *c, void **match,
                             wn_error *err)
{
    wn_finder finder;
    wn_str piece = wn_str_slice(text, span.start, span.end);
    size_t done = 0;
    WN_TRY(wn_finder_begin(&finder, s->pattern, piece, match, err));
    for (;;) {
        wn_span hit;
        bool found;
        WN_TRY(wn_finder_next(&finder, &found, &hit, err));
        if (!found)
            break;
        if (hit.start > done)
            cutter_take(c, span.start + done, span.start + hit.start, s->invert);
        cutter_take(c, span.start + hit.start, span.start + hit.end, !s->invert);
        done = hit.end;
    }
    if (done < piece.len)
        cutter_take(c, span.start + done, span.end, s->invert);
    return WN_OK;
}

/* The scanner matches everywhere, so every piece is a match. */
static void cut_scanner(const step *s, wn_str text, wn_span span, cutter *c)
{
    wn_str piece = wn_str_slice(text, span.start, span.end);
    for (size_t at = 0, end; at < piece.len; at = end) {
        end = s->scan(piece, at);
        cutter_push(c, span.start + at, span.start + end);
    }
}

static void cut_flags(const step *s, wn_str text, wn_span span, cutter *c)
{
    size_t start = span.start, at = start, len;
    for (; at < span.end; at += len) {
        if ((wn_unicode_flags(wn_utf8_decode(text.ptr + at, &len)) & s->flags) == 0)
            continue;
        if (at > start)
            cutter_take(c, start, at, false);
        cutter_take(c, at, at + len, true);
        start = at + len;
    }
    if (at > start)
        cutter_take(c, start, at, false);
}

static void cut_words(wn_str text, wn_span span, cutter *c)
{
    size_t start = span.start, at = start, len;
    int last = 0; /* 0 white space, 1 word, 2 other */
    for (; at < span.end; at += len) {
        uint32_t flags = wn_unicode_flags(wn_utf8_decode(text.ptr + at, &len));
        int now = (flags & WN_UC_WORD) != 0 ? 1 : (flags & WN_UC_SPACE) != 0 ? 0 : 2;
        if (now != last) {
            if (last != 0)
                cutter_push(c, start, at);
            start = at;
            last = now;
        }
    }
    if (last != 0)
        cutter_push(c, start, at);
}

static void cut_bert(wn_str text, wn_span span, cutter *c)
{
    size_t start = span.start, at = start, len;
    for (; at < span.end; at += len) {
        uint32_t flags = wn_unicode_flags(wn_utf8_decode(text.ptr + at, &len));
        if ((flags & (WN_UC_SPACE | WN_UC_PUNCT)) == 0)
            continue;
        cutter_push(c, start, at);
        if ((flags & WN_UC_SPACE) == 0)
            cutter_push(c, at, at + len);
        start = at + len;
    }
    cutter_push(c, start, at);
}

/* ---- rewriting ------------------------------------------------------------------------------- */

static void put_space(const wn_text *text, wn_span span, wn_text *out)
{
    if (text->bytes.ptr[span.start] != ' ')
        wn_text_push_like(out, " ", 1, text, span.start);
    wn_text_push_text(out, text, span.start, span.end);
}

static void put_metaspace(const step *s, const wn_text *text, wn_span span, bool at_start,
                          wn_text *out)
{
    const char *p = text->bytes.ptr;
    const wn_metaspace *m = &s->metaspace;
    wn_str replacement = {m->replacement, m->replacement_len};
    bool first = m->prepend == WN_PREPEND_ALWAYS ||
                 (m->prepend == WN_PREPEND_FIRST && at_start && span.start == 0);
    wn_str piece = {p + span.start, span.end - span.start};
    if (first && piece.ptr[0] != ' ' && !wn_str_starts(piece, replacement))
        wn_text_push_like(out, replacement.ptr, replacement.len, text, span.start);
    for (size_t at = span.start; at < span.end;) {
        const char *hit = memchr(p + at, ' ', span.end - at);
        size_t to = hit == NULL ? span.end : (size_t)(hit - p);
        wn_text_push_text(out, text, at, to);
        if (hit != NULL)
            wn_text_push_like(out, replacement.ptr, replacement.len, text, to);
        at = to + (hit != NULL);
    }
}

static void put_bytes(const wn_splitter *splitter, const wn_text *text, wn_span span, wn_text *out)
{
    size_t n = span.end - span.start;
    if (!wn_text_reserve(out, 2 * n))
        return;
    const unsigned char *p = (const unsigned char *)text->bytes.ptr;
    char *q = out->bytes.ptr;
    size_t k = out->bytes.len;
    for (size_t at = span.start; at < span.end; at++) {
        size_t len = splitter->stand_in[p[at]].len;
        q[k] = splitter->stand_in[p[at]].bytes[0];
        q[k + 1] = splitter->stand_in[p[at]].bytes[1];
        for (size_t i = 0; text->want_offsets && i < len; i++) {
            out->start[k + i] = text->start[at];
            out->end[k + i] = text->end[at];
        }
        k += len;
    }
    out->bytes.len = k;
}

/* ---- running --------------------------------------------------------------------------------- */

static bool rewrites(step_kind kind)
{
    return kind == PUT_SPACE || kind == PUT_METASPACE || kind == PUT_BYTES;
}

/* Rewrite every span into the spare text; the text between spans is dropped. */
static wn_status run_rewrite(const wn_splitter *splitter, const step *s, wn_text *text,
                             bool at_start, wn_spans *spans, wn_split_scratch *scratch,
                             wn_error *err)
{
    wn_text *out = &scratch->spare;
    wn_text_clear(out, text->want_offsets);
    for (size_t i = 0; i < spans->count; i++) {
        wn_span span = spans->items[i];
        size_t start = out->bytes.len;
        if (s->kind == PUT_SPACE)
            put_space(text, span, out);
        else if (s->kind == PUT_METASPACE)
            put_metaspace(s, text, span, at_start, out);
        else
            put_bytes(splitter, text, span, out);
        if (out->bytes.len > WN_TEXT_BYTES_MAX)
            WN_FAIL(err, WN_ERR_LIMIT, "the split text is over %u bytes", WN_TEXT_BYTES_MAX);
        spans->items[i] = (wn_span){(uint32_t)start, (uint32_t)out->bytes.len};
    }
    if (out->bytes.failed)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a text of %zu bytes", text->bytes.len);
    wn_text_swap(text, out);
    return WN_OK;
}

static wn_status run_cut(const step *s, const wn_text *text, wn_spans *spans,
                         wn_split_scratch *scratch, wn_error *err)
{
    wn_spans *out = &scratch->spans;
    wn_str bytes = wn_buf_str(&text->bytes);
    out->count = 0;
    for (size_t i = 0; i < spans->count; i++) {
        wn_span span = spans->items[i];
        cutter c = {.out = out, .behavior = s->behavior, .first = out->count, .ok = true};
        if (s->kind == CUT_PATTERN)
            WN_TRY(cut_pattern(s, bytes, span, &c, &scratch->match, err));
        else if (s->kind == CUT_SCANNER)
            cut_scanner(s, bytes, span, &c);
        else if (s->kind == CUT_FLAGS)
            cut_flags(s, bytes, span, &c);
        else if (s->kind == CUT_WORDS)
            cut_words(bytes, span, &c);
        else
            cut_bert(bytes, span, &c);
        cutter_finish(&c, span.end);
        if (!c.ok)
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu pre-tokens", out->count);
    }
    wn_spans done = *spans;
    *spans = *out;
    *out = done;
    return WN_OK;
}

wn_status wn_splitter_run(const wn_splitter *splitter, wn_text *text, bool at_start,
                          wn_spans *spans, wn_split_scratch *scratch, wn_error *err)
{
    spans->count = 0;
    if (!wn_spans_push(spans, 0, text->bytes.len))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for pre-tokens");
    for (size_t i = 0; i < splitter->count; i++) {
        const step *s = &splitter->steps[i];
        if (rewrites(s->kind))
            WN_TRY(run_rewrite(splitter, s, text, at_start, spans, scratch, err));
        else
            WN_TRY(run_cut(s, text, spans, scratch, err));
    }
    return WN_OK;
}
