/* A store that keeps a few keys, totals and the last batch in memory and can be told to fail: for
 * tests of what stands on a store.  Thread rule: test thread only. */
#ifndef WN_TESTS_CHECK_MEMORY_STORE_H
#define WN_TESTS_CHECK_MEMORY_STORE_H

#include "tests/support/check.h"

#include "serve/store.h"

enum { CHECK_STORE_KEYS = 8, CHECK_STORE_ROWS = 64 };

typedef struct check_memory_store {
    wn_store base;
    wn_key_record keys[CHECK_STORE_KEYS];
    size_t n_keys;
    wn_key_total totals[CHECK_STORE_KEYS];
    size_t n_totals;
    uint64_t revision;
    wn_status failure;                   /* WN_OK, or what every call does */
    int n_listed;                        /* calls of list_keys */
    wn_usage_row rows[CHECK_STORE_ROWS]; /* of the last batch */
    size_t n_rows;
    uint64_t instance, sequence; /* likewise */
    int n_batches;
    int64_t month; /* that the totals were asked for */
} check_memory_store;

/* An empty one, to be used through base; nothing needs to be freed. */
check_memory_store check_memory_store_make(void);

#endif
