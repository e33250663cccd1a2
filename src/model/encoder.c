/* h = LN(word + position + type); each layer: h = LN(h + attention(h)), h = LN(h + ffn(h)).
 * Two spellings of the same arithmetic: transformers' BERT/RoBERTa layout, and the "flash" layout
 * of jina-reranker-v2 with query, key and value in one matrix.
 * Source: transformers modeling_bert.py, modeling_xlm_roberta.py; vLLM roberta.py for the new
 * names. */
#include "model/encoder.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WN_WHERE "model/encoder"

/* Tensor names of a layer, "%zu" its number; qkv has one or three. */
typedef struct layout {
    const char *embedding_norm;
    const char *qkv[3];
    const char *out, *attention_norm, *up, *down, *output_norm;
} layout;

#define HF "encoder.layer.%zu."
#define FL "encoder.layers.%zu."
static const layout hf_layout = {
    .embedding_norm = "embeddings.LayerNorm",
    .qkv = {HF "attention.self.query", HF "attention.self.key", HF "attention.self.value"},
    .out = HF "attention.output.dense",
    .attention_norm = HF "attention.output.LayerNorm",
    .up = HF "intermediate.dense",
    .down = HF "output.dense",
    .output_norm = HF "output.LayerNorm",
};
static const layout flash_layout = {
    .embedding_norm = "emb_ln",
    .qkv = {FL "mixer.Wqkv"},
    .out = FL "mixer.out_proj",
    .attention_norm = FL "norm1",
    .up = FL "mlp.fc1",
    .down = FL "mlp.fc2",
    .output_norm = FL "norm2",
};
#undef HF
#undef FL

/* The sources of "NAME.weight" [n][k] and "NAME.bias" [n]. */
static wn_linear_source find_linear(wn_tensor_binder *binder, const char *name, size_t n, size_t k)
{
    return (wn_linear_source){
        .parts = {wn_tensor_binder_get_matrix(binder, n, k, "%s.weight", name)},
        .biases = {wn_tensor_binder_get(binder, 1, n, "%s.bias", name)},
        .n_parts = 1,
        .has_bias = true};
}

wn_status wn_bind_linear(wn_linear *out, wn_tensor_binder *binder, const wn_model_options *options,
                         const char *name, size_t n, size_t k, wn_error *err)
{
    const wn_linear_source source = {
        .parts = {wn_tensor_binder_get(binder, n, k, "%s.weight", name)},
        .biases = {wn_tensor_binder_get(binder, 1, n, "%s.bias", name)},
        .n_parts = 1,
        .has_bias = true};
    if (!wn_tensor_binder_ok(binder))
        return WN_OK;
    return wn_linear_init(out, options->kernels->gemm_f32, &source, options->pool, err);
}

/* Gain and bias of a norm. */
typedef struct norm_source {
    wn_source gain, bias;
} norm_source;

static wn_status bind_norm(wn_norm *out, norm_source *source, wn_tensor_binder *binder,
                           const char *name, const wn_config *config, wn_error *err)
{
    source->gain = wn_tensor_binder_get(binder, 1, config->hidden, "%s.weight", name);
    source->bias = wn_tensor_binder_get(binder, 1, config->hidden, "%s.bias", name);
    if (!wn_tensor_binder_ok(binder))
        return WN_OK;
    return wn_norm_init(out, &source->gain, &source->bias, (float)config->norm_eps, err);
}

/* The name of a part of layer i. */
typedef struct part_name {
    char text[128];
} part_name;

static part_name name_of(const char *format, size_t layer)
{
    part_name name = {""};
    const char *star = strstr(format, "%zu");
    if (star == NULL)
        snprintf(name.text, sizeof name.text, "%s", format);
    else
        snprintf(name.text, sizeof name.text, "%.*s%zu%s", (int)(star - format), format, layer,
                 star + 3);
    return name;
}

static wn_linear_source find_qkv(wn_tensor_binder *binder, const layout *names, size_t layer,
                                 size_t h)
{
    if (names->qkv[1] == NULL)
        return find_linear(binder, name_of(names->qkv[0], layer).text, 3 * h, h);
    wn_linear_source all = {.n_parts = 3, .has_bias = true};
    for (size_t i = 0; i < 3; i++) {
        wn_linear_source one = find_linear(binder, name_of(names->qkv[i], layer).text, h, h);
        all.parts[i] = one.parts[0];
        all.biases[i] = one.biases[0];
    }
    return all;
}

/* Find the tensors of layer i; *input is the norm that it reads, and becomes the one that the next
 * layer reads. */
