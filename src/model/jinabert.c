/* JinaBERT: BERT with ALiBi in place of positions and a gated feed-forward.
 *   h = LN(word + type); each layer: h = LN(h + attention(h)), h = LN(h + down(gate(up(h))))
 * Its successor for code also normalises queries and keys, whole rows of them, gates the other half
 * and adds the sum twice:  a = LN(h + attention(h)), h = LN1(h + a), h = LN2(h + ffn(h)).
 * Files of both call themselves "bert"; their tensors do not.
 * Source: jinaai/jina-bert-implementation and jinaai/jina-bert-v2-qk-post-norm, as text-embeddings-
 * inference (jina.rs, jina_code.rs) and rtp-llm have them. */
#include "model/config_parts.h"
#include "model/stack.h"

#include <math.h>
#include <string.h>

#define LAYER "encoder.layer.%zu."

/* Does a model say that it comes from this repository? */
static bool is_from(const wn_identity *id, const char *repository)
{
    return strstr(id->name_or_path, repository) != NULL ||
           strstr(id->auto_config, repository) != NULL;
}

bool wn_jina_bert_qk_claims(const wn_identity *id)
{
    return wn_identity_has_tensor(id, ".mlp.up_gated_layer.") ||
           is_from(id, "jina-bert-v2-qk-post-norm");
}

bool wn_jina_bert_claims(const wn_identity *id)
{
    return wn_identity_has_tensor(id, ".mlp.gated_layers.") ||
           is_from(id, "jina-bert-implementation") || strstr(id->auto_config, "JinaBert") != NULL ||
           strstr(id->architecture, "JinaBert") != NULL;
}

/* The gate's activation is told by the name of the feed-forward; hidden_act is of what has none. */
static wn_status configure(wn_config *config, const json_t *json, wn_gate gate, wn_error *err)
{
    static const char *const positions[] = {"alibi"}, *const gated[] = {"geglu", "reglu"};
    size_t method;
    WN_TRY(wn_config_read_widths(config, json, err));
    WN_TRY(wn_config_read_method(&method, json, "position_embedding_type", "absolute", positions,
                                 WN_ARRAY_LEN(positions), err));
    WN_TRY(wn_config_read_method(&method, json, "feed_forward_type", "original", gated,
                                 WN_ARRAY_LEN(gated), err));
    config->act = method == 0 ? WN_ACT_GELU : WN_ACT_RELU;
    config->gate = gate;
    return WN_OK;
}

wn_status wn_jina_bert_configure(wn_config *config, const json_t *json, wn_error *err)
{
    return configure(config, json, WN_GATE_FIRST, err);
}

wn_status wn_jina_bert_qk_configure(wn_config *config, const json_t *json, wn_error *err)
{
    return configure(config, json, WN_GATE_SECOND, err);
}

void wn_jina_bert_lay_out(wn_layout *out, const wn_config *config)
{
    wn_bert_lay_out(out, config);
    out->position = NULL;
    out->alibi = true;
    out->up = (wn_linear_names){{LAYER "mlp.gated_layers"}, false};
    out->down = (wn_linear_names){{LAYER "mlp.wo"}, true};
    out->output_norm = LAYER "mlp.layernorm";
}

void wn_jina_bert_qk_lay_out(wn_layout *out, const wn_config *config)
{
    wn_jina_bert_lay_out(out, config);
    out->up = (wn_linear_names){{LAYER "mlp.up_gated_layer"}, false};
    out->down = (wn_linear_names){{LAYER "mlp.down_layer"}, true};
    out->query_norm = LAYER "attention.self.layer_norm_q";
    out->key_norm = LAYER "attention.self.layer_norm_k";
    out->norms_span_heads = true;
    out->again_norm = LAYER "layer_norm_1";
    out->output_norm = LAYER "layer_norm_2";
}

wn_tensor wn_jina_bert_qk_forward(const wn_stack *stack, const wn_config *config, wn_exec *exec,
                                  const wn_batch *batch, wn_rows rows)
{
    const wn_ops *ops = wn_exec_ops(exec);
    wn_attention attention = {.n_heads = config->n_heads,
                              .n_kv_heads = config->n_heads,
                              .head_dim = config->head_dim,
                              .scale = 1.0f / sqrtf((float)config->head_dim),
                              .slopes = stack->slopes};
    wn_tensor h = wn_exec_tensor(exec, batch->n_tokens, config->hidden);
    wn_tensor qkv = wn_exec_tensor(exec, batch->n_tokens, wn_attention_width(&attention));
    wn_tensor context = wn_exec_tensor(exec, batch->n_tokens, config->hidden);
    wn_tensor sum = wn_exec_tensor(exec, batch->n_tokens, config->hidden);
    const wn_attention_tensors tensors = {&h, &h, &qkv, &context};
    ops->embed(exec, &h, batch, &stack->embedding);
    for (size_t i = 0; i < config->n_layers; i++) {
        const wn_layer layer = wn_stack_layer(stack, i);
        const wn_head_turn norms = {.query_norm = &layer.query_norm, .key_norm = &layer.key_norm};
        const wn_feed_forward f = {.up = &layer.up,
                                   .down = &layer.down,
                                   .act = config->act,
                                   .gate = config->gate,
                                   .norm = &layer.output_norm};
        attention.rows = i + 1 == config->n_layers ? rows : WN_ROWS_ALL;
        wn_self_attention(exec, &tensors, &layer, batch, &attention, &norms);
        sum.rows = h.rows;
        ops->linear_add_norm(exec, &sum, &context, &layer.out, &h, &layer.attention_norm);
        ops->add_norm(exec, &h, &sum, &h, &layer.again_norm);
        ops->feed_forward(exec, &h, &h, &h, &f);
    }
    return h;
}
