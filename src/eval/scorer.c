/* See scorer.h.  Sets are known to be UTF-8, so the one text that a model refuses is an empty
 * query. */
#include "eval/scorer.h"

#include <float.h>

#define WN_WHERE "eval/scorer"

/* Take over the results; logits are finite floats, so below all of them there is room. */
static void take_results(double *scores, size_t *notes, const wn_job *job)
{
    size_t n_results;
    const wn_result *results = wn_job_results(job, &n_results);
    for (size_t i = 0; i < n_results; i++) {
        scores[results[i].index] = results[i].empty ? -DBL_MAX : (double)results[i].logit;
        notes[WN_NOTE_EMPTY_DOCUMENTS] += results[i].empty;
        notes[WN_NOTE_CUT_DOCUMENTS] += results[i].truncated;
    }
    notes[WN_NOTE_CUT_QUERIES] += wn_job_usage(job).query_truncated;
}

wn_status wn_scorer_score(void *arg, double *scores, const wn_dataset *set, const wn_topic *topic,
                          size_t n, size_t *notes, wn_error *err)
{
    wn_scorer *scorer = arg;
    wn_buf_clear(&scorer->texts);
    for (size_t i = 0; i < n; i++)
        wn_buf_push(&scorer->texts, &set->documents[topic->documents[i]].text, sizeof(wn_str));
    if (scorer->texts.failed)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu candidates", n);
    wn_request request = WN_REQUEST_INIT;
    request.query = set->queries[topic->query].text;
    request.documents = (const wn_str *)(const void *)scorer->texts.ptr;
    request.n_documents = n;
    request.long_docs = scorer->long_docs;
    request.instruction = scorer->instruction;
    request.should_stop = scorer->should_stop;
    request.user = scorer->user;
    wn_job *job = NULL;
    wn_status status = wn_rank(&job, scorer->runner, &request, err);
    if (status == WN_ERR_INPUT) {
        for (size_t i = 0; i < n; i++)
            scores[i] = 0;
        notes[WN_NOTE_EMPTY_QUERIES]++;
        return WN_OK;
    }
    if (status == WN_OK)
        take_results(scores, notes, job);
    wn_job_free(job);
    return status;
}

void wn_scorer_deinit(wn_scorer *scorer)
{
    wn_buf_deinit(&scorer->texts);
}
