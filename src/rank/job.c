/* A job is made in four steps: check the request, tokenise the query once, tokenise the documents
 * on all threads, cut every document into rows.  A document that fits beside the query is one row;
 * a longer one is cut, windowed or refused as the request says. */
#include "rank/job.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "rank/abi.h"
#include "rank/listwise.h"
#include "rank/runner.h"

#include <math.h>
#include <string.h>

#define WN_WHERE "rank/job"

static wn_status read_request(wn_request *request, const wn_engine *engine, const wn_request *given,
                              wn_error *err)
{
    WN_TRY(wn_abi_read(request, sizeof *request, given, "wn_request", err));
    if (request->n_documents > UINT32_MAX / 2)
        WN_FAIL(err, WN_ERR_LIMIT, "%zu documents, at most %u are ranked in one request",
                request->n_documents, UINT32_MAX / 2);
    if (request->n_fields > WN_FIELDS_MAX)
        WN_FAIL(err, WN_ERR_ARGUMENT, "n_fields is %zu, expected 0..%d", request->n_fields,
                WN_FIELDS_MAX);
    request->n_fields = WN_MAX(request->n_fields, (size_t)1);
    if (request->n_documents * request->n_fields > UINT32_MAX / 2)
        WN_FAIL(err, WN_ERR_LIMIT,
                "%zu documents of %zu fields, at most %u texts are ranked in one "
                "request",
                request->n_documents, request->n_fields, UINT32_MAX / 2);
    for (size_t i = 0; request->field_weights != NULL && i < request->n_fields; i++) {
        if (!(request->field_weights[i] > 0 && isfinite(request->field_weights[i])))
            WN_FAIL(err, WN_ERR_ARGUMENT, "field_weights[%zu] is %g, expected a number above 0", i,
                    (double)request->field_weights[i]);
    }
    if (request->documents == NULL && request->n_documents > 0)
        WN_FAIL(err, WN_ERR_ARGUMENT, "documents is NULL, n_documents is %zu",
                request->n_documents);
    if ((int)request->long_docs < 0 || request->long_docs > WN_LONG_DOCS_ERROR)
        WN_FAIL(err, WN_ERR_ARGUMENT, "long_docs is %d, expected 0..%d", (int)request->long_docs,
                (int)WN_LONG_DOCS_ERROR);
    if (request->want_matches && engine->config.kind != WN_KIND_LATE_INTERACTION)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "matches are those of a late-interaction model, '%s' is none", engine->name);
    if (request->instruction.len > 0 && !wn_prompt_takes_instructions(&engine->prompt))
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "an instruction is for models that are asked in words, '%s' takes none",
                engine->name);
    return WN_OK;
}

