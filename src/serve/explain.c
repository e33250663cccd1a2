/* See explain.h.
 * The best sentence is the one that the model scores highest on its own.  Leaving each sentence out
 * in turn costs the square of their number and misses what is said twice.  Of late-interaction
 * models the maxima within a sentence could be added up, in context; that needs rows of its own
 * too, and is no better.  Measured with the prototype model, 150 queries each of qa-multi and
 * docs-sections, on a relevant paragraph between two others: the best sentence is of the former
 * for 0.79 and 0.70 on its own, 0.73 and 0.73 by the maxima within it, 0.74 and 0.70 by its part
 * of the score, 0.33 and 0.39 by its length.
 * A late-interaction score is a sum over the query's tokens, so its explanation is exact.  Other
 * models are asked again without one word at a time: the weight of a word is what the raw score
 * loses.  Many words are left out in groups, so that the cost has a bound. */
#include "serve/explain.h"

#include "base/str.h"
#include "data/json_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Memory of a text on its way through a job: id and byte range of a token a byte, and a copy; and
 * its row, document and result. */
#define BYTES_A_TEXT_BYTE 13
#define BYTES_A_TEXT      512
#define BYTES_A_MATCH     8 /* for each text and token of the query */

struct wn_explain_item {
    const wn_result *result;
    wn_str window;                 /* of the document */
    wn_segment *sentences, *words; /* bytes of the window; NULL: not wanted */
    size_t n_sentences, n_words;
    size_t first_sentence; /* among the texts, when there are two or more */
    size_t first_word;     /* likewise: the whole window, then the window without each word */
};

/* ---- planning -------------------------------------------------------------------------------- */

static size_t n_results_at_most(const wn_rank_call *call)
{
    return call->top_n > 0 ? (size_t)WN_MIN(call->top_n, (int64_t)call->documents.n)
                           : call->documents.n;
}

bool wn_explain_is_wanted(const wn_calls *calls, wn_problem *problem)
{
    size_t n_explained = 0;
    bool wanted = false;
    for (size_t i = 0; i < calls->n; i++) {
        const wn_rank_call *call = &calls->at[i];
        wanted |= call->return_spans || call->explain;
        n_explained += call->explain ? n_results_at_most(call) : 0;
    }
    if (n_explained > WN_EXPLAIN_RESULTS_MAX)
        wn_problem_note(problem, "explain", "too_long", NULL,
                        "At most %d results of a request can be explained, not %zu; set top_n",
                        WN_EXPLAIN_RESULTS_MAX, n_explained);
    return wanted;
}

static bool is_shown(const wn_rank_call *call, const wn_result *result)
{
    return result->scored && !result->empty && result->relevance_score >= call->min_score;
}

static wn_segment *keep_segments(wn_arena *arena, const wn_segment *segments, size_t n)
{
    wn_segment *copy = wn_arena_alloc(arena, n, sizeof *copy);
    if (copy != NULL)
        memcpy(copy, segments, n * sizeof *copy);
    return copy;
}

/* Count n texts, each as long as the window or together so long. */
static size_t add_texts(wn_explain_plan *plan, size_t n, size_t n_bytes)
{
    size_t first = plan->n_texts;
    plan->n_texts += n;
    plan->bytes += n * BYTES_A_TEXT + BYTES_A_TEXT_BYTE * (uint64_t)n_bytes;
    return first;
}

/* Cut the window of a result; counts the texts that it needs. */
static bool make_item(wn_explain_item *item, wn_explain_plan *plan, const wn_rank_call *call,
                      const wn_result *result, bool with_sentences)
{
    wn_segment found[WN_MAX(WN_SENTENCES_MAX, WN_EXPLAIN_WORDS_MAX)];
    item->result = result;
    item->window =
        wn_str_slice(wn_call_text(call, result), result->window_start, result->window_end);
    if (with_sentences) {
        item->n_sentences = wn_segment_sentences(found, WN_SENTENCES_MAX, item->window);
        item->sentences = keep_segments(call->arena, found, item->n_sentences);
        item->first_sentence =
            add_texts(plan, item->n_sentences > 1 ? item->n_sentences : 0, item->window.len);
    }
    if (call->explain) {
        bool exact = plan->want_matches;
        item->n_words = exact ? 0 : wn_segment_words(found, WN_EXPLAIN_WORDS_MAX, item->window);
        item->words = keep_segments(call->arena, found, item->n_words);
        size_t n = exact || item->n_words > 0 ? 1 + item->n_words : 0;
        item->first_word = add_texts(plan, n, n * item->window.len);
    }
    return (!with_sentences || item->sentences != NULL) && (!call->explain || item->words != NULL);
}

/* The text without bytes [start, end); ptr is NULL when memory is short. */
static wn_str without(wn_arena *arena, wn_str text, wn_segment part)
{
    size_t len = text.len - (part.end - part.start);
    char *copy = wn_arena_alloc(arena, len + 1, 1);
    if (copy == NULL)
        return (wn_str){0};
    memcpy(copy, text.ptr, part.start);
    memcpy(copy + part.start, text.ptr + part.end, text.len - part.end);
    return (wn_str){copy, len};
}

