/* See relative.h.  The vectors of buckets do not depend on a text, so their products with a layer's
 * query and key matrices are made once, at load, in the form that attention multiplies. */
#include "model/relative.h"
#include "base/mem.h"
#include "model/stack.h"

#include <math.h>
#include <stddef.h>

#define WN_WHERE "model/relative"

/* Rows of vectors that one item multiplies. */
#define BLOCK 64

static wn_status init_buckets(wn_places *out, const wn_config *config, const wn_layout *layout,
                              wn_error *err)
{
    size_t n = out->n_places;
    out->bucket = wn_mem_alloc(2 * n - 1, sizeof *out->bucket);
    if (out->bucket == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the buckets of %zu places", n);
    for (size_t i = 0; i < 2 * n - 1; i++)
        out->bucket[i] = layout->relative.bucket(config, (ptrdiff_t)(n - 1) - (ptrdiff_t)i);
    return WN_OK;
}

/* Numbers of heads, which the scale of scores will not change. */
static wn_status init_numbers(wn_places *out, const wn_source *table, wn_error *err)
{
    size_t n = out->n_buckets, heads = out->n_heads;
    const unsigned char *data = table->data;
    out->by_head = wn_mem_alloc(heads * n, sizeof *out->by_head);
    if (out->by_head == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu numbers of heads", heads * n);
    for (size_t i = 0; i < n * heads; i++) {
        float value;
        wn_dtype_to_f32(&value, data + i * wn_dtype_size(table->dtype), table->dtype, 1);
        out->by_head[i % heads * n + i / heads] = value * sqrtf((float)out->head_dim);
    }
    return WN_OK;
}

static wn_status init_vectors(wn_places *out, const wn_source *table, const wn_norm *norm,
                              const wn_model_options *options, wn_error *err)
{
    size_t n = out->n_buckets * out->hidden;
    size_t row_bytes = wn_gemm_row_bytes(options->gemm, out->hidden);
    size_t both = 2 * out->n_heads * out->head_dim;
    out->vectors = wn_mem_aligned(n * sizeof *out->vectors);
    out->product = wn_mem_aligned(out->n_buckets * both * sizeof *out->product);
    out->rows = wn_mem_aligned(out->n_buckets * row_bytes);
    if (out->vectors == NULL || out->product == NULL || out->rows == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu vectors of places", out->n_buckets);
    wn_dtype_to_f32(out->vectors, table->data, table->dtype, n);
    if (norm->n > 0)
        options->kernels->norm_f32(out->vectors, out->vectors, NULL, norm->gain, norm->bias,
                                   norm->eps, out->n_buckets, out->hidden);
    return WN_OK;
}

wn_status wn_places_init(wn_places *out, const wn_config *config, const wn_layout *layout,
                         wn_tensor_binder *binder, const wn_model_options *options, wn_error *err)
{
    const wn_relative_names *names = &layout->relative;
    wn_norm norm = {0};
    wn_norm_source source;
    wn_source table = {0};
    *out = (wn_places){0};
    if (names->norm != NULL)
        WN_TRY(wn_bind_norm(&norm, &source, binder, WN_NORM_LAYER, names->norm, true,
                            config->hidden, config->norm_eps, err));
    if (names->table != NULL)
        table = wn_tensor_binder_get(binder, names->n_buckets,
                                     names->are_numbers ? config->n_heads : config->hidden,
                                     "%s.weight", names->table);
    wn_status status = WN_OK;
    bool is_used = names->table != NULL && (names->are_numbers || names->by_query || names->by_key);
    if (!wn_tensor_binder_ok(binder) || !is_used)
        goto out;
    *out = (wn_places){.n_buckets = names->n_buckets,
                       .n_places = config->max_tokens,
                       .n_heads = config->n_heads,
                       .head_dim = config->head_dim,
                       .hidden = config->hidden,
                       .by_query = names->by_query,
                       .by_key = names->by_key};
    WN_TRY_OUT(init_buckets(out, config, layout, err));
    status = names->are_numbers ? init_numbers(out, &table, err)
                                : init_vectors(out, &table, &norm, options, err);
out:
    wn_norm_deinit(&norm);
    return status;
}

void wn_places_trim(wn_places *places)
{
    wn_mem_free(places->vectors);
    wn_mem_free(places->product);
    wn_mem_free(places->rows);
    places->vectors = places->product = NULL;
    places->rows = NULL;
}

void wn_places_deinit(wn_places *places)
{
    wn_places_trim(places);
    wn_mem_free(places->bucket);
    wn_mem_free(places->by_head);
    *places = (wn_places){0};
}

size_t wn_places_bytes(const wn_places *places)
{
    if (places->n_buckets == 0)
        return 0;
    size_t numbers = places->by_head != NULL ? places->n_heads * places->n_buckets : 0;
    return (2 * places->n_places - 1) * sizeof *places->bucket + numbers * sizeof(float);
}

/* ---- of a layer ------------------------------------------------------------------------------ */

wn_status wn_layer_places_init(wn_layer_places *out, const wn_places *places, const wn_gemm *gemm,
                               wn_error *err)
{
    size_t n = places->n_buckets, d = places->head_dim;
    size_t keys = places->n_heads * wn_relative_key_bytes(gemm, n, d);
    size_t queries = places->n_heads * n * wn_gemm_row_bytes(gemm, d);
    *out = (wn_layer_places){.gemm = gemm};
    if (places->by_query) {
        out->keys = wn_mem_aligned(keys);
        out->bytes += keys;
    }
    if (places->by_key) {
        out->queries = wn_mem_aligned(queries);
        out->bytes += queries;
    }
    if ((places->by_query && out->keys == NULL) || (places->by_key && out->queries == NULL)) {
        wn_layer_places_deinit(out);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the places of a layer");
    }
    return WN_OK;
}

void wn_layer_places_deinit(wn_layer_places *layer)
{
    wn_mem_free(layer->keys);
    wn_mem_free(layer->queries);
    *layer = (wn_layer_places){0};
}

typedef struct product_job {
    const wn_places *places;
    const wn_linear *qkv;
    size_t width; /* of queries and keys */
} product_job;

static void product_item(void *arg, size_t item, int32_t worker)
{
    const product_job *job = arg;
    const wn_places *p = job->places;
    const wn_linear *w = job->qkv;
    size_t row_bytes = wn_gemm_row_bytes(w->gemm, p->hidden), first = item * BLOCK;
    size_t m = WN_MIN(p->n_buckets - first, (size_t)BLOCK);
    unsigned char *rows = p->rows + first * row_bytes;
    (void)worker;
    w->gemm->take_rows(rows, row_bytes, p->vectors + first * p->hidden, p->hidden, w->factor, m,
                       p->hidden);
    w->gemm->multiply(p->product + first * job->width, job->width, rows, row_bytes, w->packed,
                      w->bias, m, job->width, w->k, WN_ACT_NONE);
}

void wn_layer_places_pack(wn_layer_places *layer, const wn_places *places, const wn_linear *qkv,
                          wn_pool *pool)
{
    const wn_gemm *gemm = layer->gemm;
    size_t n = places->n_buckets, d = places->head_dim, heads = places->n_heads;
    const product_job job = {places, qkv, 2 * heads * d};
    size_t row_bytes = wn_gemm_row_bytes(gemm, d);
    if (layer->keys == NULL && layer->queries == NULL)
        return;
    wn_pool_run(pool, (n + BLOCK - 1) / BLOCK, product_item, (void *)&job);
    for (size_t h = 0; h < heads; h++) {
        const float *query = places->product + h * d, *key = query + heads * d;
        if (layer->keys != NULL)
            gemm->pack(layer->keys + h * wn_relative_key_bytes(gemm, n, d), key, job.width, n, d);
        if (layer->queries != NULL)
            gemm->take_rows(layer->queries + h * n * row_bytes, row_bytes, query, job.width, NULL,
                            n, d);
    }
}

wn_relative wn_places_of(const wn_places *places, const wn_layer_places *layer)
{
    return (wn_relative){.n_buckets = places->n_buckets,
                         .n_places = places->n_places,
                         .bucket = places->bucket,
                         .by_head = places->by_head,
                         .keys = layer->keys,
                         .queries = layer->queries};
}
