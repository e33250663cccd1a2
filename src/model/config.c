/* See config.h.  Order: which family the files name, its fields, then what is beside them.  What
 * the graphs of model/ do not compute is refused by name, never computed approximately.
 * Source: transformers 5.24 configuration_{bert,xlm_roberta}.py for the defaults of missing fields;
 * jinaai/xlm-roberta-flash-implementation for the flash layout. */
#include "model/config.h"

#include "base/str.h"
#include "data/card.h"
#include "model/config_parts.h"
#include "model/family.h"

#include <stdio.h>
#include <string.h>

#define WN_WHERE "model/config"

#define CONFIG_FILE "config.json"

/* Tokens that long-document windows share: as in jina-reranker-v2's own code. */
#define WINDOW_OVERLAP 80

static const struct {
    const char *name;
    wn_act act;
} activations[] = {
    {"gelu", WN_ACT_GELU},
    {"gelu_python", WN_ACT_GELU},
    {"gelu_new", WN_ACT_GELU_TANH},
    {"gelu_fast", WN_ACT_GELU_TANH},
    {"gelu_pytorch_tanh", WN_ACT_GELU_TANH},
    {"relu", WN_ACT_RELU},
    {"silu", WN_ACT_SILU},
    {"swish", WN_ACT_SILU},
    {"tanh", WN_ACT_TANH},
};

/* ---- its sizes ------------------------------------------------------------------------------- */

static size_t or_else(size_t value, size_t fallback)
{
    return value > 0 ? value : fallback;
}

static void bind_sizes(wn_config *config, wn_binder *b)
{
    const wn_family *row = config->family;
    int64_t pad;
    wn_bind_size(b, "vocab_size", &config->vocab, 1, WN_VOCAB_MAX, or_else(row->vocab, 30522));
    wn_bind_size(b, "hidden_size", &config->hidden, 1, WN_HIDDEN_MAX, or_else(row->hidden, 768));
    wn_bind_size(b, "num_hidden_layers", &config->n_layers, 1, WN_LAYERS_MAX,
                 or_else(row->n_layers, 12));
    wn_bind_size(b, "num_attention_heads", &config->n_heads, 1, 1024, or_else(row->n_heads, 12));
    wn_bind_size(b, "intermediate_size", &config->intermediate, 1, 16 * WN_HIDDEN_MAX,
                 or_else(row->intermediate, 3072));
    wn_bind_size(b, "max_position_embeddings", &config->max_positions, 1, WN_POSITIONS_MAX, 512);
    wn_bind_size(b, "type_vocab_size", &config->type_vocab, row->may_lack_types ? 0 : 1, 1024,
                 row->type_vocab);
    wn_bind_double(b, "layer_norm_eps", &config->norm_eps, 1e-20, 0.1,
                   row->norm_eps > 0 ? row->norm_eps : 1e-12);
    wn_bind_int(b, "pad_token_id", &pad, 0, (int64_t)config->vocab - 1, (int64_t)row->pad_id);
    if (config->hidden % config->n_heads != 0)
        wn_binder_note(b, "field 'hidden_size': is %zu, expected a multiple of the %zu heads",
                       config->hidden, config->n_heads);
    config->head_dim = config->hidden / config->n_heads;
    config->n_kv_heads = config->n_heads;
    config->position_offset = row->skips_pads ? (size_t)pad + 1 : 0;
    if (config->max_positions < config->position_offset + WN_TOKENS_MIN)
        wn_binder_note(b, "field 'max_position_embeddings': is %zu, expected at least %zu",
                       config->max_positions, config->position_offset + WN_TOKENS_MIN);
    else
        config->max_tokens = config->max_positions - config->position_offset;
}

wn_status wn_config_read_activation(wn_act *out, const char *key, const char *name, wn_error *err)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(activations); i++) {
        if (strcmp(name, activations[i].name) == 0) {
            *out = activations[i].act;
            return WN_OK;
        }
    }
    WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: %s '%.100s' is not supported", CONFIG_FILE, key, name);
}

wn_status wn_config_refuse_switches(const json_t *json, wn_error *err)
{
    static const char *const keys[] = {"is_decoder", "add_cross_attention", "pruned_heads",
                                       "quantization_config"};
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++) {
        const json_t *value = json_object_get(json, keys[i]);
        if (json_is_true(value) || json_object_size(value) > 0 || json_array_size(value) > 0)
            WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: '%s' is set, which is not supported", CONFIG_FILE,
                    keys[i]);
    }
    return WN_OK;
}

wn_status wn_config_read_method(size_t *out, const json_t *json, const char *key,
                                const char *fallback, const char *const *names, size_t n,
                                wn_error *err)
{
    const char *value;
    char all[100] = "";
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    wn_bind_string(&b, key, &value, fallback);
    WN_TRY(wn_binder_end(&b, err));
    for (size_t i = 0, at = 0; i < n && at < sizeof all; i++) {
        *out = i;
        if (strcmp(value, names[i]) == 0)
            return WN_OK;
        at += (size_t)snprintf(all + at, sizeof all - at, "%s'%s'", i > 0 ? " or " : "", names[i]);
    }
    WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: %s '%.100s' is not supported, only %s", CONFIG_FILE, key,
            value, all);
}

