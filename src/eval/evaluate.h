/* Measures systems on sets of judged queries: each query's candidates are scored, the orders
 * measured (quality.h), and the means given with their 95% intervals (bootstrap.h). BM25 always
 * runs; a model runs beside it when there is one.  Queries count alike within a set, sets count
 * alike in the mean.  The result depends on the files and the scores alone: not on the clock, the
 * number of threads or the other sets. Thread rule: one at a time. */
#ifndef WN_EVAL_EVALUATE_H
#define WN_EVAL_EVALUATE_H

#include "base/status.h"
#include "eval/bootstrap.h"
#include "eval/dataset.h"
#include "eval/quality.h"

typedef enum wn_column {
    WN_COLUMN_BM25 = 0,
    WN_COLUMN_MODEL,
    WN_COLUMN_DIFFERENCE, /* model - BM25, query by query */
    WN_COLUMNS
} wn_column;

/* What was left out of a set or could not be used as it stands. */
typedef enum wn_note {
    WN_NOTE_HOPELESS = 0,
    WN_NOTE_UNLISTED,
    WN_NOTE_UNKNOWN,
    WN_NOTE_MISSING,
    WN_NOTE_EMPTY_QUERIES,
    WN_NOTE_EMPTY_DOCUMENTS,
    WN_NOTE_CUT_QUERIES,
    WN_NOTE_CUT_DOCUMENTS,
    WN_NOTES
} wn_note;

/* One set, or the mean of all. */
typedef struct wn_row {
    const char *name;
    size_t n_queries, n_pairs;
    wn_estimate estimates[WN_COLUMNS][WN_METRICS];
    size_t notes[WN_NOTES];
} wn_row;

typedef struct wn_report {
    const char *model;       /* NULL: BM25 alone */
    const char *long_docs;   /* what the model does with long documents */
    const char *instruction; /* that all queries were asked with; NULL: none */
    size_t limit, top;       /* as in the options */
    const wn_row *rows;      /* [n_rows] in the order of wn_evaluation_add() */
    size_t n_rows;
    wn_row mean; /* its counts are sums */
} wn_report;

/* Score the first n candidates of a topic; what is left out or cut is added to notes [WN_NOTES].
 * Shapes:  scores [n], none NaN. */
typedef wn_status wn_scorer_fn(void *arg, double *scores, const wn_dataset *set,
                               const wn_topic *topic, size_t n, size_t *notes, wn_error *err);

typedef struct wn_evaluation_options {
    const char *model;                   /* its name in reports; NULL: BM25 alone */
    const char *long_docs, *instruction; /* likewise */
    wn_scorer_fn *scorer;                /* the model's */
    void *scorer_arg;
    size_t limit; /* queries of a set, spread evenly over it; 0: all */
    size_t top;   /* candidates that are scored, the first of each list; 0: all */
    bool (*should_stop)(void *user); /* polled between queries; may be NULL */
    void (*progress)(void *user, const char *set, size_t n_done, size_t n_queries); /* or NULL */
    void *user;
} wn_evaluation_options;

typedef struct wn_evaluation wn_evaluation;

/* A key for programs, and a phrase that the count follows. */
const char *wn_note_key(wn_note note);
const char *wn_note_text(wn_note note);

/* Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_evaluation_free(); borrows the options' pointers until then.
 */
WN_MUST_USE wn_status wn_evaluation_new(wn_evaluation **out, const wn_evaluation_options *options,
                                        wn_error *err);

/* Free an evaluation and its report; NULL is allowed. */
void wn_evaluation_free(wn_evaluation *evaluation);

/* Measure one more set.
 * Fails:   as wn_bm25_new(), as the scorer, WN_ERR_CANCELLED when should_stop() said so. */
WN_MUST_USE wn_status wn_evaluation_add(wn_evaluation *evaluation, const wn_dataset *set,
                                        wn_error *err);

/* What was measured so far; the mean is that of at least one set.
 * Owns:    valid until the next wn_evaluation_add() or wn_evaluation_free(). */
wn_report wn_evaluation_report(const wn_evaluation *evaluation);

#endif