/* A query over its limit keeps the words of the prompt behind it. */
static wn_status cut_query(wn_job *job, wn_error *err)
{
    size_t most = job->engine->max_query_ids;
    int32_t *ids = wn_arena_alloc(&job->arenas[0], most, sizeof *ids);
    if (ids == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a query of %zu tokens", most);
    wn_prompt_cut_query(&job->engine->prompt, ids, job->query_ids, most);
    job->query_ids = ids;
    job->n_query = most;
    job->usage.query_truncated = true;
    return WN_OK;
}

/* Most tokens of an instruction; beside a query, which is cut together with it, some are left. */
static size_t instruction_room(const wn_engine *engine)
{
    bool apart = engine->config.kind == WN_KIND_LISTWISE;
    return apart ? engine->max_query_ids : engine->max_query_ids / 2;
}

static wn_status put_words_around(wn_job *job, wn_error *err)
{
    const wn_prompt *prompt = &job->engine->prompt;
    wn_buf words = WN_BUF_INIT;
    wn_buf_push_str(&words, prompt->instruction_lead);
    wn_buf_push_str(&words, job->request.instruction);
    if (wn_buf_push_str(&words, prompt->instruction_tail))
        job->instruction = wn_arena_str(&job->arenas[0], wn_buf_str(&words));
    wn_buf_deinit(&words);
    if (job->instruction.ptr == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for an instruction of %zu bytes",
                job->request.instruction.len);
    return WN_OK;
}

/* It is never cut, since what is left of it could ask for something else. */
static wn_status read_instruction(wn_job *job, wn_runner *runner, wn_error *err)
{
    const wn_engine *engine = job->engine;
    size_t most = instruction_room(engine);
    wn_doc own;
    const wn_encoding encoding = {.docs = &own,
                                  .arenas = job->arenas,
                                  .texts = &job->request.instruction,
                                  .n = 1,
                                  .plain_specials = job->request.plain_specials};
    job->frame = &engine->prompt.plain;
    if (job->request.instruction.len == 0)
        return WN_OK;
    job->frame = &engine->prompt.instructed;
    wn_status status = wn_runner_encode(runner, &encoding, err);
    if (status != WN_OK)
        return wn_error_prefix(err, status, "instruction");
    if (own.n_ids > most)
        WN_FAIL(err, WN_ERR_LIMIT, "the instruction has %zu tokens, at most %zu are read",
                own.n_ids, most);
    if (engine->config.kind == WN_KIND_LISTWISE)
        job->apart = (wn_id_span){own.ids, own.n_ids};
    return put_words_around(job, err);
}

static wn_status encode_query(wn_job *job, wn_runner *runner, wn_error *err)
{
    const wn_engine *engine = job->engine;
    bool led = job->instruction.len > 0 && engine->config.kind != WN_KIND_LISTWISE;
    wn_doc query;
    const wn_encoding encoding = {.docs = &query,
                                  .arenas = job->arenas,
                                  .texts = &job->request.query,
                                  .n = 1,
                                  .lead = led ? job->instruction : engine->prompt.query_lead,
                                  .tail = engine->prompt.query_tail,
                                  .plain_specials = job->request.plain_specials,
                                  .with_offsets = job->request.want_matches};
    wn_status status = wn_runner_encode(runner, &encoding, err);
    if (status != WN_OK)
        return wn_error_prefix(err, status, "query");
    job->query_ids = query.ids;
    job->query_start = query.start;
    job->query_end = query.end;
    job->n_query = query.n_ids;
    if (job->n_query == 0 && engine->config.kind == WN_KIND_LATE_INTERACTION)
        WN_FAIL(err, WN_ERR_INPUT,
                "the query has no token of its own: it is empty or holds only characters that the "
                "model drops (%zu bytes)",
                job->request.query.len);
    bool truncate = job->request.long_docs == WN_LONG_DOCS_TRUNCATE;
    bool own_limit = wn_engine_reads_apart(engine) || engine->config.prompt != WN_PROMPT_NONE ||
                     (engine->config.max_query_tokens > 0 && !truncate);
    return own_limit && job->n_query > engine->max_query_ids ? cut_query(job, err) : WN_OK;
}

static wn_status encode_documents(wn_job *job, wn_runner *runner, wn_error *err)
{
    const wn_encoding encoding = {.docs = job->docs,
                                  .arenas = job->arenas,
                                  .texts = job->request.documents,
                                  .n = job->n_texts,
                                  .what = "document",
                                  .lead = job->engine->prompt.doc_lead,
                                  .tail = job->engine->prompt.doc_tail,
                                  .n_fields = job->request.n_fields,
                                  .plain_specials = job->request.plain_specials,
                                  .with_offsets =
                                      job->request.want_windows || job->request.want_matches};
    return wn_runner_encode(runner, &encoding, err);
}

/* Decide how a document is cut. */
static wn_status plan_cut(const wn_job *job, wn_doc *doc, size_t text, wn_error *err)
{
    const wn_engine *engine = job->engine;
    const wn_prompt *prompt = &engine->prompt;
    size_t n_ids = doc->n_ids, n_special = job->frame->pair.n_special;
    size_t room = wn_engine_row_room(engine, n_special + job->n_query);
    bool pairs = engine->config.kind == WN_KIND_CROSS_ENCODER;
    size_t most = job->request.max_document_tokens, index = text / job->request.n_fields;
    doc->n_query = job->n_query;
    if (most > 0 && n_ids > most) {
        if (job->request.long_docs == WN_LONG_DOCS_ERROR)
            WN_FAIL(err, WN_ERR_LIMIT, "document %zu: %zu tokens, at most %zu are asked for", index,
                    n_ids, most);
        n_ids = most;
    }
    size_t n_end = n_ids < doc->n_ids ? prompt->doc_end.n : 0;
    if (n_ids + n_end > room ||
        (pairs && job->n_query + n_special + n_ids > engine->config.max_tokens)) {
        switch (job->request.long_docs) {
        case WN_LONG_DOCS_ERROR:
            WN_FAIL(err, WN_ERR_LIMIT,
                    "document %zu: %zu tokens beside a query of %zu, at most %zu fit", index, n_ids,
                    job->n_query, room);
        case WN_LONG_DOCS_TRUNCATE:
            if (pairs && engine->config.prompt == WN_PROMPT_NONE)
                (void)wn_truncate(&doc->n_query, &n_ids, engine->config.max_tokens - n_special,
                                  WN_TRUNCATE_LONGEST_FIRST);
            else
                n_ids = room - WN_MIN(room, prompt->doc_end.n);
            break;
        case WN_LONG_DOCS_WINDOWS:
            if (pairs)
                doc->n_query = WN_MIN(job->n_query, engine->max_query_ids);
            break;
        }
    }
    size_t window = WN_MAX(wn_engine_row_room(engine, n_special + doc->n_query), (size_t)1);
    if (n_ids + n_end > window)
        window -= WN_MIN(prompt->doc_again.n + prompt->doc_end.n, window - 1);
    doc->chunks = wn_chunks_make(n_ids, window, engine->config.window_overlap);
    return WN_OK;
}

/* Whether a text without a token of its own is scored: not by late interaction, to which it means
 * nothing, and not where a document has others. */
static bool means_something(const wn_job *job)
{
    return job->engine->config.kind != WN_KIND_LATE_INTERACTION && job->request.n_fields == 1;
}

static wn_status plan_rows(wn_job *job, wn_error *err)
{
    for (size_t i = 0; i < job->n_texts; i++) {
        wn_doc *doc = &job->docs[i];
        WN_TRY(plan_cut(job, doc, i, err));
        doc->first_row = job->n_rows;
        bool has_text = doc->n_ids > 0 && job->request.documents[i].len > 0;
        if (has_text || means_something(job))
            doc->n_rows = wn_chunks_count(&doc->chunks);
        job->usage.query_truncated |= doc->n_query < job->n_query;
        job->usage.document_tokens +=
            doc->n_rows > 0 || job->request.n_fields == 1 ? wn_job_text_tokens(job, i) : 0;
        job->n_rows += doc->n_rows;
    }
    return WN_OK;
}

/* A part of a document has the words of the prompt around it that the whole one has. */
static wn_status wrap_part(wn_job *job, wn_row *row, wn_id_span lead, wn_id_span tail,
                           wn_error *err)
{
    size_t n = lead.n + row->n_ids + tail.n;
    int32_t *ids = wn_arena_alloc(&job->arenas[0], n, sizeof *ids);
    if (ids == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu tokens", n);
    for (size_t i = 0; i < n; i++)
        ids[i] = i < lead.n                ? lead.ids[i]
                 : i < lead.n + row->n_ids ? row->ids[i - lead.n]
                                           : tail.ids[i - lead.n - row->n_ids];
    row->ids = ids;
    row->n_ids = (uint32_t)n;
    return WN_OK;
}

static wn_status make_row(wn_job *job, const wn_doc *doc, size_t window, wn_error *err)
{
    const wn_prompt *prompt = &job->engine->prompt;
    const wn_id_span none = {NULL, 0};
    size_t start, end, index = (size_t)(doc - job->docs);
    wn_chunks_at(&doc->chunks, &start, &end, window);
    wn_row *row = &job->rows[doc->first_row + window];
    *row = (wn_row){
        .ids = doc->ids + start,
        .n_ids = (uint32_t)(end - start),
        .n_query = (uint32_t)doc->n_query,
        .doc = (uint32_t)index,
        .byte_end = job->request.documents[index].len,
    };
    if (doc->start != NULL && end > start && end - start < doc->n_ids) {
        row->byte_start = start == 0 ? 0 : doc->start[start];
        row->byte_end = doc->end[end - 1];
    }
    wn_id_span lead = start > 0 ? prompt->doc_again : none;
    wn_id_span tail = end < doc->n_ids ? prompt->doc_end : none;
    if (lead.n + tail.n > 0)
        WN_TRY(wrap_part(job, row, lead, tail, err));
    job->usage.total_tokens += wn_job_row_length(job, row);
    return WN_OK;
}

static wn_status make_rows(wn_job *job, wn_runner *runner, wn_error *err)
{
    if (job->engine->config.kind == WN_KIND_LISTWISE)
        return wn_listwise_make_rows(job, runner, err);
    WN_TRY(plan_rows(job, err));
    job->rows = wn_mem_alloc(job->n_rows, sizeof *job->rows);
    if (job->rows == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu rows", job->n_rows);
    for (size_t i = 0; i < job->n_texts; i++) {
        for (size_t w = 0; w < job->docs[i].n_rows; w++)
            WN_TRY(make_row(job, &job->docs[i], w, err));
    }
    if (!job->request.want_matches)
        return WN_OK;
    job->nearest = wn_mem_alloc(job->n_rows * job->query.n, sizeof *job->nearest);
    if (job->nearest == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for matches of %zu rows", job->n_rows);
    return WN_OK;
}

/* Room for the query's vectors, so that scoring allocates nothing. */
static wn_status make_query_room(wn_job *job, wn_error *err)
{
    const wn_config *config = &job->engine->config;
    size_t n = job->n_query + job->engine->n_special_single + job->apart.n;
    bool late = config->kind == WN_KIND_LATE_INTERACTION;
    if (late)
        n = WN_MAX(n, config->late.query_pad_to);
    job->n_query_tokens = job->score_query.n_vectors = n;
    if (!wn_engine_reads_apart(job->engine))
        return WN_OK;
    job->query.n = late ? n : 1;
    job->query.packed = wn_mem_aligned(wn_query_bytes(job->engine->kernels, job->query.n,
                                                      wn_model_dims(job->engine->model).out_dim));
    job->query.weights = wn_mem_alloc(job->query.n, sizeof(float));
    if (job->query.packed == NULL || job->query.weights == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a query of %zu tokens", n);
    return WN_OK;
}

/* What stands before the document in all sequences is read once, as far as there is room. */
static void share_beginning(wn_job *job)
{
    size_t most = wn_model_dims(job->engine->model).past_tokens;
    if (job->n_rows > 0 && most > 0 &&
        !job->engine->may_end_in_pads) /* 0: sequences begin with the document */
        job->n_past = WN_MIN(most, job->frame->n_before + job->n_query);
}

wn_status wn_job_new(wn_job **out, wn_runner *runner, const wn_request *given, wn_error *err)
{
    wn_request request;
    WN_TRY(read_request(&request, runner->engine, given, err));
    uint64_t began = wn_clock_ns();
    wn_job *job = wn_mem_zalloc(1, sizeof *job);
    if (job == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a job");
    wn_status status;
    job->engine = runner->engine;
    job->request = request;
    job->n_arenas = (size_t)runner->n_threads;
    job->arenas = wn_mem_zalloc(job->n_arenas, sizeof *job->arenas);
    job->n_texts = request.n_documents * request.n_fields;
    job->docs = wn_mem_zalloc(job->n_texts, sizeof *job->docs);
    job->results = wn_mem_zalloc(request.n_documents, sizeof *job->results);
    if (job->arenas == NULL || job->docs == NULL || job->results == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a job of %zu documents",
                    request.n_documents);
    WN_TRY_OUT(read_instruction(job, runner, err));
    WN_TRY_OUT(encode_query(job, runner, err));
    WN_TRY_OUT(encode_documents(job, runner, err));
    WN_TRY_OUT(make_query_room(job, err));
    WN_TRY_OUT(make_rows(job, runner, err));
    share_beginning(job);
    wn_job_begin(job);
    job->usage.query_tokens = job->n_query_tokens;
    if (wn_engine_reads_apart(job->engine))
        job->usage.total_tokens += job->n_query_tokens;
    job->usage.tokenize_ns = wn_clock_ns() - began;
    *out = job;
    job = NULL;
out:
    wn_job_free(job);
    return status;
}

void wn_job_free(wn_job *job)
{
    if (job == NULL)
        return;
    for (size_t i = 0; job->arenas != NULL && i < job->n_arenas; i++)
        wn_arena_deinit(&job->arenas[i]);
    wn_mem_free(job->arenas);
    wn_mem_free(job->docs);
    wn_mem_free(job->rows);
    wn_mem_free(job->results);
    wn_mem_free(job->query.packed);
    wn_mem_free(job->query.weights);
    wn_mem_free(job->nearest);
    wn_mem_free(job->vectors);
    wn_mem_free(job);
}

#define N_LEADING 2 /* tokens in front of a late-interaction text's own */

/* [CLS] marker tokens [SEP] */
static size_t late_sequence(const wn_late_config *late, int32_t marker, int32_t *ids,
                            const int32_t *tokens, size_t n)
{
    ids[0] = late->cls_id;
    ids[1] = marker;
    if (n > 0)
        memcpy(ids + N_LEADING, tokens, n * sizeof *ids);
    ids[n + N_LEADING] = late->sep_id;
    return n + N_LEADING + 1;
}

size_t wn_job_query_sequence(const wn_job *job, int32_t *ids, int32_t *types, uint32_t *n_keys)
{
    const wn_late_config *late = &job->engine->config.late;
    size_t n;
    if (job->engine->config.kind == WN_KIND_LATE_INTERACTION) {
        n = late_sequence(late, late->query_marker, ids, job->query_ids, job->n_query);
        *n_keys = (uint32_t)n;
        while (n < job->n_query_tokens)
            ids[n++] = late->mask_id;
        if (late->attend_to_mask)
            *n_keys = (uint32_t)n;
        return n;
    }
    n = wn_tokenizer_assemble(job->engine->tokenizer, ids, types, job->query_ids, job->n_query,
                              NULL, 0, true);
    *n_keys = (uint32_t)n;
    return n;
}

size_t wn_job_row_sequence(const wn_job *job, const wn_row *row, int32_t *ids, int32_t *types)
{
    const wn_engine *engine = job->engine;
    const wn_late_config *late = &engine->config.late;
    switch (engine->config.kind) {
    case WN_KIND_LATE_INTERACTION:
        return late_sequence(late, late->doc_marker, ids, row->ids, row->n_ids);
    case WN_KIND_EMBEDDER:
        return wn_tokenizer_assemble(engine->tokenizer, ids, types, row->ids, row->n_ids, NULL, 0,
                                     true);
    case WN_KIND_LISTWISE:
        memcpy(ids, row->ids, row->n_ids * sizeof *ids);
        return row->n_ids;
    case WN_KIND_CROSS_ENCODER:
        break;
    }
    return wn_template_assemble(&job->frame->pair, ids, types,
                                (wn_id_span){job->query_ids, row->n_query},
                                (wn_id_span){row->ids, row->n_ids});
}

size_t wn_job_row_length(const wn_job *job, const wn_row *row)
{
    if (job->engine->config.kind == WN_KIND_LISTWISE)
        return row->n_ids;
    if (job->engine->config.kind == WN_KIND_CROSS_ENCODER)
        return job->frame->pair.n_special + row->n_query + row->n_ids;
    return job->engine->n_special_single + row->n_ids;
}

size_t wn_job_row_keys(const wn_job *job, const int32_t *ids, size_t n)
{
    const wn_engine *engine = job->engine;
    while (engine->may_end_in_pads && n > 1 && ids[n - 1] == engine->config.pad_id)
        n--;
    return n;
}

/* The best row of a document; the first one wins a tie. */
static const wn_row *best_row(const wn_job *job, const wn_doc *doc)
{
    const wn_row *best = &job->rows[doc->first_row];
    for (size_t w = 1; w < doc->n_rows; w++) {
        if (job->rows[doc->first_row + w].logit > best->logit)
            best = &job->rows[doc->first_row + w];
    }
    return best;
}

void wn_job_begin(wn_job *job)
{
    job->done = job->stopped = false;
    job->query_read = !wn_engine_reads_apart(job->engine);
    job->n_texts_scored = 0;
    for (size_t i = 0; i < job->n_texts; i++)
        job->n_texts_scored += job->docs[i].n_rows == 0;
    for (size_t i = 0; i < job->n_rows; i++)
        job->rows[i].scored = job->rows[i].matched = false;
}

size_t wn_job_n_rows(const wn_job *job)
{
    return job->n_rows;
}

uint32_t wn_job_row_tokens(const wn_job *job, size_t row)
{
    return (uint32_t)wn_job_row_length(job, &job->rows[row]);
}

size_t wn_job_row_text(const wn_job *job, size_t row)
{
    return job->rows[row].doc;
}

uint32_t wn_job_text_tokens(const wn_job *job, size_t text)
{
    return (uint32_t)(job->docs[text].chunks.n_tokens + job->engine->n_special_single);
}

void wn_job_row_ids(const wn_job *job, size_t row, int32_t *ids, int32_t *types)
{
    memset(types, 0, wn_job_row_tokens(job, row) * sizeof *types);
    (void)wn_job_row_sequence(job, &job->rows[row], ids, types);
}

void wn_job_query_ids(const wn_job *job, int32_t *ids, int32_t *types)
{
    uint32_t n_keys;
    memset(types, 0, job->n_query_tokens * sizeof *types);
    size_t n = wn_job_query_sequence(job, ids, types, &n_keys);
    if (job->apart.n > 0)
        memcpy(ids + n, job->apart.ids, job->apart.n * sizeof *ids);
}

wn_dtype wn_job_vector_dtype(wn_vector_format format)
{
    return format == WN_VECTOR_INT8 ? WN_DTYPE_I8 : WN_DTYPE_F32;
}

size_t wn_job_vector_bytes(const wn_job *job, size_t row, wn_vector_format format)
{
    const wn_engine *engine = job->engine;
    if (!wn_engine_reads_apart(engine))
        return 0;
    size_t n = engine->config.kind == WN_KIND_EMBEDDER ? 1 : wn_job_row_tokens(job, row);
    return n * wn_vector_bytes(engine->kernels, wn_job_vector_dtype(format),
                               wn_model_dims(engine->model).out_dim);
}

float wn_job_logit(const wn_job *job, size_t row)
{
    return job->rows[row].scored ? job->rows[row].logit : NAN;
}

void wn_job_set_logit(wn_job *job, size_t row, float logit)
{
    job->rows[row].logit = logit;
    job->rows[row].scored = true;
}

bool wn_job_wants_matches(const wn_job *job)
{
    return job->request.want_matches || job->engine->config.kind == WN_KIND_LISTWISE;
}

bool wn_job_needs_query(const wn_job *job)
{
    return job->engine->config.score_rule == WN_SCORE_CALIBRATED && job->n_rows > 0 &&
           !job->query_read;
}

static wn_status check_rows(const wn_job *job, bool partial, wn_error *err)
{
    if (wn_job_needs_query(job) && !partial)
        WN_FAIL(err, WN_ERR_ARGUMENT, "the query was not read");
    for (size_t i = 0; i < job->n_rows; i++) {
        const wn_row *row = &job->rows[i];
        if (!row->scored && !partial)
            WN_FAIL(err, WN_ERR_ARGUMENT, "row %zu of document %zu has no score", i,
                    row->doc / job->request.n_fields);
        if (row->scored && !isfinite(row->logit))
            WN_FAIL(err, WN_ERR_FORMAT, "document %zu: the model's score is %f, expected a number",
                    row->doc / job->request.n_fields, (double)row->logit);
    }
    return WN_OK;
}

static bool is_scored(const wn_job *job, const wn_doc *doc)
{
    for (size_t w = 0; w < doc->n_rows; w++) {
        if (!job->rows[doc->first_row + w].scored)
            return false;
    }
    return true;
}

/* The logit of a text whose rows were scored. */
static float text_logit(const wn_job *job, const wn_doc *doc)
{
    return job->scores != NULL ? job->scores[doc - job->docs] : best_row(job, doc)->logit;
}

/* The fields of a document. */
static const wn_doc *fields_of(const wn_job *job, size_t index)
{
    return &job->docs[index * job->request.n_fields];
}

/* The field whose best row is best; NULL when all are empty. */
static const wn_doc *best_field(const wn_job *job, size_t index)
{
    const wn_doc *best = NULL;
    const wn_doc *fields = fields_of(job, index);
    for (size_t f = 0; f < job->request.n_fields; f++) {
        const wn_doc *field = fields[f].n_rows == 0 ? NULL : &fields[f];
        if (field != NULL && (best == NULL || text_logit(job, field) > text_logit(job, best)))
            best = field;
    }
    return best;
}

/* The weighted mean over the fields that have rows. */
static float mean_logit(const wn_job *job, size_t index)
{
    const wn_request *r = &job->request;
    const wn_doc *fields = fields_of(job, index);
    double sum = 0, weights = 0;
    for (size_t f = 0; f < r->n_fields; f++) {
        double weight = r->field_weights == NULL ? 1 : (double)r->field_weights[f];
        if (fields[f].n_rows == 0)
            continue;
        sum += weight * (double)text_logit(job, &fields[f]);
        weights += weight;
    }
    return (float)(sum / weights);
}

static wn_result result_of(const wn_job *job, size_t index)
{
    const wn_doc *fields = fields_of(job, index);
    wn_result result = {.index = index, .scored = true, .empty = true};
    for (size_t f = 0; f < job->request.n_fields; f++) {
        const wn_doc *doc = &fields[f];
        result.scored &= doc->n_rows == 0 || (!wn_job_needs_query(job) && is_scored(job, doc));
        result.empty &= doc->n_rows == 0;
        result.truncated |= doc->chunks.n_tokens < doc->n_ids;
        result.n_windows += (uint32_t)doc->n_rows;
        if (doc->n_rows > 0 || job->request.n_fields == 1)
            result.n_tokens += wn_job_text_tokens(job, (size_t)(doc - job->docs));
    }
    result.window_end = job->request.documents[index * job->request.n_fields].len;
    if (result.empty || !result.scored)
        return result;
    const wn_doc *best = best_field(job, index);
    result.field = (uint32_t)(best - fields);
    result.logit = job->request.n_fields == 1 ? text_logit(job, best) : mean_logit(job, index);
    result.relevance_score =
        wn_score_relevance(&job->engine->config, result.logit, &job->score_query);
    result.window_end = job->request.documents[best - job->docs].len;
    if (job->scores == NULL) {
        result.window_start = best_row(job, best)->byte_start;
        result.window_end = best_row(job, best)->byte_end;
    }
    return result;
}

wn_status wn_job_end(wn_job *job, bool partial, wn_error *err)
{
    job->done = false;
    WN_TRY(check_rows(job, partial, err));
    if (job->scores != NULL)
        wn_listwise_score(job);
    for (size_t i = 0; i < job->request.n_documents; i++)
        job->results[i] = result_of(job, i);
    wn_score_order(job->results, job->request.n_documents);
    job->n_results = job->request.n_documents;
    if (job->request.top_n > 0)
        job->n_results = WN_MIN(job->n_results, job->request.top_n);
    job->done = true;
    return WN_OK;
}

const wn_result *wn_job_results(const wn_job *job, size_t *n)
{
    *n = job->done ? job->n_results : 0;
    return job->done ? job->results : NULL;
}

/* Set [*start, *end) to the bytes of token i of a sequence whose own n tokens, with these ranges,
 * stand behind [CLS] and the marker. */
static void set_range(size_t *start, size_t *end, uint32_t i, const uint32_t *starts,
                      const uint32_t *ends, size_t n)
{
    bool own = i >= N_LEADING && i - N_LEADING < n;
    *start = own ? starts[i - N_LEADING] : 0;
    *end = own ? ends[i - N_LEADING] : 0;
}

size_t wn_job_matches(const wn_job *job, size_t document, wn_match *out)
{
    if (!job->done || job->nearest == NULL)
        return 0;
    const wn_doc *doc = best_field(job, document);
    if (doc == NULL || !is_scored(job, doc))
        return 0;
    const wn_row *row = best_row(job, doc);
    const wn_nearest *nearest = job->nearest + (size_t)(row - job->rows) * job->query.n;
    size_t first = (size_t)(row->ids - doc->ids);
    for (size_t i = 0; i < job->query.n && row->matched; i++) {
        wn_match *match = &out[i];
        match->weight = job->query.weights[i] * nearest[i].dot;
        set_range(&match->query_start, &match->query_end, (uint32_t)i, job->query_start,
                  job->query_end, job->n_query);
        set_range(&match->start, &match->end, nearest[i].token, doc->start + first,
                  doc->end + first, row->n_ids);
    }
    return row->matched ? job->query.n : 0;
}

wn_usage wn_job_usage(const wn_job *job)
{
    return job->usage;
}
