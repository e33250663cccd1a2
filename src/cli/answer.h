/* Prints one ranking: as JSON, JSON lines, tab-separated values or a table.
 * Pure: results in, bytes out.  Push functions return false when memory is short.
 * Thread rule: any. */
#ifndef WN_CLI_ANSWER_H
#define WN_CLI_ANSWER_H

#include "cli/request.h"
#include "cli/terminal.h"
#include "serve/explain.h"

/* The choices of --format, in its order. */
typedef enum wn_format {
    WN_FORMAT_TABLE = 0,
    WN_FORMAT_JSON,
    WN_FORMAT_JSONL,
    WN_FORMAT_TSV
} wn_format;

typedef struct wn_answer {
    const wn_result *results; /* [n_results], best first */
    size_t n_results;
    wn_usage usage;
    wn_str id;                     /* JSON text; empty: none */
    wn_str query;                  /* shown above a table; empty: not shown */
    const wn_document *documents;  /* of the request, by index */
    bool with_documents;           /* JSON repeats them */
    bool with_windows;             /* byte ranges of the best windows */
    const wn_rank_call *explained; /* has insights; NULL: not asked for */
    bool unbounded;                /* relevance is no share of 1, so bars are drawn relatively */
} wn_answer;

/* {"id", "results": [...], "usage": {...}} on one line, or with a line for each result. */
bool wn_answer_push_json(wn_buf *out, const wn_answer *answer, bool one_line);

/* A JSON object a result and line, as in "results" above. */
bool wn_answer_push_jsonl(wn_buf *out, const wn_answer *answer);

/* A line of names, then one line a result; tab, line end, backslash and control characters in a
 * text are \t, \n, \r, \\ and \u00XX. */
bool wn_answer_push_tsv(wn_buf *out, const wn_answer *answer);

/* A line of titles, then rank, bar, relevance, index and text, and below it the words that matter
 * most; cut to the width of a terminal, whole elsewhere. */
bool wn_answer_push_table(wn_buf *out, const wn_answer *answer, const wn_terminal *terminal);

#endif
