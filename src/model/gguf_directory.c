/* See gguf_directory.h.
 * Source: ggml-org/llama.cpp conversion/{bert,gemma}.py for what conversion leaves out. */
#include "model/gguf_directory.h"

#include "base/mem.h"
#include "base/str.h"
#include "data/json_bind.h"
#include "model/gguf_architecture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WN_WHERE "model/gguf_directory"

#define NAME_MAX_BYTES 160
#define PAD_ID_MAX     1023
#define POSITIONS      "embeddings.position_embeddings.weight"
#define SCORE          "score.weight"
#define POOLING_MEAN   1
#define POOLING_CLS    2
#define POOLING_RANK   4
#define INSTEAD        "; load the model's safetensors instead"

/* ---- what the file is ------------------------------------------------------------------------ */

static const wn_tensor_view *find_tensor(const wn_gguf *gguf, const char *name)
{
    return wn_tensors_find(wn_gguf_tensors(gguf), wn_str_from(name));
}

/* Rows of a matrix, 1 of a vector; 0: there is none. */
static size_t rows_of(const wn_tensor_view *view)
{
    return view == NULL ? 0 : view->n_dims < 2 ? 1 : view->dims[0];
}

/* A whole number; fallback when the key has none from 0 to max. */
static size_t number_of(const wn_gguf *gguf, const char *key, size_t max, size_t fallback)
{
    const wn_gguf_value *value = wn_gguf_find(gguf, key);
    if (value == NULL || value->is_array || value->type == WN_GGUF_STRING)
        return fallback;
    double n = wn_gguf_number(value, 0);
    return n >= 0 && n <= (double)max && n == (double)(size_t)n ? (size_t)n : fallback;
}

/* A head of its own, or the two rows of a language model that stand for yes and no. */
static bool has_head(const wn_gguf *gguf)
{
    return find_tensor(gguf, "cls.output.weight") != NULL ||
           find_tensor(gguf, "cls.weight") != NULL;
}

/* A language model has no head, but must be made for it. */
static bool is_reranker(const wn_gguf *gguf, const wn_gguf_architecture *a)
{
    return a->answers || has_head(gguf);
}

/* A model in one piece. */
static wn_status check_kind(const wn_gguf *gguf, wn_error *err)
{
    wn_str type = wn_gguf_string(gguf, "general.type");
    size_t n_parts = number_of(gguf, "split.count", INT32_MAX, 1);
    if (type.ptr != NULL && !wn_str_equal(type, WN_STR("model")))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "key 'general.type': is '%.*s', expected 'model'",
                WN_STR_ARG(type));
    if (n_parts > 1)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "key 'split.count': this is one of %zu parts of a model; make one file of them "
                "with llama-gguf-split --merge",
                n_parts);
    return WN_OK;
}

static wn_status find_architecture(const wn_gguf_architecture **out, const wn_gguf *gguf,
                                   wn_error *err)
{
    wn_str name = wn_gguf_string(gguf, "general.architecture");
    wn_str tokenizer = wn_gguf_string(gguf, "tokenizer.ggml.model");
    bool known = false;
    WN_TRY(check_kind(gguf, err));
    for (size_t i = 0; i < wn_gguf_n_architectures; i++) {
        const wn_gguf_architecture *a = &wn_gguf_architectures[i];
        bool named = wn_str_equal(name, wn_str_from(a->name));
        known |= named;
        if (named && a->refusal != NULL)
            WN_FAIL(err, WN_ERR_UNSUPPORTED, "key 'general.architecture': is '%s': %s" INSTEAD,
                    a->name, a->refusal);
        if (named && wn_str_equal(tokenizer, wn_str_from(a->tokenizer)) &&
            (a->marker == NULL || find_tensor(gguf, a->marker) != NULL) &&
            (a->lacks == NULL || find_tensor(gguf, a->lacks) == NULL)) {
            *out = a;
            return WN_OK;
        }
    }
    if (known)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "key 'tokenizer.ggml.model': is '%.*s', which architecture '%.*s' is not supported "
                "with",
                WN_STR_ARG(tokenizer), WN_STR_ARG(name));
    WN_FAIL(err, WN_ERR_UNSUPPORTED,
            "key 'general.architecture': '%.*s' is not supported as GGUF, only bert, gemma, "
            "jina-bert-v2, modern-bert, qwen2, qwen3" INSTEAD,
            WN_STR_ARG(name));
}

