/* Scores of published checkpoints that a source can be named for: pairs of texts, what the model
 * gives them, how near it must come.  A checkpoint is told by its shape, since a fingerprint would
 * need the file; so another one of the same shape is taken for it, and a difference is no proof of
 * damage.
 * Thread rule: tables are constant; comparing is one at a time per runner. */
#ifndef WN_CLI_PUBLISHED_H
#define WN_CLI_PUBLISHED_H

#include "base/buf.h"
#include "base/status.h"

typedef struct wn_published_pair {
    const char *query, *document;
    double logit;
} wn_published_pair;

typedef struct wn_published_model {
    const char *name;   /* on the Hugging Face hub */
    const char *family; /* this and the numbers as in wn_engine_info */
    wn_kind kind;
    int32_t n_layers, hidden, n_heads, intermediate, vocab, max_tokens;
    const wn_published_pair *pairs; /* [n_pairs] */
    size_t n_pairs;
    double tolerance;   /* of a logit: what the arithmetic behind the figures makes of it */
    const char *source; /* where the figures stand */
} wn_published_model;

extern const wn_published_model wn_published_models[]; /* [wn_published_n_models] */
extern const size_t wn_published_n_models;

/* The row of a table [n] that has the shape of a model; NULL: none. */
const wn_published_model *wn_published_find(const wn_published_model *table, size_t n,
                                            const wn_engine_info *info);

/* Score the pairs and append each score beside the published one, and the source, to *detail.
 * *good: none differs by more than the tolerance.
 * Fails:   as wn_rank(), WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_published_compare(bool *good, wn_buf *detail,
                                           const wn_published_model *model, wn_runner *runner,
                                           wn_error *err);

#endif
