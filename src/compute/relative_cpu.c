/* Attention's scores by distance: products of queries with the vectors of places, and of these with
 * keys, from which each score takes the element of its bucket.  Only buckets that occur between
 * the rows and the keys of an item are multiplied.
 * A product's element depends on its own row and column alone, so which others are computed does
 * not change a bit.
 * Source: He et al. 2021 (DeBERTa), section 3.1. */
#include "compute/exec.h"

void wn_relative_begin(wn_relative_view *view, const void *packed_keys, size_t n_keys, size_t first,
                       size_t end)
{
    const wn_relative *r = view->relative;
    const wn_gemm *gemm = view->exec->plan.scores;
    size_t highest = 0, row_bytes = wn_gemm_row_bytes(gemm, view->head_dim);
    const int32_t *bucket = r->bucket + r->n_places - end; /* of the last row and key 0 */
    WN_ASSERT(end <= r->n_places && n_keys <= r->n_places);
    view->lowest = r->n_buckets;
    for (size_t i = 0; i < n_keys + (end - first) - 1; i++) {
        view->lowest = WN_MIN(view->lowest, (size_t)bucket[i]);
        highest = WN_MAX(highest, (size_t)bucket[i]);
    }
    view->n_used = highest - view->lowest + 1;
    if (r->queries == NULL)
        return;
    float *by_key = wn_exec_floats(view->scratch, view->parts.by_key);
    gemm->multiply(by_key + view->lowest * view->key_stride, view->key_stride,
                   r->queries + (view->head * r->n_buckets + view->lowest) * row_bytes, row_bytes,
                   packed_keys, NULL, view->n_used, n_keys, view->head_dim, WN_ACT_NONE);
}

/* The products of rows with the vectors that stand for keys, by whole panels. */
static void multiply_places(const wn_relative_view *view, float *by_query, const void *rows,
                            size_t row_stride, size_t m)
{
    const wn_relative *r = view->relative;
    const wn_gemm *gemm = view->exec->plan.scores;
    size_t panel = view->lowest / (size_t)gemm->nr, skipped = panel * (size_t)gemm->nr;
    const unsigned char *keys =
        r->keys + view->head * wn_relative_key_bytes(gemm, r->n_buckets, view->head_dim);
    gemm->multiply(by_query + skipped, view->parts.by_query_stride, rows, row_stride,
                   keys + panel * wn_gemm_panel_bytes(gemm, view->head_dim), NULL, m,
                   view->lowest + view->n_used - skipped, view->head_dim, WN_ACT_NONE);
}

void wn_relative_add(const wn_relative_view *view, float *scores, size_t ld, const void *rows,
                     size_t row_stride, size_t first, size_t m, size_t n_keys)
{
    const wn_relative *r = view->relative;
    const wn_kernels *kernels = view->exec->kernels;
    float *by_query = wn_exec_floats(view->scratch, view->parts.by_query);
    wn_relative_terms terms = {.bucket = r->bucket + r->n_places - 1 - first};
    if (r->keys != NULL) {
        multiply_places(view, by_query, rows, row_stride, m);
        terms.by_query = by_query;
        terms.ldq = view->parts.by_query_stride;
    }
    if (r->queries != NULL) {
        terms.by_key = wn_exec_floats(view->scratch, view->parts.by_key);
        terms.ldk = view->key_stride;
    }
    kernels->add_relative_f32(scores, ld, &terms, m, n_keys);
    if (r->by_head == NULL)
        return;
    terms = (wn_relative_terms){.by_query = r->by_head + view->head * r->n_buckets,
                                .bucket = terms.bucket};
    kernels->add_relative_f32(scores, ld, &terms, m, n_keys);
}