/* llama.cpp's converter drops bert.pooler.dense; scores without it are wrong.  That of JinaBERT has
 * no place for it at all. */
static wn_status refuse_lost_pooler(const wn_gguf *gguf, const wn_gguf_architecture *a,
                                    wn_error *err)
{
    const wn_tensor_view *dense = find_tensor(gguf, "cls.weight");
    bool whole = dense != NULL && dense->n_dims == 2 && dense->dims[0] == dense->dims[1];
    if (a->answers || !has_head(gguf))
        return WN_OK;
    if (a->dense == NULL)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "key 'general.architecture': is '%s', and there is a head (cls): conversion left "
                "out the layer before the classifier, and scores without it are wrong" INSTEAD,
                a->name);
    if (strcmp(a->dense, "pooler.dense") == 0 && !whole)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "tensor 'cls.weight' (bert.pooler.dense) is missing: conversion left out the layer "
                "before the classifier, and scores without it are wrong" INSTEAD);
    return WN_OK;
}

/* Does a text have these letters, capital or not? */
static bool mentions(wn_str text, const char *word)
{
    size_t n = strlen(word);
    for (size_t at = 0; at + n <= text.len; at++) {
        size_t same = 0;
        while (same < n && (text.ptr[at + same] | 0x20) == word[same])
            same++;
        if (same == n)
            return true;
    }
    return false;
}

static bool has_token(const wn_gguf *gguf, wn_str token)
{
    const wn_gguf_value *tokens = wn_gguf_find(gguf, "tokenizer.ggml.tokens");
    bool strings = tokens != NULL && tokens->is_array && tokens->type == WN_GGUF_STRING;
    const unsigned char *at = strings ? tokens->data : NULL;
    for (size_t i = 0; strings && i < tokens->n; i++) {
        if (wn_str_equal(wn_gguf_next_string(&at), token))
            return true;
    }
    return false;
}

/* The two rows of a head are yes and no, in this order. */
static bool answers_are_yes_and_no(const wn_gguf *gguf, const char *key)
{
    const wn_gguf_value *labels = wn_gguf_find(gguf, key);
    if (labels == NULL || !labels->is_array || labels->type != WN_GGUF_STRING || labels->n != 2)
        return false;
    const unsigned char *at = labels->data;
    return wn_str_equal(wn_gguf_next_string(&at), WN_STR("yes")) &&
           wn_str_equal(wn_gguf_next_string(&at), WN_STR("no"));
}

/* By its name, which is what conversion makes of the model card or the directory. */
static bool is_named_reranker(const wn_gguf *gguf)
{
    return mentions(wn_gguf_string(gguf, "general.name"), "rerank") ||
           mentions(wn_gguf_string(gguf, "general.basename"), "rerank");
}

/* The converter takes a chain of modules for an embedder, and leaves the modules out. */
static wn_status check_embedder(const wn_gguf *gguf, const wn_gguf_architecture *a, wn_error *err)
{
    if (!is_reranker(gguf, a) && is_named_reranker(gguf))
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "key 'general.name': is '%.*s', but the tensors of a reranker's head (cls) are "
                "missing: conversion left them out" INSTEAD,
                WN_STR_ARG(wn_gguf_string(gguf, "general.name")));
    return WN_OK;
}

