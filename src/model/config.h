/* config.json and its companions: every field range-checked, all mistakes reported together, the
 * family told from what the files say, never from the directory's name.
 * Thread rule: a value; strings are its own. */
#ifndef WN_MODEL_CONFIG_H
#define WN_MODEL_CONFIG_H

#include "base/status.h"
#include "compute/ops.h"
#include "data/license.h"
#include "data/tensors.h"

typedef struct wn_family wn_family; /* see family.h */

#define WN_LAYERS_MAX 1024

/* How a logit becomes a relevance score. */
typedef enum wn_score_rule {
    WN_SCORE_SIGMOID = 1,
    WN_SCORE_IDENTITY,
    WN_SCORE_CALIBRATED, /* sigmoid(a * logit / query weight + b), the built-in model's */
    WN_SCORE_MEAN,       /* late interaction: sum of maxima / number of query vectors */
    WN_SCORE_COSINE
} wn_score_rule;

/* How a query and a document become one sequence; rank/ knows the words. */
typedef enum wn_prompt_kind {
    WN_PROMPT_NONE = 0, /* by the template of tokenizer.json */
    WN_PROMPT_QWEN3,    /* Qwen3-Reranker's */
    WN_PROMPT_MXBAI,    /* mxbai-rerank v2's */
    WN_PROMPT_JINA_V3,  /* jina-reranker-v3's, which holds many documents */
    WN_PROMPT_JINA_M0,  /* jina-reranker-m0's of texts */
    WN_PROMPT_GEMMA     /* bge-reranker-v2-gemma's */
} wn_prompt_kind;

#define WN_ANSWERS_MAX 2

/* Adapters of tasks (LoRA): the weights of a task are W + scale B[task] A[task]. */
typedef struct wn_adapters {
    size_t n_tasks; /* 0: the model has none */
    size_t task;    /* which one is computed; n_tasks: none, W alone */
    size_t rank;
    double scale;
} wn_adapters;

#define WN_TEXT_PROMPT_MAX 255 /* bytes */
#define WN_MARKER_MAX      63

/* Late interaction settings. */
typedef struct wn_late_config {
    size_t dim;                       /* rows of linear.weight; 0: any number */
    int32_t query_marker, doc_marker; /* ids inserted at index 1; -1: those of these tokens */
    char query_token[WN_MARKER_MAX + 1], doc_token[WN_MARKER_MAX + 1];
    int32_t cls_id, sep_id, mask_id; /* -1: the tokenizer's own */
    size_t max_query_tokens, max_doc_tokens;
    size_t query_pad_to; /* queries are filled with mask_id up to this length; 0: not filled */
    bool attend_to_mask; /* mask tokens may be attended to */
    bool query_normalize, doc_normalize;
    bool skip_punctuation; /* vectors of tokens that ASCII punctuation begins with are dropped of
                              documents */
    bool token_weight;     /* tensor "token_weight" [vocab] weighs the query tokens */
    double calibration_a, calibration_b;
} wn_late_config;

/* Scores that depend on how far a key is from its query. */
typedef struct wn_relative_config {
    size_t span;           /* buckets of distances to each side; 0: no such scores */
    size_t farthest;       /* distance in the last one; 0: each distance has its own */
    bool by_query, by_key; /* queries look at places, places look at keys */
    bool has_norm;         /* of the vectors of places */
} wn_relative_config;

#define WN_MODULES_MAX 8
#define WN_FOLDER_MAX  47 /* bytes */

/* A module of sentence-transformers with weights of its own, in FOLDER/model.safetensors. */
typedef struct wn_module {
    char folder[WN_FOLDER_MAX + 1]; /* "": there is none */
    char name[WN_FOLDER_MAX + 9];   /* of its weights, such as "2_Dense.linear" */
    bool has_bias;
} wn_module;

/* What modules make of the pooled row: z = out(norm(act(dense h))). */
typedef struct wn_module_head {
    wn_module dense, norm, out;
    wn_act act;
} wn_module_head;

