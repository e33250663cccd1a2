/* A GGUF file as a directory: what its files say, and what conversion spoilt is refused by name. */
#include "tests/support/check.h"
#include "tests/support/check_gguf.h"

#include "base/str.h"
#include "data/json_bind.h"
#include "model/gguf_directory.h"

static wn_error err;

/* What is left out of a good file. */
typedef struct gap {
    const char *key, *tensor;
} gap;

static bool keeps(const char *name, const char *without)
{
    return without == NULL || strcmp(name, without) != 0;
}

static void number(check_gguf *file, const gap *g, const char *key, uint32_t value)
{
    if (keeps(key, g->key))
        check_gguf_u32(file, key, value);
}

static void matrix(check_gguf *file, const gap *g, const char *name, uint64_t cols, uint64_t rows)
{
    if (keeps(name, g->tensor))
        check_gguf_tensor(file, name, 0, (uint64_t[4]){cols, rows},
                          4 * cols * (rows == 0 ? 1 : rows));
}

/* A cross-encoder of one layer of 8, without the tensors of the layer, which nobody counts here. */
static void add_model(check_gguf *file, const char *tokenizer, gap g)
{
    check_gguf_string(file, "general.architecture", "bert");
    check_gguf_string(file, "general.license", "mit");
    check_gguf_string(file, "tokenizer.ggml.model", tokenizer);
    number(file, &g, "bert.context_length", 16);
    number(file, &g, "bert.embedding_length", 8);
    number(file, &g, "bert.feed_forward_length", 12);
    number(file, &g, "bert.block_count", 1);
    number(file, &g, "bert.attention.head_count", 2);
    check_gguf_f32(file, "bert.attention.layer_norm_epsilon", 1e-5f);
    matrix(file, &g, "token_embd.weight", 8, 20);
    matrix(file, &g, "position_embd.weight", 8, 16);
    matrix(file, &g, "token_types.weight", 8, 2);
    matrix(file, &g, "cls.weight", 8, 8);
    matrix(file, &g, "cls.bias", 8, 0);
    matrix(file, &g, "cls.output.weight", 8, 1);
}

static wn_gguf *parse(check_gguf *file, wn_buf *bytes)
{
    wn_gguf *gguf = NULL;
    *bytes = check_gguf_end(file);
    assert_ok(wn_gguf_parse(&gguf, wn_buf_str(bytes), "m", &err), &err);
    return gguf;
}

static json_t *read_file(const wn_gguf *gguf, const char *name)
{
    wn_buf text = WN_BUF_INIT;
    json_t *json = NULL;
    assert_ok(wn_gguf_write_file(&text, gguf, name, &err), &err);
    if (text.len > 0)
        assert_ok(wn_json_parse(&json, wn_buf_str(&text), name, &err), &err);
    wn_buf_deinit(&text);
    return json;
}

static void has_number(const json_t *json, const char *key, json_int_t want)
{
    const json_t *value = json_object_get(json, key);
    assert_true(json_is_integer(value));
    assert_int_equal(json_integer_value(value), want);
}

static void has_text(const json_t *value, const char *want)
{
    assert_true(json_is_string(value));
    assert_string_equal(json_string_value(value), want);
}

static void reranker_has_the_config_that_it_was_made_from(void **state)
{
    (void)state;
    check_gguf file = {0};
    wn_buf bytes;
    add_model(&file, "bert", (gap){0});
    wn_gguf *gguf = parse(&file, &bytes);
    json_t *json = read_file(gguf, "config.json");
    has_text(json_object_get(json, "model_type"), "bert");
    has_text(json_array_get(json_object_get(json, "architectures"), 0),
             "BertForSequenceClassification");
    has_text(json_object_get(json, "license"), "mit");
    has_number(json, "hidden_size", 8);
    has_number(json, "intermediate_size", 12);
    has_number(json, "num_hidden_layers", 1);
    has_number(json, "num_attention_heads", 2);
    has_number(json, "max_position_embeddings", 16);
    has_number(json, "vocab_size", 20);
    has_number(json, "type_vocab_size", 2);
    has_number(json, "num_labels", 1);
    assert_true((float)json_real_value(json_object_get(json, "layer_norm_eps")) == 1e-5f);
    json_decref(json);
    assert_null(read_file(gguf, "modules.json"));
    assert_null(read_file(gguf, "tokenizer_config.json"));
    wn_gguf_close(gguf);
    wn_buf_deinit(&bytes);
}