static wn_status check_rope(const wn_gguf *gguf, const wn_gguf_architecture *a, wn_error *err)
{
    char key[NAME_MAX_BYTES];
    snprintf(key, sizeof key, "%s.rope.scaling.type", a->name);
    wn_str scaling = wn_gguf_string(gguf, key);
    if (scaling.ptr != NULL && !wn_str_equal(scaling, WN_STR("none")))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "key '%s': '%.*s' is not supported, only 'none'", key,
                WN_STR_ARG(scaling));
    return WN_OK;
}

/* What else is said of a classifier would change its scores. */
static wn_status check_classifier_keys(const wn_gguf *gguf, const wn_gguf_architecture *a,
                                       wn_error *err)
{
    char front[NAME_MAX_BYTES];
    snprintf(front, sizeof front, "%s.classifier.", a->name);
    for (size_t i = 0; a->names_pooling && wn_gguf_key_at(gguf, i).ptr != NULL; i++) {
        wn_str key = wn_gguf_key_at(gguf, i);
        if (wn_str_starts(key, wn_str_from(front)) && !wn_str_ends(key, WN_STR(".output_labels")) &&
            !wn_str_ends(key, WN_STR(".pooling_type")))
            WN_FAIL(err, WN_ERR_UNSUPPORTED, "key '%.*s' is not supported" INSTEAD,
                    WN_STR_ARG(key));
    }
    return WN_OK;
}

/* Any chat model could be asked; only rerankers were trained to answer. */
static wn_status check_answers(const wn_gguf *gguf, const wn_gguf_architecture *a, wn_error *err)
{
    wn_str name = wn_gguf_string(gguf, "general.name");
    const wn_tensor_view *head = find_tensor(gguf, "cls.output.weight");
    char key[NAME_MAX_BYTES];
    if (has_token(gguf, WN_STR("<|rerank_token|>")))
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "this is jina-reranker-v3, whose projector is not in a GGUF file" INSTEAD);
    snprintf(key, sizeof key, "%s.pooling_type", a->name);
    size_t pooling = number_of(gguf, key, INT32_MAX, 0);
    if (head == NULL && pooling != 0 && pooling != POOLING_RANK)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "key '%s': is %zu: this is an embedding model, and those of %s are not supported",
                key, pooling, a->name);
    if (head == NULL && !is_named_reranker(gguf))
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "this is no reranker: it has no tensor 'cls.output.weight', and 'general.name' is "
                "'%.*s'",
                WN_STR_ARG(name));
    if (head != NULL && strcmp(a->model_type, "qwen3") != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "architecture '%s' with a head ('cls.output.weight') is not supported as GGUF: "
                "nothing tells how its pairs are written" INSTEAD,
                a->name);
    snprintf(key, sizeof key, "%s.classifier.output_labels", a->name);
    if (rows_of(head) > 1 && !answers_are_yes_and_no(gguf, key))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "key '%s': is not 'yes' and 'no', the rows of the head",
                key);
    return WN_OK;
}

/* ---- config.json ----------------------------------------------------------------------------- */

/* Give a field its value; value's memory may have been short. */
static wn_status set(json_t *json, const char *name, json_t *value, wn_error *err)
{
    if (json_object_set_new(json, name, value) != 0)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a configuration");
    return WN_OK;
}

static wn_status set_fields(json_t *json, const wn_gguf *gguf, const wn_gguf_architecture *a,
                            wn_error *err)
{
    for (const wn_gguf_field *f = a->fields; f->key != NULL; f++) {
        char key[NAME_MAX_BYTES];
        snprintf(key, sizeof key, "%s.%s", a->name, f->key);
        json_t *value = wn_gguf_json(gguf, key);
        if (json_is_null(value) && f->required)
            WN_FAIL(err, WN_ERR_FORMAT, "key '%s': is missing or no single value" INSTEAD, key);
        if (!json_is_null(value))
            WN_TRY(set(json, f->name, value, err));
    }
    return WN_OK;
}

