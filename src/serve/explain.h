/* What a ranking can tell beyond its scores: the best sentence of a result's window, and the words
 * that its score rests on.  Both need more texts scored: a plan lists them, a second job takes them
 * through the scheduler like those of any request, and what it found is read into insights.
 * Nothing here waits, tokenises or scores; all memory is the call's arena.
 * Thread rule: one at a time per call. */
#ifndef WN_SERVE_EXPLAIN_H
#define WN_SERVE_EXPLAIN_H

#include "data/segment.h"
#include "serve/api_dialect.h"

#define WN_EXPLAIN_RESULTS_MAX  10  /* of one request that are explained */
#define WN_EXPLAIN_WORDS_MAX    32  /* of one window; more are taken in groups */
#define WN_SENTENCE_RESULTS_MAX 100 /* of one call whose best sentence is told: its first ones */
#define WN_SENTENCES_MAX        64  /* of one window; more are taken in groups */

/* A word or token of the document, and its part of the score. */
typedef struct wn_insight_token {
    size_t start, end; /* bytes of the document, whole characters */
    float weight;
    const wn_match *matches; /* [n_matches] that weight is the sum of; none by occlusion */
    size_t n_matches;
} wn_insight_token;

/* What is told of one result. */
typedef struct wn_insight {
    size_t index; /* of the document */
    bool has_sentence;
    wn_segment sentence;      /* bytes of the document */
    const char *method;       /* NULL: it is not explained */
    wn_insight_token *tokens; /* [n_tokens] in the document's order */
    size_t n_tokens;
    bool has_special;
    float special; /* the part of special tokens */
} wn_insight;

typedef struct wn_explain_item wn_explain_item;

/* The texts of the second job of a call. */
typedef struct wn_explain_plan {
    wn_str *texts; /* [n_texts] when they are listed */
    size_t n_texts;
    bool want_matches;
    uint64_t bytes; /* that listing and scoring them may take at most */
    wn_explain_item *items;
    size_t n_items;
} wn_explain_plan;

/* Whether any of the calls asks for what a plan is needed for; a problem when one asks for more
 * than is explained. */
bool wn_explain_is_wanted(const wn_calls *calls, wn_problem *problem);

/* Plan what has to be scored to tell more of the results [n] of a call.
 * Fails:   false when memory is short.
 * Owns:    the call's arena; borrows its documents. */
bool wn_explain_make_plan(wn_explain_plan *plan, const wn_rank_call *call, const wn_result *results,
                          size_t n, const wn_engine_info *engine);

/* List the texts of a plan.
 * Fails:   false when memory is short.
 * Owns:    as above. */
bool wn_explain_list_texts(wn_explain_plan *plan, const wn_rank_call *call);

/* Set call->insights by the results of the job that scored the plan's texts (NULL: it has none).
 * What lacks a score is not told.
 * Fails:   false when memory is short. */
bool wn_explain_read(wn_rank_call *call, const wn_explain_plan *plan, const wn_job *job);

/* What is told of a document; NULL: nothing. */
const wn_insight *wn_explain_find(const wn_rank_call *call, size_t index);

/* ,"sentence":...,"explain":... of a result, as far as there is something to tell. */
bool wn_explain_push(wn_buf *out, const wn_rank_call *call, const wn_result *result);

#endif