static void a_bert_without_types_is_distilbert(void **state)
{
    (void)state;
    check_gguf file = {0};
    wn_buf bytes;
    add_model(&file, "bert", (gap){.tensor = "token_types.weight"});
    wn_gguf *gguf = parse(&file, &bytes);
    json_t *json = read_file(gguf, "config.json");
    has_text(json_array_get(json_object_get(json, "architectures"), 0),
             "DistilBertForSequenceClassification");
    has_number(json, "dim", 8);
    has_number(json, "hidden_dim", 12);
    json_decref(json);
    assert_ok(wn_gguf_name_tensors(gguf, &err), &err);
    assert_non_null(wn_tensors_find(wn_gguf_tensors(gguf), WN_STR("pre_classifier.weight")));
    wn_gguf_close(gguf);
    wn_buf_deinit(&bytes);
}

/* Conversion cuts the first rows off; the padding token's id tells how many. */
static void positions_of_roberta_are_where_they_were(void **state)
{
    (void)state;
    check_gguf file = {0};
    wn_buf bytes;
    check_gguf_u32(&file, "tokenizer.ggml.padding_token_id", 3);
    add_model(&file, "t5", (gap){0});
    wn_gguf *gguf = parse(&file, &bytes);
    json_t *json = read_file(gguf, "config.json");
    has_text(json_object_get(json, "model_type"), "xlm-roberta");
    has_number(json, "max_position_embeddings", 20);
    has_number(json, "pad_token_id", 3);
    json_decref(json);
    assert_ok(wn_gguf_name_tensors(gguf, &err), &err);
    const wn_tensor_view *positions =
        wn_tensors_find(wn_gguf_tensors(gguf), WN_STR("embeddings.position_embeddings.weight"));
    assert_non_null(positions);
    assert_true(positions->dims[0] == 20 && positions->dims[1] == 8 && positions->bytes == 640);
    assert_non_null(wn_tensors_find(wn_gguf_tensors(gguf), WN_STR("classifier.dense.weight")));
    assert_non_null(wn_tensors_find(wn_gguf_tensors(gguf), WN_STR("classifier.out_proj.weight")));
    assert_null(wn_tensors_find(wn_gguf_tensors(gguf), WN_STR("cls.weight")));
    wn_gguf_close(gguf);
    wn_buf_deinit(&bytes);
}

static void embedder_has_modules_and_pooling(void **state)
{
    (void)state;
    static const char *const modes[] = {NULL, "mean", "cls"};
    for (uint32_t type = 1; type <= 2; type++) {
        check_gguf file = {0};
        wn_buf bytes;
        check_gguf_string(&file, "general.architecture", "bert");
        check_gguf_string(&file, "tokenizer.ggml.model", "bert");
        check_gguf_u32(&file, "bert.pooling_type", type);
        wn_gguf *gguf = parse(&file, &bytes);
        json_t *modules = read_file(gguf, "modules.json");
        json_t *pooling = read_file(gguf, "1_Pooling/config.json");
        assert_int_equal(json_array_size(modules), 2);
        has_text(json_object_get(pooling, "pooling_mode"), modes[type]);
        json_decref(modules);
        json_decref(pooling);
        wn_gguf_close(gguf);
        wn_buf_deinit(&bytes);
    }
}

static void refuses_file(check_gguf *file, const char *name, wn_status status, const char *message)
{
    wn_buf bytes, text = WN_BUF_INIT;
    wn_gguf *gguf = parse(file, &bytes);
    assert_fails(wn_gguf_write_file(&text, gguf, name, &err), status, &err, message);
    wn_buf_deinit(&text);
    wn_gguf_close(gguf);
    wn_buf_deinit(&bytes);
}

