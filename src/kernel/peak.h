/* What a processor's arithmetic can do at most: loops of independent multiply-adds that never leave
 * the registers, one for each level and compute dtype whose instructions differ from those of the
 * levels below.  How good a product is, is told as a share of the one that it is made of.
 * The loops are written as instructions: no level's flags are needed to compile them, and no
 * compiler makes them shorter.
 * Thread rule: constant, any. */
#ifndef WN_KERNEL_PEAK_H
#define WN_KERNEL_PEAK_H

#include "base/dtype.h"

typedef struct wn_peak {
    const char *level; /* the lowest one whose products are made of it */
    wn_dtype dtype;    /* F32, BF16 or I8 */
    const char *instructions;
    uint32_t needs; /* bits of wn_cpu_feature */
    uint32_t ops;   /* of a turn; a multiplication and an addition count as two */
    void (*run)(uint64_t turns);
} wn_peak;

/* All loops of this architecture, from the lowest level to the highest; *n is set.  Only those
 * with wn_peak_runs() may be run. */
const wn_peak *wn_peaks(size_t *n);

/* Whether this machine has what a loop needs. */
bool wn_peak_runs(const wn_peak *peak);

/* The loop that bounds a level's products of a dtype: its own, or that of the next level below that
 * has one.  NULL when there is none, as for the scalar level. */
const wn_peak *wn_peak_of(const char *level, wn_dtype dtype);

#endif
