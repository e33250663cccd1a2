/* BERT and what shares its arithmetic: RoBERTa, XLM-RoBERTa, CamemBERT, and the "flash" layout of
 * jina-reranker-v2 with query, key and value in one matrix, which jina-embeddings-v3 and
 * jina-colbert-v2 have with rotary positions.
 *   h = LN(word + position + type); each layer: h = LN(h + attention(h)), h = LN(h + ffn(h))
 * The graph is that of every encoder with its norms behind the sums: places may be told by a table,
 * by rotary heads or by ALiBi, and the feed-forward may be gated, as the configuration says.
 * Source: transformers modeling_bert.py, modeling_xlm_roberta.py, modeling_jina_embeddings_v3.py;
 * vLLM roberta.py and jinaai/xlm-roberta-flash-implementation for the flash names. */
#include "model/config_parts.h"
#include "model/stack.h"

#include <math.h>
#include <string.h>

#define WN_WHERE "model/bert"

wn_status wn_bert_configure(wn_config *config, const json_t *json, wn_error *err)
{
    return wn_config_read_sizes(config, json, err);
}

/* ---- names ----------------------------------------------------------------------------------- */

#define HF "encoder.layer.%zu."
#define FL "encoder.layers.%zu."

/* The layers of both heads. */
static const wn_layout hf_layout = {
    .word = "embeddings.word_embeddings",
    .position = "embeddings.position_embeddings",
    .type = "embeddings.token_type_embeddings",
    .embedding_norm = "embeddings.LayerNorm",
    .qkv = {{HF "attention.self.query", HF "attention.self.key", HF "attention.self.value"}, true},
    .out = {{HF "attention.output.dense"}, true},
    .up = {{HF "intermediate.dense"}, true},
    .down = {{HF "output.dense"}, true},
    .attention_norm = HF "attention.output.LayerNorm",
    .output_norm = HF "output.LayerNorm",
    .norm_bias = true,
};

static const wn_head_names roberta_head = {.pool = WN_POOL_FIRST,
                                           .dense = "classifier.dense",
                                           .dense_bias = true,
                                           .act = WN_ACT_TANH,
                                           .out = "classifier.out_proj",
                                           .out_bias = true};

void wn_bert_lay_out(wn_layout *out, const wn_config *config)
{
    (void)config;
    *out = hf_layout;
    out->prefix = "bert.";
    out->head = roberta_head;
    out->head.dense = "pooler.dense";
    out->head.out = "classifier";
}

void wn_roberta_lay_out(wn_layout *out, const wn_config *config)
{
    (void)config;
    *out = hf_layout;
    out->prefix = "roberta.";
    out->head = roberta_head;
}

void wn_flash_lay_out(wn_layout *out, const wn_config *config)
{
    wn_roberta_lay_out(out, config);
    if (config->rope_base > 0) {
        out->position = NULL;
        out->ropes[0] = (wn_rope){config->rope_base, config->rope_divisor};
        out->n_ropes = 1;
    }
    out->embedding_norm = "emb_ln";
    out->qkv = (wn_linear_names){{FL "mixer.Wqkv"}, true};
    out->out = (wn_linear_names){{FL "mixer.out_proj"}, true};
    out->up = (wn_linear_names){{FL "mlp.fc1"}, true};
    out->down = (wn_linear_names){{FL "mlp.fc2"}, true};
    out->attention_norm = FL "norm1";
    out->output_norm = FL "norm2";
}

/* The published code has other forms of rotary positions, which no published file uses. */
static wn_status read_rotary(wn_config *config, const json_t *json, wn_error *err)
{
    bool interleaved;
    size_t dim;
    wn_binder b;
    wn_binder_init(&b, json, "config.json");
    wn_bind_double(&b, "rotary_emb_base", &config->rope_base, 1, 1e12, 10000);
    wn_bind_double(&b, "rope_theta", &config->rope_base, 1, 1e12, config->rope_base);
    wn_bind_bool(&b, "rotary_emb_interleaved", &interleaved, false);
    wn_bind_size(&b, "rotary_emb_dim", &dim, 1, WN_HIDDEN_MAX, config->head_dim);
    if (config->head_dim % 2 != 0)
        wn_binder_note(&b, "field 'hidden_size': makes heads of %zu, expected an even number",
                       config->head_dim);
    WN_TRY(wn_binder_end(&b, err));
    if (interleaved || json_is_number(json_object_get(json, "rotary_emb_scale_base")))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "config.json: '%s' is set, which is not supported",
                interleaved ? "rotary_emb_interleaved" : "rotary_emb_scale_base");
    if (dim != config->head_dim)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "config.json: rotary_emb_dim %zu is not supported, only that of a head, %zu", dim,
                config->head_dim);
    config->rope_divisor = 1;
    return WN_OK;
}

