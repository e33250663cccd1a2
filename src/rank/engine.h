/* The engine's inside, for rank/ only: a loaded model with everything that a request needs to know.
 * Owns kernels' choice, tensors, model, tokenizer; checks that they fit each other once, at open.
 * Thread rule: shared read-only after wn_engine_open(). */
#ifndef WN_RANK_ENGINE_H
#define WN_RANK_ENGINE_H

#include "base/arena.h"
#include "model/model.h"
#include "rank/origin.h"
#include "rank/prompt.h"

struct wn_engine {
    wn_arena arena; /* the strings of this struct */
    const char *name;
    const wn_kernels *kernels;
    const wn_gemm *gemm;      /* of the layers */
    const char *dtype;        /* its name */
    const char *dtype_reason; /* why "auto" chose it */
    const char *cpu_reason;
    const char *stored; /* format and types of the file */
    wn_config config;   /* the model borrows it */
    wn_origin origin;   /* with the tensors */
    wn_model *model;
    wn_tokenizer *tokenizer;
    wn_prompt prompt;
    bool use_types;          /* the family reads type ids */
    bool may_end_in_pads;    /* a sequence may end in tokens that the head passes over */
    size_t n_special_pair;   /* special tokens around a pair without an instruction */
    size_t n_special_single; /* around one text; with the marker for late interaction */
    size_t max_query_ids;    /* own tokens of a query under the family's limit */
    uint8_t *skip_token;     /* [vocab] document vectors to drop, or NULL */
    uint64_t config_print, tokenizer_print; /* fingerprints of files */
    char fingerprint[17];                   /* of all, in hex */
};

/* Are queries and documents read for themselves? */
static inline bool wn_engine_reads_apart(const wn_engine *engine)
{
    return engine->config.kind == WN_KIND_LATE_INTERACTION ||
           engine->config.kind == WN_KIND_EMBEDDER;
}

/* Most tokens of a document in one row; if it is read with the query, beside so many tokens that
 * are not its own. */
size_t wn_engine_row_room(const wn_engine *engine, size_t n_others);

#endif