static wn_status find_layer(wn_layer *layer, wn_layer_source *source, norm_source *input,
                            const layout *names, size_t i, const wn_config *config,
                            wn_tensor_binder *binder, wn_error *err)
{
    size_t h = config->hidden, inter = config->intermediate;
    norm_source middle;
    source->qkv = find_qkv(binder, names, i, h);
    source->out = find_linear(binder, name_of(names->out, i).text, h, h);
    source->up = find_linear(binder, name_of(names->up, i).text, inter, h);
    source->down = find_linear(binder, name_of(names->down, i).text, h, inter);
    source->qkv.input_gain = input->gain;
    source->qkv.input_bias = input->bias;
    WN_TRY(bind_norm(&layer->attention_norm, &middle, binder,
                     name_of(names->attention_norm, i).text, config, err));
    source->up.input_gain = middle.gain;
    source->up.input_bias = middle.bias;
    return bind_norm(&layer->output_norm, input, binder, name_of(names->output_norm, i).text,
                     config, err);
}

static wn_status init_layer(wn_layer *layer, const wn_layer_source *source,
                            const wn_model_options *options, wn_error *err)
{
    const wn_gemm *gemm = options->gemm;
    WN_TRY(wn_linear_init(&layer->qkv, gemm, &source->qkv, options->pool, err));
    WN_TRY(wn_linear_init(&layer->out, gemm, &source->out, options->pool, err));
    WN_TRY(wn_linear_init(&layer->up, gemm, &source->up, options->pool, err));
    return wn_linear_init(&layer->down, gemm, &source->down, options->pool, err);
}

static wn_table as_table(wn_source source)
{
    return (wn_table){source.data, source.dtype, source.rows, source.cols};
}

static wn_status allocate_layers(wn_encoder_weights *out, const wn_config *config,
                                 const wn_model_options *options, wn_error *err)
{
    size_t n = config->n_layers, widest = WN_MAX(config->hidden, config->intermediate);
    bool by_turns = options->by_turns;
    out->layers = wn_mem_zalloc(n, sizeof *out->layers);
    out->n_layers = out->layers != NULL ? n : 0;
    if (by_turns) {
        out->sources = wn_mem_zalloc(n, sizeof *out->sources);
        out->pool = options->pool;
        out->scratch = wn_mem_aligned_raw(wn_linear_scratch(options->gemm, widest, out->pool) *
                                          sizeof *out->scratch);
    }
    if (out->layers == NULL || (by_turns && (out->sources == NULL || out->scratch == NULL)))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu layers", n);
    return WN_OK;
}

wn_status wn_encoder_weights_init(wn_encoder_weights *out, const wn_config *config,
                                  wn_tensor_binder *binder, const wn_model_options *options,
                                  wn_error *err)
{
    *out = (wn_encoder_weights){.set = binder->set};
    const layout *names = config->is_flash ? &flash_layout : &hf_layout;
    wn_embedding *e = &out->embedding;
    e->word = as_table(wn_tensor_binder_get(binder, config->vocab, config->hidden,
                                            "embeddings.word_embeddings.weight"));
    e->position = as_table(wn_tensor_binder_get(binder, config->max_positions, config->hidden,
                                                "embeddings.position_embeddings.weight"));
    e->type = as_table(wn_tensor_binder_get(binder, config->type_vocab, config->hidden,
                                            "embeddings.token_type_embeddings.weight"));
    e->position_offset = config->position_offset;
    e->pads_apart = config->family == WN_FAMILY_XLM_ROBERTA;
    e->norm = &out->embedding_norm;
    norm_source input;
    WN_TRY(bind_norm(&out->embedding_norm, &input, binder, names->embedding_norm, config, err));
    WN_TRY(allocate_layers(out, config, options, err));
    for (size_t i = 0; i < config->n_layers; i++) {
        wn_layer_source source;
        WN_TRY(find_layer(&out->layers[i], &source, &input, names, i, config, binder, err));
        if (options->by_turns)
            out->sources[i] = source;
        if (!wn_tensor_binder_ok(binder) || (options->by_turns && i > 0))
            continue;
        WN_TRY(init_layer(&out->layers[i], &source, options, err));
        wn_safetensors_release(out->set, NULL);
    }
    return WN_OK;
}

void wn_encoder_weights_deinit(wn_encoder_weights *weights)
{
    for (size_t i = 0; i < weights->n_layers; i++) {
        wn_layer *layer = &weights->layers[i];
        wn_linear_deinit(&layer->qkv);
        wn_linear_deinit(&layer->out);
        wn_linear_deinit(&layer->up);
        wn_linear_deinit(&layer->down);
        wn_norm_deinit(&layer->attention_norm);
        wn_norm_deinit(&layer->output_norm);
    }
    wn_mem_free(weights->layers);
    wn_mem_free(weights->sources);
    wn_mem_free(weights->scratch);
    wn_norm_deinit(&weights->embedding_norm);
    *weights = (wn_encoder_weights){0};
}

