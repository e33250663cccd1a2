/* What every cmocka test includes first: cmocka in its required order, and small checks.
 * Thread rule: test thread only. */
#ifndef WN_TESTS_CHECK_H
#define WN_TESTS_CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "winnow.h"

/* The call succeeded; prints its error when not. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        wn_status assert_ok_status = (call);                                                       \
        if (assert_ok_status != WN_OK)                                                             \
            fail_msg("%s: %s: %s", wn_status_name(assert_ok_status), (err)->where,                 \
                     (err)->message);                                                              \
    } while (0)

/* The call failed with this status and its message contains the text. */
#define assert_fails(call, want, err, text)                                                        \
    do {                                                                                           \
        memset((err), 0, sizeof *(err));                                                           \
        assert_int_equal((call), (want));                                                          \
        if (strstr((err)->message, (text)) == NULL)                                                \
            fail_msg("message '%s' does not contain '%s'", (err)->message, (text));                \
    } while (0)

/* Two numbers differ by at most the tolerance. */
#define assert_near(got, want, tolerance)                                                          \
    do {                                                                                           \
        double assert_near_got = (got), assert_near_want = (want);                                 \
        if (!(fabs(assert_near_got - assert_near_want) <= (tolerance)))                            \
            fail_msg("%.17g, expected %.17g", assert_near_got, assert_near_want);                  \
    } while (0)

/* PATH below the folder of reference material, or NULL when it is not there (then skip the test).
 * Owns:    static storage, valid until the next call. */
const char *check_shared(const char *path);

/* Bits of a fixed sequence (xorshift) that goes on from call to call, so that a failure repeats. */
uint64_t check_random_bits(void);

/* A number of that sequence below n. */
size_t check_random_below(size_t n);

#endif
