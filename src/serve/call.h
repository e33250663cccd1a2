/* One ranking request and its answer, the same for every dialect: readers fill a call, writers turn
 * an answer back into bytes.  Texts point into the parsed body, which lives as long as the call.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_CALL_H
#define WN_SERVE_CALL_H

#include "base/arena.h"
#include "winnow.h"

#include <jansson.h>

#define WN_DOCUMENTS_PER_CALL_MAX 10000
#define WN_CALLS_PER_BODY_MAX     1000

typedef struct wn_texts {
    const wn_str *at;     /* [n] */
    const json_t *source; /* the JSON array that they came from; NULL: none */
    size_t n;
} wn_texts;

/* Members of the documents to rank by. */
typedef struct wn_rank_fields {
    const wn_str *names;  /* [n] */
    const float *weights; /* [n] each is ranked for itself; NULL: they are one text together */
    const wn_str *texts;  /* [documents.n][n] with weights; empty: the document has none */
    size_t n;             /* 0: documents are ranked by their "text" */
} wn_rank_fields;

typedef struct wn_rank_call {
    wn_arena *arena; /* for what a reader makes */
    wn_str model;    /* as asked for; empty: not asked for */
    wn_str id;       /* that the client gave it among others; empty: none */
    wn_str query;
    wn_str instruction; /* how to judge; empty: as the model's own says */
    wn_texts documents;
    wn_rank_fields rank_fields;
    int64_t top_n; /* 0: all */
    bool return_documents;
    bool truncation;             /* long documents: false refuses them */
    int64_t max_document_tokens; /* 0: as many as there are */
    bool raw_scores;             /* logits in place of relevance */
    bool return_logits, return_spans, explain;
    int64_t deadline_ms;               /* 0: none; then what is scored by then is the answer */
    double min_score;                  /* relevance below it is left out; -HUGE_VAL: none */
    const struct wn_insight *insights; /* [n_insights] what is told of results, see explain.h */
    size_t n_insights;
} wn_rank_call;

typedef struct wn_rank_answer {
    const wn_result *results; /* [n_results], best first */
    size_t n_results;
    uint64_t total_tokens; /* the query once and every document, each with its special tokens */
    uint64_t query_tokens, document_tokens;
    uint64_t cached_tokens; /* of total_tokens, those that were not read again */
    uint64_t search_units;  /* of 100 documents, as Cohere and Pinecone bill */
    wn_str model;           /* to be named in the answer */
    const char *request_id;
    int64_t created_s; /* Unix time */
} wn_rank_answer;

/* The score that the call wants to see. */
static inline double wn_call_score(const wn_rank_call *call, const wn_result *result)
{
    return call->raw_scores ? (double)result->logit : result->relevance_score;
}

/* The text that a result's window is of. */
static inline wn_str wn_call_text(const wn_rank_call *call, const wn_result *result)
{
    const wn_rank_fields *fields = &call->rank_fields;
    return fields->texts == NULL ? call->documents.at[result->index]
                                 : fields->texts[result->index * fields->n + result->field];
}

#endif
