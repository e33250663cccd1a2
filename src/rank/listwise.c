/* See listwise.h.  A block's sequence is its prompt: what stands before, the number of documents
 * and the query, each document with its number and a mark behind it, the query again with another
 * mark.  Marks are special tokens, which text is always split at, so what lies between two of them
 * is tokenized for itself.  The marks are taken out of the users' texts.
 * Source: jinaai/jina-reranker-v3 modeling.py (rerank, format_docs_prompts_func). */
#include "rank/listwise.h"
#include "base/mem.h"
#include "base/str.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WN_WHERE "rank/listwise"

#define BLOCK_DOCS 125
#define SPARE      8 /* tokens that a text may have more in a prompt than alone */

#define FIRST_FORMAT                                                                               \
    "user\nI will provide you with %zu passages, each indicated by a numerical identifier. "       \
    "Rank the passages based on their relevance to query: %.*s\n%.*s<passage id=\"0\">\n%.*s"
#define NEXT_FORMAT "\n</passage>\n<passage id=\"%zu\">\n%.*s"
#define LAST_FORMAT "\n</passage>\n<query>\n%.*s"
#define TEXT(s)     (int)(s).len, (s).ptr

/* A job's rows in the making. */
typedef struct making {
    wn_job *job;
    wn_runner *runner;
    wn_str query, instruction;
    wn_str *texts;   /* [n_read] cut and without marks */
    size_t *read;    /* [n_read] the texts of the job that are read */
    size_t *ends;    /* [n_blocks] behind the last of each block's, among those read */
    wn_str *pieces;  /* [n_read + n_blocks] between two marks */
    wn_doc *encoded; /* of the pieces */
    size_t n_read, n_blocks, max_doc;
} making;

/* ---- texts ----------------------------------------------------------------------------------- */

static wn_arena *arena_of(const making *m)
{
    return &m->job->arenas[0];
}

/* Take all marks out; taking one out may bring another about. */
static void remove_marks(const wn_engine *engine, char *text, size_t *len)
{
    for (bool found = true; found;) {
        found = false;
        for (size_t i = 0; i < WN_ANSWERS_MAX; i++) {
            wn_str mark = wn_tokenizer_token(engine->tokenizer, engine->config.answers[i]);
            size_t kept = 0;
            for (size_t at = 0; at < *len;) {
                bool here = at + mark.len <= *len && memcmp(text + at, mark.ptr, mark.len) == 0;
                found |= here;
                if (here)
                    at += mark.len;
                else
                    text[kept++] = text[at++];
            }
            *len = kept;
        }
    }
}

/* A text as it stands in the prompt: one that has so many tokens is the text of those, which may be
 * another one, as in the reference. */
static wn_status clean(const making *m, wn_str *out, wn_str text, const int32_t *ids, size_t n_ids,
                       size_t most, wn_error *err)
{
    const wn_engine *engine = m->job->engine;
    wn_buf buf = WN_BUF_INIT;
    wn_status status = WN_OK;
    if (n_ids >= most)
        status = wn_decode(engine->tokenizer, &buf, ids, most, true, err);
    else if (!wn_buf_push_str(&buf, text))
        status = wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "no memory for a text");
    if (status == WN_OK) {
        remove_marks(engine, buf.ptr, &buf.len);
        *out = wn_arena_str(arena_of(m), buf.len == 0 ? WN_STR("") : wn_buf_str(&buf));
        if (out->ptr == NULL)
            status = wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "no memory for a text");
    }
    wn_buf_deinit(&buf);
    return status;
}

/* A printf-made piece. */
static wn_status print_piece(const making *m, wn_str *out, wn_error *err, const char *format, ...)
    WN_PRINTF(4, 5);
