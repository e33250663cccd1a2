/* The keys in memory, for the threads that serve: finding one touches no disk.
 * Its owner's thread refreshes it from the store every few seconds, so that what another process
 * changed (a revoked key above all) holds here soon, and on SIGHUP.  While the store does not
 * answer, the keys of the last refresh hold for max_age_s, then none.
 * Beside them there may be a few keys given to the server itself, texts of any form, as TEI's
 * --api-key; they need no store.
 * An unknown id costs the same work as a known one, and nobody learns that a key is expired or
 * revoked without its secret.  Thread rule: as each function says. */
#ifndef WN_SERVE_KEY_CACHE_H
#define WN_SERVE_KEY_CACHE_H

#include "serve/store.h"

#define WN_STATIC_KEYS_MAX 16

typedef struct wn_key_cache wn_key_cache;

typedef enum wn_key_outcome {
    WN_KEY_OK = 0,
    WN_KEY_MISSING,    /* no text */
    WN_KEY_MALFORMED,  /* not of the form of a key, and no key of another form is accepted */
    WN_KEY_UNKNOWN,    /* no such id, or not its secret */
    WN_KEY_EXPIRED,    /* it was right once */
    WN_KEY_REVOKED,    /* likewise */
    WN_KEY_UNAVAILABLE /* cannot be told: the keys are too old, or memory is short */
} wn_key_outcome;

/* Make a cache without keys; max_age_s 0: they never grow too old.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees with wn_key_cache_free(). */
WN_MUST_USE wn_status wn_key_cache_new(wn_key_cache **out, const wn_pepper *pepper,
                                       int64_t max_age_s, wn_error *err);

/* Nobody is in a call any more; NULL is allowed. */
void wn_key_cache_free(wn_key_cache *cache);

/* Accept a text as a key that stands for this record; the record's digests are not looked at.
 * Fails:   WN_ERR_LIMIT beyond WN_STATIC_KEYS_MAX, WN_ERR_ARGUMENT for an empty text,
 *          WN_ERR_MEMORY.
 * Thread:  before any other uses the cache. */
WN_MUST_USE wn_status wn_key_cache_add_static(wn_key_cache *cache, wn_str text,
                                              const wn_key_record *record, wn_error *err);

/* Take the keys of the store if they have changed since the last call, or in any case.
 * Fails:   as the store; the keys that were there stay.
 * Thread:  the store's. */
WN_MUST_USE wn_status wn_key_cache_refresh(wn_key_cache *cache, wn_store *store, int64_t now_s,
                                           bool in_any_case, wn_error *err);

/* Who presents this text as a key?  *out is set when the outcome is WN_KEY_OK.
 * Thread:  any. */
WN_MUST_USE wn_key_outcome wn_key_cache_find(wn_key_cache *cache, wn_key_record *out, wn_str text,
                                             int64_t now_s);

/* How many keys there are, valid or not, static ones among them.
 * Thread:  any. */
size_t wn_key_cache_count(wn_key_cache *cache);

#endif