wn_status wn_flash_configure(wn_config *config, const json_t *json, wn_error *err)
{
    static const char *const positions[] = {"absolute", "rotary"};
    size_t method;
    WN_TRY(wn_config_read_widths(config, json, err));
    WN_TRY(wn_config_read_method(&method, json, "position_embedding_type", "absolute", positions,
                                 WN_ARRAY_LEN(positions), err));
    return method == 0 ? WN_OK : read_rotary(config, json, err);
}

bool wn_flash_claims(const wn_identity *id)
{
    return strstr(id->auto_config, "XLMRobertaFlashConfig") != NULL;
}

/* ---- the graph ------------------------------------------------------------------------------- */

static wn_tensor embed(const wn_stack *stack, const wn_config *config, wn_exec *exec,
                       const wn_batch *batch)
{
    const wn_ops *ops = wn_exec_ops(exec);
    wn_tensor h = wn_exec_tensor(exec, batch->n_tokens, config->hidden);
    if (stack->projection.n == 0) {
        ops->embed(exec, &h, batch, &stack->embedding);
        return h;
    }
    wn_tensor e = wn_exec_tensor(exec, batch->n_tokens, config->embedding);
    ops->embed(exec, &e, batch, &stack->embedding);
    ops->linear(exec, &h, &e, &stack->projection, WN_ACT_NONE);
    return h;
}

wn_tensor wn_bert_forward(const wn_stack *stack, const wn_config *config, wn_exec *exec,
                          const wn_batch *batch, wn_rows rows)
{
    const wn_ops *ops = wn_exec_ops(exec);
    size_t summed = config->head_dim * WN_MAX(config->n_score_terms, (size_t)1);
    wn_attention attention = {.n_heads = config->n_heads,
                              .n_kv_heads = config->n_heads,
                              .head_dim = config->head_dim,
                              .scale = 1.0f / sqrtf((float)summed),
                              .slopes = stack->slopes};
    const wn_head_turn turn = {.rotary = &stack->rotary[0]};
    bool is_rotary = turn.rotary->dim > 0;
    wn_tensor h = embed(stack, config, exec, batch);
    wn_tensor qkv = wn_exec_tensor(exec, batch->n_tokens, wn_attention_width(&attention));
    wn_tensor context = wn_exec_tensor(exec, batch->n_tokens, config->hidden);
    const wn_attention_tensors tensors = {&h, &h, &qkv, &context};
    for (size_t i = 0; i < config->n_layers; i++) {
        const wn_layer layer = wn_stack_layer(stack, i);
        const wn_feed_forward f = {.up = &layer.up,
                                   .down = &layer.down,
                                   .act = config->act,
                                   .gate = config->gate,
                                   .norm = &layer.output_norm};
        const wn_relative relative = wn_places_of(&stack->places, &layer.places);
        attention.relative = relative.n_buckets > 0 ? &relative : NULL;
        attention.rows = i + 1 == config->n_layers ? rows : WN_ROWS_ALL;
        wn_self_attention(exec, &tensors, &layer, batch, &attention, is_rotary ? &turn : NULL);
        for (size_t first = 0, end; first < h.rows; first = end) {
            end = wn_exec_block_end(exec, h.rows, first);
            wn_tensor x = wn_tensor_rows(&h, first, end - first);
            wn_tensor c = wn_tensor_rows(&context, first, end - first);
            ops->linear_add_norm(exec, &x, &c, &layer.out, &x, &layer.attention_norm);
            ops->feed_forward(exec, &x, &x, &x, &f);
        }
    }
    return h;
}