static void what_is_no_such_model_is_named(void **state)
{
    (void)state;
    check_gguf file = {0};
    check_gguf_string(&file, "general.architecture", "nomic-bert");
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "key 'general.architecture': 'nomic-bert' is not supported as GGUF");
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED, "'general.architecture': ''");
    check_gguf_string(&file, "general.architecture", "modern-bert");
    check_gguf_string(&file, "tokenizer.ggml.model", "t5");
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "key 'tokenizer.ggml.model': is 't5', which architecture 'modern-bert' is not");
    add_model(&file, "llama", (gap){0});
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "key 'tokenizer.ggml.model': is 'llama', which architecture 'bert' is not");
    check_gguf_string(&file, "general.type", "adapter");
    add_model(&file, "bert", (gap){0});
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "key 'general.type': is 'adapter', expected 'model'");
    add_model(&file, "bert", (gap){0});
    check_gguf_bool(&file, "bert.attention.causal", true);
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "key 'bert.attention.causal': is true, those of bert that are supported have");
    check_gguf_u32(&file, "split.count", 3);
    add_model(&file, "bert", (gap){0});
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "one of 3 parts of a model; make one file of them with llama-gguf-split --merge");
    check_gguf_string(&file, "general.architecture", "bert");
    check_gguf_string(&file, "tokenizer.ggml.model", "bert");
    refuses_file(&file, "1_Pooling/config.json", WN_ERR_UNSUPPORTED,
                 "key 'bert.pooling_type': is 0; without tensors of a reranker");
}

static void missing_sizes_are_named(void **state)
{
    (void)state;
    static const char *const keys[] = {"bert.context_length", "bert.embedding_length",
                                       "bert.feed_forward_length", "bert.block_count",
                                       "bert.attention.head_count"};
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++) {
        check_gguf file = {0};
        char message[100];
        add_model(&file, "bert", (gap){.key = keys[i]});
        snprintf(message, sizeof message, "key '%s': is missing or no single value", keys[i]);
        refuses_file(&file, "config.json", WN_ERR_FORMAT, message);
    }
}

/* llama.cpp's converter leaves bert.pooler.dense out: scores would be near 0 for every text. */
static void bert_without_its_pooler_is_refused(void **state)
{
    (void)state;
    check_gguf file = {0};
    add_model(&file, "bert", (gap){.tensor = "cls.weight"});
    refuses_file(
        &file, "config.json", WN_ERR_UNSUPPORTED,
        "tensor 'cls.weight' (bert.pooler.dense) is missing: conversion left out the layer "
        "before the classifier, and scores without it are wrong; load the model's "
        "safetensors instead");
    /* older files call the classifier itself so */
    add_model(&file, "bert", (gap){.tensor = "cls.weight"});
    check_gguf_tensor(&file, "cls.weight", 0, (uint64_t[4]){8, 1}, 32);
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED, "(bert.pooler.dense) is missing");
}

/* What the metadata of an architecture are called. */
typedef struct keyed {
    char text[80];
} keyed;

static keyed key_of(const char *architecture, const char *name)
{
    keyed key;
    snprintf(key.text, sizeof key.text, "%s.%s", architecture, name);
    return key;
}

/* A decoder of the sizes above. */
static void add_decoder_of(check_gguf *file, const char *kind, const char *name, const char *tokens)
{
    check_gguf_string(file, "general.architecture", kind);
    check_gguf_string(file, "general.name", name);
    check_gguf_string(file, "tokenizer.ggml.model", "gpt2");
    check_gguf_strings(file, "tokenizer.ggml.tokens", tokens);
    check_gguf_u32(file, key_of(kind, "context_length").text, 16);
    check_gguf_u32(file, key_of(kind, "embedding_length").text, 8);
    check_gguf_u32(file, key_of(kind, "feed_forward_length").text, 12);
    check_gguf_u32(file, key_of(kind, "block_count").text, 1);
    check_gguf_u32(file, key_of(kind, "attention.head_count").text, 2);
    check_gguf_u32(file, key_of(kind, "attention.head_count_kv").text, 1);
    check_gguf_u32(file, key_of(kind, "attention.key_length").text, 6);
    check_gguf_f32(file, key_of(kind, "attention.layer_norm_rms_epsilon").text, 1e-6f);
    check_gguf_f32(file, key_of(kind, "rope.freq_base").text, 1e6f);
    check_gguf_tensor(file, "token_embd.weight", 0, (uint64_t[4]){8, 20}, 640);
}

static void add_decoder(check_gguf *file, const char *name, const char *tokens)
{
    add_decoder_of(file, "qwen3", name, tokens);
}

