/* DistilBERT: BERT without types and pooler, under names of its own; its head has ReLU.
 * Source: transformers 5.24 modeling_distilbert.py, configuration_distilbert.py. */
#include "model/config_parts.h"
#include "model/stack.h"

#define WN_WHERE "model/distilbert"

#define LAYER "transformer.layer.%zu."

wn_status wn_distilbert_configure(wn_config *config, const json_t *json, wn_error *err)
{
    const char *act;
    wn_binder b;
    wn_binder_init(&b, json, "config.json");
    wn_bind_size(&b, "vocab_size", &config->vocab, 1, WN_VOCAB_MAX, 30522);
    wn_bind_size(&b, "dim", &config->hidden, 1, WN_HIDDEN_MAX, 768);
    wn_bind_size(&b, "n_layers", &config->n_layers, 1, WN_LAYERS_MAX, 6);
    wn_bind_size(&b, "n_heads", &config->n_heads, 1, 1024, 12);
    wn_bind_size(&b, "hidden_dim", &config->intermediate, 1, 16 * WN_HIDDEN_MAX, 3072);
    wn_bind_size(&b, "max_position_embeddings", &config->max_positions, WN_TOKENS_MIN,
                 WN_POSITIONS_MAX, 512);
    wn_bind_string(&b, "activation", &act, "gelu");
    if (config->hidden % config->n_heads != 0)
        wn_binder_note(&b, "field 'dim': is %zu, expected a multiple of the %zu heads",
                       config->hidden, config->n_heads);
    WN_TRY(wn_binder_end(&b, err));
    config->head_dim = config->hidden / config->n_heads;
    config->n_kv_heads = config->n_heads;
    config->max_tokens = config->max_positions;
    config->norm_eps = 1e-12;
    WN_TRY(wn_config_read_activation(&config->act, "activation", act, err));
    return wn_config_refuse_switches(json, err);
}

void wn_distilbert_lay_out(wn_layout *out, const wn_config *config)
{
    wn_bert_lay_out(out, config);
    out->prefix = "distilbert.";
    out->type = NULL;
    out->qkv = (wn_linear_names){
        {LAYER "attention.q_lin", LAYER "attention.k_lin", LAYER "attention.v_lin"}, true};
    out->out = (wn_linear_names){{LAYER "attention.out_lin"}, true};
    out->up = (wn_linear_names){{LAYER "ffn.lin1"}, true};
    out->down = (wn_linear_names){{LAYER "ffn.lin2"}, true};
    out->attention_norm = LAYER "sa_layer_norm";
    out->output_norm = LAYER "output_layer_norm";
    out->head.dense = "pre_classifier";
    out->head.act = WN_ACT_RELU;
}
