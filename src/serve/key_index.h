/* From the number of a key to its place in an array: open addressing, made once for n numbers.
 * Numbers of keys are random, so they are their own hash.  Thread rule: shared read-only once
 * made. */
#ifndef WN_SERVE_KEY_INDEX_H
#define WN_SERVE_KEY_INDEX_H

#include "base/status.h"

#define WN_KEY_INDEX_NONE SIZE_MAX

typedef struct wn_key_index {
    uint64_t *numbers; /* 0: free */
    uint32_t *places;
    size_t n_slots; /* a power of two, or 0 */
} wn_key_index;

/* Make room for n numbers.
 * Fails:   false when memory is short.
 * Owns:    caller frees with wn_key_index_deinit(). */
bool wn_key_index_init(wn_key_index *index, size_t n);

/* Free; an index of zeros is allowed and finds nothing. */
void wn_key_index_deinit(wn_key_index *index);

/* Add a number that is not there.
 * Needs:   number != 0; at most as many calls as there is room for. */
void wn_key_index_add(wn_key_index *index, uint64_t number, size_t place);

/* The place of a number, or WN_KEY_INDEX_NONE. */
size_t wn_key_index_find(const wn_key_index *index, uint64_t number);

#endif
