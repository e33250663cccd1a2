/* DeBERTa v2 and v3 (mxbai-rerank v1): BERT whose scores depend on how far a key is from its query.
 *   h = LN(word [+ position] [+ type]); R = [LN](rel_embeddings)
 *   score(i, j) = (Q_i K_j + Q_i PK_b + K_j PQ_b) / sqrt(3 d), PK = key(R), PQ = query(R),
 *   b = bucket(i - j) + span, up to half the span a bucket for each distance, then logarithmic
 * The scale counts the terms that pos_att_type names.  The defaults of missing fields are those of
 * the class, which are not those of v3's published files.
 * Source: transformers 5.24 modeling_deberta_v2.py, configuration_deberta_v2.py. */
#include "base/str.h"
#include "model/config_parts.h"
#include "model/stack.h"

#include <math.h>
#include <string.h>

#define WN_WHERE "model/deberta"

#define CONFIG_FILE "config.json"
#define LAYER       "encoder.layer.%zu."

/* ---- config.json ----------------------------------------------------------------------------- */

/* Whether a field, a list of words or one text with bars between them, names each of the known
 * words.  Others are refused. */
static wn_status read_words(bool *has, const json_t *json, const char *key,
                            const char *const *known, size_t n, wn_error *err)
{
    const json_t *value = json_object_get(json, key);
    const char *text = json_string_value(value);
    wn_str rest = text != NULL ? wn_str_from(text) : (wn_str){NULL, 0};
    size_t n_listed = json_array_size(value);
    for (size_t i = 0; i < n; i++)
        has[i] = false;
    if (value != NULL && !json_is_null(value) && !json_is_string(value) && !json_is_array(value))
        WN_FAIL(err, WN_ERR_FORMAT, "%s: field '%s': is neither a text nor a list", CONFIG_FILE,
                key);
    for (size_t at = 0; at < n_listed || rest.len > 0; at++) {
        const char *bar = rest.len > 0 ? memchr(rest.ptr, '|', rest.len) : NULL;
        size_t len = bar != NULL ? (size_t)(bar - rest.ptr) : rest.len;
        const char *listed = json_string_value(json_array_get(value, at));
        wn_str word =
            n_listed > 0 ? wn_str_from(listed != NULL ? listed : "") : (wn_str){rest.ptr, len};
        rest = wn_str_slice(rest, WN_MIN(rest.len, len + 1), rest.len);
        while (word.len > 0 && word.ptr[0] == ' ')
            word = wn_str_slice(word, 1, word.len);
        while (word.len > 0 && word.ptr[word.len - 1] == ' ')
            word.len--;
        bool is_known = false;
        for (size_t i = 0; i < n; i++) {
            bool same = wn_str_equal(word, wn_str_from(known[i]));
            has[i] |= same;
            is_known |= same;
        }
        if (!is_known)
            WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: %s '%.*s' is not supported", CONFIG_FILE, key,
                    (int)WN_MIN(word.len, (size_t)100), word.ptr);
    }
    return WN_OK;
}

/* The buckets of distances, and which terms the scores have. */
static wn_status read_relative(wn_config *config, const json_t *json, bool is_on, wn_error *err)
{
    static const char *const terms[] = {"c2p", "p2c"}, *const norms[] = {"none", "layer_norm"};
    bool has[2], norm[2];
    int64_t buckets, farthest;
    wn_binder b;
    WN_TRY(read_words(has, json, "pos_att_type", terms, 2, err));
    WN_TRY(read_words(norm, json, "norm_rel_ebd", norms, 2, err));
    wn_binder_init(&b, json, CONFIG_FILE);
    wn_bind_int(&b, "position_buckets", &buckets, -1, WN_POSITIONS_MAX, -1);
    wn_bind_int(&b, "max_relative_positions", &farthest, -1, WN_POSITIONS_MAX, -1);
    if (farthest < 1)
        farthest = (int64_t)config->max_positions;
    if (buckets > 0 && (buckets < 4 || farthest <= buckets / 2 + 1))
        wn_binder_note(&b,
                       "field 'position_buckets': is %lld, expected at least 4 and less than twice "
                       "max_relative_positions, %lld",
                       (long long)buckets, (long long)farthest);
    WN_TRY(wn_binder_end(&b, err));
    config->n_score_terms = 1 + (size_t)has[0] + (size_t)has[1];
    config->relative = (wn_relative_config){.span = (size_t)(buckets > 0 ? buckets : farthest),
                                            .farthest = buckets > 0 ? (size_t)farthest : 0,
                                            .by_query = has[0],
                                            .by_key = has[1],
                                            .has_norm = norm[1]};
    if (!is_on)
        config->relative = (wn_relative_config){.span = 0, .has_norm = norm[1]};
    return WN_OK;
}

