/* See causal.h.  The graph of a decoder:
 *   each layer: h += out(attention(norm h)), h += down(act(gate n) * up n) with n = norm h
 * Norms are RMSNorm, a token sees itself and those before it, several queries share a key head,
 * places are rotary.  The score is read off the last token: one answer's logit, less another's
 * where there are two, or a head of its own; or many documents are read together, and their marks
 * become vectors (projector).
 * Source: transformers modeling_qwen2.py, modeling_qwen3.py, modeling_gemma.py. */
#include "model/causal.h"
#include "model/config_parts.h"
#include "model/stack.h"

#include <math.h>
#include <string.h>

#define WN_WHERE "model/causal"

#define CONFIG_FILE "config.json"

/* ---- config.json ----------------------------------------------------------------------------- */

static void bind_heads(wn_config *config, wn_binder *b, const wn_causal_defaults *d)
{
    config->head_dim = WN_MAX(config->hidden / config->n_heads, (size_t)1);
    if (d->head_dim > 0)
        wn_bind_size(b, "head_dim", &config->head_dim, 2, WN_HIDDEN_MAX, d->head_dim);
    else if (config->hidden % config->n_heads != 0)
        wn_binder_note(b, "field 'hidden_size': is %zu, expected a multiple of the %zu heads",
                       config->hidden, config->n_heads);
    if (config->head_dim % 2 != 0)
        wn_binder_note(b, "a head is %zu wide, expected an even number", config->head_dim);
    if (config->n_heads % config->n_kv_heads != 0)
        wn_binder_note(b,
                       "field 'num_key_value_heads': is %zu, expected a divisor of the %zu heads",
                       config->n_kv_heads, config->n_heads);
}

static void bind_sizes(wn_config *config, wn_binder *b, const wn_causal_defaults *d)
{
    wn_bind_size(b, "vocab_size", &config->vocab, 1, WN_VOCAB_MAX, d->vocab);
    wn_bind_size(b, "hidden_size", &config->hidden, 1, WN_HIDDEN_MAX, d->hidden);
    wn_bind_size(b, "num_hidden_layers", &config->n_layers, 1, WN_LAYERS_MAX, d->n_layers);
    wn_bind_size(b, "num_attention_heads", &config->n_heads, 1, 1024, d->n_heads);
    wn_bind_size(b, "num_key_value_heads", &config->n_kv_heads, 1, 1024,
                 d->n_kv_heads > 0 ? d->n_kv_heads : config->n_heads);
    wn_bind_size(b, "intermediate_size", &config->intermediate, 1, 16 * WN_HIDDEN_MAX,
                 d->intermediate);
    wn_bind_size(b, "max_position_embeddings", &config->max_positions, WN_TOKENS_MIN,
                 WN_POSITIONS_MAX, d->max_positions);
    wn_bind_double(b, "rms_norm_eps", &config->norm_eps, 1e-20, 0.1, d->norm_eps);
    wn_bind_bool(b, "tie_word_embeddings", &config->is_tied, d->is_tied);
    bind_heads(config, b, d);
    config->max_tokens = config->max_positions;
}

/* Rotary positions: the newer files have an object of them, the older ones two fields. */
static wn_status read_rope(wn_config *config, const json_t *json, const wn_causal_defaults *d,
                           wn_error *err)
{
    const json_t *own, *scaling;
    const char *type = "default", *same = d->rope_type == NULL ? type : d->rope_type;
    wn_binder b;
    WN_TRY(wn_config_field_object(&own, json, "rope_parameters", err));
    WN_TRY(wn_config_field_object(&scaling, json, "rope_scaling", err));
    if (own != NULL)
        scaling = own;
    wn_binder_init(&b, own != NULL ? own : json, CONFIG_FILE);
    wn_bind_double(&b, "rope_theta", &config->rope_base, 1, 1e12, d->rope_base);
    WN_TRY(wn_binder_end(&b, err));
    if (scaling == NULL)
        return WN_OK;
    wn_binder_init(&b, scaling, CONFIG_FILE);
    wn_bind_string(&b, "type", &type, "default");
    wn_bind_string(&b, "rope_type", &type, type);
    WN_TRY(wn_binder_end(&b, err));
    if (strcmp(type, "default") != 0 && strcmp(type, same) != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: rope type '%.100s' is not supported, only '%s'",
                CONFIG_FILE, type, same);
    return WN_OK;
}

/* Switches of the reference's graph that must be off. */
static wn_status refuse_switches(const json_t *json, wn_error *err)
{
    static const char *const keys[] = {"use_sliding_window", "attention_bias",
                                       "use_bidirectional_attention", "quantization_config"};
    const json_t *types = json_object_get(json, "layer_types");
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++) {
        const json_t *value = json_object_get(json, keys[i]);
        if (json_is_true(value) || json_object_size(value) > 0)
            WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: '%s' is set, which is not supported", CONFIG_FILE,
                    keys[i]);
    }
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = json_string_value(json_array_get(types, i));
        if (type == NULL || strcmp(type, "full_attention") != 0)
            WN_FAIL(err, WN_ERR_UNSUPPORTED,
                    "%s: layer_types[%zu] '%.100s' is not supported, only 'full_attention'",
                    CONFIG_FILE, i, type == NULL ? "" : type);
    }
    return WN_OK;
}

