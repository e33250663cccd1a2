/* A model is an encoder and what its family puts on top: a BERT pooler and classifier, a RoBERTa
 * classification head, or a ColBERT projection.
 *   BERT:    z = Wc tanh(Wp h[0] + bp) + bc      bert.pooler.dense, classifier
 *   RoBERTa: z = W2 tanh(W1 h[0] + b1) + b2      classifier.dense, classifier.out_proj
 *   ColBERT: v_i = W h_i, normalised             linear
 * Source: transformers modeling_bert.py BertPooler, modeling_xlm_roberta.py
 * XLMRobertaClassificationHead; stanford-futuredata/ColBERT colbert.py. */
#include "model/model.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/config_parts.h"
#include "model/encoder.h"

#define WN_WHERE "model/model"

struct wn_model {
    const wn_config *config;
    wn_encoder_weights encoder;
    wn_linear dense;     /* pooler or classifier.dense */
    wn_linear output;    /* classifier or classifier.out_proj, or the ColBERT projection */
    float *token_weight; /* [vocab] or NULL */
    uint64_t n_parameters;
};

static wn_status bind_head(wn_model *model, wn_tensor_binder *binder,
                           const wn_model_options *options, wn_error *err)
{
    bool bert = model->config->family == WN_FAMILY_BERT;
    size_t h = model->config->hidden;
    WN_TRY(wn_bind_linear(&model->dense, binder, options,
                          bert ? "pooler.dense" : "classifier.dense", h, h, err));
    return wn_bind_linear(&model->output, binder, options,
                          bert ? "classifier" : "classifier.out_proj", 1, h, err);
}

static wn_status bind_late(wn_model *model, wn_tensor_binder *binder,
                           const wn_model_options *options, wn_error *err)
{
    const wn_late_config *late = &model->config->late;
    wn_source w = wn_tensor_binder_get(binder, late->dim, model->config->hidden, "linear.weight");
    wn_source weights = {0};
    if (late->token_weight)
        weights = wn_tensor_binder_get(binder, 1, model->config->vocab, "token_weight");
    if (!wn_tensor_binder_ok(binder))
        return WN_OK;
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

static wn_status bind_all(wn_model *model, wn_tensor_binder *binder,
                          const wn_model_options *options, wn_error *err)
{
    WN_TRY(wn_encoder_weights_init(&model->encoder, model->config, binder, options, err));
    switch (model->config->kind) {
    case WN_KIND_CROSS_ENCODER:
        return bind_head(model, binder, options, err);
    case WN_KIND_LATE_INTERACTION:
        return bind_late(model, binder, options, err);
    case WN_KIND_EMBEDDER:
        break;
    }
    return WN_OK;
}

/* JinaBERT looks like BERT in config.json when its name was edited; its tensors do not. */
static wn_status refuse_lookalikes(const wn_tensor_binder *binder, wn_error *err)
{
    static const char *const names[] = {"encoder.layer.0.mlp.gated_layers.weight",
                                        "encoder.layer.0.mlp.up_gated_layer.weight"};
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++) {
        if (wn_tensor_binder_has(binder, names[i]))
            WN_FAIL(err, WN_ERR_UNSUPPORTED,
                    "tensor '%s': this is a JinaBERT model, which is not supported", names[i]);
    }
    return WN_OK;
}

wn_status wn_model_load(wn_model **out, const wn_config *config, const wn_safetensors *set,
                        const wn_model_options *options, wn_error *err)
{
    wn_model *model = wn_mem_zalloc(1, sizeof *model);
    if (model == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a model");
    model->config = config;
    wn_tensor_binder binder;
    const char *prefix = config->family == WN_FAMILY_XLM_ROBERTA ? "roberta." : "bert.";
    wn_status status = wn_tensor_binder_begin(&binder, set, prefix, err);
    if (status == WN_OK) {
        status = refuse_lookalikes(&binder, err);
        if (status == WN_OK)
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
    wn_encoder_weights_deinit(&model->encoder);
    wn_linear_deinit(&model->dense);
    wn_linear_deinit(&model->output);
    wn_mem_free(model->token_weight);
    wn_mem_free(model);
}

wn_dims wn_model_dims(const wn_model *model)
{
    const wn_config *c = model->config;
    return (wn_dims){
        .hidden = c->hidden,
        .intermediate = c->intermediate,
        .n_heads = c->n_heads,
        .head_dim = c->head_dim,
        .out_dim = c->kind == WN_KIND_LATE_INTERACTION ? model->output.n : c->hidden,
        .max_tokens = c->max_tokens,
    };
}

uint64_t wn_model_n_parameters(const wn_model *model)
{
    return model->n_parameters;
}

size_t wn_model_weight_bytes(const wn_model *model)
{
    size_t weights = model->token_weight == NULL ? 0 : model->config->vocab * sizeof(float);
    return weights + wn_encoder_weights_bytes(&model->encoder) + model->dense.bytes +
           model->output.bytes;
}

size_t wn_model_mapped_bytes(const wn_model *model)
{
    return wn_encoder_mapped_bytes(&model->encoder);
}

const wn_linear_source *wn_model_linear(const wn_model *model, size_t i)
{
    return wn_encoder_linear(&model->encoder, i);
}

float wn_model_token_weight(const wn_model *model, int32_t id)
{
    return model->token_weight == NULL ? 1.0f : model->token_weight[id];
}

void wn_model_logits(const wn_model *model, wn_exec *exec, const wn_batch *batch, float *logits)
{
    WN_ASSERT(model->config->kind == WN_KIND_CROSS_ENCODER);
    const wn_ops *ops = wn_exec_ops(exec);
    wn_tensor first = wn_encoder_forward_first(&model->encoder, model->config, exec, batch);
    wn_tensor x = wn_exec_tensor(exec, batch->n_seqs, model->config->hidden);
    wn_tensor z = {first.data, batch->n_seqs, 1}; /* the first rows are read no more */
    ops->linear(exec, &x, &first, &model->dense, WN_ACT_TANH);
    ops->linear(exec, &z, &x, &model->output, WN_ACT_NONE);
    memcpy(logits, z.data, batch->n_seqs * sizeof *logits);
}

wn_tensor wn_model_hidden(const wn_model *model, wn_exec *exec, const wn_batch *batch)
{
    return wn_encoder_forward(&model->encoder, model->config, exec, batch);
}

wn_tensor wn_model_token_vectors(const wn_model *model, wn_exec *exec, const wn_batch *batch,
                                 bool is_query)
{
    WN_ASSERT(model->config->kind == WN_KIND_LATE_INTERACTION);
    const wn_ops *ops = wn_exec_ops(exec);
    const wn_late_config *late = &model->config->late;
    wn_tensor h = wn_encoder_forward(&model->encoder, model->config, exec, batch);
    wn_tensor v = wn_exec_tensor(exec, batch->n_tokens, model->output.n);
    ops->linear(exec, &v, &h, &model->output, WN_ACT_NONE);
    if (is_query ? late->query_normalize : late->doc_normalize)
        ops->normalize(exec, &v, &v);
    return v;
}
