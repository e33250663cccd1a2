/* Alibaba's NewModel (gte-multilingual, gte v1.5): BERT with rotary positions and a gated
 * feed-forward.
 *   h = LN(word + type); each layer: h = LN(h + attention(h)), h = LN(h + down(gate(up(h))))
 * With rope_scaling 'ntk' the base is multiplied by the factor and all speeds are divided by
 * factor^(2 / head_dim), however long a text is.
 * Source: Alibaba-NLP/new-impl modeling.py, as text-embeddings-inference (gte.rs, rotary.rs) and
 * vLLM (ntk_scaling_rope.py) have it. */
#include "model/config_parts.h"
#include "model/stack.h"

#include <math.h>
#include <string.h>

#define WN_WHERE "model/newmodel"

#define LAYER "encoder.layer.%zu."

/* rope_scaling, or rope_parameters as newer files have it.  With a factor below 1 the reference
 * would not scale at all. */
static wn_status read_rope(wn_config *config, const json_t *json, wn_error *err)
{
    static const char *const keys[] = {"rope_scaling", "rope_parameters"};
    const json_t *rope = NULL;
    const char *type, *newer;
    double theta, factor;
    wn_binder b;
    for (size_t i = 0; rope == NULL && i < WN_ARRAY_LEN(keys); i++)
        WN_TRY(wn_config_field_object(&rope, json, keys[i], err));
    wn_binder_init(&b, rope, "config.json: rope");
    wn_bind_string(&b, "rope_type", &newer, "default");
    wn_bind_string(&b, "type", &type, newer);
    wn_bind_double(&b, "rope_theta", &theta, 1, 1e12, 10000);
    wn_bind_double(&b, "factor", &factor, 1, 1e6, 1);
    WN_TRY(wn_binder_end(&b, err));
    wn_binder_init(&b, json, "config.json");
    wn_bind_double(&b, "rope_theta", &theta, 1, 1e12, theta);
    WN_TRY(wn_binder_end(&b, err));
    bool scaled = strcmp(type, "ntk") == 0;
    if (!scaled && strcmp(type, "default") != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "config.json: rope type '%.100s' is not supported, only "
                "'ntk'",
                type);
    if (json_is_number(json_object_get(rope, "mixed_b")))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "config.json: 'mixed_b' of rope is not supported");
    config->rope_base = scaled ? theta * factor : theta;
    config->rope_divisor = scaled ? pow(factor, 2.0 / (double)config->head_dim) : 1;
    return WN_OK;
}

wn_status wn_new_model_configure(wn_config *config, const json_t *json, wn_error *err)
{
    static const char *const methods[][2] = {{"position_embedding_type", "rope"},
                                             {"layer_norm_type", "layer_norm"}};
    size_t method;
    bool packs, scales;
    wn_binder b;
    WN_TRY(wn_config_read_widths(config, json, err));
    for (size_t i = 0; i < WN_ARRAY_LEN(methods); i++)
        WN_TRY(wn_config_read_method(&method, json, methods[i][0], methods[i][1], &methods[i][1], 1,
                                     err));
    wn_binder_init(&b, json, "config.json");
    wn_bind_bool(&b, "pack_qkv", &packs, true);
    wn_bind_bool(&b, "logn_attention_scale", &scales, false);
    if (config->head_dim % 2 != 0)
        wn_binder_note(&b, "field 'hidden_size': makes heads of %zu, expected an even number",
                       config->head_dim);
    WN_TRY(wn_binder_end(&b, err));
    if (!packs)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "config.json: 'pack_qkv' is off, which is not supported");
    if (scales)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "config.json: 'logn_attention_scale' is set, which is not supported");
    config->gate = WN_GATE_SECOND;
    return read_rope(config, json, err);
}

void wn_new_model_lay_out(wn_layout *out, const wn_config *config)
{
    wn_bert_lay_out(out, config); /* with its head */
    out->prefix = "new.";
    out->position = NULL;
    out->type = config->type_vocab > 0 ? out->type : NULL;
    out->ropes[0] = (wn_rope){config->rope_base, config->rope_divisor};
    out->n_ropes = 1;
    out->qkv = (wn_linear_names){{LAYER "attention.qkv_proj"}, true};
    out->out = (wn_linear_names){{LAYER "attention.o_proj"}, true};
    out->up = (wn_linear_names){{LAYER "mlp.up_gate_proj"}, false};
    out->down = (wn_linear_names){{LAYER "mlp.down_proj"}, true};
    out->attention_norm = LAYER "attn_ln";
    out->output_norm = LAYER "mlp_ln";
}
