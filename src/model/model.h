/* A loaded model: configuration, packed weights, and one forward function per family, straight-line
 * code over compute/ops.h.  Knows neither text nor tokenizers nor the device.
 * Thread rule: shared read-only after load. */
#ifndef WN_MODEL_MODEL_H
#define WN_MODEL_MODEL_H

#include "compute/ops.h"
#include "data/tensors.h"
#include "model/config.h"

typedef struct wn_model wn_model;

/* How a model is loaded. */
typedef struct wn_model_options {
    const wn_kernels *kernels;
    const wn_gemm *gemm; /* of the kernels: the product of the layers; heads have the f32 one */
    wn_pool *pool;       /* that packs; NULL: one thread */
    bool by_turns;       /* hold the matrices of one layer only, and pack each when it is its turn:
                            for a pass or two, on one thread at a time */
} wn_model_options;

/* Bind and pack the tensors of a set; the error names the first missing, odd-shaped or odd-typed
 * tensors, as many as its message holds, and counts the others.  Unknown tensors that the family's
 * list of harmless ones does not name are an error too.
 * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED, WN_ERR_MEMORY.
 * Owns:    borrows config, set and options->kernels until wn_model_free(), by turns the pool, too;
 *          lets go of the set's pages that it packed; caller frees *out. */
WN_MUST_USE wn_status wn_model_load(wn_model **out, const wn_config *config, const wn_tensors *set,
                                    const wn_model_options *options, wn_error *err);
void wn_model_free(wn_model *model);

/* Facts of a loaded model. */
wn_dims wn_model_dims(const wn_model *model);
uint64_t wn_model_n_parameters(const wn_model *model);
size_t wn_model_weight_bytes(const wn_model *model); /* heap */
size_t wn_model_mapped_bytes(const wn_model *model); /* read from the file's mapping */

/* Where linear layer i of the encoder lies; NULL behind the last.
 * Needs:   a model that was loaded by turns.
 * Owns:    valid until wn_model_free(). */
const wn_linear_source *wn_model_linear(const wn_model *model, size_t i);

/* Weight of token id as a query token; 1 without a "token_weight" tensor. */
float wn_model_token_weight(const wn_model *model, int32_t id);

/* Read tokens that sequences of later batches go on from: their keys and values go to the past.
 * Needs:   a batch with a past and no past_len; a decoder. */
void wn_model_read_past(const wn_model *model, wn_exec *exec, const wn_batch *batch);

/* One logit a sequence.
 * Shapes:  logits [batch->n_seqs].
 * Needs:   a cross-encoder; ids, types and lengths within the model's limits (checked by rank/). */
void wn_model_logits(const wn_model *model, wn_exec *exec, const wn_batch *batch, float *logits);

/* Vectors of marked tokens of a listwise model, [n_marks][dim]; valid until wn_exec_reset().
 * Shapes:  marks [n_marks] tokens of the batch, at most a quarter of them. */
wn_tensor wn_model_mark_vectors(const wn_model *model, wn_exec *exec, const wn_batch *batch,
                                const uint32_t *marks, size_t n_marks);

/* One row a sequence of the last layer's hidden states, [n_seqs][hidden], of length 1 if they are
 * to be normalised; valid until wn_exec_reset(). */
wn_tensor wn_model_pooled(const wn_model *model, wn_exec *exec, const wn_batch *batch,
                          wn_pool_kind kind, bool normalize);

/* Token vectors of a late-interaction model, [n_tokens][dim], normalised when the configuration
 * says so for queries or documents; valid until wn_exec_reset(). */
wn_tensor wn_model_token_vectors(const wn_model *model, wn_exec *exec, const wn_batch *batch,
                                 bool is_query);

#endif
