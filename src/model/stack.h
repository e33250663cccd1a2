/* The weights below a model's head, whatever its family: the embedding and a stack of layers, bound
 * by a layout of names.  For model/ only.
 * Thread rule: shared read-only after load. */
#ifndef WN_MODEL_STACK_H
#define WN_MODEL_STACK_H

#include "compute/ops.h"
#include "model/bind.h"
#include "model/family.h"
#include "model/model.h"
#include "model/relative.h"

typedef struct wn_layer {
    wn_linear qkv;      /* [(A + 2 K) d][H], A heads and K key heads of d */
    wn_linear out;      /* [H][A d] */
    wn_linear up, down; /* [I or 2 I][H], [H][I] */
    wn_norm attention_norm, again_norm, output_norm; /* n is 0 where there is none */
    wn_norm query_norm, key_norm;
    wn_layer_places places;
    wn_state_weights states; /* of the last one, if single rows can do without keys and values */
} wn_layer;

/* A norm that a layer may lack. */
static inline const wn_norm *wn_norm_or_none(const wn_norm *norm)
{
    return norm->n > 0 ? norm : NULL;
}

/* Where the matrices of a layer lie. */
typedef struct wn_layer_source {
    wn_linear_source qkv, out, up, down;
} wn_layer_source;

#define WN_LAYER_LINEARS 4

struct wn_stack {
    wn_embedding embedding;
    wn_norm embedding_norm, final_norm;
    wn_linear projection; /* of the embedding; n is 0 where there is none */
    wn_places places;
    wn_layer *layers; /* [n_layers] */
    size_t n_layers;
    unsigned char *weights; /* packed matrices of all layers, one after the other; or NULL */
    size_t weight_bytes, weights_used;
    wn_rotary rotary[WN_ROPES_MAX];
    float *slopes;            /* [n_heads] of ALiBi, or NULL */
    wn_layer_source *sources; /* [n_layers] by turns: only the first layer has memory for matrices,
                                 and each is packed into it when it is its turn; else NULL */
    float *scratch;           /* for that, with pool and set */
    wn_pool *pool;
    const wn_tensors *set;
};

/* Bind and pack; mistakes go to the binder, packing stops when there are any.  By turns, matrices
 * take the memory of one layer, and only one thread may compute with them.  Of the file, too, one
 * layer is held: pages that were packed are released.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    wn_stack_deinit(), also after a failure; tables stay in the set's mapping. */
WN_MUST_USE wn_status wn_stack_init(wn_stack *out, const wn_config *config, const wn_layout *layout,
                                    wn_tensor_binder *binder, const wn_model_options *options,
                                    wn_error *err);
void wn_stack_deinit(wn_stack *stack);

/* Whether only one thread may compute with it, because matrices are packed by turns. */
static inline bool wn_stack_is_by_turns(const wn_stack *stack)
{
    return stack->sources != NULL;
}

/* Layer i with its matrices, valid until the next call. */
wn_layer wn_stack_layer(const wn_stack *stack, size_t i);

/* Where linear layer i lies, WN_LAYER_LINEARS of each layer; NULL behind the last.
 * Needs:   weights by turns. */
const wn_linear_source *wn_stack_linear(const wn_stack *stack, size_t i);

/* Heap bytes, and bytes of tables read from the mapping. */
size_t wn_stack_bytes(const wn_stack *stack);
size_t wn_stack_mapped_bytes(const wn_stack *stack);

/* Bind and pack one linear layer "NAME.weight" [n][k] and "NAME.bias" [n] in f32. */
WN_MUST_USE wn_status wn_bind_linear(wn_linear *out, wn_tensor_binder *binder,
                                     const wn_model_options *options, const char *name,
                                     bool has_bias, size_t n, size_t k, wn_error *err);

/* Where gain and bias of a norm lie; data NULL: there is none. */
typedef struct wn_norm_source {
    wn_source gain, bias;
} wn_norm_source;

/* Bind one norm "NAME.weight" and "NAME.bias" of n values. */
WN_MUST_USE wn_status wn_bind_norm(wn_norm *out, wn_norm_source *source, wn_tensor_binder *binder,
                                   wn_norm_kind kind, const char *name, bool has_bias, size_t n,
                                   double eps, wn_error *err);

/* The tensors of attention: hidden states, the rows that queries, keys and values are made of
 * (which may be the same), and space. */
typedef struct wn_attention_tensors {
    wn_tensor *hidden;
    const wn_tensor *x;
    wn_tensor *qkv;     /* [n_tokens][wn_attention_width()] */
    wn_tensor *context; /* [n_tokens][n_heads * head_dim]; NULL: a past is kept, no more */
} wn_attention_tensors;

/* Make queries, keys and values of a layer, turn their heads (NULL: not), keep keys and values
 * where the batch is a past in the making, attend.  Context, and hidden states for what follows,
 * become those of the rows that a wants. */
void wn_self_attention(wn_exec *exec, const wn_attention_tensors *t, const wn_layer *layer,
                       const wn_batch *batch, const wn_attention *a, const wn_head_turn *turn);

#endif
