/* A model is a stack of layers and what its kind puts on top: the head of a cross-encoder over one
 * row of each sequence, or the projection of late interaction over all of them.
 *   cross-encoder     z = out(norm(act(dense h))), each but out where the family has it; or one
 *                     answer's row of the language model's head, less the other's
 *   late interaction  v_i = W h_i, normalised             linear
 * Source: transformers modeling_bert.py BertPooler, modeling_xlm_roberta.py
 * XLMRobertaClassificationHead; stanford-futuredata/ColBERT colbert.py. */
#include "model/model.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/config_parts.h"
#include "model/stack.h"

#include <string.h>

#define WN_WHERE "model/model"

/* Tokens that are kept for the sequences that go on from them: prompts and queries of a few
 * requests.  In Qwen3-Reranker-0.6B they take 117 MB. */
#define PAST_TOKENS 512

struct wn_model {
    const wn_config *config;
    wn_layout layout;
    wn_stack stack;
    wn_linear dense;     /* of the head; n is 0 where there is none */
    wn_norm norm;        /* likewise */
    wn_linear output;    /* of the head, or the projection of late interaction */
    float *token_weight; /* [vocab] or NULL */
    uint64_t n_parameters;
};

static wn_status bind_head(wn_model *model, wn_tensor_binder *binder,
                           const wn_model_options *options, wn_error *err)
{
    const wn_config *config = model->config;
    const wn_head_names *head = &model->layout.head;
    size_t h = config->hidden;
    wn_norm_source norm;
    if (head->dense != NULL)
        WN_TRY(wn_bind_linear(&model->dense, binder, options, head->dense, head->dense_bias, h, h,
                              err));
    if (head->norm != NULL)
        WN_TRY(wn_bind_norm(&model->norm, &norm, binder, WN_NORM_LAYER, head->norm, head->norm_bias,
                            h, head->norm_eps, err));
    return wn_bind_linear(&model->output, binder, options, head->out, head->out_bias, 1, h, err);
}

/* The answers' rows of the language model's head. */
static wn_status bind_answers(wn_model *model, wn_tensor_binder *binder,
                              const wn_model_options *options, wn_error *err)
{
    const wn_config *config = model->config;
    wn_source head = wn_tensor_binder_get(binder, config->vocab, config->hidden, "%s.weight",
                                          model->layout.head.out);
    wn_linear_source answers = {.n_parts = config->n_answers};
    if (!wn_tensor_binder_ok(binder))
        return WN_OK;
    for (size_t i = 0; i < config->n_answers; i++) {
        size_t at = (size_t)config->answers[i] * wn_dtype_bytes(head.dtype, head.cols);
        WN_ASSERT(config->answers[i] >= 0 && (size_t)config->answers[i] < head.rows);
        answers.parts[i] = (wn_source){.data = (const unsigned char *)head.data + at,
                                       .dtype = head.dtype,
                                       .rows = 1,
                                       .cols = head.cols};
    }
    return wn_linear_init(&model->output, options->kernels->gemm_f32, &answers, options->pool, err);
}

/* The head that modules of sentence-transformers make, in place of the family's; its eps is that of
 * torch's LayerNorm. */
static void use_modules(wn_head_names *head, const wn_config *config)
{
    const wn_module_head *m = &config->modules;
    if (m->out.folder[0] == '\0')
        return;
    *head = (wn_head_names){.pool = config->pool,
                            .dense = m->dense.folder[0] != '\0' ? m->dense.name : NULL,
                            .dense_bias = m->dense.has_bias,
                            .act = m->act,
                            .norm = m->norm.folder[0] != '\0' ? m->norm.name : NULL,
                            .norm_bias = true,
                            .norm_eps = 1e-5,
                            .out = m->out.name,
                            .out_bias = m->out.has_bias};
}

