/* What the layers of a stack need to score by distance: the buckets of distances, and of each layer
 * the vectors or numbers that stand for them.  For model/ only.
 * Thread rule: shared read-only after load. */
#ifndef WN_MODEL_RELATIVE_H
#define WN_MODEL_RELATIVE_H

#include "compute/ops.h"
#include "model/bind.h"
#include "model/family.h"
#include "model/model.h"

/* The vectors of buckets as the queries and keys of one layer look at them. */
typedef struct wn_layer_places {
    const wn_gemm *gemm;           /* of queries and keys */
    unsigned char *keys, *queries; /* as in wn_relative; NULL: none */
    size_t bytes;
} wn_layer_places;

typedef struct wn_places {
    size_t n_buckets; /* 0: scores do not depend on distances */
    size_t n_places, n_heads, head_dim, hidden;
    bool by_query, by_key;
    int32_t *bucket;     /* [2 n_places - 1] */
    float *by_head;      /* [n_heads][n_buckets] */
    float *vectors;      /* [n_buckets][hidden], normalised */
    float *product;      /* [n_buckets][2 n_heads head_dim], scratch of packing */
    unsigned char *rows; /* [n_buckets] rows of the vectors, likewise */
} wn_places;

/* Bind and prepare; *out is empty when the layout has no such scores.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    wn_places_deinit(), also after a failure. */
WN_MUST_USE wn_status wn_places_init(wn_places *out, const wn_config *config,
                                     const wn_layout *layout, wn_tensor_binder *binder,
                                     const wn_model_options *options, wn_error *err);
void wn_places_deinit(wn_places *places);

/* Free what only packing needs. */
void wn_places_trim(wn_places *places);

/* Memory for one layer whose attention has this product of queries and keys.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    wn_layer_places_deinit(). */
WN_MUST_USE wn_status wn_layer_places_init(wn_layer_places *out, const wn_places *places,
                                           const wn_gemm *gemm, wn_error *err);
void wn_layer_places_deinit(wn_layer_places *layer);

/* Multiply the vectors with the query and key rows of a layer's matrix.
 * Needs:   places that were not trimmed. */
void wn_layer_places_pack(wn_layer_places *layer, const wn_places *places, const wn_linear *qkv,
                          wn_pool *pool);

/* Heap bytes that stay. */
size_t wn_places_bytes(const wn_places *places);

/* Both as attention reads them; n_buckets 0: no such scores. */
wn_relative wn_places_of(const wn_places *places, const wn_layer_places *layer);

#endif
