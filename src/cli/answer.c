/* See answer.h. */
#include "cli/answer.h"

#include "base/str.h"
#include "data/json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define BAR_CELLS         10
#define TEXT_COLUMNS_MIN  10
#define WORDS_SHOWN       5
#define LEAST_SHARE_SHOWN 0.01f /* of the largest weight */
#define WORD_COLUMNS_MAX  24

/* ---- for programs ---------------------------------------------------------------------------- */

static void push_result_json(wn_buf *out, const wn_answer *answer, const wn_result *result)
{
    wn_buf_printf(out, "{\"index\":%zu,\"logit\":", result->index);
    wn_json_push_float(out, result->logit);
    wn_buf_printf(out, ",\"relevance_score\":");
    wn_json_push_double(out, result->relevance_score);
    if (result->empty)
        wn_buf_printf(out, ",\"empty\":true");
    if (result->truncated)
        wn_buf_printf(out, ",\"truncated\":true");
    if (answer->with_windows)
        wn_buf_printf(out, ",\"windows\":%u,\"window_start\":%zu,\"window_end\":%zu",
                      (unsigned)result->n_windows, result->window_start, result->window_end);
    if (answer->explained != NULL)
        wn_explain_push(out, answer->explained, result);
    if (answer->with_documents) {
        const wn_document *document = &answer->documents[result->index];
        wn_buf_printf(out, ",\"document\":");
        if (document->json.len > 0)
            wn_json_push_compact(out, document->json);
        else
            wn_json_push_string(out, document->text);
    }
    wn_buf_push_byte(out, '}');
}

static void push_usage_json(wn_buf *out, const wn_usage *usage)
{
    wn_buf_printf(out, "\"usage\":{\"total_tokens\":%llu", (unsigned long long)usage->total_tokens);
    if (usage->query_truncated)
        wn_buf_printf(out, ",\"query_truncated\":true");
    wn_buf_push_byte(out, '}');
}

bool wn_answer_push_json(wn_buf *out, const wn_answer *answer, bool one_line)
{
    const char *before_result = one_line ? "" : "\n  ";
    const char *after_results = one_line ? "" : "\n";
    wn_buf_push_byte(out, '{');
    if (answer->id.len > 0) {
        wn_buf_printf(out, "\"id\":");
        wn_json_push_compact(out, answer->id);
        wn_buf_push_byte(out, ',');
    }
    wn_buf_printf(out, "\"results\":[");
    for (size_t i = 0; i < answer->n_results; i++) {
        wn_buf_printf(out, "%s%s", i > 0 ? "," : "", before_result);
        push_result_json(out, answer, &answer->results[i]);
    }
    wn_buf_printf(out, "%s],", after_results);
    push_usage_json(out, &answer->usage);
    return wn_buf_push(out, "}\n", 2);
}

bool wn_answer_push_jsonl(wn_buf *out, const wn_answer *answer)
{
    for (size_t i = 0; i < answer->n_results; i++) {
        push_result_json(out, answer, &answer->results[i]);
        wn_buf_push_byte(out, '\n');
    }
    return !out->failed;
}

bool wn_answer_push_tsv(wn_buf *out, const wn_answer *answer)
{
    wn_buf_printf(out, "rank\tindex\tlogit\trelevance_score%s\ttext\n",
                  answer->with_windows ? "\twindow_start\twindow_end" : "");
    for (size_t i = 0; i < answer->n_results; i++) {
        const wn_result *result = &answer->results[i];
        wn_buf_printf(out, "%zu\t%zu\t", i + 1, result->index);
        wn_json_push_float(out, result->logit);
        wn_buf_push_byte(out, '\t');
        wn_json_push_double(out, result->relevance_score);
        if (answer->with_windows)
            wn_buf_printf(out, "\t%zu\t%zu", result->window_start, result->window_end);
        wn_buf_push_byte(out, '\t');
        wn_json_push_cell(out, answer->documents[result->index].text);
        wn_buf_push_byte(out, '\n');
    }
    return !out->failed;
}

/* ---- for people ------------------------------------------------------------------------------ */

/* The columns of one table. */
typedef struct layout {
    const wn_answer *answer;
    double low, high; /* relevance at the empty and at the full bar */
    int rank_columns, score_columns, index_columns, window_columns;
    size_t text_columns;
    bool colour;
} layout;

static int digits_of(size_t n)
{
    return snprintf(NULL, 0, "%zu", n);
}

/* The range of relevance that a bar spans: 0..1, or that of the results. */
static void set_range(layout *l)
{
    const wn_answer *answer = l->answer;
    l->low = 0;
    l->high = 1;
    if (!answer->unbounded || answer->n_results == 0)
        return;
    l->low = l->high = answer->results[0].relevance_score;
    for (size_t i = 1; i < answer->n_results; i++) {
        l->low = WN_MIN(l->low, answer->results[i].relevance_score);
        l->high = WN_MAX(l->high, answer->results[i].relevance_score);
    }
}

