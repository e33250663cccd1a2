/* Gemma, the first one (bge-reranker-v2-gemma), over the graph of causal.c.  Words are multiplied
 * by the root of the width, files keep the gains of norms less 1 (GGUF files whole, which a field
 * of our own tells), the feed-forward has the tanh form of GELU, and heads are as wide as a field
 * says.  Its head is the table of words.
 * Source: transformers configuration_gemma.py, modeling_gemma.py. */
#include "model/causal.h"

#include "model/config_parts.h"

#include <math.h>
#include <string.h>

#define WN_WHERE "model/gemma"

#define CONFIG_FILE "config.json"

/* The published files say "gelu" and mean its tanh form; a second field, which some versions of the
 * reference read and others do not, must not say otherwise. */
static wn_status read_activation(wn_config *config, const json_t *json, wn_error *err)
{
    static const char *const keys[] = {"hidden_activation", "hidden_act"};
    wn_act acts[WN_ARRAY_LEN(keys)];
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++) {
        const char *name;
        wn_binder b;
        wn_binder_init(&b, json, CONFIG_FILE);
        wn_bind_string(&b, keys[i], &name, "gelu_pytorch_tanh");
        WN_TRY(wn_binder_end(&b, err));
        if (strcmp(name, "gelu") == 0)
            name = "gelu_pytorch_tanh";
        WN_TRY(wn_config_read_activation(&acts[i], keys[i], name, err));
    }
    if (json_is_string(json_object_get(json, keys[0])) && acts[0] != acts[1])
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: %s and %s name two activations", CONFIG_FILE, keys[0],
                keys[1]);
    config->act = acts[1];
    return WN_OK;
}

/* What the tensors of norms are: norm_weight, which files of transformers do not have. */
static wn_status read_gains(wn_config *config, const json_t *json, wn_error *err)
{
    static const char *const kinds[] = {"gain - 1", "gain"};
    size_t kind;
    WN_TRY(wn_config_read_method(&kind, json, "norm_weight", kinds[0], kinds, WN_ARRAY_LEN(kinds),
                                 err));
    config->gains_are_whole = kind == 1;
    return WN_OK;
}

wn_status wn_gemma_configure(wn_config *config, const json_t *json, wn_error *err)
{
    static const wn_causal_defaults defaults = {.vocab = 256000,
                                                .hidden = 3072,
                                                .n_layers = 28,
                                                .n_heads = 16,
                                                .n_kv_heads = 16,
                                                .head_dim = 256,
                                                .intermediate = 24576,
                                                .max_positions = 8192,
                                                .norm_eps = 1e-6,
                                                .rope_base = 10000,
                                                .is_tied = true};
    if (!config->asks)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: architecture 'GemmaForSequenceClassification' is not supported: no published "
                "reranker tells how its pairs are written",
                CONFIG_FILE);
    config->prompt = WN_PROMPT_GEMMA;
    WN_TRY(read_activation(config, json, err));
    WN_TRY(read_gains(config, json, err));
    WN_TRY(wn_causal_configure(config, json, &defaults, err));
    config->n_answers = 1;
    config->embedding_scale = sqrt((double)config->hidden);
    return WN_OK;
}

void wn_gemma_lay_out(wn_layout *out, const wn_config *config)
{
    wn_causal_lay_out(out, config);
    out->norm_kind = config->gains_are_whole ? WN_NORM_RMS : WN_NORM_RMS_ONE;
}