typedef struct wn_config {
    const wn_family *family;
    const char *family_name; /* "bert", "camembert", "colbert", ...; static */
    wn_kind kind;
    size_t n_layers, hidden, n_heads, n_kv_heads, head_dim, intermediate;
    size_t vocab, type_vocab, max_positions;
    size_t embedding;       /* width of the tables where it is told apart; 0: hidden */
    size_t max_tokens;      /* longest sequence, special tokens included */
    size_t position_offset; /* row of the first token */
    bool has_types;         /* a document's tokens have type 1 */
    bool has_positions;     /* a table of positions, where a file may have it or not */
    double embedding_scale; /* what the words' rows are multiplied by; 0: nothing */
    double norm_eps;
    bool gains_are_whole; /* of norms, where the family has tensors of gain - 1 */
    wn_act act;
    wn_gate gate;
    double rope_base, rope_divisor;                      /* of rotary positions */
    bool attention_bias, mlp_bias, norm_bias, head_bias; /* where a file may have them or not */
    double local_rope_base;                              /* of local layers */
    size_t window;                /* tokens that those of a local layer see to each side */
    bool is_local[WN_LAYERS_MAX]; /* [n_layers] */
    wn_act head_act;              /* of a cross-encoder, where a file says so */
    wn_relative_config relative;
    size_t n_score_terms; /* attention's scale is 1 / sqrt(head_dim * it); 0 is 1 */
    wn_score_rule score_rule;
    wn_pool_kind pool;       /* of an embedder, or of a cross-encoder whose file says so */
    wn_module_head modules;  /* in place of the family's head; out is none: no such */
    size_t max_query_tokens; /* query cut, special tokens included; 0: none of its own */
    size_t max_doc_tokens;   /* a document's in one sequence, words around it included; 0: any */
    size_t window_overlap;   /* tokens that long-document windows share */
    double score_shift;      /* taken off the logit before the sigmoid */
    wn_prompt_kind prompt;
    bool takes_template; /* tokenizer.json's template instead, where that adds tokens to a pair */
    bool passes_pads;    /* trailing tokens of pad_id are passed over */
    int32_t pad_id;
    bool document_first; /* it begins with the document, so that no two sequences begin alike */
    bool asks;           /* the score is what the language model's head says of the next token: */
    size_t n_answers;    /* the logit of the first of these, less that of the second, if any */
    int32_t answers[WN_ANSWERS_MAX]; /* token ids; -1: to be found by rank/.  Of a listwise model
                                        the marks of a document and of the query */
    size_t block_tokens;             /* what its reference cuts blocks of documents by */
    bool is_tied;                    /* that head is the table of words */
    wn_late_config late;
    wn_adapters adapters;
    char text_prompt[WN_TEXT_PROMPT_MAX + 1]; /* of an embedder, put in front of every text */
    char license[WN_LICENSE_MAX + 1]; /* of the weights, such as "apache-2.0"; "": not known */
} wn_config;

/* A file of a model directory: its bytes, or ptr NULL when it is not there. */
typedef struct wn_model_files {
    wn_str config;                         /* config.json */
    wn_str tokenizer_config;               /* tokenizer_config.json */
    wn_str sentence_transformers;          /* config_sentence_transformers.json */
    wn_str sentence_bert_config;           /* sentence_bert_config.json */
    wn_str modules;                        /* modules.json */
    wn_str module_configs[WN_MODULES_MAX]; /* FOLDER/config.json of each of modules.json */
    wn_str colbert_metadata;               /* artifact.metadata */
    wn_str readme;                         /* README.md */
    wn_str model_card;                     /* MODEL_CARD.md */
    const wn_tensors *tensors;             /* whose names tell some families; NULL: not known */
    const char *task;                      /* that is asked for; NULL: none */
} wn_model_files;

/* The folders of the modules in their order; "" where it is the directory itself, or none. */
typedef struct wn_folders {
    char at[WN_MODULES_MAX][WN_FOLDER_MAX + 1];
    size_t n;
} wn_folders;

/* List those of modules.json, the first WN_MODULES_MAX; what is wrong with it otherwise,
 * wn_config_parse() will say.
 * Fails:   as wn_json_parse(). */
WN_MUST_USE wn_status wn_config_list_folders(wn_folders *out, wn_str modules, wn_error *err);

/* Read the configuration.
 * Fails:   WN_ERR_FORMAT with all mistakes, WN_ERR_UNSUPPORTED that names what is not supported. */
WN_MUST_USE wn_status wn_config_parse(wn_config *out, const wn_model_files *files, wn_error *err);

#endif