static const char *name_of_pooling(size_t type)
{
    return type == POOLING_MEAN ? "mean" : type == POOLING_CLS ? "cls" : NULL;
}

/* What a classifier reads.  Older files do not tell, and llama.cpp takes the mean for all of them;
 * the published models differ. */
static wn_status set_head_pooling(json_t *json, const wn_gguf *gguf, const wn_gguf_architecture *a,
                                  wn_error *err)
{
    char key[NAME_MAX_BYTES];
    if (!a->names_pooling || !has_head(gguf))
        return WN_OK;
    snprintf(key, sizeof key, "%s.classifier.pooling_type", a->name);
    const char *pooling = name_of_pooling(number_of(gguf, key, INT32_MAX, 0));
    if (pooling == NULL)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "key '%s': is missing, or not 1 (mean) or 2 (cls): how the classifier pools is not "
                "in this file" INSTEAD,
                key);
    return set(json, "classifier_pooling", json_string(pooling), err);
}

static wn_status set_settings(json_t *json, const wn_gguf_architecture *a, wn_error *err)
{
    for (const wn_gguf_part *s = a->settings; s != NULL && s->from != NULL; s++)
        WN_TRY(set(json, s->from, json_string(s->to), err));
    return WN_OK;
}

/* Rows of the position table that were left out. */
static size_t cut_rows(const wn_gguf *gguf, const wn_gguf_architecture *a)
{
    return a->cuts_positions ? 1 + number_of(gguf, "tokenizer.ggml.padding_token_id", PAD_ID_MAX, 1)
                             : 0;
}

/* Sizes that are counted, not copied; two answers become one score. */
static wn_status set_counts(json_t *json, const wn_gguf *gguf, const wn_gguf_architecture *a,
                            wn_error *err)
{
    json_t *positions = json_object_get(json, "max_position_embeddings");
    size_t cut = cut_rows(gguf, a), n_types = rows_of(find_tensor(gguf, "token_types.weight"));
    size_t n_labels = rows_of(find_tensor(gguf, "cls.output.weight"));
    if (json_is_integer(positions) && json_integer_value(positions) < INT32_MAX)
        json_integer_set(positions, json_integer_value(positions) + (json_int_t)cut);
    if (cut > 0)
        WN_TRY(set(json, "pad_token_id", json_integer((json_int_t)cut - 1), err));
    if (a->answers)
        WN_TRY(set(json, "tie_word_embeddings",
                   json_boolean(find_tensor(gguf, "output.weight") == NULL), err));
    else
        WN_TRY(set(json, "type_vocab_size", json_integer((json_int_t)n_types), err));
    WN_TRY(set(json, "vocab_size",
               json_integer((json_int_t)rows_of(find_tensor(gguf, "token_embd.weight"))), err));
    return set(json, "num_labels", json_integer(a->answers ? 1 : (json_int_t)n_labels), err);
}

static wn_status set_class(json_t *json, const wn_gguf *gguf, const wn_gguf_architecture *a,
                           wn_error *err)
{
    char class_name[NAME_MAX_BYTES];
    snprintf(class_name, sizeof class_name, "%s%s", a->class_prefix,
             has_head(gguf) ? "ForSequenceClassification"
             : a->answers   ? "ForCausalLM"
                            : "Model");
    WN_TRY(set(json, "architectures", json_pack("[s]", class_name), err));
    if (a->auto_config != NULL)
        WN_TRY(set(json, "auto_map", json_pack("{s:s}", "AutoConfig", a->auto_config), err));
    return set(json, "model_type", json_string(a->model_type), err);
}

/* Encoders see both ways, decoders one; a file may say otherwise of either. */
static wn_status check_sight(const wn_gguf *gguf, const wn_gguf_architecture *a, wn_error *err)
{
    char key[NAME_MAX_BYTES];
    snprintf(key, sizeof key, "%s.attention.causal", a->name);
    if (number_of(gguf, key, 1, a->answers) != a->answers)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "key '%s': is %s, those of %s that are supported have %s",
                key, a->answers ? "false" : "true", a->name, a->answers ? "true" : "false");
    return WN_OK;
}

