/* Which rows of a job are to be computed: not those whose scores are known, and of equal ones only
 * the first.  All rows of a job that wants matches are.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_ROW_PLAN_H
#define WN_SERVE_ROW_PLAN_H

#include "serve/digest_set.h"
#include "serve/score_cache.h"

typedef struct wn_row_plan {
    wn_row_digest *digests;   /* [wn_job_n_rows()] */
    wn_row_digest *documents; /* [wn_job_n_rows()] without the query; NULL: not wanted */
    bool *known;      /* [wn_job_n_rows()] its score or vectors were kept: it was not read */
    uint32_t *first;  /* [wn_job_n_rows()] the first row that equals it */
    size_t *rows;     /* [n] to be computed; WN_ROW_QUERY: the query alone */
    uint32_t *tokens; /* [n] of those */
    uint32_t *order;  /* [n] room for the scheduler's order */
    size_t n, n_cached, n_same;
    uint64_t cached_tokens; /* of documents that were not read again and of a query that was not
                               read, as usage counts them; set by wn_row_plan_end() */
} wn_row_plan;

/* What a worker plans with. */
typedef struct wn_row_planner {
    wn_row_digester *digester;
    wn_digest_set set;
    wn_score_cache *cache; /* NULL: none; borrowed */
    bool keeps_vectors;    /* plans tell documents apart */
} wn_row_planner;

/* Plan a job, and give the rows whose scores are known theirs.  Only what was scored in the same
 * scope is known.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_row_plan_deinit(), whatever this returns. */
WN_MUST_USE wn_status wn_row_plan_make(wn_row_plan *out, wn_row_planner *planner, uint64_t scope,
                                       wn_job *job, wn_error *err);

/* Free; a plan of zeros is allowed. */
void wn_row_plan_deinit(wn_row_plan *plan);

/* The rows were computed, or some of them: give their scores to those that are equal, and count. */
void wn_row_plan_end(wn_row_plan *plan, wn_job *job);

#endif
