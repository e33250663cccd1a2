/* The latest requests of each key that failed, so that whoever holds the key, or runs the server,
 * sees what went wrong without the log.  Kept in memory only, never a text.
 * Room is bounded and taken at the start: keys form groups by their hash, and in a group the newest
 * failure takes the place of the oldest, so that nobody pushes out those of all others.
 * Thread rule: any; a call takes one short lock. */
#ifndef WN_SERVE_FAILURES_H
#define WN_SERVE_FAILURES_H

#include "serve/key.h"

#define WN_FAILURES_OF_KEY 32 /* of a key at most */
#define WN_FAILURES_SHOWN  100

typedef struct wn_failure {
    wn_key_id key;       /* empty: without a key */
    int64_t at_s;        /* Unix time */
    const char *route;   /* as usage names it; constant */
    const char *code;    /* of the problem, constant; NULL: none */
    int32_t status;      /* of the answer */
    char request_id[48]; /* its begin, when it is longer */
    uint64_t number;     /* set by wn_failures_add(), upwards from 1 */
} wn_failure;

typedef struct wn_failures wn_failures;

/* Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees with wn_failures_free(). */
WN_MUST_USE wn_status wn_failures_new(wn_failures **out, wn_error *err);

/* Nobody is in a call any more; NULL is allowed. */
void wn_failures_free(wn_failures *failures);

/* Note a failure. */
void wn_failures_add(wn_failures *failures, const wn_failure *failure);

/* The latest failures of a key (an empty id: of requests without one), or of all (NULL), newest
 * first; returns how many.
 * Shapes:  out [WN_FAILURES_SHOWN]. */
size_t wn_failures_list(wn_failures *failures, wn_failure *out, const wn_key_id *key);

#endif