static wn_status bind_late(wn_model *model, wn_tensor_binder *binder,
                           const wn_model_options *options, wn_error *err)
{
    const wn_late_config *late = &model->config->late;
    bool cuts = model->config->family->late->may_cut;
    wn_source w =
        wn_tensor_binder_get(binder, cuts ? 0 : late->dim, model->config->hidden, "linear.weight");
    wn_source weights = {0};
    if (late->token_weight)
        weights = wn_tensor_binder_get(binder, 1, model->config->vocab, "token_weight");
    if (!wn_tensor_binder_ok(binder))
        return WN_OK;
    if (w.rows < late->dim)
        WN_FAIL(err, WN_ERR_FORMAT, "linear.weight: has %zu rows, 'dim' is %zu", w.rows, late->dim);
    w.rows = late->dim > 0 ? late->dim : w.rows;
    if (w.rows > WN_LATE_DIM_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "linear.weight: has %zu rows, at most %d", w.rows,
                WN_LATE_DIM_MAX);
    const wn_linear_source projection = {.parts = {w}, .n_parts = 1};
    const wn_gemm *gemm = options->kernels->gemm_f32;
    WN_TRY(wn_linear_init(&model->output, gemm, &projection, options->pool, err));
    if (!late->token_weight)
        return WN_OK;
    model->token_weight = wn_mem_alloc(weights.cols, sizeof(float));
    if (model->token_weight == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu token weights", weights.cols);
    wn_dtype_to_f32(model->token_weight, weights.data, weights.dtype, weights.cols);
    return WN_OK;
}

/* Two layers without biases, as wide as the file has them. */
static wn_status bind_projector(wn_model *model, wn_tensor_binder *binder,
                                const wn_model_options *options, wn_error *err)
{
    const wn_gemm *gemm = options->kernels->gemm_f32;
    wn_source first = wn_tensor_binder_get(binder, 0, model->config->hidden, "projector.0.weight");
    if (!wn_tensor_binder_ok(binder))
        return WN_OK;
    wn_source second = wn_tensor_binder_get(binder, 0, first.rows, "projector.2.weight");
    if (!wn_tensor_binder_ok(binder))
        return WN_OK;
    if (first.rows > model->config->hidden || second.rows > WN_LATE_DIM_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "projector: has %zu and %zu rows, at most %zu and %d",
                first.rows, second.rows, model->config->hidden, WN_LATE_DIM_MAX);
    const wn_linear_source sources[] = {{.parts = {first}, .n_parts = 1},
                                        {.parts = {second}, .n_parts = 1}};
    WN_TRY(wn_linear_init(&model->dense, gemm, &sources[0], options->pool, err));
    return wn_linear_init(&model->output, gemm, &sources[1], options->pool, err);
}

static wn_status bind_all(wn_model *model, wn_tensor_binder *binder,
                          const wn_model_options *options, wn_error *err)
{
    WN_TRY(wn_stack_init(&model->stack, model->config, &model->layout, binder, options, err));
    switch (model->config->kind) {
    case WN_KIND_CROSS_ENCODER:
        return model->config->asks ? bind_answers(model, binder, options, err)
                                   : bind_head(model, binder, options, err);
    case WN_KIND_LATE_INTERACTION:
        return bind_late(model, binder, options, err);
    case WN_KIND_LISTWISE:
        return bind_projector(model, binder, options, err);
    case WN_KIND_EMBEDDER:
        break;
    }
    return WN_OK;
}

wn_status wn_model_load(wn_model **out, const wn_config *config, const wn_tensors *set,
                        const wn_model_options *options, wn_error *err)
{
    wn_model *model = wn_mem_zalloc(1, sizeof *model);
    if (model == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a model");
    model->config = config;
    config->family->lay_out(&model->layout, config);
    use_modules(&model->layout.head, config);
    wn_tensor_binder binder;
    wn_status status = wn_tensor_binder_begin(&binder, set, model->layout.prefix, err);
    if (status == WN_OK) {
        binder.adapters = &config->adapters;
        binder.unread = model->layout.unread;
        if (config->kind == WN_KIND_EMBEDDER) /* gte-multilingual-base has a head for words */
            binder.unread = model->layout.head.out;
        status = bind_all(model, &binder, options, err);
        model->n_parameters = binder.n_parameters;
        wn_status bound = wn_tensor_binder_end(&binder, status == WN_OK ? err : NULL);
        status = status == WN_OK ? bound : status;
    }
    if (status != WN_OK) {
        wn_model_free(model);
        return status;
    }
    *out = model;
    return WN_OK;
}

void wn_model_free(wn_model *model)
{
    if (model == NULL)
        return;
    wn_stack_deinit(&model->stack);
    wn_linear_deinit(&model->dense);
    wn_norm_deinit(&model->norm);
    wn_linear_deinit(&model->output);
    wn_mem_free(model->token_weight);
    wn_mem_free(model);
}

wn_dims wn_model_dims(const wn_model *model)
{
    const wn_config *c = model->config;
    bool has_vectors = c->kind == WN_KIND_LATE_INTERACTION || c->kind == WN_KIND_LISTWISE;
    bool shares =
        c->kind == WN_KIND_CROSS_ENCODER && c->prompt != WN_PROMPT_NONE && !c->document_first;
    const wn_relative_names *relative = &model->layout.relative;
    return (wn_dims){
        .hidden = c->hidden,
        .n_heads = c->n_heads,
        .n_kv_heads = c->n_kv_heads,
        .head_dim = c->head_dim,
        .up = c->gate == WN_GATE_NONE ? c->intermediate : 2 * c->intermediate,
        .intermediate = c->intermediate,
        .out_dim = has_vectors ? model->output.n : c->hidden,
        .max_tokens = c->max_tokens,
        .n_buckets = relative->by_query || relative->by_key ? relative->n_buckets : 0,
        .n_layers = c->n_layers,
        .past_tokens = shares ? WN_MIN(c->max_tokens, (size_t)PAST_TOKENS) : 0,
    };
}

uint64_t wn_model_n_parameters(const wn_model *model)
{
    return model->n_parameters;
}

size_t wn_model_weight_bytes(const wn_model *model)
{
    size_t weights = model->token_weight == NULL ? 0 : model->config->vocab * sizeof(float);
    return weights + wn_stack_bytes(&model->stack) + model->dense.bytes + model->norm.bytes +
           model->output.bytes;
}

size_t wn_model_mapped_bytes(const wn_model *model)
{
    return wn_stack_mapped_bytes(&model->stack);
}

const wn_linear_source *wn_model_linear(const wn_model *model, size_t i)
{
    return wn_stack_linear(&model->stack, i);
}

float wn_model_token_weight(const wn_model *model, int32_t id)
{
    return model->token_weight == NULL ? 1.0f : model->token_weight[id];
}

/* Hidden states of the rows that are wanted. */
static wn_tensor forward(const wn_model *model, wn_exec *exec, const wn_batch *batch, wn_rows rows)
{
    const wn_config *config = model->config;
    return config->family->forward(&model->stack, config, exec, batch, rows);
}

/* One row a sequence of hidden states. */
static wn_tensor pooled(const wn_model *model, wn_exec *exec, const wn_batch *batch,
                        wn_pool_kind kind)
{
    if (kind != WN_POOL_MEAN)
        return forward(model, exec, batch, kind == WN_POOL_LAST ? WN_ROWS_LAST : WN_ROWS_FIRST);
    wn_tensor all = forward(model, exec, batch, WN_ROWS_ALL);
    wn_tensor mean = wn_exec_tensor(exec, batch->n_seqs, all.cols);
    wn_exec_ops(exec)->pool(exec, &mean, &all, batch, WN_POOL_MEAN);
    return mean;
}

/* What parts of a batch are computed with, and where their results go. */
typedef struct part_job {
    const wn_model *model;
    const wn_batch *batch; /* the whole */
    float *logits;         /* [n_seqs] */
    wn_tensor rows;        /* [n_seqs] or [n_tokens] */
    wn_pool_kind kind;
    bool normalize;
} part_job;

static void run(part_job *job, wn_exec *exec, wn_part_fn *fn)
{
    if (wn_stack_is_by_turns(&job->model->stack))
        fn(job, exec, job->batch, 0);
    else
        wn_exec_run_parts(exec, job->batch, fn, job);
}

void wn_model_read_past(const wn_model *model, wn_exec *exec, const wn_batch *batch)
{
    WN_ASSERT(batch->past != NULL && batch->past_len == NULL);
    (void)forward(model, exec, batch, WN_ROWS_ALL);
}

wn_tensor wn_model_mark_vectors(const wn_model *model, wn_exec *exec, const wn_batch *batch,
                                const uint32_t *marks, size_t n_marks)
{
    WN_ASSERT(model->config->kind == WN_KIND_LISTWISE);
    const wn_ops *ops = wn_exec_ops(exec);
    wn_tensor h = forward(model, exec, batch, WN_ROWS_ALL);
    wn_tensor x = wn_exec_tensor(exec, n_marks, h.cols);
    wn_tensor y = wn_exec_tensor(exec, n_marks, model->dense.n);
    wn_tensor v = wn_exec_tensor(exec, n_marks, model->output.n);
    ops->gather(exec, &x, &h, marks);
    ops->linear(exec, &y, &x, &model->dense, WN_ACT_RELU);
    ops->linear(exec, &v, &y, &model->output, WN_ACT_NONE);
    return v;
}

static void logits_part(void *arg, wn_exec *exec, const wn_batch *part, size_t first)
{
    const part_job *job = arg;
    const wn_model *model = job->model;
    const wn_ops *ops = wn_exec_ops(exec);
    wn_tensor x = pooled(model, exec, part, model->layout.head.pool);
    size_t n = model->output.n; /* 1, or two answers */
    wn_tensor y = wn_exec_tensor(exec, part->n_seqs, WN_MAX(model->config->hidden, n));
    wn_tensor z = wn_tensor_of(y.data, part->n_seqs, n);
    if (model->dense.n > 0) {
        ops->linear(exec, &y, &x, &model->dense, model->layout.head.act);
        z.data = x.data; /* which is read no more */
        x = y;
    }
    if (model->norm.n > 0)
        ops->norm(exec, &x, &x, &model->norm);
    ops->linear(exec, &z, &x, &model->output, WN_ACT_NONE);
    for (size_t i = 0; i < part->n_seqs; i++)
        job->logits[first + i] = n == 1 ? z.data[i] : z.data[i * n] - z.data[i * n + 1];
}

void wn_model_logits(const wn_model *model, wn_exec *exec, const wn_batch *batch, float *logits)
{
    WN_ASSERT(model->config->kind == WN_KIND_CROSS_ENCODER);
    part_job job = {.model = model, .batch = batch, .logits = logits};
    run(&job, exec, logits_part);
}

static void pooled_part(void *arg, wn_exec *exec, const wn_batch *part, size_t first)
{
    const part_job *job = arg;
    wn_tensor x = pooled(job->model, exec, part, job->kind);
    wn_tensor y = wn_tensor_rows(&job->rows, first, part->n_seqs);
    if (job->normalize)
        wn_exec_ops(exec)->normalize(exec, &y, &x);
    else
        memcpy(y.data, x.data, x.rows * x.cols * sizeof *x.data);
}

wn_tensor wn_model_pooled(const wn_model *model, wn_exec *exec, const wn_batch *batch,
                          wn_pool_kind kind, bool normalize)
{
    part_job job = {.model = model,
                    .batch = batch,
                    .rows = wn_exec_tensor(exec, batch->n_seqs, model->config->hidden),
                    .kind = kind,
                    .normalize = normalize};
    run(&job, exec, pooled_part);
    return job.rows;
}

static void token_vectors_part(void *arg, wn_exec *exec, const wn_batch *part, size_t first)
{
    const part_job *job = arg;
    const wn_ops *ops = wn_exec_ops(exec);
    wn_tensor h = forward(job->model, exec, part, WN_ROWS_ALL);
    wn_tensor v = wn_tensor_rows(&job->rows, job->batch->seq_start[first], part->n_tokens);
    ops->linear(exec, &v, &h, &job->model->output, WN_ACT_NONE);
    if (job->normalize)
        ops->normalize(exec, &v, &v);
}

wn_tensor wn_model_token_vectors(const wn_model *model, wn_exec *exec, const wn_batch *batch,
                                 bool is_query)
{
    WN_ASSERT(model->config->kind == WN_KIND_LATE_INTERACTION);
    const wn_late_config *late = &model->config->late;
    part_job job = {.model = model,
                    .batch = batch,
                    .rows = wn_exec_tensor(exec, batch->n_tokens, model->output.n),
                    .normalize = is_query ? late->query_normalize : late->doc_normalize};
    run(&job, exec, token_vectors_part);
    return job.rows;
}
