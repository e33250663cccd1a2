/* See config_parts.h.  What sentence-transformers keeps beside a model: modules.json (the chain),
 * 1_Pooling/config.json, sentence_bert_config.json, config_sentence_transformers.json, and
 * tokenizer_config.json of transformers.
 * Source: sentence-transformers 6.2 base/modules/transformer.py, sentence_transformer/modules/
 * pooling.py, cross_encoder/model.py (get_default_activation_fn). */
#include "model/config_parts.h"

#include "base/str.h"
#include "model/family.h"

#include <string.h>

#define WN_WHERE "model/config"

/* transformers writes 1e30 where a tokenizer has no limit. */
#define MODEL_MAX_LENGTH_LIMIT 1e9

/* The part of a dotted class name behind its last dot. */
static const char *class_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot == NULL ? path : dot + 1;
}

/* ---- limits ---------------------------------------------------------------------------------- */

wn_status wn_config_read_tokenizer(wn_config *config, wn_str tokenizer_config, wn_error *err)
{
    json_t *json = NULL;
    double length;
    wn_binder b;
    WN_TRY(wn_config_object(&json, tokenizer_config, "tokenizer_config.json", err));
    wn_binder_init(&b, json, "tokenizer_config.json");
    wn_bind_double(&b, "model_max_length", &length, WN_TOKENS_MIN, 1e300, MODEL_MAX_LENGTH_LIMIT);
    wn_status status = wn_binder_end(&b, err);
    json_decref(json);
    if (status == WN_OK && length < MODEL_MAX_LENGTH_LIMIT)
        config->max_tokens = WN_MIN(config->max_tokens, (size_t)length);
    return status;
}

static wn_status read_sentence_bert(wn_config *config, wn_str text, wn_error *err)
{
    json_t *json = NULL;
    size_t length;
    wn_binder b;
    WN_TRY(wn_config_object(&json, text, "sentence_bert_config.json", err));
    wn_binder_init(&b, json, "sentence_bert_config.json");
    wn_bind_size(&b, "max_seq_length", &length, WN_TOKENS_MIN, WN_POSITIONS_MAX,
                 config->max_tokens);
    wn_status status = wn_binder_end(&b, err);
    json_decref(json);
    config->max_tokens = WN_MIN(config->max_tokens, length);
    return status;
}

/* ---- the chain of modules -------------------------------------------------------------------- */

/* Whether the pooling is the one of this key, in either spelling of its file. */
static bool has_mode(const json_t *json, const char *mode, const char *legacy_key)
{
    const json_t *value = json_object_get(json, "pooling_mode");
    if (json_array_size(value) == 1)
        value = json_array_get(value, 0);
    if (value != NULL)
        return json_is_string(value) && strcmp(json_string_value(value), mode) == 0;
    return json_is_true(json_object_get(json, legacy_key));
}

static wn_status bind_pooling(wn_config *config, const json_t *json, wn_error *err)
{
    static const char *const others[][2] = {
        {"max", "pooling_mode_max_tokens"},
        {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens"},
        {"weightedmean", "pooling_mode_weightedmean_tokens"},
        {"lasttoken", "pooling_mode_lasttoken"},
    };
    bool is_cls = has_mode(json, "cls", "pooling_mode_cls_token");
    bool is_mean = has_mode(json, "mean", "pooling_mode_mean_tokens");
    for (size_t i = 0; i < WN_ARRAY_LEN(others); i++) {
        if (has_mode(json, others[i][0], others[i][1]))
            WN_FAIL(err, WN_ERR_UNSUPPORTED,
                    "1_Pooling/config.json: pooling '%s' is not supported, only 'cls' or 'mean'",
                    others[i][0]);
    }
    bool says_other = json_object_get(json, "pooling_mode") != NULL && !is_cls && !is_mean;
    if (says_other || (is_cls && is_mean))
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "1_Pooling/config.json: the pooling is not one of 'cls' and 'mean'");
    config->pool = is_cls ? WN_POOL_FIRST : WN_POOL_MEAN;
    static const char *const keys[] = {"word_embedding_dimension", "embedding_dimension"};
    wn_binder b;
    wn_binder_init(&b, json, "1_Pooling/config.json");
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++) {
        size_t width;
        wn_bind_size(&b, keys[i], &width, 1, WN_HIDDEN_MAX, config->hidden);
        if (width != config->hidden)
            wn_binder_note(&b, "field '%s': is %zu, hidden_size is %zu", keys[i], width,
                           config->hidden);
    }
    return wn_binder_end(&b, err);
}

