/* Writes a report of evaluate.h as a table for the terminal, as JSON, or as one HTML page that
 * needs nothing but itself.  The same report gives the same bytes. Fails:   each returns false when
 * memory is short; *out may have grown. Thread rule: any. */
#ifndef WN_EVAL_REPORT_H
#define WN_EVAL_REPORT_H

#include "base/buf.h"
#include "eval/evaluate.h"

/* One block a metric, one line a set, the notes below. */
bool wn_report_push_table(wn_buf *out, const wn_report *report);

/* An object with "sets" and "mean"; each has "bm25" and, with a model, "model" and "difference",
 * which hold {"mean", "low", "high"} under the metrics' keys. */
bool wn_report_push_json(wn_buf *out, const wn_report *report);

/* Tiles, bar charts with intervals, tables, notes; light or dark as the reader's system is. */
bool wn_report_push_html(wn_buf *out, const wn_report *report);

/* Whether the difference of a row is more than chance: its interval leaves out 0. */
bool wn_report_is_clear(wn_estimate difference);

#endif
