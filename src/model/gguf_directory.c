/* See gguf_directory.h.  A row of the table of architectures is a layout of tensors and the class
 * that config.json would name.  llama.cpp calls all post-norm encoders with absolute positions
 * "bert"; which of them a file is, its tokenizer tells.
 * Source: ggml-org/llama.cpp conversion/bert.py and gguf-py/gguf/tensor_mapping.py for what becomes
 * of names, gguf-py/gguf/constants.py for keys. */
#include "model/gguf_directory.h"

#include "base/mem.h"
#include "base/str.h"
#include "data/json_bind.h"

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
#define INSTEAD        "; load the model's safetensors instead"

/* What a part is called here and there, without ".weight" and ".bias". */
typedef struct part {
    const char *from, *to;
} part;

/* A layout of tensors. */
typedef struct layout {
    const char *layer;  /* "blk.N." becomes this with N */
    const part *parts;  /* of a layer, up to from NULL */
    const part *others; /* likewise */
} layout;

/* A key behind "ARCHITECTURE." and the field of config.json that it fills. */
typedef struct field {
    const char *key, *name;
    bool required;
} field;

/* What general.architecture means, together with the tokenizer and a tensor that only one has. */
typedef struct architecture {
    const char *name, *tokenizer, *marker; /* marker NULL: none */
    const char *model_type, *class_prefix;
    const char *auto_config; /* of auto_map; NULL: none */
    const char *dense, *out; /* of the head; dense NULL: none */
    bool cuts_positions;     /* the rows up to the padding token's are left out */
    bool answers;            /* a language model, whose answers are the head */
    const layout *layout;
    const field *fields; /* up to key NULL */
} architecture;

static const part bert_parts[] = {
    {"attn_q", "attention.self.query"},
    {"attn_k", "attention.self.key"},
    {"attn_v", "attention.self.value"},
    {"attn_output", "attention.output.dense"},
    {"attn_output_norm", "attention.output.LayerNorm"},
    {"ffn_up", "intermediate.dense"},
    {"ffn_down", "output.dense"},
    {"layer_output_norm", "output.LayerNorm"},
    {NULL, NULL},
};
static const part bert_others[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"position_embd", "embeddings.position_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "embeddings.LayerNorm"},
    {NULL, NULL},
};
static const layout bert_layout = {"encoder.layer.", bert_parts, bert_others};

static const part flash_parts[] = {
    {"attn_qkv", "mixer.Wqkv"},
    {"attn_output", "mixer.out_proj"},
    {"attn_output_norm", "norm1"},
    {"ffn_up", "mlp.fc1"},
    {"ffn_down", "mlp.fc2"},
    {"layer_output_norm", "norm2"},
    {NULL, NULL},
};
static const part flash_others[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"position_embd", "embeddings.position_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "emb_ln"},
    {NULL, NULL},
};
static const layout flash_layout = {"encoder.layers.", flash_parts, flash_others};

static const field bert_fields[] = {
    {"context_length", "max_position_embeddings", true},
    {"embedding_length", "hidden_size", true},
    {"feed_forward_length", "intermediate_size", true},
    {"block_count", "num_hidden_layers", true},
    {"attention.head_count", "num_attention_heads", true},
    {"attention.layer_norm_epsilon", "layer_norm_eps", true},
    {"hidden_act", "hidden_act", false},
    {NULL, NULL, false},
};

static const part qwen_parts[] = {
    {"attn_norm", "input_layernorm"},    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},      {"attn_v", "self_attn.v_proj"},
    {"attn_q_norm", "self_attn.q_norm"}, {"attn_k_norm", "self_attn.k_norm"},
    {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},       {NULL, NULL},
};
static const part qwen_others[] = {
    {"token_embd", "embed_tokens"},
    {"output_norm", "norm"},
    {"output", "lm_head"},
    {NULL, NULL},
};
static const layout qwen_layout = {"layers.", qwen_parts, qwen_others};

static const field qwen_fields[] = {
    {"context_length", "max_position_embeddings", true},
    {"embedding_length", "hidden_size", true},
    {"feed_forward_length", "intermediate_size", true},
    {"block_count", "num_hidden_layers", true},
    {"attention.head_count", "num_attention_heads", true},
    {"attention.head_count_kv", "num_key_value_heads", true},
    {"attention.key_length", "head_dim", false},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps", true},
    {"rope.freq_base", "rope_theta", true},
    {NULL, NULL, false},
};

