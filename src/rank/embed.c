/* One vector a text: packed batches through the encoder, pooled, normalised. */
#include "base/mem.h"
#include "rank/abi.h"
#include "rank/runner.h"

#include <math.h>
#include <string.h>

#define WN_WHERE "rank/embed"

static wn_status read_options(wn_embed_options *out, const wn_embed_options *options,
                              const wn_engine *engine, wn_error *err)
{
    WN_TRY(wn_abi_read(out, sizeof *out, options, "wn_embed_options", err));
    if ((int)out->pooling < 0 || out->pooling > WN_POOLING_CLS)
        WN_FAIL(err, WN_ERR_ARGUMENT, "pooling is %d, expected 0..%d", (int)out->pooling,
                (int)WN_POOLING_CLS);
    if (engine->config.kind != WN_KIND_EMBEDDER)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "model '%s' is a %s: it has no single vector a text",
                engine->name,
                !wn_engine_reads_apart(engine) ? "cross-encoder" : "late-interaction model");
    return WN_OK;
}

/* Run the staged texts; their vectors go to out, in order. */
static void flush(float *out, wn_runner *runner, const wn_embed_options *options)
{
    if (runner->n_seqs == 0)
        return;
    wn_pool_kind kind = options->pooling == WN_POOLING_AUTO  ? runner->engine->config.pool
                        : options->pooling == WN_POOLING_CLS ? WN_POOL_FIRST
                                                             : WN_POOL_MEAN;
    wn_batch batch = wn_runner_begin(runner);
    wn_tensor v =
        wn_model_pooled(runner->engine->model, runner->exec, &batch, kind, !options->no_normalize);
    memcpy(out, v.data, v.rows * v.cols * sizeof *out);
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
        int32_t *ids = runner->ids + runner->n_tokens, *types = runner->types + runner->n_tokens;
        size_t len =
            wn_tokenizer_assemble(engine->tokenizer, ids, types, docs[i].ids, n_ids, NULL, 0, true);
        wn_runner_push(runner, len, (uint32_t)len);
    }
    flush(out + flushed * engine->config.hidden, runner, options);
    return check_finite(out, n, engine->config.hidden, err);
}

wn_status wn_embed(float *out, wn_runner *runner, const wn_str *texts, size_t n,
                   const wn_embed_options *given, wn_error *err)
{
    wn_embed_options options;
    WN_TRY(read_options(&options, given, runner->engine, err));
    if (runner->exec == NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT, "the runner only tokenises: it has no workspace to embed in");
    size_t n_arenas = (size_t)runner->n_threads;
    wn_doc *docs = wn_mem_zalloc(n, sizeof *docs);
    wn_arena *arenas = wn_mem_zalloc(n_arenas, sizeof *arenas);
    wn_status status;
    if (docs == NULL || arenas == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for %zu texts", n);
    WN_TRY_OUT(wn_runner_encode(runner,
                                &(wn_encoding){.docs = docs,
                                               .arenas = arenas,
                                               .texts = texts,
                                               .n = n,
                                               .what = "text",
                                               .n_fields = 1,
                                               .plain_specials = options.plain_specials},
                                err));
    status = embed_texts(out, runner, docs, n, &options, err);
out:
    for (size_t i = 0; arenas != NULL && i < n_arenas; i++)
        wn_arena_deinit(&arenas[i]);
    wn_mem_free(arenas);
    wn_mem_free(docs);
    return status;
}