static void reranking_decoders_are_told_by_head_or_name(void **state)
{
    (void)state;
    static const struct {
        const char *name, *labels, *class_name;
        bool tied;
    } cases[] = {{"Qwen3 Reranker 0.6B", NULL, "Qwen3ForCausalLM", true},
                 {"qwen3-RERANKER", NULL, "Qwen3ForCausalLM", false},
                 {"anything", "yes no", "Qwen3ForSequenceClassification", true}};
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        check_gguf file = {0};
        wn_buf bytes;
        add_decoder(&file, cases[i].name, "a b");
        if (cases[i].labels != NULL) {
            check_gguf_strings(&file, "qwen3.classifier.output_labels", cases[i].labels);
            check_gguf_tensor(&file, "cls.output.weight", 0, (uint64_t[4]){8, 2}, 64);
        }
        if (!cases[i].tied)
            check_gguf_tensor(&file, "output.weight", 0, (uint64_t[4]){8, 20}, 640);
        wn_gguf *gguf = parse(&file, &bytes);
        json_t *json = read_file(gguf, "config.json");
        has_text(json_array_get(json_object_get(json, "architectures"), 0), cases[i].class_name);
        has_number(json, "num_key_value_heads", 1);
        has_number(json, "head_dim", 6);
        has_number(json, "num_labels", 1);
        assert_int_equal(json_is_true(json_object_get(json, "tie_word_embeddings")), cases[i].tied);
        json_decref(json);
        assert_null(read_file(gguf, "modules.json"));
        assert_ok(wn_gguf_name_tensors(gguf, &err), &err);
        const wn_tensor_view *score =
            wn_tensors_find(wn_gguf_tensors(gguf), WN_STR("score.weight"));
        assert_true((score == NULL) == (cases[i].labels == NULL));
        assert_true(score == NULL || (score->dims[0] == 1 && score->bytes == 32));
        wn_gguf_close(gguf);
        wn_buf_deinit(&bytes);
    }
}

static void other_decoders_are_refused(void **state)
{
    (void)state;
    check_gguf file = {0};
    add_decoder(&file, "Qwen3 8B", "a b");
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "this is no reranker: it has no tensor 'cls.output.weight', and 'general.name' is "
                 "'Qwen3 8B'");
    add_decoder_of(&file, "qwen2", "mxbai-rerank", "a b");
    check_gguf_tensor(&file, "cls.output.weight", 0, (uint64_t[4]){8, 2}, 64);
    check_gguf_strings(&file, "qwen2.classifier.output_labels", "yes no");
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "architecture 'qwen2' with a head ('cls.output.weight') is not supported as GGUF");
    add_decoder(&file, "Qwen3 Embedding 0.6B", "a b");
    check_gguf_u32(&file, "qwen3.pooling_type", 3);
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "key 'qwen3.pooling_type': is 3: this is an embedding model, and those of qwen3");
    add_decoder(&file, "jina-reranker-v3", "a <|rerank_token|>");
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "this is jina-reranker-v3, whose projector is not in a GGUF file; load");
    add_decoder(&file, "Qwen3 Reranker", "a b");
    check_gguf_string(&file, "qwen3.rope.scaling.type", "yarn");
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "key 'qwen3.rope.scaling.type': 'yarn' is not supported, only 'none'");
    static const char *const labels[] = {"no yes", "yes", "yes no maybe"};
    for (size_t i = 0; i < WN_ARRAY_LEN(labels); i++) {
        add_decoder(&file, "Qwen3 Reranker", "a b");
        check_gguf_tensor(&file, "cls.output.weight", 0, (uint64_t[4]){8, 2}, 64);
        check_gguf_strings(&file, "qwen3.classifier.output_labels", labels[i]);
        refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                     "key 'qwen3.classifier.output_labels': is not 'yes' and 'no'");
    }
}

/* A Gemma reranker of the sizes above. */
static void add_gemma(check_gguf *file, const char *name, gap g)
{
    check_gguf_string(file, "general.architecture", "gemma");
    check_gguf_string(file, "general.name", name);
    check_gguf_string(file, "tokenizer.ggml.model", "llama");
    number(file, &g, "gemma.context_length", 16);
    number(file, &g, "gemma.embedding_length", 8);
    number(file, &g, "gemma.feed_forward_length", 12);
    number(file, &g, "gemma.block_count", 1);
    number(file, &g, "gemma.attention.head_count", 2);
    number(file, &g, "gemma.attention.head_count_kv", 1);
    number(file, &g, "gemma.attention.key_length", 6);
    check_gguf_f32(file, "gemma.attention.layer_norm_rms_epsilon", 1e-6f);
    matrix(file, &g, "token_embd.weight", 8, 20);
    matrix(file, &g, "blk.0.attn_norm.weight", 8, 0);
    matrix(file, &g, "blk.0.ffn_norm.weight", 8, 0);
    matrix(file, &g, "output_norm.weight", 8, 0);
}