/* What the class has beyond this graph. */
static wn_status refuse_more(const wn_config *config, const json_t *json, bool shares,
                             wn_error *err)
{
    size_t kernel, embedding, head, pooler;
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    wn_bind_size(&b, "conv_kernel_size", &kernel, 0, 1024, 0);
    wn_bind_size(&b, "embedding_size", &embedding, 1, WN_HIDDEN_MAX, config->hidden);
    wn_bind_size(&b, "attention_head_size", &head, 1, WN_HIDDEN_MAX, config->head_dim);
    wn_bind_size(&b, "pooler_hidden_size", &pooler, 1, WN_HIDDEN_MAX, config->hidden);
    WN_TRY(wn_binder_end(&b, err));
    if (kernel > 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: conv_kernel_size %zu is not supported, only 0",
                CONFIG_FILE, kernel);
    if (embedding != config->hidden || pooler != config->hidden || head != config->head_dim)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: embedding_size %zu, pooler_hidden_size %zu and attention_head_size %zu are "
                "not supported, only those of hidden_size and its heads, %zu and %zu",
                CONFIG_FILE, embedding, pooler, head, config->hidden, config->head_dim);
    if (!shares && (config->relative.by_query || config->relative.by_key))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: share_att_key false is not supported", CONFIG_FILE);
    return WN_OK;
}

wn_status wn_deberta_configure(wn_config *config, const json_t *json, wn_error *err)
{
    const char *act;
    bool is_relative, shares;
    wn_binder b;
    WN_TRY(wn_config_read_widths(config, json, err));
    wn_binder_init(&b, json, CONFIG_FILE);
    wn_bind_bool(&b, "relative_attention", &is_relative, false);
    wn_bind_bool(&b, "position_biased_input", &config->has_positions, true);
    wn_bind_bool(&b, "share_att_key", &shares, false);
    wn_bind_string(&b, "pooler_hidden_act", &act, "gelu");
    WN_TRY(wn_binder_end(&b, err));
    WN_TRY(wn_config_read_activation(&config->head_act, "pooler_hidden_act", act, err));
    WN_TRY(read_relative(config, json, is_relative, err));
    config->has_types = config->type_vocab > 0;
    return refuse_more(config, json, shares, err);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* The bucket of a distance: each its own up to half the span, then ever longer ones. */
static int32_t bucket(const wn_config *config, ptrdiff_t distance)
{
    const wn_relative_config *r = &config->relative;
    ptrdiff_t span = (ptrdiff_t)r->span, half = span / 2, place = distance;
    double away = fabs((double)distance), middle = (double)half;
    if (r->farthest > 0 && away > middle) {
        double share = log(away / middle) / log((double)(r->farthest - 1) / middle);
        place = (ptrdiff_t)copysign(ceil(share * (middle - 1)) + middle, (double)distance);
    }
    place += span;
    return (int32_t)(place < 0 ? 0 : WN_MIN(place, 2 * span - 1));
}

void wn_deberta_lay_out(wn_layout *out, const wn_config *config)
{
    const wn_relative_config *r = &config->relative;
    wn_bert_lay_out(out, config);
    out->prefix = "deberta.";
    out->position = config->has_positions ? out->position : NULL;
    out->type = config->type_vocab > 0 ? out->type : NULL;
    out->qkv =
        (wn_linear_names){{LAYER "attention.self.query_proj", LAYER "attention.self.key_proj",
                           LAYER "attention.self.value_proj"},
                          true};
    out->head.act = config->head_act;
    out->relative.norm =
        r->has_norm ? "encoder.LayerNorm" : NULL; /* there even without the table */
    if (r->span == 0)
        return;
    out->relative = (wn_relative_names){.table = "encoder.rel_embeddings",
                                        .norm = out->relative.norm,
                                        .n_buckets = 2 * r->span,
                                        .by_query = r->by_query,
                                        .by_key = r->by_key,
                                        .bucket = bucket};
}