const wn_linear_source *wn_encoder_linear(const wn_encoder_weights *weights, size_t i)
{
    size_t layer = i / WN_LAYER_LINEARS;
    if (layer >= weights->n_layers)
        return NULL;
    const wn_layer_source *source = &weights->sources[layer];
    const wn_linear_source *const linears[WN_LAYER_LINEARS] = {&source->qkv, &source->out,
                                                               &source->up, &source->down};
    return linears[i % WN_LAYER_LINEARS];
}

size_t wn_encoder_weights_bytes(const wn_encoder_weights *weights)
{
    size_t bytes = weights->embedding_norm.bytes;
    for (size_t i = 0; i < weights->n_layers; i++) {
        const wn_layer *layer = &weights->layers[i];
        bytes += layer->qkv.bytes + layer->out.bytes + layer->up.bytes + layer->down.bytes +
                 layer->attention_norm.bytes + layer->output_norm.bytes;
    }
    return bytes;
}

static size_t table_bytes(const wn_table *table)
{
    return table->rows == 0 ? 0 : table->rows * table->cols * wn_dtype_size(table->dtype);
}

size_t wn_encoder_mapped_bytes(const wn_encoder_weights *weights)
{
    const wn_embedding *e = &weights->embedding;
    return table_bytes(&e->word) + table_bytes(&e->position) + table_bytes(&e->type);
}

/* Layer i with its matrices. */
static wn_layer layer_at(const wn_encoder_weights *weights, size_t i)
{
    wn_layer layer = weights->layers[i];
    if (weights->sources == NULL)
        return layer;
    const wn_layer_source *source = &weights->sources[i];
    layer.qkv = weights->layers[0].qkv;
    layer.out = weights->layers[0].out;
    layer.up = weights->layers[0].up;
    layer.down = weights->layers[0].down;
    wn_linear_pack(&layer.qkv, &source->qkv, weights->pool, weights->scratch);
    wn_linear_pack(&layer.out, &source->out, weights->pool, weights->scratch);
    wn_linear_pack(&layer.up, &source->up, weights->pool, weights->scratch);
    wn_linear_pack(&layer.down, &source->down, weights->pool, weights->scratch);
    wn_safetensors_release(weights->set, NULL);
    return layer;
}

/* Embedding and the first n_layers layers. */
static wn_tensor forward(const wn_encoder_weights *weights, const wn_config *config, wn_exec *exec,
                         const wn_batch *batch, size_t n_layers, wn_tensor *qkv, wn_tensor *context)
{
    const wn_ops *ops = wn_exec_ops(exec);
    const wn_attention attention = {config->n_heads, config->head_dim,
                                    1.0f / sqrtf((float)config->head_dim)};
    wn_tensor h = wn_exec_tensor(exec, batch->n_tokens, config->hidden);
    *qkv = wn_exec_tensor(exec, batch->n_tokens, 3 * config->hidden);
    *context = wn_exec_tensor(exec, batch->n_tokens, config->hidden);
    ops->embed(exec, &h, batch, &weights->embedding);
    for (size_t i = 0; i < n_layers; i++) {
        const wn_layer layer = layer_at(weights, i);
        ops->linear(exec, qkv, &h, &layer.qkv, WN_ACT_NONE);
        ops->attention(exec, context, qkv, batch, &attention);
        ops->linear_add_norm(exec, &h, context, &layer.out, &h, &layer.attention_norm);
        ops->feed_forward(exec, &h, &h, &layer.up, config->act, &layer.down, &layer.output_norm);
    }
    return h;
}

wn_tensor wn_encoder_forward(const wn_encoder_weights *weights, const wn_config *config,
                             wn_exec *exec, const wn_batch *batch)
{
    wn_tensor qkv, context;
    return forward(weights, config, exec, batch, weights->n_layers, &qkv, &context);
}

wn_tensor wn_encoder_forward_first(const wn_encoder_weights *weights, const wn_config *config,
                                   wn_exec *exec, const wn_batch *batch)
{
    const wn_ops *ops = wn_exec_ops(exec);
    const wn_attention attention = {config->n_heads, config->head_dim,
                                    1.0f / sqrtf((float)config->head_dim)};
    wn_tensor qkv, context;
    wn_tensor h = forward(weights, config, exec, batch, weights->n_layers - 1, &qkv, &context);
    const wn_layer last = layer_at(weights, weights->n_layers - 1);
    wn_tensor first = wn_exec_tensor(exec, batch->n_seqs, config->hidden);
    wn_tensor seen = wn_exec_tensor(exec, batch->n_seqs, config->hidden);
    ops->linear(exec, &qkv, &h, &last.qkv, WN_ACT_NONE);
    ops->attention(exec, &context, &qkv, batch, &attention);
    ops->pool(exec, &first, &h, batch, WN_POOL_FIRST);
    ops->pool(exec, &seen, &context, batch, WN_POOL_FIRST);
    ops->linear_add_norm(exec, &first, &seen, &last.out, &first, &last.attention_norm);
    ops->feed_forward(exec, &first, &first, &last.up, config->act, &last.down, &last.output_norm);
    return first;
}
