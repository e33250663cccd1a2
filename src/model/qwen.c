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

/* A field by which layers see a part of the texts only, and that is set.  max_window_layers is a
 * number in all files of Qwen, where windows are switched off. */
static bool sets_windows(const char *key, const json_t *value)
{
    static const char *const parts[] = {"window", "sliding", "local_"};
    bool is_set = !json_is_null(value) && !json_is_false(value);
    for (size_t i = 0; is_set && i < WN_ARRAY_LEN(parts); i++) {
        if (strstr(key, parts[i]) != NULL && strcmp(key, "max_window_layers") != 0)
            return true;
    }
    return false;
}

/* jina-reranker-v3.5 has the class of v3 and layers with windows.  Its files do not tell how many
 * tokens of queries and documents it reads, which is more than v3 does, and scores depend on it. */
static wn_status refuse_v35(const json_t *json, wn_error *err)
{
    const json_t *types = json_object_get(json, "layer_types"), *value;
    const char *found = NULL, *key;
    json_object_foreach((json_t *)(uintptr_t)json, key, value) found =
        sets_windows(key, value) ? key : found;
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = json_string_value(json_array_get(types, i));
        found = type == NULL || strcmp(type, "full_attention") != 0 ? "layer_types" : found;
    }
    if (found != NULL)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: '%.100s' is set: a JinaForRanking with sliding windows is "
                "jina-reranker-v3.5, which is not supported, as its files do not tell how long its "
                "queries and documents are; jina-reranker-v3 is",
                CONFIG_FILE, found);
    return WN_OK;
}

wn_status wn_jina_v3_configure(wn_config *config, const json_t *json, wn_error *err)
{
    WN_TRY(refuse_v35(json, err));
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