static layout layout_of(const wn_answer *answer, const wn_terminal *terminal)
{
    layout l = {.answer = answer, .colour = terminal->out_is_tty && terminal->colour};
    l.rank_columns = digits_of(answer->n_results);
    l.score_columns = (int)strlen("0.000");
    l.index_columns = (int)strlen("index");
    l.window_columns = (int)strlen("bytes");
    for (size_t i = 0; i < answer->n_results; i++) {
        const wn_result *r = &answer->results[i];
        int score = snprintf(NULL, 0, "%.3f", r->relevance_score);
        int window = digits_of(r->window_start) + 1 + digits_of(r->window_end);
        l.score_columns = WN_MAX(l.score_columns, score);
        l.index_columns = WN_MAX(l.index_columns, digits_of(r->index));
        l.window_columns = WN_MAX(l.window_columns, window);
    }
    if (!answer->with_windows)
        l.window_columns = 0;
    l.text_columns = terminal->out_columns;
    if (l.text_columns != WN_COLUMNS_UNLIMITED) {
        size_t used = (size_t)(l.rank_columns + BAR_CELLS + l.score_columns + l.index_columns + 9);
        used += l.window_columns > 0 ? (size_t)l.window_columns + 2 : 0;
        l.text_columns = l.text_columns > used + TEXT_COLUMNS_MIN ? l.text_columns - used
                                                                  : (size_t)TEXT_COLUMNS_MIN;
    }
    set_range(&l);
    return l;
}

static void push_style(wn_buf *out, const layout *l, const char *code)
{
    if (l->colour)
        wn_buf_printf(out, "\033[%sm", code);
}

/* A text as a table shows it: white space at its start says nothing. */
static wn_str without_leading_space(wn_str text)
{
    size_t at = 0;
    while (at < text.len && strchr(" \t\r\n", text.ptr[at]) != NULL)
        at++;
    return wn_str_slice(text, at, text.len);
}

static void push_row(wn_buf *out, const layout *l, size_t i)
{
    const wn_result *r = &l->answer->results[i];
    wn_str text = l->answer->documents[r->index].text;
    double span = l->high - l->low;
    double fraction = span > 0 ? (r->relevance_score - l->low) / span : 1;
    wn_buf_printf(out, " %*zu  ", l->rank_columns, i + 1);
    push_style(out, l, "36");
    wn_terminal_push_bar(out, r->empty ? 0 : fraction, BAR_CELLS);
    push_style(out, l, "0");
    wn_buf_printf(out, "  %*.3f", l->score_columns, r->relevance_score);
    push_style(out, l, "2");
    wn_buf_printf(out, "  %*zu", l->index_columns, r->index);
    if (l->window_columns > 0) {
        int width = digits_of(r->window_start) + 1 + digits_of(r->window_end);
        wn_buf_printf(out, "  %zu-%zu%*s", r->window_start, r->window_end,
                      l->window_columns - width, "");
        if (r->window_end <= text.len && r->window_start <= r->window_end)
            text = wn_str_slice(text, r->window_start, r->window_end);
    }
    push_style(out, l, "0");
    wn_buf_push(out, "  ", 2);
    if (r->empty) {
        push_style(out, l, "2");
        wn_buf_printf(out, "(empty)");
        push_style(out, l, "0");
    } else {
        wn_terminal_push_text(out, without_leading_space(text), l->text_columns);
    }
    wn_buf_push_byte(out, '\n');
}

static int compare_weights(const void *left, const void *right)
{
    const wn_insight_token *a = left, *b = right;
    float x = fabsf(a->weight), y = fabsf(b->weight);
    if (x != y)
        return x > y ? -1 : 1;
    return a->start < b->start ? -1 : a->start > b->start;
}

/* The words of largest weight, in a line of its own. */
static void push_words(wn_buf *out, const layout *l, const wn_result *result)
{
    const wn_answer *answer = l->answer;
    const wn_insight *insight = wn_explain_find(answer->explained, result->index);
    wn_str text = answer->documents[result->index].text;
    if (insight == NULL || insight->n_tokens == 0)
        return;
    qsort(insight->tokens, insight->n_tokens, sizeof *insight->tokens, compare_weights);
    push_style(out, l, "2");
    wn_buf_printf(out, " %*s", l->rank_columns, "");
    float least = LEAST_SHARE_SHOWN * fabsf(insight->tokens[0].weight);
    for (size_t i = 0; i < insight->n_tokens && i < WORDS_SHOWN; i++) {
        const wn_insight_token *token = &insight->tokens[i];
        if (fabsf(token->weight) < least)
            break;
        wn_buf_printf(out, "  %+.3g ", (double)token->weight);
        wn_terminal_push_text(out, wn_str_slice(text, token->start, token->end), WORD_COLUMNS_MAX);
    }
    push_style(out, l, "0");
    wn_buf_push_byte(out, '\n');
}

static void push_titles(wn_buf *out, const layout *l, size_t columns)
{
    if (l->answer->query.len > 0) {
        push_style(out, l, "1");
        wn_buf_push_byte(out, ' ');
        wn_terminal_push_text(out, l->answer->query,
                              columns == WN_COLUMNS_UNLIMITED ? columns : columns - 2);
        push_style(out, l, "0");
        wn_buf_printf(out, "\n\n");
    }
    push_style(out, l, "2");
    wn_buf_printf(out, " %*s  %-*s  %*s", l->rank_columns, "#", BAR_CELLS + 2 + l->score_columns,
                  "relevance", l->index_columns, "index");
    if (l->window_columns > 0)
        wn_buf_printf(out, "  %-*s", l->window_columns, "bytes");
    wn_buf_printf(out, "  text");
    push_style(out, l, "0");
    wn_buf_push_byte(out, '\n');
}

bool wn_answer_push_table(wn_buf *out, const wn_answer *answer, const wn_terminal *terminal)
{
    layout l = layout_of(answer, terminal);
    push_titles(out, &l, terminal->out_columns);
    for (size_t i = 0; i < answer->n_results; i++) {
        push_row(out, &l, i);
        if (answer->explained != NULL)
            push_words(out, &l, &answer->results[i]);
    }
    return !out->failed;
}
