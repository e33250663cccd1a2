/* See config.h.  Order: which family the files name, its sizes, then what is beside them.  What the
 * graphs of model/ do not compute is refused here by name, never computed approximately.
 * Source: transformers 5.24 configuration_{bert,xlm_roberta}.py for the defaults of missing fields;
 * jinaai/xlm-roberta-flash-implementation for the flash layout. */
#include "model/config.h"

#include "base/str.h"
#include "model/config_parts.h"

#include <string.h>

#define WN_WHERE "model/config"

#define CONFIG_FILE "config.json"

/* jina-reranker-v2, rerank() of its own code: windows of 1024 tokens, queries of at most half. */
#define JINA_MAX_TOKENS 1024
#define WINDOW_OVERLAP  80

/* What a model_type means.  Classes of one family are one layout, so that the class may come from a
 * neighbour: camembert's from roberta, say. */
typedef struct family_row {
    const char *model_type;
    const char *class_prefix; /* of its classes in transformers */
    wn_family family;
    const char *name; /* shown to users */
    size_t type_vocab, pad_id;
} family_row;

static const family_row families[] = {
    {"bert", "Bert", WN_FAMILY_BERT, "bert", 2, 0},
    {"xlm-roberta", "XLMRoberta", WN_FAMILY_XLM_ROBERTA, "xlm-roberta", 2, 1},
    {"roberta", "Roberta", WN_FAMILY_XLM_ROBERTA, "roberta", 2, 1},
    {"camembert", "Camembert", WN_FAMILY_XLM_ROBERTA, "camembert", 2, 1},
};
static const family_row flash_family = {
    "", "XLMRoberta", WN_FAMILY_XLM_ROBERTA, "xlm-roberta-flash", 1, 1};

/* What the ending of a class says about its head. */
static const struct {
    const char *ending;
    wn_kind kind;
} classes[] = {
    {"ForSequenceClassification", WN_KIND_CROSS_ENCODER},
    {"Model", WN_KIND_EMBEDDER},
    {"ForMaskedLM", WN_KIND_EMBEDDER},
    {"ForPreTraining", WN_KIND_EMBEDDER},
};

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

/* By what a config.json says who it is; "" where it says nothing. */
typedef struct identity {
    const char *architecture, *model_type, *auto_config, *name_or_path, *positions, *feed_forward;
} identity;

/* ---- the family ------------------------------------------------------------------------------ */

static wn_status read_identity(identity *out, const json_t *json, wn_error *err)
{
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    wn_bind_string(&b, "model_type", &out->model_type, "");
    wn_bind_string(&b, "_name_or_path", &out->name_or_path, "");
    wn_bind_string(&b, "position_embedding_type", &out->positions, "absolute");
    wn_bind_string(&b, "feed_forward_type", &out->feed_forward, "original");
    const json_t *list = json_object_get(json, "architectures");
    const json_t *first = json_array_get(list, 0);
    out->architecture = json_is_string(first) ? json_string_value(first) : "";
    if (list != NULL && !json_is_null(list) && !json_is_string(first))
        wn_binder_note(&b, "field 'architectures': is not a list of names");
    const json_t *map = json_object_get(json, "auto_map");
    const json_t *config = json_object_get(map, "AutoConfig");
    out->auto_config = json_is_string(config) ? json_string_value(config) : "";
    return wn_binder_end(&b, err);
}

/* JinaBERT calls itself "bert", but has ALiBi instead of positions and a gated feed-forward. */
static wn_status refuse_look_alikes(const identity *id, wn_error *err)
{
    static const char *const origins[] = {"jina-bert-implementation", "jina-bert-v2-qk-post-norm"};
    bool is_jina_bert =
        strstr(id->auto_config, "JinaBert") != NULL || strstr(id->architecture, "JinaBert") != NULL;
    for (size_t i = 0; i < WN_ARRAY_LEN(origins); i++)
        is_jina_bert |= strstr(id->name_or_path, origins[i]) != NULL ||
                        strstr(id->auto_config, origins[i]) != NULL;
    if (is_jina_bert)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: this is a JinaBERT model (ALiBi positions, gated feed-forward), which is not "
                "supported",
                CONFIG_FILE);
    if (strcmp(id->positions, "absolute") != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: position_embedding_type '%.100s' is not supported, only 'absolute'",
                CONFIG_FILE, id->positions);
    if (strcmp(id->feed_forward, "original") != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: feed_forward_type '%.100s' is not supported, only 'original'", CONFIG_FILE,
                id->feed_forward);
    return WN_OK;
}

