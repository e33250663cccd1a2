/* Tests that run on every CPU level of this machine.  WINNOW_TEST_LEVEL narrows them to one.
 * Thread rule: test thread only. */
#ifndef WN_TESTS_CHECK_LEVELS_H
#define WN_TESTS_CHECK_LEVELS_H

#include "kernel/kernel.h"

typedef void check_level_fn(const wn_kernels *kernels);

/* Call check for each level; says on stdout which levels the machine lacks, and why.
 * Skips the test when no level is left. */
void check_levels(check_level_fn *check);

/* Uniform floats in [-scale, scale] from a fixed sequence that goes on from call to call. */
void check_random(float *x, size_t n, float scale);

#endif
