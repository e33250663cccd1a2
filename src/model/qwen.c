/* Qwen2 (mxbai-rerank v2) and Qwen3 (Qwen3-Reranker, jina-reranker-v3) over the graph of causal.c.
 * Qwen2 has biases of query, key and value; Qwen3 normalises their heads instead, and its heads
 * together need not be as wide as the hidden state.
 * Source: transformers configuration_qwen2.py, configuration_qwen3.py, modeling_qwen3.py. */
#include "model/causal.h"

#include "model/config_parts.h"

#include <string.h>

#define WN_WHERE "model/qwen"

#define CONFIG_FILE "config.json"

#define QWEN3_HEAD_DIM 128

static const wn_causal_defaults qwen2 = {.vocab = 151936,
                                         .hidden = 4096,
                                         .n_layers = 32,
                                         .n_heads = 32,
                                         .intermediate = 22016,
                                         .max_positions = 32768,
                                         .norm_eps = 1e-6,
                                         .rope_base = 10000};

static wn_status configure(wn_config *config, const json_t *json, size_t head_dim, wn_error *err)
{
    wn_causal_defaults defaults = qwen2;
    defaults.head_dim = head_dim;
    WN_TRY(wn_causal_read_activation(config, json, err));
    return wn_causal_configure(config, json, &defaults, err);
}

wn_status wn_qwen3_configure(wn_config *config, const json_t *json, wn_error *err)
{
    config->prompt = WN_PROMPT_QWEN3;
    return configure(config, json, QWEN3_HEAD_DIM, err);
}

wn_status wn_jina_v3_configure(wn_config *config, const json_t *json, wn_error *err)
{
    config->prompt = WN_PROMPT_JINA_V3;
    return configure(config, json, QWEN3_HEAD_DIM, err);
}

bool wn_jina_v3_claims(const wn_identity *id)
{
    return strcmp(id->architecture, "JinaForRanking") == 0;
}

/* The scale of the published scores goes by the model's name; its widths tell as much.  It is that
 * of mxbai-rerank's own code, which reads the language model; a classification has the plain one of
 * transformers' users, and may come with a template of its own. */
wn_status wn_qwen2_configure(wn_config *config, const json_t *json, wn_error *err)
{
    const size_t base_hidden = 896;
    const double base_max = 9, other_max = 12;
    config->prompt = WN_PROMPT_MXBAI;
    config->takes_template = !config->asks;
    WN_TRY(configure(config, json, 0, err));
    if (config->asks)
        config->score_shift = (config->hidden == base_hidden ? base_max : other_max) / 2;
    return WN_OK;
}

void wn_qwen3_lay_out(wn_layout *out, const wn_config *config)
{
    wn_causal_lay_out(out, config);
    out->query_norm = WN_CAUSAL_LAYER "self_attn.q_norm";
    out->key_norm = WN_CAUSAL_LAYER "self_attn.k_norm";
}

void wn_qwen2_lay_out(wn_layout *out, const wn_config *config)
{
    wn_causal_lay_out(out, config);
    out->qkv.has_bias = true;
}