wn_status wn_config_read_sizes(wn_config *config, const json_t *json, wn_error *err)
{
    static const char *const keys[][2] = {{"position_embedding_type", "absolute"},
                                          {"feed_forward_type", "original"}};
    size_t method;
    WN_TRY(wn_config_read_widths(config, json, err));
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++)
        WN_TRY(wn_config_read_method(&method, json, keys[i][0], keys[i][1], &keys[i][1], 1, err));
    return WN_OK;
}

wn_status wn_config_read_widths(wn_config *config, const json_t *json, wn_error *err)
{
    const char *act;
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    bind_sizes(config, &b);
    wn_bind_string(&b, "hidden_act", &act, "gelu");
    WN_TRY(wn_binder_end(&b, err));
    WN_TRY(wn_config_read_activation(&config->act, "hidden_act", act, err));
    return wn_config_refuse_switches(json, err);
}

/* transformers counts id2label; without it num_labels; without that there are two. */
static wn_status check_labels(const json_t *json, wn_error *err)
{
    const json_t *labels = json_object_get(json, "id2label");
    int64_t n;
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    wn_bind_int(&b, "num_labels", &n, 1, INT32_MAX, 2);
    if (json_is_object(labels))
        n = (int64_t)json_object_size(labels);
    else if (labels != NULL && !json_is_null(labels))
        wn_binder_note(&b, "field 'id2label': is not an object");
    WN_TRY(wn_binder_end(&b, err));
    if (n != 1)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: the model has %lld labels, a reranker has 1",
                CONFIG_FILE, (long long)n);
    return WN_OK;
}

/* A reference that cuts pairs itself gives the query at most half. */
static void set_windows(wn_config *config)
{
    size_t pair = config->family->pair_tokens;
    config->window_overlap = WINDOW_OVERLAP;
    config->block_tokens = config->max_tokens;
    if (config->kind != WN_KIND_CROSS_ENCODER && config->kind != WN_KIND_LISTWISE)
        return;
    config->max_query_tokens = config->family->query_tokens;
    config->max_doc_tokens = config->family->doc_tokens;
    if (pair == 0)
        return;
    config->max_tokens = WN_MIN(config->max_tokens, pair);
    if (!config->family->is_decoder)
        config->max_query_tokens = config->max_tokens / 2;
}

/* Any language model could be asked, and a classification may judge something else.  That a decoder
 * ranks is not in config.json; what other files say to the contrary is believed. */
static wn_status check_ranks(const wn_config *config, const json_t *json,
                             const wn_model_files *files, wn_error *err)
{
    bool has_readme = files->readme.ptr != NULL;
    wn_str card = has_readme ? files->readme : files->model_card;
    const char *name = has_readme ? "README.md" : "MODEL_CARD.md";
    char task[WN_CARD_WORD_MAX + 1];
    if (config->kind != WN_KIND_CROSS_ENCODER || !config->family->is_decoder ||
        config->family->one_label || files->modules.ptr != NULL)
        return WN_OK;
    if (json_object_size(json_object_get(json, "auto_map")) > 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: 'auto_map' names code of the model's own, which may write and score pairs in "
                "another way",
                CONFIG_FILE);
    if (card.ptr == NULL)
        return WN_OK;
    if (wn_card_find(task, card, WN_STR("pipeline_tag:")) && strcmp(task, "text-ranking") != 0 &&
        strcmp(task, "text-classification") != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: this is no reranker: its pipeline_tag is '%s', expected 'text-ranking'", name,
                task);
    if (!wn_card_mentions(card, "rerank") && !wn_card_mentions(card, "text-ranking"))
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: this is no reranker: the card of the %s says nothing of reranking", name,
                config->family_name);
    return WN_OK;
}

static wn_status read_all(wn_config *config, const json_t *json, const wn_model_files *files,
                          wn_error *err)
{
    WN_TRY(wn_family_find(config, json, files, err));
    WN_TRY(config->family->configure(config, json, err));
    WN_TRY(check_ranks(config, json, files, err));
    WN_TRY(wn_config_read_tasks(config, json, files->task, err));
    if (config->kind == WN_KIND_LATE_INTERACTION)
        return wn_config_read_late(config, json, files, err);
    if (config->kind == WN_KIND_CROSS_ENCODER && !config->asks && !config->family->one_label)
        WN_TRY(check_labels(json, err));
    WN_TRY(wn_config_read_tokenizer(config, files->tokenizer_config, err));
    WN_TRY(wn_config_read_companions(config, json, files, err));
    set_windows(config);
    return WN_OK;
}

wn_status wn_config_parse(wn_config *out, const wn_model_files *files, wn_error *err)
{
    json_t *json = NULL;
    wn_config config = {0};
    WN_TRY(wn_config_object(&json, files->config, CONFIG_FILE, err));
    if (json == NULL)
        WN_FAIL(err, WN_ERR_FORMAT, "%s is missing", CONFIG_FILE);
    wn_status status = read_all(&config, json, files, err);
    (void)wn_license_find(config.license, json, files->readme, files->model_card);
    json_decref(json);
    if (status == WN_OK)
        *out = config;
    return status;
}
