/* Overlapping windows over the tokens of a long document.  Pure functions.
 * Rule: windows of `window` tokens, each starting `window - overlap` after the one before; the last
 * is moved back so that it is full.  A document that fits is one window.
 * Source: jina-reranker-v2's published rerank(): overlap = min(80, window / 4).
 * Thread rule: any. */
#ifndef WN_RANK_CHUNK_H
#define WN_RANK_CHUNK_H

#include "base/defs.h"

typedef struct wn_chunks {
    size_t n_tokens, window, overlap;
} wn_chunks;

/* Needs:   window >= 1; overlap is lowered to window / 4. */
wn_chunks wn_chunks_make(size_t n_tokens, size_t window, size_t overlap);

/* Number of windows, at least 1. */
size_t wn_chunks_count(const wn_chunks *chunks);

/* Tokens [*start, *end) of window i.
 * Needs:   i < wn_chunks_count(). */
void wn_chunks_at(const wn_chunks *chunks, size_t *start, size_t *end, size_t i);

#endif
