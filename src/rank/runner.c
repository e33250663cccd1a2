/* Makes the workspace once, then turns jobs into packed batches: rows are staged until the token
 * budget is full, the model runs, the scores go back to their rows.  Late-interaction and embedding
 * models read the queries first.  No sequence depends on the others of its batch, so how rows meet
 * is free. */
#include "rank/runner.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "rank/abi.h"
#include "rank/listwise.h"

#include <math.h>
#include <string.h>

#define WN_WHERE         "rank/runner"
#define BATCH_TOKENS_MAX (1 << 20)
#define TOKENS_A_THREAD  512 /* default budget: activations of one thread's share stay in cache */

static wn_status read_options(wn_runner_options *out, const wn_runner_options *options,
                              const wn_engine *engine, wn_error *err)
{
    WN_TRY(wn_abi_read(out, sizeof *out, options, "wn_runner_options", err));
    if (out->tokenize_only && out->batch_tokens != 0)
        WN_FAIL(err, WN_ERR_ARGUMENT, "batch_tokens is %d, but tokenize_only computes no batch",
                out->batch_tokens);
    if (out->n_threads < 0 || out->n_threads > WN_POOL_THREADS_MAX)
        WN_FAIL(err, WN_ERR_ARGUMENT, "n_threads is %d, expected 0..%d", out->n_threads,
                WN_POOL_THREADS_MAX);
    size_t least = wn_model_dims(engine->model).max_tokens;
    if (out->batch_tokens != 0 && (out->batch_tokens < 0 || (size_t)out->batch_tokens < least ||
                                   out->batch_tokens > BATCH_TOKENS_MAX))
        WN_FAIL(err, WN_ERR_ARGUMENT,
                "batch_tokens is %d, expected %zu (the model's longest sequence) to %d",
                out->batch_tokens, least, BATCH_TOKENS_MAX);
    return WN_OK;
}

