/* The runner's inside, for rank/ only: the planned workspace, the pool, per-thread tokenizer
 * scratch and the staging area where rows of many jobs become one packed batch.
 * Thread rule: one at a time. */
#ifndef WN_RANK_RUNNER_H
#define WN_RANK_RUNNER_H

#include "base/pool.h"
#include "compute/ops.h"
#include "rank/job.h"

/* Texts to encode; text i goes to docs[i] in the arena of the worker that met it. */
typedef struct wn_encoding {
    wn_doc *docs;     /* [n] */
    wn_arena *arenas; /* [n_threads] */
    const wn_str *texts;
    size_t n;
    const char *what;  /* "document", for errors; NULL: a text that stands alone */
    size_t n_fields;   /* texts a document, at least 1 when there is a `what` */
    wn_str lead, tail; /* what each text is tokenized with, before and behind it */
    bool plain_specials;
    bool with_offsets; /* keep byte ranges */
} wn_encoding;

/* The first text that a worker could not encode. */
typedef struct wn_encode_failure {
    size_t item;
    wn_status status; /* WN_OK: none */
    wn_error err;
} wn_encode_failure;

struct wn_runner {
    const wn_engine *engine;
    wn_plan plan; /* zeros and NULL below when it only tokenises */
    wn_pool *pool;
    wn_exec *exec;
    wn_encoder **encoders;       /* [n_threads] */
    wn_ids *scratch;             /* [n_threads] */
    wn_buf *wrapped;             /* [n_threads] a text with its lead and tail */
    wn_encode_failure *failures; /* [n_threads] */
    int32_t n_threads;
    /* The batch that is being filled. */
    int32_t *ids, *types;            /* [plan.batch_tokens] */
    uint8_t *keep;                   /* [plan.batch_tokens] */
    uint32_t *seq_start, *n_keys;    /* [plan.batch_seqs + 1] */
    wn_job **owner;                  /* [plan.batch_seqs] */
    wn_row **row;                    /* [plan.batch_seqs]; NULL: the owner's query */
    const wn_query **query;          /* [plan.batch_seqs] the owner's */
    const wn_row_ref **ref;          /* [plan.batch_seqs] of the row; NULL: from wn_run() */
    float *scores;                   /* [plan.batch_seqs] */
    wn_nearest **nearest;            /* [plan.batch_seqs] where matches go; NULL: not wanted */
    wn_doc_vectors *documents;       /* [plan.batch_seqs] */
    uint32_t *marks;                 /* [plan.batch_seqs] tokens whose vectors are wanted */
    void **kept;                     /* [plan.batch_seqs] where vectors go; NULL: not to be kept */
    uint32_t *past_start, *past_len; /* [plan.batch_seqs] what each goes on from */
    size_t n_seqs, n_tokens;
    uint64_t past_id; /* of what the past holds now */
    size_t n_past;    /* tokens of it that are used */
    bool known;       /* the staged rows' vectors are known */
    bool reports;     /* jobs hear of their progress */
};

/* Room for one more sequence of n tokens? */
bool wn_runner_fits(const wn_runner *runner, size_t n);

/* Stage the n tokens that were written to ids and types behind the staged ones. */
void wn_runner_push(wn_runner *runner, size_t n, uint32_t n_keys);

/* Begin a forward pass over the staged sequences: takes back the exec's tensors. */
wn_batch wn_runner_begin(wn_runner *runner);

/* Take back all staged sequences. */
void wn_runner_clear(wn_runner *runner);

/* Encode texts on all threads.
 * Fails:   the error of the first text that fails, "WHAT i: " in front. */
WN_MUST_USE wn_status wn_runner_encode(wn_runner *runner, const wn_encoding *encoding,
                                       wn_error *err);

#endif
