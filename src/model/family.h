/* What a model family is: how its files are told from those of others, which fields its config.json
 * has, what its tensors are called, and its forward pass over compute/ops.h.  A family is one file
 * and a row of the table in family.c.
 * Thread rule: constants. */
#ifndef WN_MODEL_FAMILY_H
#define WN_MODEL_FAMILY_H

#include "compute/ops.h"
#include "data/json_bind.h"
#include "data/tensors.h"
#include "model/config.h"

/* A linear layer: "NAME.weight" and "NAME.bias"; several parts are stacked by rows. */
typedef struct wn_linear_names {
    const char *parts[3]; /* NULL behind the last; "%zu" stands for the number of the layer */
    bool has_bias;
} wn_linear_names;

/* The head of a cross-encoder over a pooled row h: z = out(norm(act(dense h))). */
typedef struct wn_head_names {
    wn_pool_kind pool;
    const char *dense; /* NULL: none, no activation either */
    bool dense_bias;
    wn_act act;
    const char *norm; /* NULL: none */
    bool norm_bias;
    double norm_eps;
    const char *out; /* one row */
    bool out_bias;
} wn_head_names;

/* Scores by distance: the table of buckets and what is made of it; see wn_relative. */
typedef struct wn_relative_names {
    const char
        *table;       /* [n_buckets][hidden] vectors, or [n_buckets][n_heads] numbers; NULL: none */
    const char *norm; /* of the vectors; NULL: none */
    bool are_numbers;
    size_t n_buckets;
    bool by_query, by_key;
    int32_t (*bucket)(const wn_config *config, ptrdiff_t distance); /* of query - key */
} wn_relative_names;

/* Rotary positions: see wn_rotary_init(). */
typedef struct wn_rope {
    double base, divisor;
} wn_rope;

#define WN_ROPES_MAX 2

/* What the tensors of a model are called.  Names of tables and norms are whole but for ".weight"
 * and ".bias". */
typedef struct wn_layout {
    const char *prefix; /* of all but the head's; files may leave it out */
    const char *word, *position, *type, *embedding_norm; /* all but word NULL: none */
    const char *projection;             /* of the embedding, to the hidden width; NULL: none */
    wn_linear_names qkv, out, up, down; /* of a layer: qkv in one part or three, up in one, or gated
                                           in one or two */
    bool norm_first; /* the two norms are before what they are named for; else after it */
    const char *attention_norm; /* of a layer, like the next ones */
    bool starts_without;        /* layer 0 has no attention norm */
    const char *again_norm;     /* of x + attention_norm(x + attention(x)); NULL: none */
    const char *output_norm;
    const char *query_norm, *key_norm; /* of each head; NULL: none */
    bool norms_span_heads;             /* those two are of all heads at once */
    const char *final_norm;            /* behind the last layer; NULL: none */
    wn_norm_kind norm_kind;            /* of all norms but the head's */
    bool norm_bias;
    wn_rope ropes[WN_ROPES_MAX]; /* [n_ropes] */
    size_t n_ropes;
    bool alibi;
    wn_relative_names relative;
    wn_head_names head;
    const char *unread; /* beginning, up to a dot, of the names of what is left out; or NULL */
} wn_layout;

/* How HF_ColBERT is published over a family. */
typedef struct wn_late_habits {
    const char *query_token, *doc_token; /* where artifact.metadata says nothing */
    bool attends;                        /* to mask tokens, whatever artifact.metadata says */
    bool may_cut;                        /* vectors were trained so that their beginnings serve */
} wn_late_habits;

/* By what a model says who it is: config.json, "" where it says nothing, and the names of its
 * tensors. */
typedef struct wn_identity {
    const char *architecture; /* the first of architectures */
    const char *model_type, *name_or_path;
    const char *auto_config;   /* auto_map.AutoConfig */
    const wn_tensors *tensors; /* NULL: not known */
} wn_identity;

/* Whether the name of a tensor has this part. */
bool wn_identity_has_tensor(const wn_identity *id, const char *part);

typedef struct wn_stack wn_stack;

struct wn_family {
    const char *name;         /* shown to users */
    const char *model_type;   /* of config.json; "": told by claims() alone */
    const char *class_prefix; /* of its classes in transformers */
    const char *other_prefix; /* which its files may name as well; or NULL */

    /* Is this one of ours, whatever its model_type?  NULL: model_type and class decide. */
    bool (*claims)(const wn_identity *id);

    /* Where config.json says nothing; but for the first two, 0 is what BERT has. */
    size_t type_vocab, pad_id, vocab, hidden, n_layers, n_heads, intermediate;
    double norm_eps;
    bool may_lack_types;        /* type_vocab_size may be 0 */
    bool skips_pads;            /* the first token's position is pad_id + 1 */
    bool has_types;             /* a document's tokens have type 1 */
    bool has_tasks;             /* files may have adapters of tasks */
    const wn_late_habits *late; /* NULL: HF_ColBERT is not published over it */
    size_t pair_tokens;         /* longest pair of its reference; 0: what the positions allow */
    size_t query_tokens, doc_tokens; /* of a decoder: what its reference cuts a query and a document
                                        to, with the words of the prompt that are tokenized with
                                        them; 0: no limit of their own */
    bool one_label;                  /* of its classification, whatever config.json says */
    bool is_decoder; /* tokens see those before them; pairs are written as a prompt */

