/* The index holds, for each document, its distinct terms with their counts, sorted by term: what a
 * reranker needs, who asks for few documents of many.  Terms are numbered as they appear.
 * Source:  Robertson & Zaragoza 2009; the idf ln(1 + (N - n + 0.5) / (n + 0.5)) is Lucene's. */
#include "eval/bm25.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "eval/terms.h"

#include <math.h>
#include <stdlib.h>

#define WN_WHERE "eval/bm25"

typedef struct posting {
    uint32_t term, count;
} posting;

struct wn_bm25 {
    wn_arena words;     /* the bytes of the terms, keys of numbers */
    wn_map numbers;     /* term -> 0.. */
    wn_buf postings;    /* posting: documents one behind the other */
    wn_buf frequencies; /* uint32_t of each term: documents that have it */
    size_t n_documents;
    size_t *starts;  /* [n_documents + 1] into postings */
    double *lengths; /* [n_documents] terms of each, at least 1 */
    double mean_length;
};

static int compare_terms(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Sort the numbers and append a posting for each distinct one. */
static void push_postings(wn_buf *postings, wn_buf *numbers)
{
    uint32_t *number = (uint32_t *)(void *)numbers->ptr;
    size_t n = numbers->len / sizeof *number;
    if (n > 0)
        qsort(number, n, sizeof *number, compare_terms);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && number[end] == number[i];)
            end++;
        posting next = {number[i], (uint32_t)(end - i)};
        wn_buf_push(postings, &next, sizeof next);
    }
}

/* The number of a term, a new one if need be.
 * Fails:   -1 when memory is short. */
static int32_t number_term(wn_bm25 *bm25, wn_str term)
{
    int32_t number = wn_map_get(&bm25->numbers, term, -1);
    if (number >= 0)
        return number;
    number = (int32_t)bm25->numbers.count;
    wn_str key = wn_arena_str(&bm25->words, term);
    const uint32_t none = 0;
    if (key.ptr == NULL || !wn_map_put(&bm25->numbers, key, number, NULL) ||
        !wn_buf_push(&bm25->frequencies, &none, sizeof none))
        return -1;
    return number;
}

/* Count one document; terms and numbers are scratch. */
static wn_status add_document(wn_bm25 *bm25, size_t index, wn_str text, wn_buf *terms,
                              wn_buf *numbers, wn_error *err)
{
    wn_buf_clear(terms);
    wn_buf_clear(numbers);
    WN_TRY(wn_terms_push(terms, text, err));
    size_t first = bm25->postings.len / sizeof(posting), n_terms = 0;
    for (wn_str term, rest = wn_buf_str(terms); wn_terms_next(&term, &rest); n_terms++) {
        if (bm25->numbers.count >= INT32_MAX)
            WN_FAIL(err, WN_ERR_LIMIT, "document %zu: more than %d different terms", index,
                    INT32_MAX);
        int32_t number = number_term(bm25, term);
        if (number < 0 || !wn_buf_push(numbers, &number, sizeof number))
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for the terms of document %zu", index);
    }
    push_postings(&bm25->postings, numbers);
    if (bm25->postings.failed)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the terms of document %zu", index);
    size_t end = bm25->postings.len / sizeof(posting);
    const posting *list = (const posting *)(void *)bm25->postings.ptr;
    uint32_t *frequency = (uint32_t *)(void *)bm25->frequencies.ptr;
    for (size_t i = first; i < end; i++)
        frequency[list[i].term]++;
    bm25->starts[index + 1] = end;
    bm25->lengths[index] = (double)WN_MAX(n_terms, (size_t)1);
    return WN_OK;
}

wn_status wn_bm25_new(wn_bm25 **out, const wn_str *texts, size_t n, wn_error *err)
{
    wn_status status = WN_OK;
    wn_buf terms = WN_BUF_INIT, numbers = WN_BUF_INIT;
    wn_bm25 *bm25 = wn_mem_zalloc(1, sizeof *bm25);
    if (bm25 == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for an index of %zu documents", n);
    bm25->n_documents = n;
    bm25->starts = n < SIZE_MAX ? wn_mem_zalloc(n + 1, sizeof *bm25->starts) : NULL;
    bm25->lengths = wn_mem_zalloc(WN_MAX(n, (size_t)1), sizeof *bm25->lengths);
    if (bm25->starts == NULL || bm25->lengths == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for an index of %zu documents", n);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        WN_TRY_OUT(add_document(bm25, i, texts[i], &terms, &numbers, err));
        sum += bm25->lengths[i];
    }
    bm25->mean_length = sum / (double)WN_MAX(n, (size_t)1);
    *out = bm25;
    bm25 = NULL;
out:
    wn_buf_deinit(&terms);
    wn_buf_deinit(&numbers);
    wn_bm25_free(bm25);
    return status;
}

void wn_bm25_free(wn_bm25 *bm25)
{
    if (bm25 == NULL)
        return;
    wn_arena_deinit(&bm25->words);
    wn_map_deinit(&bm25->numbers);
    wn_buf_deinit(&bm25->postings);
    wn_buf_deinit(&bm25->frequencies);
    wn_mem_free(bm25->starts);
    wn_mem_free(bm25->lengths);
    wn_mem_free(bm25);
}

/* How often a document has a term. */
static uint32_t count_in(const wn_bm25 *bm25, size_t document, uint32_t term)
{
    const posting *list = (const posting *)(void *)bm25->postings.ptr;
    size_t low = bm25->starts[document], high = bm25->starts[document + 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].term < term)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < bm25->starts[document + 1] && list[low].term == term;
    return found ? list[low].count : 0;
}

/* The score of one document for the query's postings. */
static double score_document(const wn_bm25 *bm25, size_t document, const posting *query, size_t n)
{
    const uint32_t *frequency = (const uint32_t *)(void *)bm25->frequencies.ptr;
    double length = bm25->lengths[document] / bm25->mean_length;
    double norm = WN_BM25_K1 * (1 - WN_BM25_B + WN_BM25_B * length);
    double score = 0;
    for (size_t i = 0; i < n; i++) {
        double having = frequency[query[i].term], count = count_in(bm25, document, query[i].term);
        double idf = log(1 + ((double)bm25->n_documents - having + 0.5) / (having + 0.5));
        score += query[i].count * idf * count * (WN_BM25_K1 + 1) / (count + norm);
    }
    return score;
}

wn_status wn_bm25_score(const wn_bm25 *bm25, double *scores, wn_str query, const size_t *documents,
                        size_t n, wn_error *err)
{
    wn_status status = WN_OK;
    wn_buf terms = WN_BUF_INIT, numbers = WN_BUF_INIT, postings = WN_BUF_INIT;
    WN_TRY_OUT(wn_terms_push(&terms, query, err));
    for (wn_str term, rest = wn_buf_str(&terms); wn_terms_next(&term, &rest);) {
        int32_t number = wn_map_get(&bm25->numbers, term, -1);
        if (number >= 0)
            wn_buf_push(&numbers, &number, sizeof number);
    }
    push_postings(&postings, &numbers);
    if (numbers.failed || postings.failed)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a query of %zu bytes", query.len);
    for (size_t i = 0; i < n; i++)
        scores[i] = score_document(bm25, documents[i], (const posting *)(void *)postings.ptr,
                                   postings.len / sizeof(posting));
out:
    wn_buf_deinit(&terms);
    wn_buf_deinit(&numbers);
    wn_buf_deinit(&postings);
    return status;
}