#define ROBERTA_PARTS(names)                                                                       \
    .dense = "classifier.dense", .out = "classifier.out_proj", .cuts_positions = true,             \
    .layout = &(names), .fields = bert_fields
#define QWEN_PARTS                                                                                 \
    .tokenizer = "gpt2", .out = "score", .answers = true, .layout = &qwen_layout,                  \
    .fields = qwen_fields

static const architecture architectures[] = {
    {.name = "bert",
     .tokenizer = "bert",
     .model_type = "bert",
     .class_prefix = "Bert",
     .dense = "pooler.dense",
     .out = "classifier",
     .layout = &bert_layout,
     .fields = bert_fields},
    {.name = "bert",
     .tokenizer = "t5",
     .marker = "blk.0.attn_qkv.weight",
     .model_type = "",
     .class_prefix = "XLMRoberta",
     .auto_config = "configuration_xlm_roberta.XLMRobertaFlashConfig",
     ROBERTA_PARTS(flash_layout)},
    {.name = "bert",
     .tokenizer = "t5",
     .model_type = "xlm-roberta",
     .class_prefix = "XLMRoberta",
     ROBERTA_PARTS(bert_layout)},
    {.name = "bert",
     .tokenizer = "gpt2",
     .model_type = "roberta",
     .class_prefix = "Roberta",
     ROBERTA_PARTS(bert_layout)},
    {.name = "qwen2", .model_type = "qwen2", .class_prefix = "Qwen2", QWEN_PARTS},
    {.name = "qwen3", .model_type = "qwen3", .class_prefix = "Qwen3", QWEN_PARTS},
};

/* Of these a GGUF file does not hold what their scores need. */
static const struct {
    const char *name, *reason;
} incomplete[] = {
    {"modern-bert", "how it pools (classifier_pooling) is not in a GGUF file"},
    {"jina-bert-v2", "conversion leaves out the layer before its classifier"},
};

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
static bool is_reranker(const wn_gguf *gguf, const architecture *a)
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

static wn_status find_architecture(const architecture **out, const wn_gguf *gguf, wn_error *err)
{
    wn_str name = wn_gguf_string(gguf, "general.architecture");
    wn_str tokenizer = wn_gguf_string(gguf, "tokenizer.ggml.model");
    bool known = false;
    WN_TRY(check_kind(gguf, err));
    for (size_t i = 0; i < WN_ARRAY_LEN(architectures); i++) {
        const architecture *a = &architectures[i];
        bool named = wn_str_equal(name, wn_str_from(a->name));
        known |= named;
        if (named && wn_str_equal(tokenizer, wn_str_from(a->tokenizer)) &&
            (a->marker == NULL || find_tensor(gguf, a->marker) != NULL)) {
            *out = a;
            return WN_OK;
        }
    }
    if (known)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "key 'tokenizer.ggml.model': is '%.*s', which architecture '%.*s' is not supported "
                "with",
                WN_STR_ARG(tokenizer), WN_STR_ARG(name));
    for (size_t i = 0; i < WN_ARRAY_LEN(incomplete); i++) {
        if (wn_str_equal(name, wn_str_from(incomplete[i].name)))
            WN_FAIL(err, WN_ERR_UNSUPPORTED, "key 'general.architecture': is '%s': %s" INSTEAD,
                    incomplete[i].name, incomplete[i].reason);
    }
    WN_FAIL(err, WN_ERR_UNSUPPORTED,
            "key 'general.architecture': '%.*s' is not supported as GGUF, only bert, qwen2, "
            "qwen3" INSTEAD,
            WN_STR_ARG(name));
}

