/* What the machine at hand can do at most: arithmetic in registers (kernel/peak.h) and reading of
 * memory.  A rate is the best of several short runs, so that other programs lower it little; one
 * thread is timed by its own processor time, several by the clock on the wall.
 * Thread rule: one measurement at a time per pool. */
#ifndef WN_BENCH_MACHINE_H
#define WN_BENCH_MACHINE_H

#include "base/pool.h"
#include "kernel/peak.h"

/* Operations a second of a loop on all threads of a pool at once; NULL: on this thread.
 * Needs:   wn_peak_runs(peak). */
double wn_machine_compute(const wn_peak *peak, wn_pool *pool);

/* Operations a second that bound the products of a level and of a dtype with this name; 0 when no
 * loop does. */
double wn_machine_peak(const char *level, const char *dtype, wn_pool *pool);

/* Bytes a second that the threads of a pool (NULL: this one) read from memory, of a buffer that no
 * cache holds.
 * Fails:   WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_machine_read(double *out, wn_pool *pool, wn_error *err);

/* The processor's name as the system tells it, else "unknown". */
void wn_machine_name(char *out, size_t size);

#endif