static wn_status fill_config(json_t *json, const wn_gguf *gguf, const wn_gguf_architecture *a,
                             wn_error *err)
{
    WN_TRY(refuse_lost_pooler(gguf, a, err));
    WN_TRY(check_embedder(gguf, a, err));
    WN_TRY(check_rope(gguf, a, err));
    WN_TRY(check_sight(gguf, a, err));
    WN_TRY(check_classifier_keys(gguf, a, err));
    if (a->answers)
        WN_TRY(check_answers(gguf, a, err));
    WN_TRY(set_class(json, gguf, a, err));
    WN_TRY(set_fields(json, gguf, a, err));
    WN_TRY(set_settings(json, a, err));
    WN_TRY(set_head_pooling(json, gguf, a, err));
    WN_TRY(set_counts(json, gguf, a, err));
    return set(json, "license", wn_gguf_json(gguf, "general.license"), err);
}

/* ---- companions ------------------------------------------------------------------------------ */

static wn_status fill_pooling(json_t *json, const wn_gguf *gguf, const wn_gguf_architecture *a,
                              wn_error *err)
{
    char key[NAME_MAX_BYTES];
    snprintf(key, sizeof key, "%s.pooling_type", a->name);
    size_t type = number_of(gguf, key, INT32_MAX, 0);
    const char *pooling = name_of_pooling(type);
    if (pooling == NULL)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "key '%s': is %zu; without tensors of a reranker (cls) it must be 1 (mean) or 2 "
                "(cls)",
                key, type);
    return set(json, "pooling_mode", json_string(pooling), err);
}

static wn_status fill_modules(json_t *json, wn_error *err)
{
    static const char *const modules[][2] = {{"Transformer", ""}, {"Pooling", "1_Pooling"}};
    for (size_t i = 0; i < WN_ARRAY_LEN(modules); i++) {
        if (json_array_append_new(
                json, json_pack("{s:s,s:s}", "type", modules[i][0], "path", modules[i][1])) != 0)
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for a list of modules");
    }
    return WN_OK;
}

static int push(const char *text, size_t n, void *out)
{
    return wn_buf_push(out, text, n) ? 0 : -1;
}

wn_status wn_gguf_write_file(wn_buf *out, const wn_gguf *gguf, const char *name, wn_error *err)
{
    const wn_gguf_architecture *a;
    bool is_config = strcmp(name, "config.json") == 0,
         is_modules = strcmp(name, "modules.json") == 0;
    bool is_pooling = strcmp(name, "1_Pooling/config.json") == 0;
    WN_TRY(find_architecture(&a, gguf, err));
    if (!is_config && (is_reranker(gguf, a) || (!is_modules && !is_pooling)))
        return WN_OK;
    json_t *json = is_modules ? json_array() : json_object();
    if (json == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %s", name);
    wn_status status = is_config    ? fill_config(json, gguf, a, err)
                       : is_modules ? fill_modules(json, err)
                                    : fill_pooling(json, gguf, a, err);
    if (status == WN_OK && json_dump_callback(json, push, out, JSON_COMPACT) != 0)
        status = wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "no memory for %s", name);
    json_decref(json);
    return status;
}

/* ---- tensors --------------------------------------------------------------------------------- */

static const char *find_part(const wn_gguf_part *parts, wn_str name)
{
    while (parts->from != NULL && !wn_str_equal(name, wn_str_from(parts->from)))
        parts++;
    return parts->to;
}