/* In the directory they are less 1. */
static void norms_of_gemma_stay_whole(void **state)
{
    (void)state;
    static const char *const names[] = {"embed_tokens.weight", "layers.0.input_layernorm.weight",
                                        "layers.0.post_attention_layernorm.weight", "norm.weight"};
    check_gguf file = {0};
    wn_buf bytes;
    add_gemma(&file, "Bge Reranker v2 Gemma", (gap){0});
    wn_gguf *gguf = parse(&file, &bytes);
    json_t *json = read_file(gguf, "config.json");
    has_text(json_array_get(json_object_get(json, "architectures"), 0), "GemmaForCausalLM");
    has_text(json_object_get(json, "model_type"), "gemma");
    has_text(json_object_get(json, "norm_weight"), "gain");
    has_number(json, "head_dim", 6);
    has_number(json, "num_key_value_heads", 1);
    assert_true(json_is_true(json_object_get(json, "tie_word_embeddings")));
    assert_null(json_object_get(json, "rope_theta"));
    json_decref(json);
    assert_ok(wn_gguf_name_tensors(gguf, &err), &err);
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++)
        assert_non_null(wn_tensors_find(wn_gguf_tensors(gguf), wn_str_from(names[i])));
    wn_gguf_close(gguf);
    wn_buf_deinit(&bytes);
}

static void gemmas_that_are_no_rerankers_are_refused(void **state)
{
    (void)state;
    static const char *const keys[] = {"gemma.attention.head_count_kv",
                                       "gemma.attention.key_length"};
    check_gguf file = {0};
    add_gemma(&file, "Gemma 2b It", (gap){0});
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "this is no reranker: it has no tensor 'cls.output.weight', and 'general.name' is "
                 "'Gemma 2b It'");
    add_gemma(&file, "gemma-reranker", (gap){0});
    check_gguf_tensor(&file, "cls.output.weight", 0, (uint64_t[4]){8, 1}, 32);
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "architecture 'gemma' with a head ('cls.output.weight') is not supported as GGUF");
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++) {
        char message[100];
        add_gemma(&file, "gemma-reranker", (gap){.key = keys[i]});
        snprintf(message, sizeof message, "key '%s': is missing or no single value; load", keys[i]);
        refuses_file(&file, "config.json", WN_ERR_FORMAT, message);
    }
    check_gguf_string(&file, "general.architecture", "gemma2");
    check_gguf_string(&file, "tokenizer.ggml.model", "llama");
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "key 'general.architecture': 'gemma2' is not supported as GGUF, only bert, gemma, "
                 "jina-bert-v2, modern-bert, qwen2, qwen3; load");
}

/* Whatever its tokenizer and tensors are. */
static void an_architecture_whose_head_is_elsewhere_is_refused(void **state)
{
    (void)state;
    check_gguf file = {0};
    add_decoder_of(&file, "qwen2vl", "Jina Reranker M0", "a b");
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "key 'general.architecture': is 'qwen2vl': the GGUF files of jina-reranker-m0 "
                 "have its language model alone, and its head in another file (mlp_weights.npz); "
                 "load the model's safetensors instead");
    add_decoder_of(&file, "qwen2vl", "Jina Reranker M0", "a b");
    wn_buf bytes;
    wn_gguf *gguf = parse(&file, &bytes);
    assert_fails(wn_gguf_name_tensors(gguf, &err), WN_ERR_UNSUPPORTED, &err, "is 'qwen2vl': the");
    wn_gguf_close(gguf);
    wn_buf_deinit(&bytes);
}

