/* Is a faster dtype good enough for a model?  Some pairs of short texts are scored as the engine
 * does it and in f32; what counts is that the order stays.  For rank/ only. */
#ifndef WN_RANK_GUARD_H
#define WN_RANK_GUARD_H

#include "rank/engine.h"

#define WN_GUARD_PAIRS 24

/* What the dtypes of a model are measured by: the logits of the pairs in f32. */
typedef struct wn_guard {
    float exact[WN_GUARD_PAIRS];
} wn_guard;

/* Score the pairs in f32, of which one layer is held at a time, packed by a pool (NULL: one
 * thread); the engine's own dtype does not matter.
 * Fails:   as wn_runner_new(), wn_run(). */
WN_MUST_USE wn_status wn_guard_init(wn_guard *out, const wn_engine *engine, wn_pool *pool,
                                    wn_error *err);

/* Score them as the engine does it, and compare.
 * Fails:   as wn_runner_new(), wn_run(). */
WN_MUST_USE wn_status wn_guard_measure(wn_dtype_report *out, const wn_guard *guard,
                                       const wn_engine *engine, wn_error *err);

#endif