/* Take "blk.N." off the front of a name; false when it begins otherwise. */
static bool take_layer(wn_str *name, wn_str *number)
{
    const wn_str front = WN_STR("blk.");
    size_t end = front.len;
    if (!wn_str_starts(*name, front))
        return false;
    while (end < name->len && name->ptr[end] >= '0' && name->ptr[end] <= '9')
        end++;
    if (end == front.len || end == name->len || name->ptr[end] != '.')
        return false;
    *number = wn_str_slice(*name, front.len, end);
    *name = wn_str_slice(*name, end + 1, name->len);
    return true;
}

/* The name in the directory; false when there is none. */
static bool rename_tensor(char *out, size_t size, wn_str name, const wn_gguf_architecture *a)
{
    wn_str stem = name, number = {"", 0}, ending;
    const char *to, *front = "";
    while (stem.len > 0 && stem.ptr[stem.len - 1] != '.')
        stem.len--;
    if (stem.len < 2)
        return false;
    ending = wn_str_slice(name, stem.len, name.len);
    stem.len--;
    if (take_layer(&stem, &number)) {
        front = a->layout->layer;
        to = find_part(a->layout->parts, stem);
    } else if (wn_str_equal(stem, WN_STR("cls"))) {
        to = a->dense;
    } else if (wn_str_equal(stem, WN_STR("cls.output"))) {
        to = a->out;
    } else if (wn_str_equal(stem, WN_STR("cls.norm"))) {
        to = a->norm;
    } else {
        to = find_part(a->layout->others, stem);
    }
    if (to == NULL)
        return false;
    snprintf(out, size, "%s%.*s%s%s.%.*s", front, WN_STR_ARG(number), number.len > 0 ? "." : "", to,
             WN_STR_ARG(ending));
    return true;
}

static wn_status rename_all(wn_tensors *tensors, const wn_gguf_architecture *a, wn_error *err)
{
    for (size_t i = 0; i < tensors->n; i++) {
        wn_tensor_view *view = &tensors->views[i];
        char name[NAME_MAX_BYTES];
        if (view->dtype == WN_DTYPE_OTHER)
            WN_FAIL(err, WN_ERR_UNSUPPORTED,
                    "tensor '%.*s': type %s is not supported; supported are F32, F16, BF16, Q4_0, "
                    "Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K",
                    WN_STR_ARG(view->name), view->dtype_name);
        if (!rename_tensor(name, sizeof name, view->name, a))
            WN_FAIL(err, WN_ERR_FORMAT, "tensor '%.*s': is unknown to architecture '%s'",
                    WN_STR_ARG(view->name), a->name);
        view->name = wn_arena_str(&tensors->arena, wn_str_from(name));
        if (view->name.ptr == NULL)
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for a name");
    }
    return wn_tensors_index(tensors, 0, "GGUF", err);
}

/* Put rows of zeros in front of the position table, where the published files have them, too: no
 * position but that of a padding token in a text reads them. */