/* A ModernBERT reranker of the sizes above; a pooling of 0 is not told. */
static void add_modern(check_gguf *file, gap g, uint32_t pooling)
{
    check_gguf_string(file, "general.architecture", "modern-bert");
    check_gguf_string(file, "tokenizer.ggml.model", "gpt2");
    number(file, &g, "modern-bert.context_length", 16);
    number(file, &g, "modern-bert.embedding_length", 8);
    number(file, &g, "modern-bert.feed_forward_length", 12);
    number(file, &g, "modern-bert.block_count", 1);
    number(file, &g, "modern-bert.attention.head_count", 2);
    number(file, &g, "modern-bert.attention.sliding_window", 128);
    number(file, &g, "modern-bert.attention.sliding_window_pattern", 3);
    check_gguf_f32(file, "modern-bert.attention.layer_norm_epsilon", 1e-5f);
    check_gguf_f32(file, "modern-bert.rope.freq_base", 160000);
    if (keeps("modern-bert.rope.freq_base_swa", g.key))
        check_gguf_f32(file, "modern-bert.rope.freq_base_swa", 10000);
    if (keeps("modern-bert.hidden_activation", g.key))
        check_gguf_string(file, "modern-bert.hidden_activation", "silu");
    if (pooling > 0)
        check_gguf_u32(file, "modern-bert.classifier.pooling_type", pooling);
    matrix(file, &g, "token_embd.weight", 8, 20);
    matrix(file, &g, "blk.0.attn_qkv.weight", 8, 24);
    matrix(file, &g, "cls.weight", 8, 8);
    matrix(file, &g, "cls.norm.weight", 8, 0);
    matrix(file, &g, "cls.output.weight", 8, 1);
}

static void modern_bert_tells_how_its_classifier_pools(void **state)
{
    (void)state;
    static const char *const modes[] = {NULL, "mean", "cls"};
    for (uint32_t type = 1; type <= 2; type++) {
        check_gguf file = {0};
        wn_buf bytes;
        add_modern(&file, (gap){0}, type);
        check_gguf_f32(&file, "modern-bert.attention.layer_norm_rms_epsilon", 1e-6f);
        wn_gguf *gguf = parse(&file, &bytes);
        json_t *json = read_file(gguf, "config.json");
        has_text(json_array_get(json_object_get(json, "architectures"), 0),
                 "ModernBertForSequenceClassification");
        has_text(json_object_get(json, "classifier_pooling"), modes[type]);
        has_text(json_object_get(json, "hidden_activation"), "silu");
        has_number(json, "local_attention", 128);
        has_number(json, "global_attn_every_n_layers", 3);
        assert_true((float)json_real_value(json_object_get(json, "norm_eps")) == 1e-6f);
        assert_true(json_real_value(json_object_get(json, "local_rope_theta")) == 10000);
        json_decref(json);
        assert_null(read_file(gguf, "modules.json"));
        assert_ok(wn_gguf_name_tensors(gguf, &err), &err);
        static const char *const names[] = {"layers.0.attn.Wqkv.weight", "head.dense.weight",
                                            "head.norm.weight", "classifier.weight"};
        for (size_t i = 0; i < WN_ARRAY_LEN(names); i++)
            assert_non_null(wn_tensors_find(wn_gguf_tensors(gguf), wn_str_from(names[i])));
        wn_gguf_close(gguf);
        wn_buf_deinit(&bytes);
    }
}

static void what_a_modern_bert_does_not_tell_is_not_guessed(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "modern-bert.attention.sliding_window", "modern-bert.attention.sliding_window_pattern",
        "modern-bert.rope.freq_base_swa", "modern-bert.hidden_activation"};
    check_gguf file = {0};
    for (uint32_t type = 0; type <= 4; type += type == 0 ? 3 : 1) {
        add_modern(&file, (gap){0}, type);
        refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                     "key 'modern-bert.classifier.pooling_type': is missing, or not 1 (mean) or 2 "
                     "(cls): how the classifier pools is not in this file; load");
    }
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++) {
        char message[100];
        add_modern(&file, (gap){.key = keys[i]}, 1);
        snprintf(message, sizeof message, "key '%s': is missing or no single value; load", keys[i]);
        refuses_file(&file, "config.json", WN_ERR_FORMAT, message);
    }
    add_modern(&file, (gap){0}, 1);
    check_gguf_string(&file, "modern-bert.classifier.other", "relu");
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "key 'modern-bert.classifier.other' is not supported");
    add_modern(&file, (gap){0}, 1);
    check_gguf_string(&file, "modern-bert.rope.scaling.type", "yarn");
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED, "'yarn' is not supported, only 'none'");
}

