/* Scores that were computed before, by what was scored.  Memory is taken once; a score that is new
 * takes the place of the one among eight that was not asked for longest.  With a path the scores
 * outlive the process.
 * The path is read once, at open, and written by wn_score_cache_save() only.
 * Thread rule: any; short locks, each for a part of the places. */
#ifndef WN_SERVE_SCORE_CACHE_H
#define WN_SERVE_SCORE_CACHE_H

#include "serve/row_digest.h"

typedef struct wn_score_cache wn_score_cache;

typedef struct wn_score_cache_options {
    size_t max_bytes;  /* of all places; at least those of one lock each are made */
    const char *path;  /* of the file; NULL: none */
    const char *model; /* what gives the scores, under 64 bytes: fingerprint, CPU level, dtype */
} wn_score_cache_options;

typedef struct wn_score_cache_stats {
    uint64_t evictions; /* since open */
    uint64_t n_scores, n_places;
    uint64_t n_bytes; /* of all places */
} wn_score_cache_stats;

/* Make a cache and fill it from its file.  A file that is not there is none; one that cannot be
 * used is left alone, and *ignored (its status is WN_OK otherwise) says why.
 * Fails:   WN_ERR_MEMORY; WN_ERR_INTERNAL when there are no random bytes for a key.
 * Owns:    caller frees *out with wn_score_cache_free(); borrows path and model. */
WN_MUST_USE wn_status wn_score_cache_open(wn_score_cache **out,
                                          const wn_score_cache_options *options, wn_error *ignored,
                                          wn_error *err);

/* Free; NULL is allowed. */
void wn_score_cache_free(wn_score_cache *cache);

/* The key of the digests, for wn_row_digester_new(); valid until wn_score_cache_free(). */
const uint8_t *wn_score_cache_key(const wn_score_cache *cache);

/* Look scores up; what is not known becomes NaN.  Returns how many are known.
 * Shapes:  digests, logits [n]. */
size_t wn_score_cache_find(wn_score_cache *cache, const wn_row_digest *digests, float *logits,
                           size_t n);

/* Keep scores; those that are no finite number are left out.
 * Shapes:  digests, logits [n]. */
void wn_score_cache_add(wn_score_cache *cache, const wn_row_digest *digests, const float *logits,
                        size_t n);

/* Write the scores to the file; others may be looked up and added meanwhile.
 * Needs:   a path.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY; the file is then as it was.
 * Thread:  one at a time. */
WN_MUST_USE wn_status wn_score_cache_save(wn_score_cache *cache, wn_error *err);

/* What it did. */
wn_score_cache_stats wn_score_cache_look(wn_score_cache *cache);

#endif