static wn_status read_pooling(wn_config *config, wn_str text, wn_error *err)
{
    json_t *json = NULL;
    if (text.ptr == NULL)
        WN_FAIL(err, WN_ERR_FORMAT, "modules.json names 1_Pooling/config.json, which is missing");
    WN_TRY(wn_config_object(&json, text, "1_Pooling/config.json", err));
    wn_status status = bind_pooling(config, json, err);
    json_decref(json);
    return status;
}

/* What a chain had so far. */
typedef struct chain {
    bool pooling, normalize, logit_score;
    wn_str answers; /* LogitScore's config.json */
} chain;

/* One module: the transformer in the directory itself, its pooling, the normalisation that
 * wn_embed() does anyway, what does something in training only, or a part of a head. */
static wn_status read_module(wn_config *config, const json_t *module, wn_str text, chain *before,
                             wn_error *err)
{
    const char *type, *path;
    wn_binder b;
    if (!json_is_object(module))
        WN_FAIL(err, WN_ERR_FORMAT, "modules.json: is not a list of objects");
    wn_binder_init(&b, module, "modules.json");
    wn_bind_string(&b, "type", &type, "");
    wn_bind_string(&b, "path", &path, "");
    WN_TRY(wn_binder_end(&b, err));
    const char *name = class_name(type);
    bool is_of_head = strcmp(name, "Dense") == 0 || strcmp(name, "LayerNorm") == 0;
    bool is_normalize = strcmp(name, "Normalize") == 0;
    bool is_score = strcmp(name, "LogitScore") == 0 && strcmp(path, "1_LogitScore") == 0;
    if (strcmp(name, "Pooling") == 0 && strcmp(path, "1_Pooling") == 0) {
        before->pooling = true;
        return config->kind == WN_KIND_EMBEDDER ? read_pooling(config, text, err) : WN_OK;
    }
    if (is_of_head && before->pooling && !before->normalize)
        return wn_config_add_module(config, name, path, text, err);
    if (!(is_normalize && config->modules.out.folder[0] == '\0') && !is_score &&
        strcmp(name, "Dropout") != 0 && !(strcmp(name, "Transformer") == 0 && path[0] == '\0'))
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "modules.json: module '%.100s' in '%.100s' is not supported", type, path);
    before->normalize |= is_normalize;
    before->logit_score |= is_score;
    before->answers = is_score ? text : before->answers;
    return WN_OK;
}

/* The answers of a decoder, by id. */
static wn_status read_answers(wn_config *config, wn_str text, wn_error *err)
{
    static const char *const keys[WN_ANSWERS_MAX] = {"true_token_id", "false_token_id"};
    json_t *json = NULL;
    wn_binder b;
    if (text.ptr == NULL)
        WN_FAIL(err, WN_ERR_FORMAT,
                "modules.json names 1_LogitScore/config.json, which is missing");
    WN_TRY(wn_config_object(&json, text, "1_LogitScore/config.json", err));
    wn_binder_init(&b, json, "1_LogitScore/config.json");
    for (size_t i = 0; i < WN_ANSWERS_MAX; i++) {
        int64_t id;
        bool may_lack = i > 0 && json_is_null(json_object_get(json, keys[i]));
        if (may_lack)
            config->n_answers = i;
        else
            wn_bind_int_required(&b, keys[i], &id, 0, (int64_t)config->vocab - 1);
        config->answers[i] = may_lack ? -1 : (int32_t)id;
    }
    wn_status status = wn_binder_end(&b, err);
    json_decref(json);
    return status;
}