    /* Read the fields of config.json; the class was read before.
     * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED. */
    wn_status (*configure)(wn_config *config, const json_t *json, wn_error *err);

    void (*lay_out)(wn_layout *out, const wn_config *config);

    /* Hidden states of the last layer, behind the final norm, of the rows that are wanted; single
     * rows may differ from those of all in the last digits. */
    wn_tensor (*forward)(const wn_stack *stack, const wn_config *config, wn_exec *exec,
                         const wn_batch *batch, wn_rows rows);
};

/* The family of a config.json, and what kind of model it names: *config gets family, family_name
 * and kind.
 * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED. */
WN_MUST_USE wn_status wn_family_find(wn_config *config, const json_t *json,
                                     const wn_model_files *files, wn_error *err);

/* ---- what the families' files give to the table ---------------------------------------------- */

/* bert.c */
wn_status wn_bert_configure(wn_config *config, const json_t *json, wn_error *err);
void wn_bert_lay_out(wn_layout *out, const wn_config *config);
void wn_roberta_lay_out(wn_layout *out, const wn_config *config);
wn_status wn_flash_configure(wn_config *config, const json_t *json, wn_error *err);
bool wn_flash_claims(const wn_identity *id);
void wn_flash_lay_out(wn_layout *out, const wn_config *config);
wn_tensor wn_bert_forward(const wn_stack *stack, const wn_config *config, wn_exec *exec,
                          const wn_batch *batch, wn_rows rows);

/* jinabert.c */
wn_status wn_jina_bert_configure(wn_config *config, const json_t *json, wn_error *err);
wn_status wn_jina_bert_qk_configure(wn_config *config, const json_t *json, wn_error *err);
bool wn_jina_bert_claims(const wn_identity *id);
bool wn_jina_bert_qk_claims(const wn_identity *id);
void wn_jina_bert_lay_out(wn_layout *out, const wn_config *config);
void wn_jina_bert_qk_lay_out(wn_layout *out, const wn_config *config);
wn_tensor wn_jina_bert_qk_forward(const wn_stack *stack, const wn_config *config, wn_exec *exec,
                                  const wn_batch *batch, wn_rows rows);

/* newmodel.c */
wn_status wn_new_model_configure(wn_config *config, const json_t *json, wn_error *err);
void wn_new_model_lay_out(wn_layout *out, const wn_config *config);
/* qwen.c */
wn_status wn_qwen2_configure(wn_config *config, const json_t *json, wn_error *err);
wn_status wn_qwen3_configure(wn_config *config, const json_t *json, wn_error *err);
wn_status wn_jina_v3_configure(wn_config *config, const json_t *json, wn_error *err);
bool wn_jina_v3_claims(const wn_identity *id);
void wn_qwen2_lay_out(wn_layout *out, const wn_config *config);
void wn_qwen3_lay_out(wn_layout *out, const wn_config *config);

/* jina_m0.c */
bool wn_jina_m0_claims(const wn_identity *id);
wn_status wn_jina_m0_configure(wn_config *config, const json_t *json, wn_error *err);
void wn_jina_m0_lay_out(wn_layout *out, const wn_config *config);

/* gemma.c */
wn_status wn_gemma_configure(wn_config *config, const json_t *json, wn_error *err);
void wn_gemma_lay_out(wn_layout *out, const wn_config *config);

/* causal.c */
wn_tensor wn_causal_forward(const wn_stack *stack, const wn_config *config, wn_exec *exec,
                            const wn_batch *batch, wn_rows rows);

/* modernbert.c */
wn_status wn_modernbert_configure(wn_config *config, const json_t *json, wn_error *err);
void wn_modernbert_lay_out(wn_layout *out, const wn_config *config);
wn_tensor wn_modernbert_forward(const wn_stack *stack, const wn_config *config, wn_exec *exec,
                                const wn_batch *batch, wn_rows rows);

/* distilbert.c, electra.c, mpnet.c, deberta.c */
wn_status wn_distilbert_configure(wn_config *config, const json_t *json, wn_error *err);
void wn_distilbert_lay_out(wn_layout *out, const wn_config *config);
wn_status wn_electra_configure(wn_config *config, const json_t *json, wn_error *err);
void wn_electra_lay_out(wn_layout *out, const wn_config *config);
wn_status wn_mpnet_configure(wn_config *config, const json_t *json, wn_error *err);
void wn_mpnet_lay_out(wn_layout *out, const wn_config *config);
wn_status wn_deberta_configure(wn_config *config, const json_t *json, wn_error *err);
void wn_deberta_lay_out(wn_layout *out, const wn_config *config);

#endif
