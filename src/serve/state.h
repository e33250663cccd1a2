/* The directory in which the server keeps what outlives it: winnow.db with keys and usage, and
 * pepper, without which the digests of the keys mean nothing.  Both are made when they are missing,
 * readable by their owner only.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_STATE_H
#define WN_SERVE_STATE_H

#include "serve/store.h"

typedef struct wn_state {
    wn_store *store;
    wn_pepper pepper;
} wn_state;

/* Make a state directory and its parents, as far as they are missing.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_state_make_dir(const char *dir, wn_error *err);

/* Open a state directory, making it and its parents when they are missing.
 * Fails:   WN_ERR_IO, also for a pepper that others can read and for one that is missing beside a
 *          store; WN_ERR_FORMAT for a pepper of another size; and as wn_store_open_sqlite().
 * Owns:    caller closes with wn_state_close(). */
WN_MUST_USE wn_status wn_state_open(wn_state *out, const char *dir, wn_error *err);

/* Close and wipe; a state of zeros is allowed. */
void wn_state_close(wn_state *state);

#endif
