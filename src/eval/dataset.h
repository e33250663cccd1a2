/* A folder of judged queries: queries.tsv and docs.tsv (id, language, text), qrels.tsv (query,
 * document, grade) and candidates.jsonl ({"qid": .., "cands": [..]}, what a reranker has to order).
 * A line that is not understood is an error that names file, line and both values.  What is
 * understood but cannot be used is counted, never dropped in silence.
 * Ownership: all strings and arrays belong to the set.  Thread rule: shared read-only once open. */
#ifndef WN_EVAL_DATASET_H
#define WN_EVAL_DATASET_H

#include "base/status.h"

typedef struct wn_passage {
    wn_str id, language, text;
} wn_passage;

/* One query with its candidates, at least one of them relevant. */
typedef struct wn_topic {
    size_t query;            /* index into queries */
    const size_t *documents; /* [n_candidates] indexes into documents */
    const double *grades;    /* [n_candidates] 0 where there is no judgement */
    size_t n_candidates;
} wn_topic;

typedef struct wn_dataset {
    const char *name; /* last part of the folder's path */
    const wn_passage *queries, *documents;
    size_t n_queries, n_documents;
    const wn_topic *topics; /* [n_topics] in the order of candidates.jsonl */
    size_t n_topics;
    size_t n_hopeless; /* lists without a relevant candidate: no order of them is better */
    size_t n_unlisted; /* queries without a list of candidates */
    size_t n_unknown;  /* judgements of a query or document that the set does not have */
    size_t n_missing;  /* relevant documents that are not among their query's candidates */
} wn_dataset;

/* Read a folder.
 * Fails:   WN_ERR_IO for a file that cannot be read; WN_ERR_FORMAT for one that is not understood:
 *          too few fields, text that is not UTF-8, a grade outside 0..WN_GRADE_MAX, an id or a
 *          judgement given twice, a candidate that is unknown or listed twice; WN_ERR_LIMIT for
 * more than INT32_MAX lines; WN_ERR_MEMORY. Owns:    caller closes *out with wn_dataset_close().
 * The files must not change meanwhile. */
WN_MUST_USE wn_status wn_dataset_open(const wn_dataset **out, const char *dir, wn_error *err);

/* Free a set; NULL is allowed. */
void wn_dataset_close(const wn_dataset *set);

#endif