/* llama.cpp's converter drops bert.pooler.dense; scores without it are wrong. */
static wn_status refuse_lost_pooler(const wn_gguf *gguf, const architecture *a, wn_error *err)
{
    const wn_tensor_view *dense = find_tensor(gguf, "cls.weight");
    bool whole = dense != NULL && dense->n_dims == 2 && dense->dims[0] == dense->dims[1];
    if (a->dense != NULL && strcmp(a->dense, "pooler.dense") == 0 && has_head(gguf) && !whole)
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

/* Any chat model could be asked; only rerankers were trained to answer. */
static wn_status check_answers(const wn_gguf *gguf, const architecture *a, wn_error *err)
{
    wn_str names[] = {wn_gguf_string(gguf, "general.name"),
                      wn_gguf_string(gguf, "general.basename")};
    const wn_tensor_view *head = find_tensor(gguf, "cls.output.weight");
    char key[NAME_MAX_BYTES];
    bool named = false;
    if (has_token(gguf, WN_STR("<|rerank_token|>")))
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "this is jina-reranker-v3, whose projector is not in a GGUF file" INSTEAD);
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++)
        named |= mentions(names[i], "rerank");
    if (head == NULL && !named)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "this is no reranker: it has no tensor 'cls.output.weight', and 'general.name' is "
                "'%.*s'",
                WN_STR_ARG(names[0]));
    if (head != NULL && strcmp(a->model_type, "qwen3") != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "architecture '%s' with a head ('cls.output.weight') is not supported as GGUF: "
                "nothing tells how its pairs are written" INSTEAD,
                a->name);
    snprintf(key, sizeof key, "%s.rope.scaling.type", a->name);
    wn_str scaling = wn_gguf_string(gguf, key);
    if (scaling.ptr != NULL && !wn_str_equal(scaling, WN_STR("none")))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "key '%s': '%.*s' is not supported, only 'none'", key,
                WN_STR_ARG(scaling));
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

static wn_status set_fields(json_t *json, const wn_gguf *gguf, const architecture *a, wn_error *err)
{
    for (const field *f = a->fields; f->key != NULL; f++) {
        char key[NAME_MAX_BYTES];
        snprintf(key, sizeof key, "%s.%s", a->name, f->key);
        json_t *value = wn_gguf_json(gguf, key);
        if (json_is_null(value) && f->required)
            WN_FAIL(err, WN_ERR_FORMAT, "key '%s': is missing or no number", key);
        if (!json_is_null(value))
            WN_TRY(set(json, f->name, value, err));
    }
    return WN_OK;
}

/* Rows of the position table that were left out. */
static size_t cut_rows(const wn_gguf *gguf, const architecture *a)
{
    return a->cuts_positions ? 1 + number_of(gguf, "tokenizer.ggml.padding_token_id", PAD_ID_MAX, 1)
                             : 0;
}

/* Sizes that are counted, not copied; two answers become one score. */
static wn_status set_counts(json_t *json, const wn_gguf *gguf, const architecture *a, wn_error *err)
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

static wn_status set_class(json_t *json, const wn_gguf *gguf, const architecture *a, wn_error *err)
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

static wn_status fill_config(json_t *json, const wn_gguf *gguf, const architecture *a,
                             wn_error *err)
{
    WN_TRY(refuse_lost_pooler(gguf, a, err));
    if (a->answers)
        WN_TRY(check_answers(gguf, a, err));
    WN_TRY(set_class(json, gguf, a, err));
    WN_TRY(set_fields(json, gguf, a, err));
    WN_TRY(set_counts(json, gguf, a, err));
    return set(json, "license", wn_gguf_json(gguf, "general.license"), err);
}

/* ---- companions ------------------------------------------------------------------------------ */

static wn_status fill_pooling(json_t *json, const wn_gguf *gguf, const architecture *a,
                              wn_error *err)
{
    char key[NAME_MAX_BYTES];
    snprintf(key, sizeof key, "%s.pooling_type", a->name);
    size_t type = number_of(gguf, key, INT32_MAX, 0);
    if (type != POOLING_MEAN && type != POOLING_CLS)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "key '%s': is %zu; without tensors of a reranker (cls) it must be 1 (mean) or 2 "
                "(cls)",
                key, type);
    return set(json, "pooling_mode", json_string(type == POOLING_MEAN ? "mean" : "cls"), err);
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
    const architecture *a;
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

static const char *find_part(const part *parts, wn_str name)
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
static bool rename_tensor(char *out, size_t size, wn_str name, const architecture *a)
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
    } else {
        to = find_part(a->layout->others, stem);
    }
    if (to == NULL)
        return false;
    snprintf(out, size, "%s%.*s%s%s.%.*s", front, WN_STR_ARG(number), number.len > 0 ? "." : "", to,
             WN_STR_ARG(ending));
    return true;
}

static wn_status rename_all(wn_tensors *tensors, const architecture *a, wn_error *err)
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
    const architecture *a;
    wn_tensors *tensors = wn_gguf_tensors(gguf);
    WN_TRY(find_architecture(&a, gguf, err));
    size_t n_cut = cut_rows(gguf, a);
    WN_TRY(wn_tensors_check_finite(tensors, err));
    WN_TRY(rename_all(tensors, a, err));
    WN_TRY(restore_positions(tensors, n_cut, err));
    return a->answers ? join_answers(tensors, err) : WN_OK;
}
