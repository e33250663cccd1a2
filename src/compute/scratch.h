/* How an op lays out a thread's scratch: the one place where plan.c and the ops agree.
 * Sizes are in floats.  plan.c has bounded all widths, so that nothing here can wrap.
 * Thread rule: values. */
#ifndef WN_COMPUTE_SCRATCH_H
#define WN_COMPUTE_SCRATCH_H

#include "compute/plan.h"

/* Stride of a scratch matrix with n columns: an odd number of cache lines, so that the rows of a
 * tile spread over all sets of the first-level cache. */
static inline size_t wn_scratch_stride(size_t n)
{
    size_t line = WN_ALIGN / sizeof(float);
    return ((n + line - 1) / line | 1) * line;
}

/* Whether rows of k floats, one behind the other, all begin in the same set of the first-level
 * cache: gemm then reads them a third slower, and copying a block of them first pays. */
static inline bool wn_scratch_copies(size_t k)
{
    const size_t way_bytes = 4096;
    return k * sizeof(float) % way_bytes == 0;
}

/* Parts of one attention item: packed keys, packed values, scores of a query block. */
typedef struct wn_attention_scratch {
    size_t keys, values, scores; /* offsets */
    size_t scores_stride;
    size_t total;
} wn_attention_scratch;

/* The parts for a head of a sequence with n_keys keys and blocks of query_block rows. */
static inline wn_attention_scratch wn_scratch_attention(const wn_kernels *kernels, size_t n_keys,
                                                        size_t head_dim, size_t query_block)
{
    size_t nr = (size_t)kernels->gemm_f32_nr, line = WN_ALIGN / sizeof(float);
    wn_attention_scratch s = {.keys = 0, .scores_stride = wn_scratch_stride(n_keys)};
    s.values = wn_round_up(wn_round_up(n_keys, nr) * head_dim, line);
    s.scores = s.values + wn_round_up(wn_round_up(head_dim, nr) * n_keys, line);
    s.total = s.scores + query_block * s.scores_stride;
    return s;
}

/* Parts of one row block of a linear layer or of a feed-forward. */
typedef struct wn_layer_scratch {
    size_t x, intermediate, product; /* offsets */
    size_t x_stride;                 /* 0: x is read where it is */
    size_t intermediate_stride;
    size_t total;
} wn_layer_scratch;

/* The parts for rows of k inputs, with an intermediate and a product of these widths (0: none). */
static inline wn_layer_scratch wn_scratch_layer(size_t rows, size_t k, size_t intermediate,
                                                size_t product)
{
    wn_layer_scratch s = {
        .x_stride = wn_scratch_copies(k) ? wn_scratch_stride(k) : 0,
        .intermediate_stride = intermediate > 0 ? wn_scratch_stride(intermediate) : 0,
    };
    s.intermediate = rows * s.x_stride;
    s.product = s.intermediate + rows * s.intermediate_stride;
    s.total = s.product + rows * product;
    return s;
}

/* Scratch of one thread: the largest that any op needs. */
static inline size_t wn_scratch_floats(const wn_plan *plan, const wn_kernels *kernels)
{
    const wn_dims *d = &plan->dims;
    size_t rows = plan->row_block, heads = d->n_heads * d->head_dim;
    size_t feed_forward = wn_scratch_layer(rows, d->hidden, d->intermediate, d->hidden).total;
    size_t down = wn_scratch_layer(rows, d->intermediate, 0, d->hidden).total;
    size_t out = wn_scratch_layer(rows, heads, 0, d->hidden).total;
    size_t layer = WN_MAX(feed_forward, WN_MAX(down, out));
    size_t attention =
        wn_scratch_attention(kernels, d->max_tokens, d->head_dim, plan->query_block).total;
    size_t maxsim = wn_maxsim_scratch(kernels, d->max_tokens);
    return WN_MAX(layer, WN_MAX(attention, maxsim));
}

#endif
