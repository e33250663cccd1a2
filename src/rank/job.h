/* A request on its way: texts as tokens, cut into rows (one row is one sequence that the model
 * reads), and the results.  All memory is taken in wn_job_new(); wn_run() allocates nothing.
 * For rank/ only.  Thread rule: one at a time. */
#ifndef WN_RANK_JOB_H
#define WN_RANK_JOB_H

#include "base/arena.h"
#include "rank/chunk.h"
#include "rank/engine.h"
#include "rank/score.h"

/* One window of one document beside the query. */
typedef struct wn_row {
    const int32_t *ids;      /* [n_ids] the document's tokens */
    uint32_t n_ids, n_query; /* n_query: tokens of the query that are used */
    uint32_t doc;
    bool scored;
    bool matched; /* its part of job.nearest is filled */
    float logit;
    size_t byte_start, byte_end;
    /* Of a listwise model, whose ids are the whole sequence: */
    uint32_t n_marks;      /* its documents and the query */
    const uint32_t *marks; /* [n_marks] places of their marks */
    size_t first_vector;   /* of theirs in job.vectors */
} wn_row;

/* Tokens of one document, and how it is cut. */
typedef struct wn_doc {
    const int32_t *ids;
    const uint32_t *start, *end; /* byte range of each token; NULL unless windows or matches are
                                    wanted */
    size_t n_ids;
    size_t n_query;   /* tokens of the query beside it */
    wn_chunks chunks; /* of those of its tokens that are kept */
    size_t first_row, n_rows;
    size_t vector; /* of a listwise model: its own in job.vectors */
} wn_doc;

struct wn_job {
    const wn_engine *engine;
    wn_request request; /* documents are borrowed, texts are not read after wn_job_new() */
    wn_arena *arenas;   /* [n_arenas] one a worker */
    size_t n_arenas;
    const wn_frame *frame;    /* what stands around a query and a document that are read together */
    wn_str instruction;       /* of the request, with the words around it; empty: none */
    wn_id_span apart;         /* of a listwise model: its ids, which are not among the query's */
    const int32_t *query_ids; /* [n_query] */
    size_t n_query;
    const uint32_t *query_start; /* [n_query] byte ranges; NULL unless matches are wanted */
    const uint32_t *query_end;
    wn_nearest *nearest; /* [n_rows][query.n]; likewise */
    wn_doc *docs;        /* [n_texts] */
    size_t n_texts;      /* documents times fields */
    wn_row *rows;
    size_t n_rows;
    wn_result *results;
    size_t n_results;
    bool done, stopped;    /* the last run gave results; should_stop() ended it */
    size_t n_texts_scored; /* texts whose last row has been scored, or that have none */
    wn_usage usage;
    size_t n_past;     /* tokens that all its sequences begin with, which are read once; 0: none */
    size_t past_start; /* where a runner has kept them, */
    uint64_t past_id;  /* as long as its past is this one */
    const wn_runner *past_runner;
    bool query_read;       /* query has its vectors, or needs none */
    size_t n_query_tokens; /* of its own sequence, special and mask tokens included, and apart */
    wn_query query;        /* as the model sees it: a vector a token of that, or one pooled */
    wn_score_query score_query;
    /* Of a listwise model: */
    float *vectors;      /* [its marks][dim] */
    float *query_vector; /* [dim] the average of the blocks' */
    float *scores;       /* [n_texts] */
};

/* Write the query's own sequence (late interaction, embedder) to ids, types; returns its length and
 * stores the number of tokens that may be attended to in *n_keys. */
size_t wn_job_query_sequence(const wn_job *job, int32_t *ids, int32_t *types, uint32_t *n_keys);

/* Write a row's sequence; returns its length. */
size_t wn_job_row_sequence(const wn_job *job, const wn_row *row, int32_t *ids, int32_t *types);
size_t wn_job_row_length(const wn_job *job, const wn_row *row);

/* How many of a row's n tokens the head reads the last of: padding at the end does not count. */
size_t wn_job_row_keys(const wn_job *job, const int32_t *ids, size_t n);

/* What vectors of a format are rows of. */
wn_dtype wn_job_vector_dtype(wn_vector_format format);

/* Forget the last run. */
void wn_job_begin(wn_job *job);

#endif
