/* A monthly statement of a key's usage as a page of HTML that prints on paper and to PDF: what was
 * used on each day with each model and, where there are prices, what it costs.
 * Thread rule: one at a time. */
#ifndef WN_CLI_STATEMENT_H
#define WN_CLI_STATEMENT_H

#include "cli/prices.h"

typedef struct wn_statement {
    const char *key_id, *key_name; /* "": usage without a key */
    int64_t since_s, until_s;      /* of the month, as in wn_usage_query */
    int64_t now_s;
    const wn_usage_row *rows; /* [n_rows] by day and model, of this key */
    size_t n_rows;
    const wn_prices *prices; /* NULL: none */
} wn_statement;

/* The document around statements: head and style, and its end. */
bool wn_statement_push_begin(wn_buf *out, int64_t since_s);
bool wn_statement_push_end(wn_buf *out);

/* One statement, which begins a page.
 * Fails:   WN_ERR_ARGUMENT for a model without a price, WN_ERR_LIMIT, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_statement_push(wn_buf *out, const wn_statement *statement, wn_error *err);

#endif
