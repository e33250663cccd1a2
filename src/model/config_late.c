/* See config_parts.h.  Two kinds of late interaction: the built-in model, whose settings are the
 * "winnow" block of config.json, and HF_ColBERT checkpoints of Stanford's code, whose settings are
 * in artifact.metadata or, where that is missing, ColBERT v2's and those of their family.
 * Source: stanford-futuredata/ColBERT colbert/infra/config/settings.py, modeling/tokenization. */
#include "model/config_parts.h"

#include "base/str.h"
#include "model/family.h"

#include <stdio.h>
#include <string.h>

#define WN_WHERE "model/config"

#define BLOCK_NAME    "config.json: winnow"
#define METADATA_NAME "artifact.metadata"

/* A block of ours has no field that this engine does not know: it might change scores. */
static void note_unknown_fields(wn_binder *b)
{
    static const char *const known[] = {"scoring",       "query_normalize",   "doc_normalize",
                                        "token_weight",  "calibration",       "cls_id",
                                        "sep_id",        "query_prefix_id",   "doc_prefix_id",
                                        "formula",       "calibration_input", "max_query_tokens",
                                        "max_doc_tokens"};
    void *it = json_object_iter((json_t *)(uintptr_t)b->object);
    for (; it != NULL; it = json_object_iter_next((json_t *)(uintptr_t)b->object, it)) {
        const char *key = json_object_iter_key(it);
        size_t i = 0;
        while (i < WN_ARRAY_LEN(known) && strcmp(key, known[i]) != 0)
            i++;
        if (i == WN_ARRAY_LEN(known))
            wn_binder_note(b, "field '%.100s': is unknown", key);
    }
}

/* A field that names a method has the one name that is implemented. */
static void bind_method(wn_binder *b, const char *key, const char *expected)
{
    const char *value;
    wn_bind_string(b, key, &value, expected);
    if (strcmp(value, expected) != 0)
        wn_binder_note(b, "field '%s': is '%.100s', expected '%s'", key, value, expected);
}

static void bind_id(wn_binder *b, const char *key, int32_t *out, size_t vocab)
{
    int64_t value;
    wn_bind_int_required(b, key, &value, 0, (int64_t)vocab - 1);
    *out = (int32_t)value;
}

static wn_status read_calibration(wn_config *config, const json_t *calibration, wn_error *err)
{
    wn_late_config *late = &config->late;
    wn_binder b;
    wn_binder_init(&b, calibration, BLOCK_NAME ".calibration");
    if (!json_is_object(calibration) || json_object_get(calibration, "a") == NULL ||
        json_object_get(calibration, "b") == NULL)
        wn_binder_note(&b, "is not an object with 'a' and 'b'");
    wn_bind_double(&b, "a", &late->calibration_a, -1e6, 1e6, 0);
    wn_bind_double(&b, "b", &late->calibration_b, -1e6, 1e6, 0);
    config->score_rule = WN_SCORE_CALIBRATED;
    return wn_binder_end(&b, err);
}

static wn_status read_block(wn_config *config, const json_t *block, wn_error *err)
{
    wn_late_config *late = &config->late;
    const char *weight;
    wn_binder b;
    wn_binder_init(&b, block, BLOCK_NAME);
    if (!json_is_object(block))
        wn_binder_note(&b, "is not an object");
    else
        note_unknown_fields(&b);
    bind_method(&b, "scoring", "maxsim");
    bind_method(&b, "calibration_input", "raw_score / sum_i w_i |q_i|");
    bind_id(&b, "cls_id", &late->cls_id, config->vocab);
    bind_id(&b, "sep_id", &late->sep_id, config->vocab);
    bind_id(&b, "query_prefix_id", &late->query_marker, config->vocab);
    bind_id(&b, "doc_prefix_id", &late->doc_marker, config->vocab);
    wn_bind_size(&b, "max_query_tokens", &late->max_query_tokens, WN_TOKENS_MIN, config->max_tokens,
                 config->max_tokens);
    wn_bind_size(&b, "max_doc_tokens", &late->max_doc_tokens, WN_TOKENS_MIN, config->max_tokens,
                 config->max_tokens);
    wn_bind_bool(&b, "query_normalize", &late->query_normalize, true);
    wn_bind_bool(&b, "doc_normalize", &late->doc_normalize, true);
    wn_bind_string(&b, "token_weight", &weight, NULL);
    if (weight != NULL)
        bind_method(&b, "token_weight", "token_weight");
    late->token_weight = weight != NULL;
    WN_TRY(wn_binder_end(&b, err));
    const json_t *calibration = json_object_get(block, "calibration");
    return calibration == NULL ? WN_OK : read_calibration(config, calibration, err);
}

