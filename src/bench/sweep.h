/* The operations that a forward pass is made of, each by itself on one thread, with the shapes of
 * MiniLM (6 x 384), base (12 x 768) and large (24 x 1024) encoders.  A time is the shortest of
 * several runs, as processor time of the thread; products and attention are told as a share of the
 * machine's peak of their level and dtype.
 * Thread rule: one at a time. */
#ifndef WN_BENCH_SWEEP_H
#define WN_BENCH_SWEEP_H

#include "base/status.h"

typedef struct wn_sweep_row {
    const char *op;    /* "product", "rows", "attention", "norm", "gelu" */
    const char *shape; /* such as "base up 3072 x 768" */
    const char *dtype; /* such as "bf16"; "" where there is none */
    double seconds;    /* of one run */
    double amount;     /* what a run does, in units */
    const char *unit;  /* "operations", "elements", "bytes" */
    double peak;       /* operations a second of the machine; 0: not known, or another unit */
} wn_sweep_row;

/* Takes a row when it is measured; false ends the sweep. */
typedef bool wn_sweep_fn(void *user, const wn_sweep_row *row);

/* Measure all operations of a level, of the dtypes that it has a product of.
 * Needs:   cpu_level is one that this machine runs; dtype is NULL (all) or a name such as "bf16".
 * Fails:   WN_ERR_MEMORY, WN_ERR_CANCELLED when fn returned false. */
WN_MUST_USE wn_status wn_sweep_run(const char *cpu_level, const char *dtype, wn_sweep_fn *fn,
                                   void *user, wn_error *err);

#endif
