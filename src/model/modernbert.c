/* ModernBERT: norms without bias before what they are named for, rotary heads, a gated
 * feed-forward, and most layers local: their tokens see a window, and turn by another base.
 *   h = norm(word); each layer: h += attention(norm(h)), h += ffn(norm(h)); h = norm(h)
 * Layer 0 reads the embedding's norm and has none of its own before the attention.
 * Fields are read in the spelling of transformers 4 (two bases, every n-th layer global) and in
 * that of 5 (rope_parameters, layer_types).
 * Source: transformers 5.24 modeling_modernbert.py, configuration_modernbert.py. */
#include "model/config_parts.h"
#include "model/stack.h"

#include <math.h>
#include <string.h>

#define WN_WHERE "model/modernbert"

#define CONFIG_FILE "config.json"

/* The two ropes of a stack. */
enum { GLOBAL, LOCAL };

/* ---- config.json ----------------------------------------------------------------------------- */

static void bind_sizes(wn_config *config, wn_binder *b)
{
    size_t both;
    wn_bind_size(b, "vocab_size", &config->vocab, 1, WN_VOCAB_MAX, 50368);
    wn_bind_size(b, "hidden_size", &config->hidden, 1, WN_HIDDEN_MAX, 768);
    wn_bind_size(b, "num_hidden_layers", &config->n_layers, 1, WN_LAYERS_MAX, 22);
    wn_bind_size(b, "num_attention_heads", &config->n_heads, 1, 1024, 12);
    wn_bind_size(b, "intermediate_size", &config->intermediate, 1, 16 * WN_HIDDEN_MAX, 1152);
    wn_bind_size(b, "max_position_embeddings", &config->max_positions, WN_TOKENS_MIN,
                 WN_POSITIONS_MAX, 8192);
    wn_bind_size(b, "local_attention", &both, 2, WN_POSITIONS_MAX, 128);
    wn_bind_double(b, "norm_eps", &config->norm_eps, 1e-20, 0.1, 1e-5);
    wn_bind_bool(b, "norm_bias", &config->norm_bias, false);
    wn_bind_bool(b, "attention_bias", &config->attention_bias, false);
    wn_bind_bool(b, "mlp_bias", &config->mlp_bias, false);
    wn_bind_bool(b, "classifier_bias", &config->head_bias, false);
    if (config->hidden % (2 * config->n_heads) != 0)
        wn_binder_note(b, "field 'hidden_size': is %zu, expected a multiple of twice the %zu heads",
                       config->hidden, config->n_heads);
    config->head_dim = config->hidden / config->n_heads;
    config->n_kv_heads = config->n_heads;
    config->max_tokens = config->max_positions;
    config->window = both / 2;
}

/* The base of a kind of layers: rope_parameters names it, else a field of its own. */
static wn_status read_base(double *base, const json_t *json, const char *kind, const char *key,
                           double fallback, wn_error *err)
{
    const json_t *all = json_object_get(json, "rope_parameters");
    const json_t *own = json_object_get(all, kind);
    const char *type;
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    wn_bind_double(&b, key, base, 1, 1e12, fallback);
    if (all != NULL && !json_is_null(all) && !json_is_object(own))
        wn_binder_note(&b, "field 'rope_parameters': has no object '%s'", kind);
    WN_TRY(wn_binder_end(&b, err));
    wn_binder_init(&b, own, CONFIG_FILE ": rope_parameters");
    wn_bind_double(&b, "rope_theta", base, 1, 1e12, *base);
    wn_bind_string(&b, "rope_type", &type, "default");
    WN_TRY(wn_binder_end(&b, err));
    if (strcmp(type, "default") != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: rope_type '%.100s' is not supported, only 'default'",
                CONFIG_FILE, type);
    return WN_OK;
}

static wn_status read_ropes(wn_config *config, const json_t *json, wn_error *err)
{
    const json_t *scaling = json_object_get(json, "rope_scaling");
    if (scaling != NULL && !json_is_null(scaling))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: 'rope_scaling' is set, which is not supported",
                CONFIG_FILE);
    WN_TRY(read_base(&config->rope_base, json, "full_attention", "global_rope_theta", 160000, err));
    bool same = json_is_null(json_object_get(json, "local_rope_theta"));
    return read_base(&config->local_rope_base, json, "sliding_attention", "local_rope_theta",
                     same ? config->rope_base : 10000, err);
}

/* Which layers are local: a list names each one's kind, else every n-th is global. */
static wn_status read_layers(wn_config *config, const json_t *json, wn_error *err)
{
    const json_t *types = json_object_get(json, "layer_types");
    bool is_list = types != NULL && !json_is_null(types);
    size_t every;
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    wn_bind_size(&b, "global_attn_every_n_layers", &every, 1, WN_LAYERS_MAX, 3);
    if (is_list && json_array_size(types) != config->n_layers)
        wn_binder_note(&b, "field 'layer_types': names %zu layers, num_hidden_layers is %zu",
                       json_array_size(types), config->n_layers);
    WN_TRY(wn_binder_end(&b, err));
    for (size_t i = 0; i < config->n_layers; i++) {
        const char *type = json_string_value(json_array_get(types, i));
        config->is_local[i] =
            is_list ? type != NULL && strcmp(type, "sliding_attention") == 0 : i % every != 0;
        if (is_list && !config->is_local[i] &&
            (type == NULL || strcmp(type, "full_attention") != 0))
            WN_FAIL(err, WN_ERR_UNSUPPORTED,
                    "%s: layer_types: layer %zu is '%.100s', expected 'full_attention' or "
                    "'sliding_attention'",
                    CONFIG_FILE, i, type == NULL ? "" : type);
    }
    return WN_OK;
}

