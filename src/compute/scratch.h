/* How an op lays out a thread's scratch: the one place where plan.c and the ops agree.
 * Sizes are in floats.  plan.c has bounded all widths, so that nothing here can wrap.
 * Thread rule: values. */
#ifndef WN_COMPUTE_SCRATCH_H
#define WN_COMPUTE_SCRATCH_H

#include "compute/plan.h"

/* Stride of a scratch matrix with n columns: whole cache lines, and one more, so that the rows of
 * a tile do not all fall into the same set of the cache when n is a power of two. */
static inline size_t wn_scratch_stride(size_t n)
{
    size_t line = WN_ALIGN / sizeof(float);
    return wn_round_up(n, line) + line;
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

/* One row block of a layer with a norm at its end: the feed-forward's intermediate (stride of
 * intermediate columns, none for 0), then the rows before the norm. */
static inline size_t wn_scratch_layer(size_t rows, size_t intermediate, size_t hidden)
{
    return rows * ((intermediate > 0 ? wn_scratch_stride(intermediate) : 0) + hidden);
}

/* Scratch of one thread: the largest that any op needs. */
static inline size_t wn_scratch_floats(const wn_plan *plan, const wn_kernels *kernels)
{
    const wn_dims *d = &plan->dims;
    size_t feed_forward = wn_scratch_layer(plan->row_block, d->intermediate, d->hidden);
    size_t attention =
        wn_scratch_attention(kernels, d->max_tokens, d->head_dim, plan->query_block).total;
    size_t maxsim = wn_maxsim_scratch(kernels, d->max_tokens);
    return WN_MAX(feed_forward, WN_MAX(attention, maxsim));
}

#endif
