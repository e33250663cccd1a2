/* Documents that are read together: rows are blocks of many documents and the query, and a
 * document's score is the cosine of its vector and of the query's, which is averaged over the
 * blocks.  So a score depends on the other documents of the request and on their order.
 * For rank/ only.  Thread rule: one at a time. */
#ifndef WN_RANK_LISTWISE_H
#define WN_RANK_LISTWISE_H

#include "rank/runner.h"

/* Cut the texts of a job, whose own ids are there, into blocks and write their rows.
 * Fails:   WN_ERR_LIMIT under WN_LONG_DOCS_ERROR, or for a query that leaves no room; as
 *          wn_runner_encode(); WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_listwise_make_rows(wn_job *job, wn_runner *runner, wn_error *err);

/* Take the vectors of a row, those of its documents and then the query's.
 * Shapes:  vectors [row->n_marks][dim]. */
void wn_listwise_take(wn_job *job, wn_row *row, const float *vectors);

/* Score the documents of the rows that were read. */
void wn_listwise_score(wn_job *job);

/* Most tokens of a document that are read, and of a query. */
#define WN_LISTWISE_DOC_TOKENS   2048
#define WN_LISTWISE_QUERY_TOKENS 512

#endif