static wn_status print_piece(const making *m, wn_str *out, wn_error *err, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = wn_arena_alloc(arena_of(m), (size_t)len + 1, 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    if (text == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a piece of %d bytes", len);
    *out = (wn_str){text, (size_t)len};
    return WN_OK;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Tokens of pieces without documents, which bound what a block needs beside them. */
static wn_status measure(const making *m, size_t *first, size_t *next, size_t *last, wn_error *err)
{
    const wn_str none = WN_STR("");
    wn_str pieces[3];
    wn_doc docs[3];
    WN_TRY(print_piece(m, &pieces[0], err, FIRST_FORMAT, (size_t)BLOCK_DOCS, TEXT(m->query),
                       TEXT(m->instruction), TEXT(none)));
    WN_TRY(print_piece(m, &pieces[1], err, NEXT_FORMAT, (size_t)BLOCK_DOCS, TEXT(none)));
    WN_TRY(print_piece(m, &pieces[2], err, LAST_FORMAT, TEXT(m->query)));
    const wn_encoding encoding = {.docs = docs,
                                  .arenas = m->job->arenas,
                                  .texts = pieces,
                                  .n = WN_ARRAY_LEN(pieces),
                                  .plain_specials = m->job->request.plain_specials};
    WN_TRY(wn_runner_encode(m->runner, &encoding, err));
    *first = docs[0].n_ids;
    *next = docs[1].n_ids + 1;
    *last = docs[2].n_ids + 1;
    return WN_OK;
}

/* A document may have so many tokens. */
static wn_status limit_documents(making *m, size_t around, wn_error *err)
{
    const wn_job *job = m->job;
    size_t longest = job->engine->config.max_tokens, most = job->request.max_document_tokens;
    if (around + SPARE >= longest)
        WN_FAIL(err, WN_ERR_LIMIT,
                "the query of %zu tokens and its prompt take %zu, a sequence has at most %zu",
                job->n_query, around, longest);
    m->max_doc = WN_MIN(most > 0 ? most : (size_t)WN_LISTWISE_DOC_TOKENS, longest - around - SPARE);
    return WN_OK;
}

static wn_status cut_documents(making *m, wn_error *err)
{
    wn_job *job = m->job;
    for (size_t i = 0; i < job->n_texts; i++) {
        wn_doc *doc = &job->docs[i];
        size_t kept = WN_MIN(doc->n_ids, m->max_doc);
        if (kept < doc->n_ids && job->request.long_docs == WN_LONG_DOCS_ERROR)
            WN_FAIL(err, WN_ERR_LIMIT, "document %zu: %zu tokens, at most %zu are read",
                    i / job->request.n_fields, doc->n_ids, m->max_doc);
        doc->n_query = job->n_query;
        doc->chunks = wn_chunks_make(kept, WN_MAX(kept, (size_t)1), 0);
        if (doc->n_ids == 0 && job->request.n_fields > 1)
            continue;
        doc->n_rows = 1;
        WN_TRY(clean(m, &m->texts[m->n_read], job->request.documents[i], doc->ids, doc->n_ids,
                     m->max_doc, err));
        m->read[m->n_read++] = i;
    }
    return WN_OK;
}

/* As the reference, which ends a block when there is no room for one more document of the longest
 * kind; and before a sequence is too long for us. */
static void cut_blocks(making *m, size_t around, size_t per_document)
{
    const wn_job *job = m->job;
    const wn_config *config = &job->engine->config;
    int64_t all = (int64_t)config->block_tokens - 2 * (int64_t)job->n_query, left = all;
    size_t used = around, n = 0;
    for (size_t i = 0; i < m->n_read; i++) {
        size_t length = job->docs[m->read[i]].chunks.n_tokens;
        if (n > 0 && used + length + per_document > config->max_tokens) {
            m->ends[m->n_blocks++] = i;
            left = all;
            used = around;
            n = 0;
        }
        used += length + per_document;
        left -= (int64_t)length;
        n++;
        if (n >= BLOCK_DOCS || left <= (int64_t)m->max_doc || i + 1 == m->n_read) {
            m->ends[m->n_blocks++] = i + 1;
            left = all;
            used = around;
            n = 0;
        }
    }
}

/* ---- sequences ------------------------------------------------------------------------------- */

static wn_status encode_pieces(making *m, wn_error *err)
{
    size_t at = 0, n = 0;
    for (size_t b = 0; b < m->n_blocks; b++) {
        size_t first = at;
        for (; at < m->ends[b]; at++, n++) {
            wn_str text = m->texts[at];
            if (at == first)
                WN_TRY(print_piece(m, &m->pieces[n], err, FIRST_FORMAT, m->ends[b] - first,
                                   TEXT(m->query), TEXT(m->instruction), TEXT(text)));
            else
                WN_TRY(print_piece(m, &m->pieces[n], err, NEXT_FORMAT, at - first, TEXT(text)));
        }
        WN_TRY(print_piece(m, &m->pieces[n++], err, LAST_FORMAT, TEXT(m->query)));
    }
    const wn_encoding encoding = {.docs = m->encoded,
                                  .arenas = m->job->arenas,
                                  .texts = m->pieces,
                                  .n = n,
                                  .plain_specials = m->job->request.plain_specials};
    return wn_runner_encode(m->runner, &encoding, err);
}

static size_t append(int32_t *ids, size_t at, const int32_t *more, size_t n)
{
    if (n > 0)
        memcpy(ids + at, more, n * sizeof *ids);
    return at + n;
}

/* The sequence of a block from its pieces, n_marks of them. */
static wn_status assemble(making *m, wn_row *row, const wn_doc *pieces, wn_error *err)
{
    const wn_engine *engine = m->job->engine;
    const wn_template *around = &m->job->frame->pair;
    size_t n = around->n_special, n_before = m->job->frame->n_before, at = 0;
    for (size_t i = 0; i < row->n_marks; i++)
        n += pieces[i].n_ids + 1;
    if (n > engine->config.max_tokens)
        WN_FAIL(err, WN_ERR_LIMIT, "a block of %u documents has %zu tokens, at most %zu are read",
                row->n_marks - 1, n, engine->config.max_tokens);
    int32_t *ids = wn_arena_alloc(arena_of(m), n, sizeof *ids);
    uint32_t *marks = wn_arena_alloc(arena_of(m), row->n_marks, sizeof *marks);
    if (ids == NULL || marks == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a block of %zu tokens", n);
    for (size_t i = 0; i < n_before; i++)
        ids[at++] = around->items[i].id;
    for (size_t i = 0; i < row->n_marks; i++) {
        at = append(ids, at, pieces[i].ids, pieces[i].n_ids);
        marks[i] = (uint32_t)at;
        ids[at++] = engine->config.answers[i + 1 == row->n_marks];
    }
    for (size_t i = n_before + 2; i < around->count; i++) /* behind the places of the texts */
        ids[at++] = around->items[i].id;
    WN_ASSERT(at == n);
    row->ids = ids;
    row->n_ids = (uint32_t)n;
    row->marks = marks;
    return WN_OK;
}

static wn_status fill_rows(making *m, wn_error *err)
{
    wn_job *job = m->job;
    size_t at = 0, n = 0;
    for (size_t b = 0; b < m->n_blocks; b++) {
        wn_row *row = &job->rows[b];
        size_t first = at;
        *row = (wn_row){.n_query = (uint32_t)job->n_query,
                        .doc = (uint32_t)m->read[at],
                        .n_marks = (uint32_t)(m->ends[b] - first + 1),
                        .first_vector = n};
        for (; at < m->ends[b]; at++) {
            wn_doc *doc = &job->docs[m->read[at]];
            doc->first_row = b;
            doc->vector = n + (at - first);
        }
        WN_TRY(assemble(m, row, m->encoded + n, err));
        n += row->n_marks;
    }
    return WN_OK;
}

static wn_status make_room(making *m, wn_error *err)
{
    wn_job *job = m->job;
    size_t n = job->n_texts;
    m->texts = wn_arena_alloc(arena_of(m), n, sizeof *m->texts);
    m->read = wn_arena_alloc(arena_of(m), n, sizeof *m->read);
    m->ends = wn_arena_alloc(arena_of(m), n, sizeof *m->ends);
    m->pieces = wn_arena_alloc(arena_of(m), 2 * n, sizeof *m->pieces);
    m->encoded = wn_arena_alloc(arena_of(m), 2 * n, sizeof *m->encoded);
    job->scores = wn_arena_alloc(arena_of(m), n, sizeof *job->scores);
    if (m->texts == NULL || m->read == NULL || m->ends == NULL || m->pieces == NULL ||
        m->encoded == NULL || job->scores == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu texts", n);
    return WN_OK;
}

wn_status wn_listwise_make_rows(wn_job *job, wn_runner *runner, wn_error *err)
{
    making m = {.job = job, .runner = runner};
    size_t first, next, last, dim = wn_model_dims(job->engine->model).out_dim;
    WN_TRY(make_room(&m, err));
    WN_TRY(clean(&m, &m.query, job->request.query, job->query_ids, job->n_query,
                 WN_LISTWISE_QUERY_TOKENS, err));
    WN_TRY(clean(&m, &m.instruction, job->instruction, NULL, 0, 1, err));
    WN_TRY(measure(&m, &first, &next, &last, err));
    size_t around = job->frame->pair.n_special + first + last;
    WN_TRY(limit_documents(&m, around + next, err));
    WN_TRY(cut_documents(&m, err));
    cut_blocks(&m, around, next + SPARE);
    WN_TRY(encode_pieces(&m, err));
    job->rows = wn_mem_zalloc(m.n_blocks, sizeof *job->rows);
    job->vectors = wn_mem_alloc((m.n_read + m.n_blocks) * dim, sizeof *job->vectors);
    job->query_vector = wn_arena_alloc(arena_of(&m), dim, sizeof *job->query_vector);
    if (job->rows == NULL || job->vectors == NULL || job->query_vector == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu blocks", m.n_blocks);
    job->n_rows = m.n_blocks;
    WN_TRY(fill_rows(&m, err));
    for (size_t i = 0; i < job->n_rows; i++)
        job->usage.total_tokens += job->rows[i].n_ids;
    for (size_t i = 0; i < job->n_texts; i++)
        job->usage.document_tokens += job->docs[i].n_rows > 0 ? wn_job_text_tokens(job, i) : 0;
    return WN_OK;
}

/* ---- scores ---------------------------------------------------------------------------------- */

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static double cosine(const float *a, const float *b, size_t n)
{
    double lengths = sqrt(dot(a, a, n)) * sqrt(dot(b, b, n));
    return lengths > 0 ? dot(a, b, n) / lengths : 0;
}

/* The row's logit is what its query counts for among the blocks. */
void wn_listwise_take(wn_job *job, wn_row *row, const float *vectors)
{
    size_t dim = wn_model_dims(job->engine->model).out_dim, n = row->n_marks - 1;
    double best = -1;
    memcpy(job->vectors + row->first_vector * dim, vectors, row->n_marks * dim * sizeof *vectors);
    for (size_t i = 0; i < n; i++) {
        double score = cosine(vectors + i * dim, vectors + n * dim, dim);
        best = score > best || isnan(score) ? score : best;
    }
    row->logit = (float)((1 + best) / 2);
}

void wn_listwise_score(wn_job *job)
{
    size_t dim = wn_model_dims(job->engine->model).out_dim;
    float sum = 0;
    memset(job->query_vector, 0, dim * sizeof *job->query_vector);
    for (size_t r = 0; r < job->n_rows; r++)
        sum += job->rows[r].scored ? job->rows[r].logit : 0;
    for (size_t r = 0; r < job->n_rows; r++) {
        const wn_row *row = &job->rows[r];
        const float *own = job->vectors + (row->first_vector + row->n_marks - 1) * dim;
        float share = sum > 0 ? row->logit / sum : 1; /* no block counts: all do */
        for (size_t j = 0; row->scored && j < dim; j++)
            job->query_vector[j] += share * own[j];
    }
    for (size_t i = 0; i < job->n_texts; i++) {
        const wn_doc *doc = &job->docs[i];
        if (doc->n_rows > 0 && job->rows[doc->first_row].scored)
            job->scores[i] =
                (float)cosine(job->vectors + doc->vector * dim, job->query_vector, dim);
    }
}
