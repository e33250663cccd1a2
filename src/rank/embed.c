/* One vector a text: packed batches through the encoder, pooled, normalised. */
#include "base/mem.h"
#include "rank/runner.h"

#include <math.h>
#include <string.h>

#define WN_WHERE "rank/embed"

static wn_status check_options(const wn_engine *engine, const wn_embed_options *options,
                               wn_error *err)
{
    if (options == NULL || options->struct_size != sizeof *options)
        WN_FAIL(err, WN_ERR_ARGUMENT, "wn_embed_options: struct_size is %zu, expected %zu",
                options == NULL ? 0 : options->struct_size, sizeof *options);
    if ((int)options->pooling < 0 || options->pooling > WN_POOLING_CLS)
        WN_FAIL(err, WN_ERR_ARGUMENT, "pooling is %d, expected 0..%d", (int)options->pooling,
                (int)WN_POOLING_CLS);
    if (engine->kind != WN_KIND_EMBEDDER)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "model '%s' is a %s: it has no single vector a text",
                engine->name,
                engine->kind == WN_KIND_CROSS_ENCODER ? "cross-encoder" : "late-interaction model");
    return WN_OK;
}

static wn_pool_kind pool_kind(const wn_engine *engine, const wn_embed_options *options)
{
    if (options->pooling == WN_POOLING_AUTO)
        return engine->config.pool_cls ? WN_POOL_FIRST : WN_POOL_MEAN;
    return options->pooling == WN_POOLING_CLS ? WN_POOL_FIRST : WN_POOL_MEAN;
}

/* Run the staged texts; their vectors go to out, in order. */
static void flush(float *out, wn_runner *runner, const wn_embed_options *options)
{
    wn_batch batch = wn_runner_batch(runner);
    wn_exec_reset(runner->exec);
    const wn_ops *ops = wn_exec_ops(runner->exec);
    wn_tensor hidden = wn_model_hidden(runner->engine->model, runner->exec, &batch);
    wn_tensor pooled = wn_exec_tensor(runner->exec, batch.n_seqs, hidden.cols);
    ops->pool(runner->exec, &pooled, &hidden, &batch, pool_kind(runner->engine, options));
    if (!options->no_normalize)
        ops->normalize(runner->exec, &pooled, &pooled);
    memcpy(out, pooled.data, batch.n_seqs * pooled.cols * sizeof *out);
    wn_runner_clear(runner);
}

static wn_status check_finite(const float *vectors, size_t n, size_t dim, wn_error *err)
{
    for (size_t i = 0; i < n * dim; i++) {
        if (!isfinite(vectors[i]))
            WN_FAIL(err, WN_ERR_FORMAT, "text %zu: the model's vector has %f, expected a number",
                    i / dim, (double)vectors[i]);
    }
    return WN_OK;
}

static wn_status embed_texts(float *out, wn_runner *runner, const wn_doc *docs, size_t n,
                             const wn_embed_options *options, wn_error *err)
{
    const wn_engine *engine = runner->engine;
    size_t room = engine->config.max_tokens - engine->n_special_single, flushed = 0;
    wn_runner_clear(runner);
    for (size_t i = 0; i < n; i++) {
        if (docs[i].n_ids > room && options->error_if_long)
            WN_FAIL(err, WN_ERR_LIMIT, "text %zu: %zu tokens, at most %zu", i,
                    docs[i].n_ids + engine->n_special_single, engine->config.max_tokens);
        size_t n_ids = WN_MIN(docs[i].n_ids, room);
        if (options->truncated != NULL)
            options->truncated[i] = n_ids < docs[i].n_ids;
        if (!wn_runner_fits(runner, n_ids + engine->n_special_single)) {
            flush(out + flushed * engine->config.hidden, runner, options);
            flushed = i;
        }
        size_t at = runner->n_tokens, s = runner->n_seqs++;
        size_t len = wn_tokenizer_assemble(engine->tokenizer, runner->ids + at, runner->types + at,
                                           docs[i].ids, n_ids, NULL, 0, true);
        runner->n_keys[s] = (uint32_t)len;
        runner->n_tokens += len;
        runner->seq_start[s + 1] = (uint32_t)runner->n_tokens;
    }
    if (runner->n_seqs > 0)
        flush(out + flushed * engine->config.hidden, runner, options);
    return check_finite(out, n, engine->config.hidden, err);
}

wn_status wn_embed(float *out, wn_runner *runner, const wn_str *texts, size_t n,
                   const wn_embed_options *options, wn_error *err)
{
    WN_TRY(check_options(runner->engine, options, err));
    size_t n_arenas = (size_t)runner->n_threads;
    wn_doc *docs = wn_mem_zalloc(n, sizeof *docs);
    wn_arena *arenas = wn_mem_zalloc(n_arenas, sizeof *arenas);
    wn_status status;
    if (docs == NULL || arenas == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for %zu texts", n);
    WN_TRY_OUT(wn_runner_encode(runner, docs, arenas, texts, n, "text", options->plain_specials,
                                false, err));
    status = embed_texts(out, runner, docs, n, options, err);
out:
    for (size_t i = 0; arenas != NULL && i < n_arenas; i++)
        wn_arena_deinit(&arenas[i]);
    wn_mem_free(arenas);
    wn_mem_free(docs);
    return status;
}