static wn_status restore_positions(wn_tensors *tensors, size_t n_rows, wn_error *err)
{
    const wn_tensor_view *found = wn_tensors_find(tensors, WN_STR(POSITIONS));
    if (found == NULL || found->n_dims != 2 || n_rows == 0)
        return WN_OK;
    wn_tensor_view *view = &tensors->views[found - tensors->views];
    size_t front, all;
    size_t row = wn_dtype_bytes(view->dtype, view->dims[1]);
    bool fits = wn_mul_size(&front, row, n_rows) && wn_add_size(&all, front, view->bytes);
    unsigned char *data = fits ? wn_arena_alloc(&tensors->arena, all, 1) : NULL;
    if (data == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu positions", view->dims[0] + n_rows);
    memcpy(data + front, view->data, view->bytes);
    wn_tensors_release(tensors, view);
    view->data = data;
    view->bytes = all;
    view->dims[0] += n_rows;
    return WN_OK;
}

/* The first half of a gated layer is the one that is activated. */
static wn_status join_half(wn_tensors *tensors, const wn_tensor_view *gate, wn_error *err)
{
    char name[NAME_MAX_BYTES];
    size_t front = (size_t)(strstr(gate->name.ptr, WN_GGUF_GATE_HALF) - gate->name.ptr), all;
    snprintf(name, sizeof name, "%.*s" WN_GGUF_UP_HALF "%s", (int)front, gate->name.ptr,
             gate->name.ptr + front + sizeof WN_GGUF_GATE_HALF - 1);
    const wn_tensor_view *found = wn_tensors_find(tensors, wn_str_from(name));
    if (found == NULL || found->dtype != gate->dtype || found->n_dims != 2 || gate->n_dims != 2 ||
        found->dims[1] != gate->dims[1])
        WN_FAIL(err, WN_ERR_FORMAT,
                "tensor '%s': 'ffn_up' and 'ffn_gate' are not two matrices of one type and width",
                name);
    wn_tensor_view *up = &tensors->views[found - tensors->views];
    bool fits = wn_add_size(&all, gate->bytes, up->bytes);
    unsigned char *data = fits ? wn_arena_alloc(&tensors->arena, all, 1) : NULL;
    if (data == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a layer of %zu rows",
                gate->dims[0] + up->dims[0]);
    memcpy(data, gate->data, gate->bytes);
    memcpy(data + gate->bytes, up->data, up->bytes);
    wn_tensors_release(tensors, gate);
    wn_tensors_release(tensors, up);
    up->data = data;
    up->bytes = all;
    up->dims[0] += gate->dims[0];
    return WN_OK;
}

/* Older converters wrote the two halves of JinaBERT's gated layer as tensors of their own. */
static wn_status join_halves(wn_tensors *tensors, wn_error *err)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < tensors->n; i++) {
        if (strstr(tensors->views[i].name.ptr, WN_GGUF_GATE_HALF) != NULL)
            WN_TRY(join_half(tensors, &tensors->views[i], err));
    }
    for (size_t i = 0; i < tensors->n; i++) {
        if (strstr(tensors->views[i].name.ptr, WN_GGUF_GATE_HALF) == NULL)
            tensors->views[n_kept++] = tensors->views[i];
    }
    if (n_kept == tensors->n)
        return WN_OK;
    tensors->n = n_kept;
    return wn_tensors_index(tensors, 0, "GGUF", err);
}

/* sigmoid(yes - no) is the softmax of both, so one row does. */
static wn_status join_answers(wn_tensors *tensors, wn_error *err)
{
    const wn_tensor_view *found = wn_tensors_find(tensors, WN_STR(SCORE));
    if (found == NULL || found->n_dims != 2 || found->dims[0] != 2)
        return WN_OK;
    wn_tensor_view *view = &tensors->views[found - tensors->views];
    size_t n = view->dims[1];
    float *rows = wn_arena_alloc(&tensors->arena, n, 2 * sizeof *rows);
    if (rows == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a row of %zu weights", n);
    wn_dtype_to_f32(rows, view->data, view->dtype, 2 * n);
    for (size_t i = 0; i < n; i++)
        rows[i] -= rows[n + i];
    view->data = (const unsigned char *)rows;
    view->dtype = WN_DTYPE_F32;
    view->dtype_name = "F32";
    view->dims[0] = 1;
    view->bytes = n * sizeof *rows;
    return WN_OK;
}

wn_status wn_gguf_name_tensors(wn_gguf *gguf, wn_error *err)
{
    const wn_gguf_architecture *a;
    wn_tensors *tensors = wn_gguf_tensors(gguf);
    WN_TRY(find_architecture(&a, gguf, err));
    size_t n_cut = cut_rows(gguf, a);
    WN_TRY(wn_tensors_check_finite(tensors, err));
    WN_TRY(rename_all(tensors, a, err));
    WN_TRY(restore_positions(tensors, n_cut, err));
    WN_TRY(join_halves(tensors, err));
    return a->answers ? join_answers(tensors, err) : WN_OK;
}