static wn_status make_staging(wn_runner *runner, wn_error *err)
{
    size_t n_tokens = runner->plan.batch_tokens, n_seqs = runner->plan.batch_seqs;
    runner->ids = wn_mem_alloc(n_tokens, sizeof *runner->ids);
    runner->types = wn_mem_alloc(n_tokens, sizeof *runner->types);
    runner->keep = wn_mem_alloc(n_tokens, 1);
    runner->seq_start = wn_mem_zalloc(n_seqs + 1, sizeof *runner->seq_start);
    runner->n_keys = wn_mem_alloc(n_seqs, sizeof *runner->n_keys);
    runner->past_start = wn_mem_zalloc(n_seqs, sizeof *runner->past_start);
    runner->past_len = wn_mem_zalloc(n_seqs, sizeof *runner->past_len);
    runner->owner = wn_mem_alloc(n_seqs, sizeof *runner->owner);
    runner->row = wn_mem_alloc(n_seqs, sizeof *runner->row);
    runner->query = wn_mem_alloc(n_seqs, sizeof *runner->query);
    runner->ref = wn_mem_alloc(n_seqs, sizeof *runner->ref);
    runner->scores = wn_mem_alloc(n_seqs, sizeof *runner->scores);
    runner->nearest = wn_mem_alloc(n_seqs, sizeof *runner->nearest);
    runner->documents = wn_mem_alloc(n_seqs, sizeof *runner->documents);
    runner->marks = wn_mem_alloc(n_seqs, sizeof *runner->marks);
    runner->kept = wn_mem_alloc(n_seqs, sizeof *runner->kept);
    if (runner->ids == NULL || runner->types == NULL || runner->keep == NULL ||
        runner->seq_start == NULL || runner->n_keys == NULL || runner->past_start == NULL ||
        runner->past_len == NULL || runner->owner == NULL || runner->row == NULL ||
        runner->query == NULL || runner->ref == NULL || runner->scores == NULL ||
        runner->nearest == NULL || runner->documents == NULL || runner->marks == NULL ||
        runner->kept == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory to stage %zu tokens", n_tokens);
    return WN_OK;
}

static wn_status make_encoders(wn_runner *runner, wn_error *err)
{
    size_t n = (size_t)runner->n_threads;
    runner->encoders = wn_mem_zalloc(n, sizeof *runner->encoders);
    runner->scratch = wn_mem_zalloc(n, sizeof *runner->scratch);
    runner->wrapped = wn_mem_zalloc(n, sizeof *runner->wrapped);
    runner->failures = wn_mem_alloc(n, sizeof *runner->failures);
    if (runner->encoders == NULL || runner->scratch == NULL || runner->wrapped == NULL ||
        runner->failures == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu encoders", n);
    for (size_t i = 0; i < n; i++)
        WN_TRY(wn_encoder_new(&runner->encoders[i], runner->engine->tokenizer, err));
    return WN_OK;
}

static wn_status make_workspace(wn_runner *runner, size_t batch_tokens, wn_error *err)
{
    const wn_kernels *kernels = runner->engine->kernels;
    wn_dims dims = wn_model_dims(runner->engine->model);
    size_t n_threads = (size_t)runner->n_threads;
    if (batch_tokens == 0)
        batch_tokens = WN_MAX(dims.max_tokens, TOKENS_A_THREAD * n_threads);
    WN_TRY(wn_plan_make(&runner->plan, &dims, kernels, runner->engine->gemm, n_threads,
                        batch_tokens, err));
    WN_TRY(wn_exec_new(&runner->exec, &runner->plan, kernels, runner->pool, err));
    return make_staging(runner, err);
}

wn_status wn_runner_new(wn_runner **out, const wn_engine *engine, const wn_runner_options *given,
                        wn_error *err)
{
    wn_runner_options options;
    WN_TRY(read_options(&options, given, engine, err));
    wn_runner *runner = wn_mem_zalloc(1, sizeof *runner);
    if (runner == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a runner");
    wn_status status;
    runner->engine = engine;
    runner->n_threads = options.n_threads == 0 ? wn_thread_count() : options.n_threads;
    WN_TRY_OUT(wn_pool_new(&runner->pool, runner->n_threads, err));
    WN_TRY_OUT(make_encoders(runner, err));
    if (!options.tokenize_only)
        WN_TRY_OUT(make_workspace(runner, (size_t)options.batch_tokens, err));
    *out = runner;
    runner = NULL;
out:
    wn_runner_free(runner);
    return status;
}

void wn_runner_free(wn_runner *runner)
{
    if (runner == NULL)
        return;
    for (int32_t i = 0; i < runner->n_threads; i++) {
        if (runner->encoders != NULL)
            wn_encoder_free(runner->encoders[i]);
        if (runner->scratch != NULL)
            wn_ids_deinit(&runner->scratch[i]);
        if (runner->wrapped != NULL)
            wn_buf_deinit(&runner->wrapped[i]);
    }
    wn_mem_free(runner->encoders);
    wn_mem_free(runner->scratch);
    wn_mem_free(runner->wrapped);
    wn_mem_free(runner->failures);
    wn_mem_free(runner->ids);
    wn_mem_free(runner->types);
    wn_mem_free(runner->keep);
    wn_mem_free(runner->seq_start);
    wn_mem_free(runner->n_keys);
    wn_mem_free(runner->past_start);
    wn_mem_free(runner->past_len);
    wn_mem_free(runner->owner);
    wn_mem_free(runner->row);
    wn_mem_free(runner->query);
    wn_mem_free(runner->ref);
    wn_mem_free(runner->scores);
    wn_mem_free(runner->nearest);
    wn_mem_free(runner->documents);
    wn_mem_free(runner->marks);
    wn_mem_free(runner->kept);
    wn_exec_free(runner->exec);
    wn_pool_free(runner->pool);
    wn_mem_free(runner);
}

wn_status wn_runner_get_info(const wn_runner *runner, wn_runner_info *out, wn_error *err)
{
    const wn_plan *plan = &runner->plan;
    const wn_runner_info info = {
        .n_threads = runner->n_threads,
        .batch_tokens = (int32_t)plan->batch_tokens,
        .batch_seqs = (int32_t)plan->batch_seqs,
        .activation_bytes = plan->activation_bytes + plan->past_bytes,
        .scratch_bytes = plan->scratch_bytes_per_thread * plan->n_threads,
    };
    return wn_abi_write(out, &info, sizeof info, "wn_runner_info", err);
}

/* ---- tokenising ------------------------------------------------------------------------------ */

typedef struct encode_job {
    wn_runner *runner;
    const wn_encoding *e;
} encode_job;

static const void *keep_copy(wn_arena *arena, const void *src, size_t n, size_t size)
{
    void *copy = wn_arena_alloc(arena, n, size);
    if (copy != NULL && n > 0)
        memcpy(copy, src, n * size);
    return copy;
}

/* Put lead and tail around *text, in wrapped. */
static wn_status wrap(wn_str *text, wn_buf *wrapped, wn_str lead, wn_str tail, wn_error *err)
{
    if (lead.len + tail.len == 0)
        return WN_OK;
    WN_TRY(wn_encode_check(*text, err)); /* whose message counts the text's own bytes */
    wn_buf_clear(wrapped);
    if (!wn_buf_push_str(wrapped, lead) || !wn_buf_push_str(wrapped, *text) ||
        !wn_buf_push_str(wrapped, tail))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a text of %zu bytes", text->len);
    *text = wn_buf_str(wrapped);
    return WN_OK;
}

/* Ranges in a text that has a lead become those of the text of len bytes. */
static void unwrap(wn_ids *ids, size_t lead, size_t len)
{
    for (size_t i = 0; i < ids->n; i++) {
        ids->start[i] = (uint32_t)WN_MIN(WN_MAX(ids->start[i], lead) - lead, len);
        ids->end[i] = (uint32_t)WN_MIN(WN_MAX(ids->end[i], lead) - lead, len);
    }
}

static wn_status encode_one(wn_runner *runner, const wn_encoding *e, size_t item, int32_t worker,
                            wn_error *err)
{
    wn_ids *ids = &runner->scratch[worker];
    wn_arena *arena = &e->arenas[worker];
    wn_str text = e->texts[item], own = wn_str_from(runner->engine->config.text_prompt);
    wn_str lead = e->lead.len > 0 ? e->lead : own;
    ids->n = 0;
    ids->with_offsets = e->with_offsets;
    WN_TRY(wn_abi_check_text(text, err));
    WN_TRY(wrap(&text, &runner->wrapped[worker], lead, e->tail, err));
    WN_TRY(wn_encode(runner->encoders[worker], ids, text, e->plain_specials, err));
    if (e->with_offsets && lead.len > 0)
        unwrap(ids, lead.len, e->texts[item].len);
    if (ids->n > UINT32_MAX / 2)
        WN_FAIL(err, WN_ERR_LIMIT, "%zu tokens, at most %u", ids->n, UINT32_MAX / 2);
    wn_doc doc = {.n_ids = ids->n, .ids = keep_copy(arena, ids->ids, ids->n, sizeof *ids->ids)};
    if (e->with_offsets) {
        doc.start = keep_copy(arena, ids->start, ids->n, sizeof *ids->start);
        doc.end = keep_copy(arena, ids->end, ids->n, sizeof *ids->end);
    }
    if (doc.ids == NULL || (e->with_offsets && (doc.start == NULL || doc.end == NULL)))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu tokens", ids->n);
    e->docs[item] = doc;
    return WN_OK;
}

static void encode_item(void *arg, size_t item, int32_t worker)
{
    const encode_job *job = arg;
    wn_error err = {0};
    wn_status status = encode_one(job->runner, job->e, item, worker, &err);
    wn_encode_failure *failure = &job->runner->failures[worker];
    if (status != WN_OK && failure->status == WN_OK)
        *failure = (wn_encode_failure){item, status, err};
}

wn_status wn_runner_encode(wn_runner *runner, const wn_encoding *encoding, wn_error *err)
{
    encode_job job = {runner, encoding};
    size_t n_threads = (size_t)runner->n_threads;
    memset(runner->failures, 0, n_threads * sizeof *runner->failures);
    wn_pool_run(runner->pool, encoding->n, encode_item, &job);
    /* Each worker takes rising items, so the first failure of all is the lowest of theirs. */
    const wn_encode_failure *first = NULL;
    for (size_t i = 0; i < n_threads; i++) {
        const wn_encode_failure *own = &runner->failures[i];
        if (own->status != WN_OK && (first == NULL || own->item < first->item))
            first = own;
    }
    if (first == NULL)
        return WN_OK;
    if (err != NULL)
        *err = first->err;
    return encoding->what == NULL ? first->status
                                  : wn_error_prefix(err, first->status, "%s %zu", encoding->what,
                                                    first->item / encoding->n_fields);
}

/* ---- batches --------------------------------------------------------------------------------- */

bool wn_runner_fits(const wn_runner *runner, size_t n)
{
    WN_ASSERT(n <= runner->plan.batch_tokens);
    return runner->n_seqs < runner->plan.batch_seqs &&
           runner->n_tokens + n <= runner->plan.batch_tokens;
}

void wn_runner_push(wn_runner *runner, size_t n, uint32_t n_keys)
{
    runner->n_keys[runner->n_seqs++] = n_keys;
    runner->n_tokens += n;
    runner->seq_start[runner->n_seqs] = (uint32_t)runner->n_tokens;
}

wn_batch wn_runner_begin(wn_runner *runner)
{
    wn_exec_reset(runner->exec);
    return (wn_batch){
        .n_seqs = runner->n_seqs,
        .n_tokens = runner->n_tokens,
        .ids = runner->ids,
        .types = runner->engine->use_types ? runner->types : NULL,
        .seq_start = runner->seq_start,
        .n_keys = runner->n_keys,
        .past = wn_exec_past(runner->exec),
        .past_start = runner->past_start,
        .past_len = runner->past_len,
    };
}

void wn_runner_clear(wn_runner *runner)
{
    runner->n_seqs = 0;
    runner->n_tokens = 0;
}

/* Stage a row, or the job's query when row is NULL. */
static void stage(wn_runner *runner, wn_job *job, wn_row *row, const wn_row_ref *ref)
{
    int32_t *ids = runner->ids + runner->n_tokens, *types = runner->types + runner->n_tokens;
    uint32_t n_keys;
    size_t n;
    if (row == NULL) {
        n = wn_job_query_sequence(job, ids, types, &n_keys);
    } else {
        n = wn_job_row_sequence(job, row, ids, types) - job->n_past;
        if (job->n_past > 0)
            memmove(ids, ids + job->n_past, n * sizeof *ids); /* decoders have no types */
        n_keys = (uint32_t)wn_job_row_keys(job, ids, n);
        runner->past_start[runner->n_seqs] = (uint32_t)job->past_start;
        runner->past_len[runner->n_seqs] = (uint32_t)job->n_past;
    }
    runner->owner[runner->n_seqs] = job;
    runner->row[runner->n_seqs] = row;
    runner->query[runner->n_seqs] = &job->query;
    runner->ref[runner->n_seqs] = ref;
    wn_runner_push(runner, n, n_keys);
}

/* Sum of weight times length, the scale of a query's scores. */
static double query_weight(const float *vectors, const float *weights, size_t n, size_t dim)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double square = 0;
        for (size_t j = 0; j < dim; j++)
            square += (double)vectors[i * dim + j] * (double)vectors[i * dim + j];
        sum += (double)weights[i] * sqrt(square);
    }
    return sum;
}

static void read_late_queries(wn_runner *runner, const wn_batch *batch)
{
    const wn_model *model = runner->engine->model;
    wn_tensor v = wn_model_token_vectors(model, runner->exec, batch, true);
    for (size_t s = 0; s < batch->n_seqs; s++) {
        wn_job *job = runner->owner[s];
        size_t start = batch->seq_start[s], n = batch->seq_start[s + 1] - start;
        const float *vectors = v.data + start * v.cols;
        for (size_t i = 0; i < n; i++)
            job->query.weights[i] = wn_model_token_weight(model, batch->ids[start + i]);
        wn_exec_pack_query(runner->exec, job->query.packed, vectors, n, v.cols);
        job->score_query = (wn_score_query){
            .n_vectors = n,
            .weight = query_weight(vectors, job->query.weights, n, v.cols),
        };
    }
}

static void read_queries(wn_runner *runner)
{
    if (runner->n_seqs == 0)
        return;
    wn_batch batch = wn_runner_begin(runner);
    if (runner->engine->config.kind == WN_KIND_LATE_INTERACTION) {
        read_late_queries(runner, &batch);
    } else {
        const wn_engine *engine = runner->engine;
        wn_tensor v =
            wn_model_pooled(engine->model, runner->exec, &batch, engine->config.pool, true);
        for (size_t s = 0; s < batch.n_seqs; s++) {
            wn_query *query = &runner->owner[s]->query;
            query->weights[0] = 1;
            wn_exec_pack_query(runner->exec, query->packed, v.data + s * v.cols, 1, v.cols);
        }
    }
    wn_runner_clear(runner);
}

/* Where the matches of each staged row go; whether any is wanted. */
static bool want_nearest(wn_runner *runner)
{
    bool any = false;
    for (size_t s = 0; s < runner->n_seqs; s++) {
        const wn_job *job = runner->owner[s];
        wn_row *row = runner->row[s];
        row->matched = job->nearest != NULL;
        any |= row->matched;
        runner->nearest[s] =
            row->matched ? job->nearest + (size_t)(row - job->rows) * job->query.n : NULL;
    }
    return any;
}

/* The documents of the staged rows: vectors that are known, or rows of d.
 * Shapes:  d [n_tokens][dim], or a vector a sequence. */
static void describe(wn_runner *runner, const wn_batch *batch, const wn_tensor *d)
{
    const wn_engine *engine = runner->engine;
    bool late = engine->config.kind == WN_KIND_LATE_INTERACTION;
    for (size_t s = 0; s < batch->n_seqs; s++) {
        const wn_row_ref *ref = runner->ref[s];
        size_t start = batch->seq_start[s], first = late ? start : s;
        runner->documents[s] = (wn_doc_vectors){
            .rows = runner->known ? ref->vectors : d->data + first * d->cols,
            .n = late ? batch->seq_start[s + 1] - start : 1,
            .dim = wn_model_dims(engine->model).out_dim,
            .keep = engine->skip_token != NULL ? runner->keep + start : NULL,
            .dtype = wn_job_vector_dtype(ref == NULL ? WN_VECTOR_F32 : ref->format),
            .kept = runner->known,
        };
        runner->kept[s] = runner->known || ref == NULL ? NULL : ref->vectors;
    }
}

/* Score the documents by their vectors, which the model makes unless they are known. */
static void score_vectors(wn_runner *runner, const wn_batch *batch)
{
    const wn_engine *engine = runner->engine;
    const wn_ops *ops = wn_exec_ops(runner->exec);
    wn_tensor d = {0};
    if (!runner->known && engine->config.kind == WN_KIND_LATE_INTERACTION)
        d = wn_model_token_vectors(engine->model, runner->exec, batch, false);
    else if (!runner->known)
        d = wn_model_pooled(engine->model, runner->exec, batch, engine->config.pool, true);
    for (size_t i = 0; engine->skip_token != NULL && i < batch->n_tokens; i++)
        runner->keep[i] = !engine->skip_token[batch->ids[i]];
    describe(runner, batch, &d);
    ops->keep_vectors(runner->exec, runner->kept, runner->documents, batch->n_seqs);
    ops->maxsim(runner->exec, runner->scores, runner->query, runner->documents, batch->n_seqs);
    if (want_nearest(runner))
        ops->nearest(runner->exec, runner->nearest, runner->query, runner->documents,
                     batch->n_seqs);
}

/* Tell a job's caller how far it is, and ask whether it still wants the rest. */
static void report(wn_job *job)
{
    const wn_request *r = &job->request;
    if (r->progress != NULL)
        r->progress(r->user, job->n_texts_scored / r->n_fields, r->n_documents);
    job->stopped = job->stopped || (r->should_stop != NULL && r->should_stop(r->user));
}

/* Count the documents of the batch whose last row it held; each of its jobs reports once. */
static void report_batch(wn_runner *runner)
{
    for (size_t s = 0; s < runner->n_seqs; s++) {
        wn_job *job = runner->owner[s];
        const wn_doc *doc = &job->docs[runner->row[s]->doc];
        if (runner->row[s]->n_marks > 0)
            job->n_texts_scored += runner->row[s]->n_marks - 1;
        else if (runner->row[s] == &job->rows[doc->first_row + doc->n_rows - 1])
            job->n_texts_scored++;
        if (s + 1 == runner->n_seqs || runner->owner[s + 1] != job)
            report(job);
    }
}

/* Blocks of documents: the vectors of their marks. */
static void read_blocks(wn_runner *runner, const wn_batch *batch)
{
    size_t n = 0;
    for (size_t s = 0; s < batch->n_seqs; s++) {
        const wn_row *row = runner->row[s];
        WN_ASSERT(n + row->n_marks <= runner->plan.batch_seqs);
        for (size_t i = 0; i < row->n_marks; i++)
            runner->marks[n++] = batch->seq_start[s] + row->marks[i];
    }
    wn_tensor v =
        wn_model_mark_vectors(runner->engine->model, runner->exec, batch, runner->marks, n);
    const float *own = v.data;
    for (size_t s = 0; s < batch->n_seqs; s++) {
        wn_listwise_take(runner->owner[s], runner->row[s], own);
        runner->scores[s] = runner->row[s]->logit;
        own += runner->row[s]->n_marks * v.cols;
    }
}

static void score_rows(wn_runner *runner)
{
    if (runner->n_seqs == 0)
        return;
    wn_batch batch = wn_runner_begin(runner);
    switch (runner->engine->config.kind) {
    case WN_KIND_CROSS_ENCODER:
        wn_model_logits(runner->engine->model, runner->exec, &batch, runner->scores);
        break;
    case WN_KIND_LISTWISE:
        read_blocks(runner, &batch);
        break;
    case WN_KIND_LATE_INTERACTION:
    case WN_KIND_EMBEDDER:
        score_vectors(runner, &batch);
        break;
    }
    for (size_t s = 0; s < runner->n_seqs; s++) {
        runner->row[s]->logit = runner->scores[s];
        runner->row[s]->scored = true;
    }
    if (runner->reports)
        report_batch(runner);
    wn_runner_clear(runner);
}

/* Read a job's query, later with others, if the model reads queries and it was not read yet. */
static void need_query(wn_runner *runner, wn_job *job)
{
    if (job->query_read)
        return;
    if (!wn_runner_fits(runner, job->n_query_tokens))
        read_queries(runner);
    stage(runner, job, NULL, NULL);
    job->query_read = true;
}

/* ---- the past -------------------------------------------------------------------------------- */

/* Forget what was read; no job has this id. */
static void forget_past(wn_runner *runner)
{
    runner->past_id = WN_MAX(runner->past_id + 1, wn_clock_ns());
    runner->n_past = 0;
}

/* Stage what all sequences of a job begin with, unless it was read; false: there is no room for it
 * beside what others begin with. */
static bool need_past(wn_runner *runner, wn_job *job)
{
    size_t n = job->n_past;
    if (n == 0 || (job->past_runner == runner && job->past_id == runner->past_id))
        return true;
    if (runner->n_past + n > wn_exec_past(runner->exec)->n_tokens ||
        !wn_runner_fits(runner, wn_job_row_length(job, &job->rows[0])))
        return false;
    int32_t *ids = runner->ids + runner->n_tokens, *types = runner->types + runner->n_tokens;
    (void)wn_job_row_sequence(job, &job->rows[0], ids, types);
    runner->past_start[runner->n_seqs] = (uint32_t)runner->n_past;
    job->past_start = runner->n_past;
    job->past_runner = runner;
    job->past_id = runner->past_id;
    runner->n_past += n;
    wn_runner_push(runner, n, (uint32_t)n);
    return true;
}

/* Read what was staged so. */
static void read_past(wn_runner *runner)
{
    if (runner->n_seqs == 0)
        return;
    wn_batch batch = wn_runner_begin(runner);
    batch.past_len = NULL;
    wn_model_read_past(runner->engine->model, runner->exec, &batch);
    wn_runner_clear(runner);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void run_jobs(wn_runner *runner, wn_job *const *jobs, size_t n_jobs)
{
    for (size_t i = 0; i < n_jobs; i++) {
        wn_job *job = jobs[i];
        if (job->n_rows == 0)
            report(job);
        for (size_t r = 0; r < job->n_rows; r++) {
            if (!wn_runner_fits(runner, wn_job_row_length(job, &job->rows[r])))
                score_rows(runner);
            if (job->stopped)
                break;
            stage(runner, job, &job->rows[r], NULL);
        }
    }
    score_rows(runner);
}

/* As many jobs at a time as the past holds the beginnings of. */
static void run_rows(wn_runner *runner, wn_job *const *jobs, size_t n_jobs)
{
    for (size_t first = 0, end; first < n_jobs; first = end) {
        for (end = first; end < n_jobs && need_past(runner, jobs[end]); end++) {
        }
        read_past(runner);
        run_jobs(runner, jobs + first, end - first);
        if (end == first)
            forget_past(runner);
    }
}

static wn_status check_job(const wn_runner *runner, const wn_job *job, size_t i, wn_error *err)
{
    if (runner->exec == NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT, "the runner only tokenises: it has no workspace to score in");
    if (job->engine != runner->engine)
        WN_FAIL(err, WN_ERR_ARGUMENT, "job %zu was made for model '%s', the runner's is '%s'", i,
                job->engine->name, runner->engine->name);
    return WN_OK;
}

wn_status wn_run(wn_runner *runner, wn_job *const *jobs, size_t n_jobs, wn_error *err)
{
    uint64_t began = wn_clock_ns();
    for (size_t i = 0; i < n_jobs; i++)
        WN_TRY(check_job(runner, jobs[i], i, err));
    wn_runner_clear(runner);
    runner->reports = true;
    for (size_t i = 0; i < n_jobs; i++) {
        wn_job_begin(jobs[i]);
        need_query(runner, jobs[i]);
    }
    read_queries(runner);
    run_rows(runner, jobs, n_jobs);
    wn_status status = WN_OK;
    for (size_t i = 0; i < n_jobs; i++) {
        wn_error *own_err = status == WN_OK ? err : NULL;
        wn_status own = jobs[i]->stopped ? wn_error_set(own_err, WN_ERR_CANCELLED, WN_WHERE,
                                                        "the request was stopped by its caller")
                                         : wn_job_end(jobs[i], false, own_err);
        jobs[i]->usage.compute_ns = wn_clock_ns() - began;
        if (status == WN_OK && own != WN_OK)
            status = n_jobs == 1 ? own : wn_error_prefix(err, own, "job %zu", i);
    }
    return status;
}

static wn_status check_row(const wn_runner *runner, const wn_row_ref *ref, size_t i, wn_error *err)
{
    WN_TRY(check_job(runner, ref->job, i, err));
    if (ref->row >= ref->job->n_rows && ref->row != WN_ROW_QUERY)
        WN_FAIL(err, WN_ERR_ARGUMENT, "row %zu of a job that has %zu", ref->row, ref->job->n_rows);
    bool has = ref->vectors != NULL;
    if ((has || ref->known) && !wn_engine_reads_apart(runner->engine))
        WN_FAIL(err, WN_ERR_ARGUMENT, "row %zu: a cross-encoder has no vectors of a document", i);
    if (ref->known && !has)
        WN_FAIL(err, WN_ERR_ARGUMENT, "row %zu: its vectors are known, but NULL", i);
    if ((int)ref->format < 0 || ref->format > WN_VECTOR_INT8)
        WN_FAIL(err, WN_ERR_ARGUMENT, "row %zu: format is %d, expected 0..%d", i, (int)ref->format,
                (int)WN_VECTOR_INT8);
    return WN_OK;
}

/* Score those of the rows whose vectors are known, or the others. */
static void run_some_refs(wn_runner *runner, const wn_row_ref *refs, size_t n, bool known)
{
    runner->known = known;
    for (size_t i = 0; i < n; i++) {
        if (refs[i].row == WN_ROW_QUERY || refs[i].known != known)
            continue;
        wn_row *row = &refs[i].job->rows[refs[i].row];
        if (!wn_runner_fits(runner, wn_job_row_length(refs[i].job, row)))
            score_rows(runner);
        stage(runner, refs[i].job, row, &refs[i]);
    }
    score_rows(runner);
    runner->known = false;
}

/* As many rows at a time as the past holds the beginnings of. */
static void run_refs(wn_runner *runner, const wn_row_ref *refs, size_t n)
{
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first; end < n && need_past(runner, refs[end].job); end++) {
        }
        read_past(runner);
        run_some_refs(runner, refs + first, end - first, false);
        run_some_refs(runner, refs + first, end - first, true);
        if (end == first)
            forget_past(runner);
    }
}

wn_status wn_run_rows(wn_runner *runner, const wn_row_ref *rows, size_t n_rows, wn_error *err)
{
    for (size_t i = 0; i < n_rows; i++)
        WN_TRY(check_row(runner, &rows[i], i, err));
    wn_runner_clear(runner);
    runner->reports = false;
    for (size_t i = 0; i < n_rows; i++)
        need_query(runner, rows[i].job);
    read_queries(runner);
    run_refs(runner, rows, n_rows);
    return WN_OK;
}

wn_status wn_rank(wn_job **out, wn_runner *runner, const wn_request *request, wn_error *err)
{
    wn_job *job;
    WN_TRY(wn_job_new(&job, runner, request, err));
    wn_status status = wn_run(runner, &job, 1, err);
    if (status != WN_OK) {
        wn_job_free(job);
        return status;
    }
    *out = job;
    return WN_OK;
}