/* The name of a token, whose id the tokenizer knows. */
static void bind_token(wn_binder *b, const char *key, char *out, const char *fallback)
{
    const char *value;
    wn_bind_string(b, key, &value, fallback);
    if (value[0] == '\0' || strlen(value) > WN_MARKER_MAX)
        wn_binder_note(b, "field '%s': has %zu bytes, expected 1..%d", key, strlen(value),
                       WN_MARKER_MAX);
    snprintf(out, WN_MARKER_MAX + 1, "%s", value);
}

static void bind_colbert(wn_config *config, wn_binder *b)
{
    wn_late_config *late = &config->late;
    const wn_late_habits *habits = config->family->late;
    size_t query_max = WN_MIN((size_t)32, config->max_tokens);
    wn_bind_size(b, "query_maxlen", &late->max_query_tokens, WN_TOKENS_MIN, config->max_tokens,
                 query_max);
    wn_bind_size(b, "dim", &late->dim, 1, WN_LATE_DIM_MAX, late->dim);
    wn_bind_bool(b, "attend_to_mask_tokens", &late->attend_to_mask, false);
    wn_bind_bool(b, "mask_punctuation", &late->skip_punctuation, true);
    bind_token(b, "query_token_id", late->query_token, habits->query_token);
    bind_token(b, "doc_token_id", late->doc_token, habits->doc_token);
    bind_method(b, "similarity", "cosine");
}

static wn_status read_colbert(wn_config *config, wn_str metadata, wn_error *err)
{
    wn_late_config *late = &config->late;
    json_t *json = NULL;
    wn_binder b;
    WN_TRY(wn_config_object(&json, metadata, METADATA_NAME, err));
    wn_binder_init(&b, json, METADATA_NAME);
    bind_colbert(config, &b);
    wn_status status = wn_binder_end(&b, err);
    json_decref(json);
    late->attend_to_mask |= config->family->late->attends;
    late->query_marker = late->doc_marker = -1;
    late->query_pad_to = late->max_query_tokens;
    late->max_doc_tokens = config->max_tokens;
    return status;
}

wn_status wn_config_read_late(wn_config *config, const json_t *json, const wn_model_files *files,
                              wn_error *err)
{
    wn_late_config *late = &config->late;
    const json_t *block = json_object_get(json, "winnow");
    wn_binder b;
    *late = (wn_late_config){
        .cls_id = -1, .sep_id = -1, .mask_id = -1, .query_normalize = true, .doc_normalize = true};
    config->score_rule = WN_SCORE_MEAN;
    wn_binder_init(&b, json, "config.json");
    wn_bind_size(&b, "dim", &late->dim, 1, WN_LATE_DIM_MAX, 0);
    WN_TRY(wn_binder_end(&b, err));
    if (block != NULL) {
        WN_TRY(read_block(config, block, err));
    } else {
        WN_TRY(wn_config_read_tokenizer(config, files->tokenizer_config, err));
        WN_TRY(read_colbert(config, files->colbert_metadata, err));
    }
    config->max_query_tokens = late->max_query_tokens;
    config->max_tokens = WN_MAX(late->max_query_tokens, late->max_doc_tokens);
    return WN_OK;
}
