/* jina-reranker-m0 on texts: the language model of Qwen2-VL over the graph of causal.c, and a head
 *   z = score.2(relu(score.0 h)), relevance sigmoid(z - 2.65)
 * over the hidden state of one more token, of id 100, behind the prompt.  Places of texts count one
 * by one in all three sections of M-RoPE, which then turns heads as plain rotary positions do.
 * The tower that reads images (visual.*) is left out: documents are texts.
 * Source: jinaai/jina-reranker-m0 modeling.py; transformers modeling_qwen2_vl.py. */
#include "model/causal.h"

#include "model/config_parts.h"

#include <string.h>

#define WN_WHERE "model/jina_m0"

#define CONFIG_FILE "config.json"

bool wn_jina_m0_claims(const wn_identity *id)
{
    return strcmp(id->architecture, "JinaVLForRanking") == 0;
}

/* The pairs of a head that turn by time, height and width. */
static wn_status check_sections(const wn_config *config, const json_t *json, wn_error *err)
{
    static const char *const keys[] = {"rope_parameters", "rope_scaling"};
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++) {
        const json_t *sections = json_object_get(json_object_get(json, keys[i]), "mrope_section");
        json_int_t n_pairs = 0;
        for (size_t j = 0; j < json_array_size(sections); j++)
            n_pairs += json_integer_value(json_array_get(sections, j));
        if (sections != NULL && n_pairs != (json_int_t)config->head_dim / 2)
            WN_FAIL(err, WN_ERR_FORMAT,
                    "%s: field 'mrope_section': sections of %lld pairs, a head of %zu has %zu",
                    CONFIG_FILE, (long long)n_pairs, config->head_dim, config->head_dim / 2);
    }
    return WN_OK;
}

wn_status wn_jina_m0_configure(wn_config *config, const json_t *json, wn_error *err)
{
    static const wn_causal_defaults defaults = {.vocab = 152064,
                                                .hidden = 8192,
                                                .n_layers = 80,
                                                .n_heads = 64,
                                                .n_kv_heads = 8,
                                                .intermediate = 29568,
                                                .max_positions = 32768,
                                                .norm_eps = 1e-5,
                                                .rope_base = 1e6,
                                                .rope_type = "mrope"};
    config->prompt = WN_PROMPT_JINA_M0;
    config->document_first = true;
    config->score_shift = 2.65;
    WN_TRY(wn_causal_read_activation(config, json, err));
    WN_TRY(wn_causal_configure(config, json, &defaults, err));
    return check_sections(config, json, err);
}

void wn_jina_m0_lay_out(wn_layout *out, const wn_config *config)
{
    wn_causal_lay_out(out, config);
    out->qkv.has_bias = true;
    out->head = (wn_head_names){.pool = WN_POOL_LAST,
                                .dense = "score.0",
                                .dense_bias = true,
                                .act = WN_ACT_RELU,
                                .out = "score.2",
                                .out_bias = true};
    out->unread = "visual";
}
