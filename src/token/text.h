/* A text on its way through a tokenizer: bytes that normalizers rewrite, and, when wanted, for
 * every byte the range of the original text that it came from.
 * Invariant: valid UTF-8; with offsets, start and end have bytes.len entries and do not fall.
 * Like wn_buf, failure is sticky: writers may check text->bytes.failed once at their end.
 * Thread rule: one at a time; meant to be kept and reused, so that encoding allocates rarely. */
#ifndef WN_TOKEN_TEXT_H
#define WN_TOKEN_TEXT_H

#include "base/buf.h"
#include "base/status.h"

typedef struct wn_text {
    wn_buf bytes;
    bool want_offsets;
    uint32_t *start, *end; /* [bytes.len] original byte range of each byte; only if want_offsets */
    size_t offsets_cap;
    size_t limit; /* most bytes that a normalizer may make of it */
} wn_text;

#define WN_TEXT_INIT                                                                               \
    {                                                                                              \
        0                                                                                          \
    }
#define WN_TEXT_BYTES_MAX  (UINT32_MAX / 4) /* of one text */
#define WN_TEXT_GROWTH_MAX 64 /* bytes that normalizers may make of one; NFKC makes at most 11 */

/* Make the text empty; keeps the memory. */
void wn_text_clear(wn_text *text, bool want_offsets);

/* Make room for n more bytes and their offsets.
 * Fails:   false when memory is short. */
bool wn_text_reserve(wn_text *text, size_t n);

/* Append n bytes that came from original [start, end).
 * Fails:   false when memory is short. */
bool wn_text_push(wn_text *text, const char *bytes, size_t n, size_t start, size_t end);

/* Append a piece of the original text that starts at byte `at`; a byte maps to its character. */
bool wn_text_push_original(wn_text *text, wn_str piece, size_t at);

/* Append bytes [from, to) of another text with their offsets. */
bool wn_text_push_text(wn_text *text, const wn_text *src, size_t from, size_t to);

/* Append n bytes that came from where byte `like` of src came from. */
bool wn_text_push_like(wn_text *text, const char *bytes, size_t n, const wn_text *src, size_t like);

/* Keep only bytes [from, to). */
void wn_text_cut(wn_text *text, size_t from, size_t to);

/* Exchange two texts; free one. */
void wn_text_swap(wn_text *a, wn_text *b);
void wn_text_deinit(wn_text *text);

/* Ranges of a text's bytes, in order, not empty; gaps are text that is dropped. */
typedef struct wn_span {
    uint32_t start, end;
} wn_span;

typedef struct wn_spans {
    wn_span *items;
    size_t count, cap;
} wn_spans;

#define WN_SPANS_INIT                                                                              \
    {                                                                                              \
        0                                                                                          \
    }

/* Append [start, end) unless it is empty; false when memory is short. */
bool wn_spans_push(wn_spans *spans, size_t start, size_t end);
void wn_spans_deinit(wn_spans *spans);

#endif
