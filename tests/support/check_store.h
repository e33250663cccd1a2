/* What every store has to do, whatever the backend: the tests of wn_store as one suite.
 * A test program says how a store of its kind is opened; each test starts with an empty one.
 * Thread rule: test thread only. */
#ifndef WN_TESTS_CHECK_STORE_H
#define WN_TESTS_CHECK_STORE_H

#include "tests/support/check.h"

#include "serve/store.h"

/* A kind of store. */
typedef struct check_store_kind {
    wn_status (*open)(wn_store **out, wn_error *err); /* what is there, or a new one */
    void (*erase)(void);                              /* all that is there; nobody has it open */
} check_store_kind;

/* Run the suite; returns the number of failed tests. */
int check_store_run(const check_store_kind *kind);

/* A record of which every field differs from its default. */
wn_key_record check_store_record(const char *id);

/* A row of usage. */
wn_usage_row check_store_row(const char *key, int64_t minute, const char *route, const char *model,
                             uint64_t tokens);

#endif