wn_status wn_modernbert_configure(wn_config *config, const json_t *json, wn_error *err)
{
    const char *act, *head_act, *pool;
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    bind_sizes(config, &b);
    wn_bind_string(&b, "hidden_activation", &act, "gelu");
    wn_bind_string(&b, "classifier_activation", &head_act, "gelu");
    wn_bind_string(&b, "classifier_pooling", &pool, "cls");
    WN_TRY(wn_binder_end(&b, err));
    config->gate = WN_GATE_FIRST;
    WN_TRY(wn_config_read_activation(&config->act, "hidden_activation", act, err));
    WN_TRY(wn_config_read_activation(&config->head_act, "classifier_activation", head_act, err));
    bool is_mean = strcmp(pool, "mean") == 0;
    if (!is_mean && strcmp(pool, "cls") != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: classifier_pooling '%.100s' is not supported, only 'cls' or 'mean'",
                CONFIG_FILE, pool);
    if (config->kind == WN_KIND_CROSS_ENCODER)
        config->pool = is_mean ? WN_POOL_MEAN : WN_POOL_FIRST;
    WN_TRY(read_ropes(config, json, err));
    WN_TRY(read_layers(config, json, err));
    return wn_config_refuse_switches(json, err);
}

/* ---- names ----------------------------------------------------------------------------------- */

void wn_modernbert_lay_out(wn_layout *out, const wn_config *config)
{
    *out = (wn_layout){
        .prefix = "model.",
        .word = "embeddings.tok_embeddings",
        .embedding_norm = "embeddings.norm",
        .qkv = {{"layers.%zu.attn.Wqkv"}, config->attention_bias},
        .out = {{"layers.%zu.attn.Wo"}, config->attention_bias},
        .up = {{"layers.%zu.mlp.Wi"}, config->mlp_bias},
        .down = {{"layers.%zu.mlp.Wo"}, config->mlp_bias},
        .norm_first = true,
        .attention_norm = "layers.%zu.attn_norm",
        .starts_without = true,
        .output_norm = "layers.%zu.mlp_norm",
        .final_norm = "final_norm",
        .norm_bias = config->norm_bias,
        .ropes = {[GLOBAL] = {config->rope_base, 1}, [LOCAL] = {config->local_rope_base, 1}},
        .n_ropes = 2,
        .head = {.pool = config->pool,
                 .dense = "head.dense",
                 .dense_bias = config->head_bias,
                 .act = config->head_act,
                 .norm = "head.norm",
                 .norm_bias = config->norm_bias,
                 .norm_eps = config->norm_eps,
                 .out = "classifier",
                 .out_bias = true},
    };
}

/* ---- the graph ------------------------------------------------------------------------------- */

wn_tensor wn_modernbert_forward(const wn_stack *stack, const wn_config *config, wn_exec *exec,
                                const wn_batch *batch, wn_rows rows)
{
    const wn_ops *ops = wn_exec_ops(exec);
    wn_attention attention = {.n_heads = config->n_heads,
                              .n_kv_heads = config->n_heads,
                              .head_dim = config->head_dim,
                              .scale = 1.0f / sqrtf((float)config->head_dim)};
    wn_tensor h = wn_exec_tensor(exec, batch->n_tokens, config->hidden);
    wn_tensor x = wn_exec_tensor(exec, batch->n_tokens, config->hidden);
    wn_tensor qkv = wn_exec_tensor(exec, batch->n_tokens, wn_attention_width(&attention));
    wn_tensor context = wn_exec_tensor(exec, batch->n_tokens, config->hidden);
    ops->embed(exec, &h, batch, &stack->embedding);
    for (size_t i = 0; i < config->n_layers; i++) {
        const wn_layer layer = wn_stack_layer(stack, i);
        const wn_head_turn turn = {.rotary = &stack->rotary[config->is_local[i] ? LOCAL : GLOBAL]};
        const wn_feed_forward f = {
            .up = &layer.up, .down = &layer.down, .act = config->act, .gate = config->gate};
        bool has_norm = layer.attention_norm.n > 0;
        if (has_norm)
            ops->norm(exec, &x, &h, &layer.attention_norm);
        attention.rows = i + 1 == config->n_layers ? rows : WN_ROWS_ALL;
        attention.window = config->is_local[i] ? config->window : 0;
        const wn_attention_tensors tensors = {&h, has_norm ? &x : &h, &qkv, &context};
        wn_self_attention(exec, &tensors, &layer, batch, &attention, &turn);
        x.rows = h.rows;
        ops->linear_add_norm(exec, &h, &context, &layer.out, &h, NULL);
        ops->norm(exec, &x, &h, &layer.output_norm);
        ops->feed_forward(exec, &h, &x, &h, &f);
    }
    ops->norm(exec, &h, &h, &stack->final_norm);
    return h;
}