/* A classification reads the last token that is no padding, wherever that stands. */
static wn_status read_pad(wn_config *config, const json_t *json, wn_error *err)
{
    bool passes = config->kind == WN_KIND_CROSS_ENCODER && !config->asks;
    int64_t pad;
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    wn_bind_int(&b, "pad_token_id", &pad, -1, (int64_t)config->vocab - 1, -1);
    config->passes_pads = passes && !config->family->one_label && pad >= 0;
    config->pad_id = (int32_t)pad;
    return wn_binder_end(&b, err);
}

wn_status wn_causal_configure(wn_config *config, const json_t *json,
                              const wn_causal_defaults *defaults, wn_error *err)
{
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    bind_sizes(config, &b, defaults);
    WN_TRY(wn_binder_end(&b, err));
    WN_TRY(read_rope(config, json, defaults, err));
    WN_TRY(read_pad(config, json, err));
    config->gate = WN_GATE_FIRST;
    config->n_answers = config->asks || config->kind == WN_KIND_LISTWISE ? 2 : 0;
    for (size_t i = 0; i < WN_ANSWERS_MAX; i++)
        config->answers[i] = -1;
    return refuse_switches(json, err);
}

wn_status wn_causal_read_activation(wn_config *config, const json_t *json, wn_error *err)
{
    const char *act;
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    wn_bind_string(&b, "hidden_act", &act, "silu");
    WN_TRY(wn_binder_end(&b, err));
    return wn_config_read_activation(&config->act, "hidden_act", act, err);
}

/* ---- names ----------------------------------------------------------------------------------- */

static const wn_layout layout = {
    .prefix = "model.",
    .word = "embed_tokens",
    .qkv = {{WN_CAUSAL_LAYER "self_attn.q_proj", WN_CAUSAL_LAYER "self_attn.k_proj",
             WN_CAUSAL_LAYER "self_attn.v_proj"},
            false},
    .out = {{WN_CAUSAL_LAYER "self_attn.o_proj"}, false},
    .up = {{WN_CAUSAL_LAYER "mlp.gate_proj", WN_CAUSAL_LAYER "mlp.up_proj"}, false},
    .down = {{WN_CAUSAL_LAYER "mlp.down_proj"}, false},
    .norm_first = true,
    .attention_norm = WN_CAUSAL_LAYER "input_layernorm",
    .output_norm = WN_CAUSAL_LAYER "post_attention_layernorm",
    .final_norm = "norm",
    .norm_kind = WN_NORM_RMS,
    .n_ropes = 1,
    .head = {.pool = WN_POOL_LAST, .out = "score"},
};

void wn_causal_lay_out(wn_layout *out, const wn_config *config)
{
    *out = layout;
    out->ropes[0] = (wn_rope){config->rope_base, 1};
    if (config->asks)
        out->head.out = config->is_tied ? layout.word : "lm_head";
}

/* ---- the graph ------------------------------------------------------------------------------- */

wn_tensor wn_causal_forward(const wn_stack *stack, const wn_config *config, wn_exec *exec,
                            const wn_batch *batch, wn_rows rows)
{
    const wn_ops *ops = wn_exec_ops(exec);
    wn_attention attention = {.n_heads = config->n_heads,
                              .n_kv_heads = config->n_kv_heads,
                              .head_dim = config->head_dim,
                              .scale = 1.0f / sqrtf((float)config->head_dim),
                              .causal = true};
    bool keeps = batch->past != NULL && batch->past_len == NULL;
    wn_tensor h = wn_exec_tensor(exec, batch->n_tokens, config->hidden);
    wn_tensor x = wn_exec_tensor(exec, batch->n_tokens, config->hidden);
    wn_tensor qkv = wn_exec_tensor(exec, batch->n_tokens, wn_attention_width(&attention));
    wn_tensor context = wn_exec_tensor(exec, batch->n_tokens, config->n_heads * config->head_dim);
    wn_attention_tensors tensors = {&h, &x, &qkv, &context};
    ops->embed(exec, &h, batch, &stack->embedding);
    for (size_t i = 0; i < config->n_layers; i++) {
        const wn_layer layer = wn_stack_layer(stack, i);
        const wn_head_turn turn = {.query_norm = wn_norm_or_none(&layer.query_norm),
                                   .key_norm = wn_norm_or_none(&layer.key_norm),
                                   .rotary = &stack->rotary[0]};
        const wn_feed_forward f = {
            .up = &layer.up, .down = &layer.down, .act = config->act, .gate = config->gate};
        ops->norm(exec, &x, &h, &layer.attention_norm);
        attention.rows = i + 1 == config->n_layers ? rows : WN_ROWS_ALL;
        attention.layer = i;
        if (keeps && i + 1 == config->n_layers)
            tensors.context = NULL;
        wn_self_attention(exec, &tensors, &layer, batch, &attention, &turn);
        if (tensors.context == NULL)
            return h; /* which nobody reads */
        ops->linear_add_norm(exec, &h, &context, &layer.out, &h, NULL);
        x.rows = h.rows;
        ops->norm(exec, &x, &h, &layer.output_norm);
        ops->feed_forward(exec, &h, &x, &h, &f);
    }
    ops->norm(exec, &h, &h, &stack->final_norm);
    return h;
}