static bool list_item(wn_explain_plan *plan, const wn_explain_item *item, wn_arena *arena)
{
    wn_str *sentence = plan->texts + item->first_sentence, *word = plan->texts + item->first_word;
    for (size_t i = 0; item->n_sentences > 1 && i < item->n_sentences; i++)
        sentence[i] = wn_str_slice(item->window, item->sentences[i].start, item->sentences[i].end);
    if (item->words != NULL && (item->n_words > 0 || plan->want_matches))
        word[0] = item->window;
    for (size_t i = 0; i < item->n_words; i++) {
        word[1 + i] = without(arena, item->window, item->words[i]);
        if (word[1 + i].ptr == NULL)
            return false;
    }
    return true;
}

bool wn_explain_make_plan(wn_explain_plan *plan, const wn_rank_call *call, const wn_result *results,
                          size_t n, const wn_engine_info *engine)
{
    size_t most = WN_MAX(WN_SENTENCE_RESULTS_MAX, WN_EXPLAIN_RESULTS_MAX);
    *plan = (wn_explain_plan){.want_matches =
                                  call->explain && engine->kind == WN_KIND_LATE_INTERACTION};
    if (!call->return_spans && !call->explain)
        return true;
    plan->items = wn_arena_alloc(call->arena, WN_MIN(n, most), sizeof *plan->items);
    for (size_t i = 0; plan->items != NULL && i < n && plan->n_items < most; i++) {
        bool with_sentences = call->return_spans && plan->n_items < WN_SENTENCE_RESULTS_MAX;
        if (is_shown(call, &results[i]) &&
            !make_item(&plan->items[plan->n_items++], plan, call, &results[i], with_sentences))
            return false;
    }
    if (plan->want_matches)
        plan->bytes += BYTES_A_MATCH * plan->n_texts * (size_t)engine->max_query_tokens;
    return plan->items != NULL;
}

