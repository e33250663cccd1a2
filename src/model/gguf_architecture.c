/* See gguf_architecture.h.
 * Source: ggml-org/llama.cpp conversion/{bert,qwen,gemma}.py and gguf-py/gguf/tensor_mapping.py for
 * names, gguf-py/gguf/constants.py for keys, src/models/{bert,modern-bert}.cpp for which half of a
 * gated layer is which. */
#include "model/gguf_architecture.h"

#include "base/defs.h"

static const wn_gguf_part bert_parts[] = {
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
static const wn_gguf_part bert_others[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"position_embd", "embeddings.position_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "embeddings.LayerNorm"},
    {NULL, NULL},
};
static const wn_gguf_layout bert_layout = {"encoder.layer.", bert_parts, bert_others};

static const wn_gguf_part distil_parts[] = {
    {"attn_q", "attention.q_lin"},
    {"attn_k", "attention.k_lin"},
    {"attn_v", "attention.v_lin"},
    {"attn_output", "attention.out_lin"},
    {"attn_output_norm", "sa_layer_norm"},
    {"ffn_up", "ffn.lin1"},
    {"ffn_down", "ffn.lin2"},
    {"layer_output_norm", "output_layer_norm"},
    {NULL, NULL},
};
static const wn_gguf_layout distil_layout = {"transformer.layer.", distil_parts, bert_others};

static const wn_gguf_field distil_fields[] = {
    {"context_length", "max_position_embeddings", true}, {"embedding_length", "dim", true},
    {"feed_forward_length", "hidden_dim", true},         {"block_count", "n_layers", true},
    {"attention.head_count", "n_heads", true},           {NULL, NULL, false},
};

static const wn_gguf_part flash_parts[] = {
    {"attn_qkv", "mixer.Wqkv"},
    {"attn_output", "mixer.out_proj"},
    {"attn_output_norm", "norm1"},
    {"ffn_up", "mlp.fc1"},
    {"ffn_down", "mlp.fc2"},
    {"layer_output_norm", "norm2"},
    {NULL, NULL},
};
static const wn_gguf_part flash_others[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"position_embd", "embeddings.position_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "emb_ln"},
    {NULL, NULL},
};
static const wn_gguf_layout flash_layout = {"encoder.layers.", flash_parts, flash_others};

static const wn_gguf_field bert_fields[] = {
    {"context_length", "max_position_embeddings", true},
    {"embedding_length", "hidden_size", true},
    {"feed_forward_length", "intermediate_size", true},
    {"block_count", "num_hidden_layers", true},
    {"attention.head_count", "num_attention_heads", true},
    {"attention.layer_norm_epsilon", "layer_norm_eps", true},
    {"hidden_act", "hidden_act", false},
    {NULL, NULL, false},
};

static const wn_gguf_part jina_parts[] = {
    {"attn_q", "attention.self.query"},
    {"attn_k", "attention.self.key"},
    {"attn_v", "attention.self.value"},
    {"attn_output", "attention.output.dense"},
    {"attn_output_norm", "attention.output.LayerNorm"},
    {"ffn_up", WN_GGUF_UP_HALF},
    {"ffn_gate", WN_GGUF_GATE_HALF},
    {"ffn_down", "mlp.wo"},
    {"layer_output_norm", "mlp.layernorm"},
    {NULL, NULL},
};
static const wn_gguf_layout jina_layout = {"encoder.layer.", jina_parts, bert_others};

/* llama.cpp computes no other feed-forward for the architecture. */
static const wn_gguf_part jina_settings[] = {
    {"position_embedding_type", "alibi"},
    {"feed_forward_type", "geglu"},
    {NULL, NULL},
};

static const wn_gguf_part modern_parts[] = {
    {"attn_norm", "attn_norm"},
    {"attn_qkv", "attn.Wqkv"},
    {"attn_output", "attn.Wo"},
    {"ffn_norm", "mlp_norm"},
    {"ffn_up", "mlp.Wi"},
    {"ffn_down", "mlp.Wo"},
    {NULL, NULL},
};
static const wn_gguf_part modern_others[] = {
    {"token_embd", "embeddings.tok_embeddings"},
    {"token_embd_norm", "embeddings.norm"},
    {"output_norm", "final_norm"},
    {NULL, NULL},
};
static const wn_gguf_layout modern_layout = {"layers.", modern_parts, modern_others};

/* The last key of a field that is there counts: rms is what the converter makes of norm_eps. */
static const wn_gguf_field modern_fields[] = {
    {"context_length", "max_position_embeddings", true},
    {"embedding_length", "hidden_size", true},
    {"feed_forward_length", "intermediate_size", true},
    {"block_count", "num_hidden_layers", true},
    {"attention.head_count", "num_attention_heads", true},
    {"attention.layer_norm_epsilon", "norm_eps", true},
    {"attention.layer_norm_rms_epsilon", "norm_eps", false},
    {"attention.sliding_window", "local_attention", true},
    {"attention.sliding_window_pattern", "global_attn_every_n_layers", true},
    {"rope.freq_base", "global_rope_theta", true},
    {"rope.freq_base_swa", "local_rope_theta", true},
    {"hidden_activation", "hidden_activation", true},
    {NULL, NULL, false},
};

static const wn_gguf_part decoder_parts[] = {
    {"attn_norm", "input_layernorm"},    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},      {"attn_v", "self_attn.v_proj"},
    {"attn_q_norm", "self_attn.q_norm"}, {"attn_k_norm", "self_attn.k_norm"},
    {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},       {NULL, NULL},
};
static const wn_gguf_part decoder_others[] = {
    {"token_embd", "embed_tokens"},
    {"output_norm", "norm"},
    {"output", "lm_head"},
    {NULL, NULL},
};
static const wn_gguf_layout decoder_layout = {"layers.", decoder_parts, decoder_others};