/* The row of model_type, or without one of the class; NULL when neither says anything. */
static wn_status find_row(const family_row **out, const identity *id, wn_error *err)
{
    *out = NULL;
    if (strstr(id->auto_config, "XLMRobertaFlashConfig") != NULL) {
        *out = &flash_family;
        return WN_OK;
    }
    bool by_type = id->model_type[0] != '\0';
    for (size_t i = 0; i < WN_ARRAY_LEN(families) && *out == NULL; i++) {
        wn_str class_prefix = wn_str_from(families[i].class_prefix);
        if (by_type ? strcmp(id->model_type, families[i].model_type) == 0
                    : wn_str_starts(wn_str_from(id->architecture), class_prefix))
            *out = &families[i];
    }
    if (*out == NULL && by_type)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: model_type '%.100s' is not supported; supported are bert, xlm-roberta, "
                "roberta, camembert",
                CONFIG_FILE, id->model_type);
    if (*out == NULL)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: neither model_type nor auto_map nor architectures ('%.100s') name a family "
                "that is supported",
                CONFIG_FILE, id->architecture);
    return WN_OK;
}

/* The class agrees with the family, and its ending tells whether there is a head.  Without a class
 * a directory of sentence-transformers modules is an embedder, any other one has a head. */
static wn_status read_class(wn_config *config, const identity *id, bool has_modules, wn_error *err)
{
    wn_str name = wn_str_from(id->architecture);
    config->kind = has_modules ? WN_KIND_EMBEDDER : WN_KIND_CROSS_ENCODER;
    if (name.len == 0)
        return WN_OK;
    for (size_t i = 0; i < WN_ARRAY_LEN(families); i++) {
        wn_str prefix = wn_str_from(families[i].class_prefix);
        if (families[i].family != config->family || !wn_str_starts(name, prefix))
            continue;
        wn_str ending = wn_str_slice(name, prefix.len, name.len);
        for (size_t j = 0; j < WN_ARRAY_LEN(classes); j++) {
            if (wn_str_equal(ending, wn_str_from(classes[j].ending))) {
                config->kind = classes[j].kind;
                return WN_OK;
            }
        }
    }
    WN_FAIL(err, WN_ERR_UNSUPPORTED,
            "%s: architecture '%.100s' of a %s model is not supported; supported are its classes "
            "ForSequenceClassification and Model, and HF_ColBERT over bert",
            CONFIG_FILE, id->architecture, config->family_name);
}

static wn_status find_family(wn_config *config, const family_row **row, const json_t *json,
                             bool has_modules, wn_error *err)
{
    identity id;
    WN_TRY(read_identity(&id, json, err));
    WN_TRY(refuse_look_alikes(&id, err));
    bool is_colbert = strcmp(id.architecture, "HF_ColBERT") == 0;
    WN_TRY(find_row(row, &id, err));
    config->family = (*row)->family;
    config->family_name = (*row)->name;
    config->is_flash = *row == &flash_family;
    if (!is_colbert)
        return read_class(config, &id, has_modules, err);
    if (config->family != WN_FAMILY_BERT)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: HF_ColBERT over %s is not supported, only over bert",
                CONFIG_FILE, config->family_name);
    config->family = WN_FAMILY_COLBERT;
    config->kind = WN_KIND_LATE_INTERACTION;
    config->family_name = "colbert";
    return WN_OK;
}

/* ---- its sizes ------------------------------------------------------------------------------- */

