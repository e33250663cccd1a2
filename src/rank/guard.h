/* Is a faster dtype good enough for a model?  Some pairs of short texts are scored as the engine
 * does it and in f32; what counts is that the order stays.  For rank/ only. */
#ifndef WN_RANK_GUARD_H
#define WN_RANK_GUARD_H

#include "rank/engine.h"

/* Compare the engine with itself in f32, one layer of which is held at a time.
 * Fails:   as wn_runner_new(), wn_run(). */
WN_MUST_USE wn_status wn_guard_measure(wn_dtype_report *out, const wn_engine *engine,
                                       wn_error *err);

#endif
