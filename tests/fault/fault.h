/* Fail the n-th allocation, for every n, until the operation succeeds.
 * The programs of tests/fault/ are linked with --wrap, so that the library's calls of malloc,
 * calloc, realloc, aligned_alloc, free and pthread_create come here; jansson is told to do the
 * same.  After each failure the status must be WN_ERR_MEMORY, with a message, and every block freed
 * again.  Each n is tried twice: that allocation alone fails, and that one with all after it.
 * Thread rule: one loop at a time; the operation itself may use threads. */
#ifndef WN_TESTS_FAULT_H
#define WN_TESTS_FAULT_H

#include "tests/support/check.h"

/* The operation: allocate, use and free again, whatever happens; returns the first error. */
typedef wn_status fault_operation(void *arg, wn_error *err);

/* Run the loop; returns how many allocations the operation makes, or -1 with the first problem in
 * why [why_size]. */
long fault_loop(char *why, size_t why_size, fault_operation *operation, void *arg);

/* The loop as a cmocka test, which fails on the first problem and on an operation that allocates
 * nothing.  Prints how many failures were tried. */
void fault_each_allocation(const char *name, fault_operation *operation, void *arg);

/* From the one to the other no allocation fails and none is counted down; on the thread that runs
 * the operation. */
void fault_pause(void);
void fault_resume(void);

#endif