static const wn_gguf_field qwen_fields[] = {
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

static const wn_gguf_field gemma_fields[] = {
    {"context_length", "max_position_embeddings", true},
    {"embedding_length", "hidden_size", true},
    {"feed_forward_length", "intermediate_size", true},
    {"block_count", "num_hidden_layers", true},
    {"attention.head_count", "num_attention_heads", true},
    {"attention.head_count_kv", "num_key_value_heads", true},
    {"attention.key_length", "head_dim", true},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps", true},
    {"rope.freq_base", "rope_theta", false}, /* not written: it is the class's */
    {NULL, NULL, false},
};

/* The converter adds the 1 that the class's files lack, as the class itself does, in f32.  To take
 * it off again would round small gains, so the tensors stay, and the configuration tells. */
static const wn_gguf_part gemma_settings[] = {{"norm_weight", "gain"}, {NULL, NULL}};

#define ROBERTA_PARTS(names)                                                                       \
    .dense = "classifier.dense", .out = "classifier.out_proj", .cuts_positions = true,             \
    .layout = &(names), .fields = bert_fields
#define DECODER_PARTS(keys)                                                                        \
    .out = "score", .answers = true, .layout = &decoder_layout, .fields = (keys)

const wn_gguf_architecture wn_gguf_architectures[] = {
    {.name = "bert",
     .tokenizer = "bert",
     .lacks = "token_types.weight",
     .model_type = "distilbert",
     .class_prefix = "DistilBert",
     .dense = "pre_classifier",
     .out = "classifier",
     .layout = &distil_layout,
     .fields = distil_fields},
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
    {.name = "jina-bert-v2",
     .tokenizer = "bert",
     .model_type = "bert",
     .class_prefix = "JinaBert",
     .auto_config = "jinaai/jina-bert-implementation--configuration_bert.JinaBertConfig",
     .settings = jina_settings,
     .out = "classifier",
     .layout = &jina_layout,
     .fields = bert_fields},
    {.name = "modern-bert",
     .tokenizer = "gpt2",
     .model_type = "modernbert",
     .class_prefix = "ModernBert",
     .dense = "head.dense",
     .norm = "head.norm",
     .out = "classifier",
     .names_pooling = true,
     .layout = &modern_layout,
     .fields = modern_fields},
    {.name = "qwen2",
     .tokenizer = "gpt2",
     .model_type = "qwen2",
     .class_prefix = "Qwen2",
     DECODER_PARTS(qwen_fields)},
    {.name = "qwen3",
     .tokenizer = "gpt2",
     .model_type = "qwen3",
     .class_prefix = "Qwen3",
     DECODER_PARTS(qwen_fields)},
    {.name = "gemma",
     .tokenizer = "llama",
     .model_type = "gemma",
     .class_prefix = "Gemma",
     .settings = gemma_settings,
     DECODER_PARTS(gemma_fields)},
    {.name = "qwen2vl",
     .refusal = "the GGUF files of jina-reranker-m0 have its language model alone, and its head in "
                "another file (mlp_weights.npz)"},
};

const size_t wn_gguf_n_architectures = WN_ARRAY_LEN(wn_gguf_architectures);