/* jina-embeddings-v2; the gate's tensor is there when it has a type. */
static void add_jina(check_gguf *file, int gate_type)
{
    check_gguf_string(file, "general.architecture", "jina-bert-v2");
    check_gguf_string(file, "tokenizer.ggml.model", "bert");
    check_gguf_u32(file, "jina-bert-v2.context_length", 16);
    check_gguf_u32(file, "jina-bert-v2.embedding_length", 8);
    check_gguf_u32(file, "jina-bert-v2.feed_forward_length", 12);
    check_gguf_u32(file, "jina-bert-v2.block_count", 1);
    check_gguf_u32(file, "jina-bert-v2.attention.head_count", 2);
    check_gguf_u32(file, "jina-bert-v2.pooling_type", 1);
    check_gguf_f32(file, "jina-bert-v2.attention.layer_norm_epsilon", 1e-12f);
    check_gguf_tensor(file, "token_types.weight", 0, (uint64_t[4]){8, 2}, 64);
    check_gguf_tensor(file, "blk.0.ffn_up.weight", 0, (uint64_t[4]){8, 12}, 384);
    if (gate_type >= 0)
        check_gguf_tensor(file, "blk.0.ffn_gate.weight", (uint32_t)gate_type, (uint64_t[4]){8, 12},
                          gate_type == 0 ? 384 : 192);
}

static void jina_bert_is_an_embedder_whose_halves_are_joined(void **state)
{
    (void)state;
    for (int gate = -1; gate <= 0; gate++) {
        check_gguf file = {0};
        wn_buf bytes;
        add_jina(&file, gate);
        if (gate == 0) /* 1.0 in the gate, which is the first half */
            memcpy(file.data.ptr + file.data.len - 384, &(float){1}, sizeof(float));
        wn_gguf *gguf = parse(&file, &bytes);
        json_t *json = read_file(gguf, "config.json");
        has_text(json_array_get(json_object_get(json, "architectures"), 0), "JinaBertModel");
        has_text(json_object_get(json, "position_embedding_type"), "alibi");
        has_text(json_object_get(json, "feed_forward_type"), "geglu");
        has_number(json, "type_vocab_size", 2);
        json_decref(json);
        json = read_file(gguf, "1_Pooling/config.json");
        has_text(json_object_get(json, "pooling_mode"), "mean");
        json_decref(json);
        assert_ok(wn_gguf_name_tensors(gguf, &err), &err);
        const wn_tensor_view *gated = wn_tensors_find(
            wn_gguf_tensors(gguf), WN_STR("encoder.layer.0.mlp.gated_layers.weight"));
        assert_non_null(gated);
        assert_true(gated->dims[0] == (gate < 0 ? 12 : 24) && gated->dims[1] == 8);
        assert_true(gated->bytes == (gate < 0 ? 384 : 768));
        float first;
        memcpy(&first, gated->data, sizeof first);
        assert_true(first == (gate < 0 ? 0 : 1));
        assert_int_equal(wn_tensors_count(wn_gguf_tensors(gguf)), 2);
        wn_gguf_close(gguf);
        wn_buf_deinit(&bytes);
    }
}

static void heads_that_conversion_spoilt_are_refused(void **state)
{
    (void)state;
    check_gguf file = {0};
    add_jina(&file, -1);
    check_gguf_tensor(&file, "cls.weight", 0, (uint64_t[4]){8, 1}, 32);
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "is 'jina-bert-v2', and there is a head (cls): conversion left out the layer");
    add_jina(&file, -1);
    check_gguf_string(&file, "general.name", "Some Reranker 17m");
    refuses_file(&file, "config.json", WN_ERR_UNSUPPORTED,
                 "key 'general.name': is 'Some Reranker 17m', but the tensors of a reranker's head "
                 "(cls) are missing");
}

static void refuses_tensors(check_gguf *file, wn_status status, const char *message)
{
    wn_buf bytes;
    wn_gguf *gguf = parse(file, &bytes);
    assert_fails(wn_gguf_name_tensors(gguf, &err), status, &err, message);
    wn_gguf_close(gguf);
    wn_buf_deinit(&bytes);
}

