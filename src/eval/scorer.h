/* A model as a scorer of evaluate.h: each query with its candidates is one wn_rank() request, so
 * what is measured is what users get.
 * Thread rule: one at a time. */
#ifndef WN_EVAL_SCORER_H
#define WN_EVAL_SCORER_H

#include "base/buf.h"
#include "eval/evaluate.h"

typedef struct wn_scorer {
    wn_runner *runner;
    wn_long_docs long_docs;
    wn_str instruction;              /* of all queries; empty: the model's own */
    bool (*should_stop)(void *user); /* polled between batches; may be NULL */
    void *user;
    wn_buf texts; /* wn_str of one query's candidates; scratch */
} wn_scorer;

/* Score by logit; documents without a token of their own share the lowest score.  A query without
 * one gives every candidate the same score and a note.
 * Shapes:  arg is a wn_scorer.
 * Fails:   as wn_rank(). */
WN_MUST_USE wn_status wn_scorer_score(void *arg, double *scores, const wn_dataset *set,
                                      const wn_topic *topic, size_t n, size_t *notes,
                                      wn_error *err);

/* Free the scratch memory. */
void wn_scorer_deinit(wn_scorer *scorer);

#endif
