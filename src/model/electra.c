/* ELECTRA: BERT whose embeddings may be narrower and are projected; its head has GELU.
 * Source: transformers 5.24 modeling_electra.py. */
#include "model/config_parts.h"
#include "model/stack.h"

#define WN_WHERE "model/electra"

wn_status wn_electra_configure(wn_config *config, const json_t *json, wn_error *err)
{
    wn_binder b;
    WN_TRY(wn_config_read_sizes(config, json, err));
    wn_binder_init(&b, json, "config.json");
    wn_bind_size(&b, "embedding_size", &config->embedding, 1, config->hidden,
                 WN_MIN(config->hidden, (size_t)128));
    return wn_binder_end(&b, err);
}

void wn_electra_lay_out(wn_layout *out, const wn_config *config)
{
    wn_roberta_lay_out(out, config);
    out->prefix = "electra.";
    out->projection = config->embedding != config->hidden ? "embeddings_project" : NULL;
    out->head.act = WN_ACT_GELU;
}