static void tensors_that_have_no_place_are_named(void **state)
{
    (void)state;
    static const char *const names[] = {"blk.0.attn_qq.weight", "blk.0.", "blk..attn_q.weight",
                                        "dense_2.weight",       "weight", "blk.0.attn_q"};
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++) {
        check_gguf file = {0};
        char message[100];
        add_model(&file, "bert", (gap){0});
        check_gguf_tensor(&file, names[i], 0, (uint64_t[4]){1}, 4);
        snprintf(message, sizeof message, "tensor '%s': is unknown to architecture 'bert'",
                 names[i]);
        refuses_tensors(&file, WN_ERR_FORMAT, message);
    }
    check_gguf file = {0};
    add_jina(&file, 1);
    refuses_tensors(&file, WN_ERR_FORMAT,
                    "tensor 'encoder.layer.0.mlp.gated_layers.weight': 'ffn_up' and 'ffn_gate' are "
                    "not two matrices of one type");
    add_model(&file, "bert", (gap){0});
    check_gguf_tensor(&file, "blk.0.attn_q.weight", 20, (uint64_t[4]){32}, 18);
    refuses_tensors(
        &file, WN_ERR_UNSUPPORTED,
        "tensor 'blk.0.attn_q.weight': type IQ4_NL is not supported; supported are F32");
}

/* Every place of a type where an exponent stands. */
static void infinite_and_undefined_weights_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        uint64_t cols;
        size_t bytes, high; /* of the number's highest byte */
        unsigned char infinite;
    } cases[] = {
        {0, 1, 4, 2, 0x80},      {1, 1, 2, 0, 0x7C},      {30, 1, 2, 0, 0x80},
        {2, 32, 18, 0, 0x7C},    {3, 32, 20, 2, 0x7C},    {6, 32, 22, 0, 0x7C},
        {7, 32, 24, 2, 0x7C},    {8, 32, 34, 0, 0x7C},    {12, 256, 144, 0, 0x7C},
        {12, 256, 144, 2, 0x7C}, {13, 256, 176, 2, 0x7C}, {14, 256, 210, 208, 0x7C},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        for (int good = 0; good < 2; good++) {
            check_gguf file = {0};
            add_model(&file, "bert", (gap){0});
            check_gguf_tensor(&file, "blk.0.attn_q.weight", cases[i].type,
                              (uint64_t[4]){cases[i].cols}, cases[i].bytes);
            size_t at = file.data.len - wn_round_up(cases[i].bytes, 32) + cases[i].high;
            bool wide = cases[i].infinite == 0x80;
            file.data.ptr[at] = (char)(wide ? 0x80 : 0);
            file.data.ptr[at + 1] = (char)(wide ? 0x7F - good : 0x7C - 4 * good);
            if (good == 0) {
                refuses_tensors(&file, WN_ERR_FORMAT,
                                "tensor 'blk.0.attn_q.weight': has a value that is infinite or not "
                                "a number");
                continue;
            }
            wn_buf bytes;
            wn_gguf *gguf = parse(&file, &bytes);
            assert_ok(wn_gguf_name_tensors(gguf, &err), &err);
            wn_gguf_close(gguf);
            wn_buf_deinit(&bytes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reranker_has_the_config_that_it_was_made_from),
        cmocka_unit_test(a_bert_without_types_is_distilbert),
        cmocka_unit_test(positions_of_roberta_are_where_they_were),
        cmocka_unit_test(embedder_has_modules_and_pooling),
        cmocka_unit_test(what_is_no_such_model_is_named),
        cmocka_unit_test(missing_sizes_are_named),
        cmocka_unit_test(bert_without_its_pooler_is_refused),
        cmocka_unit_test(reranking_decoders_are_told_by_head_or_name),
        cmocka_unit_test(other_decoders_are_refused),
        cmocka_unit_test(norms_of_gemma_stay_whole),
        cmocka_unit_test(gemmas_that_are_no_rerankers_are_refused),
        cmocka_unit_test(an_architecture_whose_head_is_elsewhere_is_refused),
        cmocka_unit_test(modern_bert_tells_how_its_classifier_pools),
        cmocka_unit_test(what_a_modern_bert_does_not_tell_is_not_guessed),
        cmocka_unit_test(jina_bert_is_an_embedder_whose_halves_are_joined),
        cmocka_unit_test(heads_that_conversion_spoilt_are_refused),
        cmocka_unit_test(tensors_that_have_no_place_are_named),
        cmocka_unit_test(infinite_and_undefined_weights_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
