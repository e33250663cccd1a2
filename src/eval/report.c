/* The table and the JSON; the page is in report_html.c. */
#include "eval/report.h"

#include "base/str.h"
#include "data/json_bind.h"

#include <string.h>

bool wn_report_is_clear(wn_estimate difference)
{
    return difference.low > 0 || difference.high < 0;
}

/* ---- table ------------------------------------------------------------------------------------
 */

static void push_estimate(wn_buf *out, wn_estimate e, bool is_signed)
{
    wn_buf_printf(out, is_signed ? "  %+.3f [%+.3f %+.3f]" : "  %.3f [%.3f %.3f]", e.mean, e.low,
                  e.high);
}

static void push_line(wn_buf *out, const wn_report *report, const wn_row *row, wn_metric metric,
                      int width)
{
    wn_buf_printf(out, "%-*s  %7zu", width, row->name, row->n_queries);
    push_estimate(out, row->estimates[WN_COLUMN_BM25][metric], false);
    if (report->model != NULL) {
        wn_estimate difference = row->estimates[WN_COLUMN_DIFFERENCE][metric];
        push_estimate(out, row->estimates[WN_COLUMN_MODEL][metric], false);
        push_estimate(out, difference, true);
        wn_buf_printf(out, wn_report_is_clear(difference) ? " *" : "");
    }
    wn_buf_push_byte(out, '\n');
}

static void push_block(wn_buf *out, const wn_report *report, wn_metric metric, int width)
{
    wn_buf_printf(out, "%-*s  queries  %-19s", width, wn_metric_name(metric), "BM25");
    if (report->model != NULL)
        wn_buf_printf(out, "  %-19.19s  difference", report->model);
    wn_buf_push_byte(out, '\n');
    for (size_t i = 0; i < report->n_rows; i++)
        push_line(out, report, &report->rows[i], metric, width);
    if (report->n_rows > 1)
        push_line(out, report, &report->mean, metric, width);
    wn_buf_push_byte(out, '\n');
}

static void push_notes(wn_buf *out, const wn_row *row)
{
    for (wn_note note = 0; note < WN_NOTES; note++)
        if (row->notes[note] > 0)
            wn_buf_printf(out, "%s: %s: %zu\n", row->name, wn_note_text(note), row->notes[note]);
}

bool wn_report_push_table(wn_buf *out, const wn_report *report)
{
    size_t width = strlen("recall@3");
    for (size_t i = 0; i < report->n_rows; i++)
        width = WN_MAX(width, strlen(report->rows[i].name));
    for (wn_metric metric = 0; metric < WN_METRICS; metric++)
        push_block(out, report, metric, (int)width);
    wn_buf_printf(out, "[low high]: 95%% of %d bootstrap resamples of the queries",
                  WN_BOOTSTRAP_RESAMPLES);
    wn_buf_printf(out, report->model != NULL ? "; *: the difference leaves out 0\n" : "\n");
    for (size_t i = 0; i < report->n_rows; i++)
        push_notes(out, &report->rows[i]);
    return !out->failed;
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

/* Each of these gives *object one more field; *ok turns false when memory is short. */
static void put(json_t *object, const char *key, json_t *value, bool *ok)
{
    *ok = json_object_set_new(object, key, value) == 0 && *ok;
}

static void put_column(json_t *object, wn_column column, const wn_estimate *estimates, bool *ok)
{
    static const char *const keys[WN_COLUMNS] = {"bm25", "model", "difference"};
    json_t *metrics = json_object();
    for (wn_metric metric = 0; metric < WN_METRICS; metric++) {
        wn_estimate e = estimates[metric];
        put(metrics, wn_metric_key(metric),
            json_pack("{s:f, s:f, s:f}", "mean", e.mean, "low", e.low, "high", e.high), ok);
    }
    put(object, keys[column], metrics, ok);
}

static json_t *json_of_row(const wn_report *report, const wn_row *row, bool *ok)
{
    json_t *object = json_pack("{s:s, s:I, s:I}", "set", row->name, "queries",
                               (json_int_t)row->n_queries, "pairs", (json_int_t)row->n_pairs);
    json_t *notes = json_object();
    wn_column n_columns = report->model != NULL ? WN_COLUMNS : WN_COLUMN_MODEL;
    for (wn_column column = 0; column < n_columns; column++)
        put_column(object, column, row->estimates[column], ok);
    for (wn_note note = 0; note < WN_NOTES; note++)
        put(notes, wn_note_key(note), json_integer((json_int_t)row->notes[note]), ok);
    put(object, "notes", notes, ok);
    return object;
}

static int push_bytes(const char *bytes, size_t n, void *out)
{
    return wn_buf_push(out, bytes, n) ? 0 : -1;
}

bool wn_report_push_json(wn_buf *out, const wn_report *report)
{
    bool ok = true;
    json_t *sets = json_array();
    for (size_t i = 0; i < report->n_rows; i++)
        ok = json_array_append_new(sets, json_of_row(report, &report->rows[i], &ok)) == 0 && ok;
    json_t *root = json_pack("{s:s?, s:s?, s:s*, s:I, s:I, s:i}", "model", report->model,
                             "long_docs", report->long_docs, "instruction", report->instruction,
                             "limit", (json_int_t)report->limit, "top", (json_int_t)report->top,
                             "resamples", WN_BOOTSTRAP_RESAMPLES);
    put(root, "sets", sets, &ok);
    put(root, "mean", json_of_row(report, &report->mean, &ok), &ok);
    size_t flags = JSON_INDENT(1) | JSON_REAL_PRECISION(12);
    ok = ok && json_dump_callback(root, push_bytes, out, flags) == 0;
    json_decref(root);
    return ok && wn_buf_push_byte(out, '\n');
}
