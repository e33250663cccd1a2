/* The loop over queries and the bookkeeping of means.  Outcomes of the mean over sets are means of
 * the sets' outcomes; for that the sets must be resampled independently, so the seed of a set comes
 * from its name. */
#include "eval/evaluate.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "eval/bm25.h"

#include <string.h>

#define WN_WHERE "eval/evaluate"

typedef double outcomes[WN_BOOTSTRAP_RESAMPLES];

struct wn_evaluation {
    wn_evaluation_options options;
    wn_arena names;
    wn_buf rows;                  /* wn_row */
    outcomes (*sums)[WN_METRICS]; /* [WN_COLUMNS], over the sets so far */
    outcomes *scratch;
};

/* What one set needs while it is measured. */
typedef struct trial {
    const wn_dataset *set;
    wn_bm25 *bm25;
    size_t n_queries;
    double *scores; /* of one query's candidates */
    double *values; /* [WN_COLUMNS][WN_METRICS][n_queries] */
    wn_row row;
} trial;

static const struct {
    const char *key, *text;
} note_texts[WN_NOTES] = {
    [WN_NOTE_HOPELESS] = {"queries_without_relevant_candidate",
                          "queries left out, none of their candidates is relevant"},
    [WN_NOTE_UNLISTED] = {"queries_without_candidates",
                          "queries left out, they have no list of candidates"},
    [WN_NOTE_UNKNOWN] = {"unknown_judgements",
                         "judgements left out, their query or document is not in the set"},
    [WN_NOTE_MISSING] = {"relevant_documents_not_listed",
                         "relevant documents left out, they are not among the candidates"},
    [WN_NOTE_EMPTY_QUERIES] = {"empty_queries",
                               "queries without a token for the model, their candidates tie"},
    [WN_NOTE_EMPTY_DOCUMENTS] = {"empty_documents",
                                 "candidates without a token for the model, they come last"},
    [WN_NOTE_CUT_QUERIES] = {"cut_queries", "queries longer than the model's limit, they were cut"},
    [WN_NOTE_CUT_DOCUMENTS] = {"cut_documents",
                               "candidates longer than the model's limit, they were cut"},
};

const char *wn_note_key(wn_note note)
{
    return note_texts[note].key;
}

const char *wn_note_text(wn_note note)
{
    return note_texts[note].text;
}

wn_status wn_evaluation_new(wn_evaluation **out, const wn_evaluation_options *options,
                            wn_error *err)
{
    wn_evaluation *evaluation = wn_mem_zalloc(1, sizeof *evaluation);
    if (evaluation != NULL) {
        evaluation->options = *options;
        evaluation->sums = wn_mem_zalloc(WN_COLUMNS, sizeof *evaluation->sums);
        evaluation->scratch = wn_mem_zalloc(1, sizeof *evaluation->scratch);
    }
    if (evaluation == NULL || evaluation->sums == NULL || evaluation->scratch == NULL) {
        wn_evaluation_free(evaluation);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %d resamples", WN_BOOTSTRAP_RESAMPLES);
    }
    *out = evaluation;
    return WN_OK;
}

void wn_evaluation_free(wn_evaluation *evaluation)
{
    if (evaluation == NULL)
        return;
    wn_arena_deinit(&evaluation->names);
    wn_buf_deinit(&evaluation->rows);
    wn_mem_free(evaluation->sums);
    wn_mem_free(evaluation->scratch);
    wn_mem_free(evaluation);
}

/* Count the documents' terms and make room for the scores and values. */
static wn_status prepare(trial *t, size_t limit, wn_error *err)
{
    const wn_dataset *set = t->set;
    t->n_queries = limit == 0 ? set->n_topics : WN_MIN(limit, set->n_topics);
    size_t n_candidates = 1;
    for (size_t i = 0; i < set->n_topics; i++)
        n_candidates = WN_MAX(n_candidates, set->topics[i].n_candidates);
    t->scores = wn_mem_alloc(n_candidates, sizeof *t->scores);
    t->values = wn_mem_zalloc(t->n_queries, WN_COLUMNS * WN_METRICS * sizeof *t->values);
    wn_str *texts = wn_mem_alloc(WN_MAX(set->n_documents, (size_t)1), sizeof *texts);
    if (t->scores == NULL || t->values == NULL || texts == NULL) {
        wn_mem_free(texts);
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory for %zu queries and %zu documents", set->name,
                t->n_queries, set->n_documents);
    }
    for (size_t i = 0; i < set->n_documents; i++)
        texts[i] = set->documents[i].text;
    wn_status status = wn_bm25_new(&t->bm25, texts, set->n_documents, err);
    wn_mem_free(texts);
    return status;
}

/* The values of one column and metric, [n_queries]. */
static double *values_of(const trial *t, wn_column column, wn_metric metric)
{
    return t->values + ((size_t)column * WN_METRICS + (size_t)metric) * t->n_queries;
}

static void store(const trial *t, wn_column column, size_t query, wn_quality quality)
{
    for (wn_metric metric = 0; metric < WN_METRICS; metric++)
        values_of(t, column, metric)[query] = quality.value[metric];
}