static void bind_sizes(wn_config *config, const family_row *row, wn_binder *b)
{
    int64_t pad;
    wn_bind_size(b, "vocab_size", &config->vocab, 1, WN_VOCAB_MAX, 30522);
    wn_bind_size(b, "hidden_size", &config->hidden, 1, WN_HIDDEN_MAX, 768);
    wn_bind_size(b, "num_hidden_layers", &config->n_layers, 1, 1024, 12);
    wn_bind_size(b, "num_attention_heads", &config->n_heads, 1, 1024, 12);
    wn_bind_size(b, "intermediate_size", &config->intermediate, 1, 16 * WN_HIDDEN_MAX, 3072);
    wn_bind_size(b, "max_position_embeddings", &config->max_positions, 1, WN_POSITIONS_MAX, 512);
    wn_bind_size(b, "type_vocab_size", &config->type_vocab, 1, 1024, row->type_vocab);
    wn_bind_double(b, "layer_norm_eps", &config->norm_eps, 1e-20, 0.1, 1e-12);
    bool pads_first = row->family == WN_FAMILY_XLM_ROBERTA;
    wn_bind_int(b, "pad_token_id", &pad, 0, (int64_t)config->vocab - 1, (int64_t)row->pad_id);
    if (config->hidden % config->n_heads != 0)
        wn_binder_note(b, "field 'hidden_size': is %zu, expected a multiple of the %zu heads",
                       config->hidden, config->n_heads);
    config->head_dim = config->hidden / config->n_heads;
    config->position_offset = pads_first ? (size_t)pad + 1 : 0;
    if (config->max_positions < config->position_offset + WN_TOKENS_MIN)
        wn_binder_note(b, "field 'max_position_embeddings': is %zu, expected at least %zu",
                       config->max_positions, config->position_offset + WN_TOKENS_MIN);
    else
        config->max_tokens = config->max_positions - config->position_offset;
}

static wn_status read_activation(wn_config *config, const char *name, wn_error *err)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(activations); i++) {
        if (strcmp(name, activations[i].name) == 0) {
            config->act = activations[i].act;
            return WN_OK;
        }
    }
    WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: hidden_act '%.100s' is not supported", CONFIG_FILE, name);
}

/* Switches of the reference's graph that must be off, and objects that must be empty. */
static wn_status refuse_switches(const json_t *json, wn_error *err)
{
    static const char *const keys[] = {"is_decoder", "add_cross_attention", "pruned_heads",
                                       "quantization_config", "lora_adaptations"};
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++) {
        const json_t *value = json_object_get(json, keys[i]);
        if (json_is_true(value) || json_object_size(value) > 0 || json_array_size(value) > 0)
            WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: '%s' is set, which is not supported", CONFIG_FILE,
                    keys[i]);
    }
    return WN_OK;
}

static wn_status read_sizes(wn_config *config, const family_row *row, const json_t *json,
                            wn_error *err)
{
    const char *act;
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    bind_sizes(config, row, &b);
    wn_bind_string(&b, "hidden_act", &act, "gelu");
    WN_TRY(wn_binder_end(&b, err));
    WN_TRY(read_activation(config, act, err));
    return refuse_switches(json, err);
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

/* The windows of the flash reranker are its reference's own; others overlap by as much. */
static void set_windows(wn_config *config)
{
    config->window_overlap = WINDOW_OVERLAP;
    if (!config->is_flash || config->kind != WN_KIND_CROSS_ENCODER)
        return;
    config->max_tokens = WN_MIN(config->max_tokens, (size_t)JINA_MAX_TOKENS);
    config->max_query_tokens = config->max_tokens / 2;
}

static wn_status read_all(wn_config *config, const json_t *json, const wn_model_files *files,
                          wn_error *err)
{
    const family_row *row;
    WN_TRY(find_family(config, &row, json, files->modules.ptr != NULL, err));
    WN_TRY(read_sizes(config, row, json, err));
    if (config->family == WN_FAMILY_COLBERT)
        return wn_config_read_late(config, json, files, err);
    if (config->kind == WN_KIND_CROSS_ENCODER)
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
    wn_config_read_license(&config, json, files);
    json_decref(json);
    if (status == WN_OK)
        *out = config;
    return status;
}
