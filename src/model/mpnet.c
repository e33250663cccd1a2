/* MPNet: BERT without types whose heads add a number for the bucket of a distance, the same in all
 * layers.  Positions begin at 2, whatever the padding token.
 * Source: transformers 5.24 modeling_mpnet.py; Raffel et al. 2020 for the buckets. */
#include "model/config_parts.h"
#include "model/stack.h"

#include <math.h>

#define WN_WHERE "model/mpnet"

#define LAYER "encoder.layer.%zu."

enum { BUCKETS = 32, FARTHEST = 128 };

wn_status wn_mpnet_configure(wn_config *config, const json_t *json, wn_error *err)
{
    size_t buckets;
    wn_binder b;
    WN_TRY(wn_config_read_sizes(config, json, err));
    wn_binder_init(&b, json, "config.json");
    wn_bind_size(&b, "relative_attention_num_buckets", &buckets, 1, 65536, BUCKETS);
    WN_TRY(wn_binder_end(&b, err));
    if (buckets != BUCKETS) /* the class computes them for 32 */
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "config.json: relative_attention_num_buckets %zu is not supported, only %d",
                buckets, BUCKETS);
    if (config->position_offset != 2)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "config.json: pad_token_id %zu is not supported, only 1",
                config->position_offset - 1);
    return WN_OK;
}

/* Half of the buckets for each direction; of these the first half for one distance each, the
 * others ever longer. */
static int32_t bucket(const wn_config *config, ptrdiff_t distance)
{
    enum { SIDE = BUCKETS / 2, EXACT = SIDE / 2 };
    int32_t first = distance < 0 ? SIDE : 0;
    size_t away = (size_t)(distance < 0 ? -distance : distance);
    (void)config;
    if (away < EXACT)
        return first + (int32_t)away;
    float share = logf((float)away / EXACT) / (float)log((double)FARTHEST / EXACT);
    return first + WN_MIN(EXACT + (int32_t)(share * (SIDE - EXACT)), SIDE - 1);
}

void wn_mpnet_lay_out(wn_layout *out, const wn_config *config)
{
    wn_roberta_lay_out(out, config);
    out->prefix = "mpnet.";
    out->type = NULL;
    out->qkv = (wn_linear_names){
        {LAYER "attention.attn.q", LAYER "attention.attn.k", LAYER "attention.attn.v"}, true};
    out->out = (wn_linear_names){{LAYER "attention.attn.o"}, true};
    out->attention_norm = LAYER "attention.LayerNorm";
    out->relative = (wn_relative_names){.table = "encoder.relative_attention_bias",
                                        .n_buckets = BUCKETS,
                                        .are_numbers = true,
                                        .bucket = bucket};
}