/* Score and measure one topic as the given query of the trial. */
static wn_status measure(trial *t, const wn_evaluation_options *options, const wn_topic *topic,
                         size_t query, wn_error *err)
{
    wn_str text = t->set->queries[topic->query].text;
    size_t n = options->top == 0 ? topic->n_candidates : WN_MIN(options->top, topic->n_candidates);
    WN_TRY(wn_bm25_score(t->bm25, t->scores, text, topic->documents, n, err));
    wn_quality bm25 = wn_quality_of(t->scores, n, topic->grades, topic->n_candidates);
    store(t, WN_COLUMN_BM25, query, bm25);
    t->row.n_pairs += n;
    if (options->model == NULL)
        return WN_OK;
    WN_TRY(options->scorer(options->scorer_arg, t->scores, t->set, topic, n, t->row.notes, err));
    wn_quality model = wn_quality_of(t->scores, n, topic->grades, topic->n_candidates);
    store(t, WN_COLUMN_MODEL, query, model);
    for (wn_metric metric = 0; metric < WN_METRICS; metric++)
        model.value[metric] -= bm25.value[metric];
    store(t, WN_COLUMN_DIFFERENCE, query, model);
    return WN_OK;
}

static wn_status measure_all(trial *t, const wn_evaluation_options *options, wn_error *err)
{
    for (size_t i = 0; i < t->n_queries; i++) {
        if (options->should_stop != NULL && options->should_stop(options->user))
            WN_FAIL(err, WN_ERR_CANCELLED, "%s: stopped after %zu of %zu queries", t->set->name, i,
                    t->n_queries);
        /* Spread evenly: sets are often sorted by language or topic. */
        size_t at = (size_t)((__uint128_t)i * t->set->n_topics / t->n_queries);
        const wn_topic *topic = &t->set->topics[at];
        wn_status status = measure(t, options, topic, i, err);
        if (status != WN_OK)
            return wn_error_prefix(err, status, "%s query '%.*s'", t->set->name,
                                   WN_STR_ARG(t->set->queries[topic->query].id));
        if (options->progress != NULL)
            options->progress(options->user, t->set->name, i + 1, t->n_queries);
    }
    return WN_OK;
}

/* FNV-1a. */
static uint64_t seed_of(const char *name)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (const char *p = name; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 0x100000001B3u;
    return hash;
}

static double mean_of(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum / (double)n;
}

/* Fill the row's estimates and add the outcomes to the sums. */
static void estimate(wn_evaluation *evaluation, trial *t)
{
    for (wn_column column = 0; column < WN_COLUMNS; column++) {
        for (wn_metric metric = 0; metric < WN_METRICS; metric++) {
            const double *values = values_of(t, column, metric);
            double *means = *evaluation->scratch;
            wn_bootstrap_means(means, WN_BOOTSTRAP_RESAMPLES, values, t->n_queries,
                               seed_of(t->set->name));
            for (size_t r = 0; r < WN_BOOTSTRAP_RESAMPLES; r++)
                evaluation->sums[column][metric][r] += means[r];
            t->row.estimates[column][metric] =
                wn_bootstrap_estimate(mean_of(values, t->n_queries), means, WN_BOOTSTRAP_RESAMPLES);
        }
    }
}

wn_status wn_evaluation_add(wn_evaluation *evaluation, const wn_dataset *set, wn_error *err)
{
    wn_status status = WN_OK;
    trial t = {.set = set,
               .row = {.name = wn_arena_str(&evaluation->names, wn_str_from(set->name)).ptr,
                       .notes = {[WN_NOTE_HOPELESS] = set->n_hopeless,
                                 [WN_NOTE_UNLISTED] = set->n_unlisted,
                                 [WN_NOTE_UNKNOWN] = set->n_unknown,
                                 [WN_NOTE_MISSING] = set->n_missing}}};
    if (t.row.name == NULL || !wn_buf_reserve(&evaluation->rows, sizeof t.row))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "%s: no memory for its results", set->name);
    WN_TRY_OUT(prepare(&t, evaluation->options.limit, err));
    WN_TRY_OUT(measure_all(&t, &evaluation->options, err));
    estimate(evaluation, &t);
    t.row.n_queries = t.n_queries;
    wn_buf_push(&evaluation->rows, &t.row, sizeof t.row);
out:
    wn_bm25_free(t.bm25);
    wn_mem_free(t.scores);
    wn_mem_free(t.values);
    return status;
}

/* The mean over all rows so far, with its interval. */
static wn_row mean_row(const wn_evaluation *evaluation, const wn_row *rows, size_t n_rows)
{
    wn_row mean = {.name = "mean"};
    for (size_t i = 0; i < n_rows; i++) {
        mean.n_queries += rows[i].n_queries;
        mean.n_pairs += rows[i].n_pairs;
        for (wn_note note = 0; note < WN_NOTES; note++)
            mean.notes[note] += rows[i].notes[note];
    }
    for (wn_column column = 0; column < WN_COLUMNS; column++) {
        for (wn_metric metric = 0; metric < WN_METRICS; metric++) {
            double sum = 0, *outcome = *evaluation->scratch;
            for (size_t i = 0; i < n_rows; i++)
                sum += rows[i].estimates[column][metric].mean;
            for (size_t r = 0; r < WN_BOOTSTRAP_RESAMPLES; r++)
                outcome[r] = evaluation->sums[column][metric][r] / (double)n_rows;
            mean.estimates[column][metric] =
                wn_bootstrap_estimate(sum / (double)n_rows, outcome, WN_BOOTSTRAP_RESAMPLES);
        }
    }
    return mean;
}

wn_report wn_evaluation_report(const wn_evaluation *evaluation)
{
    const wn_evaluation_options *options = &evaluation->options;
    wn_report report = {.model = options->model,
                        .long_docs = options->long_docs,
                        .instruction = options->instruction,
                        .limit = options->limit,
                        .top = options->top,
                        .rows = (const wn_row *)(const void *)evaluation->rows.ptr,
                        .n_rows = evaluation->rows.len / sizeof(wn_row)};
    WN_ASSERT(report.n_rows > 0);
    report.mean = mean_row(evaluation, report.rows, report.n_rows);
    return report;
}
