/* Which of many digests is the first of its equals: a hash table of places in an array.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_DIGEST_SET_H
#define WN_SERVE_DIGEST_SET_H

#include "serve/row_digest.h"

typedef struct wn_digest_set {
    uint32_t *slots; /* [n_slots] place + 1; 0: free */
    size_t n_slots, cap;
} wn_digest_set;

/* Empty the set and make room for n digests; a set of zeros is allowed.
 * Fails:   false when memory is short.
 * Owns:    caller frees with wn_digest_set_deinit(). */
WN_MUST_USE bool wn_digest_set_begin(wn_digest_set *set, size_t n);

/* Free; a set of zeros is allowed. */
void wn_digest_set_deinit(wn_digest_set *set);

/* The place of the first digest that equals digests[i]; that is i when there is none, and then it
 * joins.
 * Needs:   the same array each time; no more than n join. */
size_t wn_digest_set_first(wn_digest_set *set, const wn_row_digest *digests, size_t i);

#endif