bool wn_explain_list_texts(wn_explain_plan *plan, const wn_rank_call *call)
{
    plan->texts = wn_arena_alloc(call->arena, plan->n_texts, sizeof *plan->texts);
    bool ok = plan->texts != NULL;
    for (size_t i = 0; ok && i < plan->n_items; i++)
        ok = list_item(plan, &plan->items[i], call->arena);
    return ok;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Raw scores of the plan's texts: NAN for those without one, -INFINITY for empty ones. */
static float *logits_of(wn_arena *arena, const wn_explain_plan *plan, const wn_job *job)
{
    float *logits = wn_arena_alloc(arena, plan->n_texts, sizeof *logits);
    size_t n = 0;
    const wn_result *results = job == NULL ? NULL : wn_job_results(job, &n);
    for (size_t i = 0; logits != NULL && i < plan->n_texts; i++)
        logits[i] = NAN;
    for (size_t i = 0; logits != NULL && i < n; i++) {
        if (results[i].scored)
            logits[results[i].index] = results[i].empty ? -INFINITY : results[i].logit;
    }
    return logits;
}

/* The sentence with the highest score, the first of equals. */
static void choose_sentence(wn_insight *insight, const wn_explain_item *item, const float *logits)
{
    size_t best = 0, start = item->result->window_start;
    const float *score = logits + item->first_sentence;
    for (size_t i = 0; item->n_sentences > 1 && i < item->n_sentences; i++) {
        if (isnan(score[i]))
            return;
        best = score[i] > score[best] ? i : best;
    }
    if (item->n_sentences == 0)
        return;
    insight->has_sentence = true;
    insight->sentence =
        (wn_segment){start + item->sentences[best].start, start + item->sentences[best].end};
}

static bool read_occlusion(wn_insight *insight, const wn_explain_item *item, const float *logits,
                           wn_arena *arena)
{
    const float *score = logits + item->first_word;
    size_t start = item->result->window_start, n = item->n_words;
    insight->tokens = wn_arena_alloc(arena, n, sizeof *insight->tokens);
    if (insight->tokens == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        wn_insight_token *token = &insight->tokens[i];
        *token = (wn_insight_token){.start = start + item->words[i].start,
                                    .end = start + item->words[i].end,
                                    .weight = score[0] - score[1 + i]};
        if (!isfinite(token->weight))
            return true;
    }
    insight->method = "occlusion";
    insight->n_tokens = n;
    return true;
}

static bool is_special(const wn_match *match)
{
    return match->start == match->end;
}

/* Those with special tokens first, then by their place in both texts. */
static int compare_matches(const void *left, const void *right)
{
    const wn_match *a = left, *b = right;
    if (is_special(a) != is_special(b))
        return is_special(a) ? -1 : 1;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return a->query_start < b->query_start ? -1 : a->query_start > b->query_start;
}

/* The characters that bytes belong to: byte-level tokens may be parts of one. */
static wn_segment characters_of(wn_str text, size_t start, size_t end)
{
    while (start > 0 && start < text.len && ((unsigned char)text.ptr[start] & 0xC0) == 0x80)
        start--;
    while (end < text.len && ((unsigned char)text.ptr[end] & 0xC0) == 0x80)
        end++;
    return (wn_segment){start, end};
}

/* Add a match to the last token when it begins at the same character, else make a token of it. */
static void add_match(wn_insight *insight, const wn_match *match, wn_str text)
{
    wn_insight_token *token = &insight->tokens[insight->n_tokens];
    wn_segment s = characters_of(text, match->start, match->end);
    if (insight->n_tokens > 0 && token[-1].start == s.start)
        token--;
    else
        *token = (wn_insight_token){.start = s.start, .matches = match};
    insight->n_tokens = (size_t)(token + 1 - insight->tokens);
    token->end = WN_MAX(token->end, s.end);
    token->weight += match->weight;
    token->n_matches++;
}

static bool read_matches(wn_insight *insight, const wn_explain_item *item, wn_str text,
                         const wn_job *job, wn_arena *arena)
{
    size_t most = (size_t)wn_job_usage(job).query_tokens, n, start = item->result->window_start;
    wn_match *matches = wn_arena_alloc(arena, most, sizeof *matches);
    insight->tokens = wn_arena_alloc(arena, most, sizeof *insight->tokens);
    if (matches == NULL || insight->tokens == NULL)
        return false;
    n = wn_job_matches(job, item->first_word, matches);
    qsort(matches, n, sizeof *matches, compare_matches);
    for (size_t i = 0; i < n; i++) {
        wn_match *match = &matches[i];
        if (is_special(match)) {
            insight->special += match->weight;
            insight->has_special = true;
            continue;
        }
        match->start += start;
        match->end += start;
        add_match(insight, match, text);
    }
    insight->method = n > 0 ? "late-interaction" : NULL;
    return true;
}

bool wn_explain_read(wn_rank_call *call, const wn_explain_plan *plan, const wn_job *job)
{
    wn_insight *insights = wn_arena_alloc(call->arena, plan->n_items, sizeof *insights);
    const float *logits = logits_of(call->arena, plan, job);
    if (insights == NULL || logits == NULL)
        return false;
    for (size_t i = 0; i < plan->n_items; i++) {
        const wn_explain_item *item = &plan->items[i];
        insights[i].index = item->result->index;
        choose_sentence(&insights[i], item, logits);
        if (item->words == NULL)
            continue;
        wn_str text = wn_call_text(call, item->result);
        if (!(plan->want_matches ? read_matches(&insights[i], item, text, job, call->arena)
                                 : read_occlusion(&insights[i], item, logits, call->arena)))
            return false;
    }
    call->insights = insights;
    call->n_insights = plan->n_items;
    return true;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* ,"query":[...]: what of the query found a token; special tokens have no text. */
static void push_query(wn_buf *out, const wn_insight_token *token, wn_str query)
{
    const char *before = ",\"query\":[";
    for (size_t i = 0; i < token->n_matches; i++) {
        const wn_match *match = &token->matches[i];
        if (match->query_start == match->query_end)
            continue;
        wn_segment s = characters_of(query, match->query_start, match->query_end);
        wn_buf_push_str(out, wn_str_from(before));
        wn_json_push_string(out, wn_str_slice(query, s.start, s.end));
        before = ",";
    }
    if (before[1] == '\0')
        wn_buf_push_byte(out, ']');
}

static void push_explanation(wn_buf *out, const wn_insight *insight, wn_str text, wn_str query)
{
    wn_buf_printf(out, ",\"explain\":{\"method\":\"%s\"", insight->method);
    if (insight->has_special) {
        wn_buf_push_str(out, WN_STR(",\"special\":"));
        wn_json_push_float(out, insight->special);
    }
    wn_buf_push_str(out, WN_STR(",\"tokens\":["));
    for (size_t i = 0; i < insight->n_tokens; i++) {
        const wn_insight_token *token = &insight->tokens[i];
        wn_buf_printf(out, "%s{\"start\":%zu,\"end\":%zu,\"text\":", i > 0 ? "," : "", token->start,
                      token->end);
        wn_json_push_string(out, wn_str_slice(text, token->start, token->end));
        wn_buf_push_str(out, WN_STR(",\"weight\":"));
        wn_json_push_float(out, token->weight);
        push_query(out, token, query);
        wn_buf_push_byte(out, '}');
    }
    wn_buf_push_str(out, WN_STR("]}"));
}

const wn_insight *wn_explain_find(const wn_rank_call *call, size_t index)
{
    for (size_t i = 0; i < call->n_insights; i++) {
        if (call->insights[i].index == index)
            return &call->insights[i];
    }
    return NULL;
}

bool wn_explain_push(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    const wn_insight *insight = wn_explain_find(call, result->index);
    if (insight != NULL && insight->has_sentence)
        wn_buf_printf(out, ",\"sentence\":{\"start\":%zu,\"end\":%zu}", insight->sentence.start,
                      insight->sentence.end);
    if (insight != NULL && insight->method != NULL)
        push_explanation(out, insight, wn_call_text(call, result), call->query);
    return !out->failed;
}
