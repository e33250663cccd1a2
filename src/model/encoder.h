/* The post-norm transformer encoder that BERT, RoBERTa and ColBERT share: its weights and its
 * forward pass.  For model/ only.
 * Thread rule: shared read-only after load. */
#ifndef WN_MODEL_ENCODER_H
#define WN_MODEL_ENCODER_H

#include "compute/ops.h"
#include "model/bind.h"
#include "model/model.h"

typedef struct wn_layer {
    wn_linear qkv;      /* [3H][H] rows: query, key, value */
    wn_linear out;      /* [H][H] */
    wn_linear up, down; /* [I][H], [H][I] */
    wn_norm attention_norm, output_norm;
} wn_layer;

/* Where the matrices of a layer lie. */
typedef struct wn_layer_source {
    wn_linear_source qkv, out, up, down;
} wn_layer_source;

#define WN_LAYER_LINEARS 4

typedef struct wn_encoder_weights {
    wn_embedding embedding;
    wn_norm embedding_norm;
    wn_layer *layers; /* [n_layers] */
    size_t n_layers;
    wn_layer_source *sources; /* [n_layers] by turns: only the first layer has memory for matrices,
                                 and each is packed into it when it is its turn; else NULL */
    float *scratch;           /* for that, with pool and set */
    wn_pool *pool;
    const wn_safetensors *set;
} wn_encoder_weights;

/* Bind and pack; mistakes go to the binder, packing stops when there are any.  By turns, matrices
 * take the memory of one layer, and only one thread may compute with them.  Of the file, too, one
 * layer is held: pages that were packed are released.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    wn_encoder_weights_deinit(), also after a failure; tables stay in the set's mapping. */
WN_MUST_USE wn_status wn_encoder_weights_init(wn_encoder_weights *out, const wn_config *config,
                                              wn_tensor_binder *binder,
                                              const wn_model_options *options, wn_error *err);
void wn_encoder_weights_deinit(wn_encoder_weights *weights);

/* Where linear layer i lies, WN_LAYER_LINEARS of each layer; NULL behind the last.
 * Needs:   weights by turns. */
const wn_linear_source *wn_encoder_linear(const wn_encoder_weights *weights, size_t i);

/* Heap bytes, and bytes of tables read from the mapping. */
size_t wn_encoder_weights_bytes(const wn_encoder_weights *weights);
size_t wn_encoder_mapped_bytes(const wn_encoder_weights *weights);

/* Bind and pack one linear layer "NAME.weight" [n][k] and "NAME.bias" [n] in f32. */
WN_MUST_USE wn_status wn_bind_linear(wn_linear *out, wn_tensor_binder *binder,
                                     const wn_model_options *options, const char *name, size_t n,
                                     size_t k, wn_error *err);

/* Hidden states of the last layer, [n_tokens][H]. */
wn_tensor wn_encoder_forward(const wn_encoder_weights *weights, const wn_config *config,
                             wn_exec *exec, const wn_batch *batch);

/* The same for the first token of each sequence alone, [n_seqs][H]: the last layer's rows of other
 * tokens are not computed.  The bits are those of wn_encoder_forward(). */
wn_tensor wn_encoder_forward_first(const wn_encoder_weights *weights, const wn_config *config,
                                   wn_exec *exec, const wn_batch *batch);

#endif
