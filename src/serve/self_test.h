/* What a model that was loaded has to give before it answers anybody: the right scores.
 * Thread rule: one at a time per runner. */
#ifndef WN_SERVE_SELF_TEST_H
#define WN_SERVE_SELF_TEST_H

#include "winnow.h"

/* Score the reference pairs of the built-in model, or one pair with another model.
 * Fails:   WN_ERR_INTERNAL when a score is not what it has to be; it names both.  WN_ERR_FORMAT
 *          when a score is no number. */
WN_MUST_USE wn_status wn_self_test(wn_runner *runner, const wn_engine *engine, wn_error *err);

#endif
