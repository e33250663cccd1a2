/* BM25, the yardstick beside which a model is measured: the idf of Lucene, k1 0.9, b 0.4, as
 * Anserini and BEIR use it.  Statistics come from all documents of a set; only candidates are
 * scored. Thread rule: shared read-only after wn_bm25_new(). */
#ifndef WN_EVAL_BM25_H
#define WN_EVAL_BM25_H

#include "base/status.h"

#define WN_BM25_K1 0.9
#define WN_BM25_B  0.4

typedef struct wn_bm25 wn_bm25;

/* Count the terms of a collection.
 * Shapes:  texts [n].
 * Fails:   WN_ERR_INPUT for text that is not UTF-8, WN_ERR_LIMIT for more than
 *          INT32_MAX different terms, WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_bm25_free(); keeps no text. */
WN_MUST_USE wn_status wn_bm25_new(wn_bm25 **out, const wn_str *texts, size_t n, wn_error *err);

/* Free an index; NULL is allowed. */
void wn_bm25_free(wn_bm25 *bm25);

/* scores[i] = sum over the query's terms t of
 *             count_q(t) * idf(t) * count_d(t) * (k1 + 1) / (count_d(t) + k1 * (1 - b + b * len /
 * avg)). Shapes:  scores, documents [n]; documents are indexes into the texts of wn_bm25_new().
 * Fails:   WN_ERR_INPUT for a query that is not UTF-8, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_bm25_score(const wn_bm25 *bm25, double *scores, wn_str query,
                                    const size_t *documents, size_t n, wn_error *err);

#endif