/* A chain over a decoder is a reranker's when it ends in LogitScore, or when its chat template is
 * the prompt that we know; others read pairs in ways that these files do not tell. */
static wn_status check_decoder(wn_config *config, const wn_model_files *files, const chain *found,
                               wn_error *err)
{
    const wn_str mark = config->prompt == WN_PROMPT_QWEN3 ? WN_STR("<Instruct>")
                                                          : WN_STR("search relevance expert");
    wn_str text = files->tokenizer_config;
    if (config->asks && found->logit_score)
        return read_answers(config, found->answers, err);
    for (size_t i = 0; !config->asks && i + mark.len <= text.len; i++) {
        if (memcmp(text.ptr + i, mark.ptr, mark.len) == 0)
            return WN_OK;
    }
    WN_FAIL(err, WN_ERR_UNSUPPORTED,
            "modules.json: a %s with neither LogitScore nor a chat template with '%s' is not "
            "supported",
            config->family_name, mark.ptr);
}

static wn_status read_modules(wn_config *config, const wn_model_files *files, wn_error *err)
{
    json_t *json = NULL;
    chain before = {0};
    if (files->modules.ptr == NULL)
        return WN_OK;
    WN_TRY(wn_json_parse(&json, files->modules, "modules.json", err));
    wn_status status = WN_OK;
    for (size_t i = 0; i < json_array_size(json) && status == WN_OK; i++)
        status = read_module(config, json_array_get(json, i),
                             i < WN_MODULES_MAX ? files->module_configs[i] : (wn_str){NULL, 0},
                             &before, err);
    if (status == WN_OK && json_array_size(json) == 0)
        status =
            wn_error_set(err, WN_ERR_FORMAT, WN_WHERE, "modules.json: is not a list of modules");
    json_decref(json);
    if (status != WN_OK)
        return status;
    return config->family->is_decoder || before.logit_score
               ? check_decoder(config, files, &before, err)
               : wn_config_end_modules(config, err);
}

/* ---- the activation of scores ---------------------------------------------------------------- */

/* The class that a field names; NULL when it names none. */
static const char *activation_of(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);
    return json_is_string(value) ? json_string_value(value) : NULL;
}

static wn_status set_activation(wn_config *config, const char *path, wn_error *err)
{
    const char *name = path == NULL ? "Sigmoid" : class_name(path);
    if (strcmp(name, "Sigmoid") != 0 && strcmp(name, "Identity") != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "activation '%.100s' of scores is not supported", path);
    config->score_rule = strcmp(name, "Sigmoid") == 0 ? WN_SCORE_SIGMOID : WN_SCORE_IDENTITY;
    return WN_OK;
}

/* A default prompt would be put in front of every text. */
static wn_status check_prompt(const json_t *json, wn_error *err)
{
    const char *name;
    wn_binder b;
    wn_binder_init(&b, json, "config_sentence_transformers.json");
    wn_bind_string(&b, "default_prompt_name", &name, NULL);
    WN_TRY(wn_binder_end(&b, err));
    if (name != NULL)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "config_sentence_transformers.json: default prompt '%.100s' is not supported",
                name);
    return WN_OK;
}

wn_status wn_config_read_companions(wn_config *config, const json_t *json,
                                    const wn_model_files *files, wn_error *err)
{
    json_t *own = NULL;
    WN_TRY(read_modules(config, files, err));
    WN_TRY(read_sentence_bert(config, files->sentence_bert_config, err));
    config->score_rule = WN_SCORE_COSINE;
    WN_TRY(wn_config_object(&own, files->sentence_transformers, "config_sentence_transformers.json",
                            err));
    wn_status status = check_prompt(own, err);
    if (status == WN_OK && config->kind == WN_KIND_CROSS_ENCODER) {
        const char *path = activation_of(own, "activation_fn");
        if (path == NULL)
            path = activation_of(json_object_get(json, "sentence_transformers"), "activation_fn");
        if (path == NULL)
            path = activation_of(json, "sbert_ce_default_activation_function");
        status = set_activation(config, path, err);
    }
    json_decref(own);
    return status;
}
