/* Monthly statements of usage as a page of HTML that prints on paper and to PDF: what each key used
 * on each day with each model and, where there are prices, what it costs.  For the command line and
 * for HTTP alike.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_STATEMENT_H
#define WN_SERVE_STATEMENT_H

#include "serve/prices.h"

/* What they are made of. */
typedef struct wn_statements {
    wn_usage_query query;      /* of wn_statements_query() */
    wn_usage_row *rows;        /* [n_rows] its answer */
    const wn_key_record *keys; /* [n_keys] whose names they bear; more do no harm */
    size_t n_rows, n_keys;
    const wn_prices *prices; /* NULL: none */
    int64_t now_s;
} wn_statements;

/* What to ask the store for the statements of a month such as "2026-11", of one key or, without
 * one, of all that were used.
 * Fails:   as wn_report_query(), with *wrong "month" or "key". */
WN_MUST_USE wn_status wn_statements_query(wn_usage_query *out, wn_str month, wn_str key,
                                          const char **wrong, wn_error *err);

/* Write the document, in which each statement begins a page; puts the rows in order.  A query of
 * one key, or of none, has one statement, also of nothing.
 * Fails:   WN_ERR_ARGUMENT for a model without a price, WN_ERR_LIMIT, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_statements_push(wn_buf *out, const wn_statements *statements,
                                         wn_error *err);

#endif
