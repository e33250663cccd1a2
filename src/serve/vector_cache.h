/* What a model made of documents, by the digest of a row: bytes that this module does not look
 * into.  Memory is bounded; what was not asked for longest goes first.  One batch is served at a
 * time: what is found or reserved stays in place until wn_vector_cache_end_batch().
 * Thread rule: one at a time; wn_vector_cache_look() any. */
#ifndef WN_SERVE_VECTOR_CACHE_H
#define WN_SERVE_VECTOR_CACHE_H

#include "serve/row_digest.h"

typedef struct wn_vector_cache wn_vector_cache;

typedef struct wn_vector_cache_stats {
    uint64_t n_rows, n_bytes, max_bytes;
    uint64_t evictions; /* since open */
} wn_vector_cache_stats;

/* Make a cache; memory is taken as it fills.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_vector_cache_free(). */
WN_MUST_USE wn_status wn_vector_cache_new(wn_vector_cache **out, uint64_t max_bytes, wn_error *err);

/* Free; NULL is allowed. */
void wn_vector_cache_free(wn_vector_cache *cache);

/* The bytes that were kept for a digest in an earlier batch; NULL: none.
 * Owns:    valid until wn_vector_cache_end_batch(). */
void *wn_vector_cache_find(wn_vector_cache *cache, wn_row_digest digest);

/* Room to be filled before the batch ends.  NULL when it is in vain: the batch has the digest
 * already, too much of the memory is in use by this batch, or there is none.
 * Needs:   the digest was not found.
 * Owns:    valid until wn_vector_cache_end_batch(). */
void *wn_vector_cache_reserve(wn_vector_cache *cache, wn_row_digest digest, size_t n_bytes);

/* What was reserved is filled, and may be found. */
void wn_vector_cache_end_batch(wn_vector_cache *cache);

/* What it holds. */
wn_vector_cache_stats wn_vector_cache_look(const wn_vector_cache *cache);

#endif
