/* The memory plan: every byte that scoring needs, computed from the model's widths and a token
 * budget before anything is allocated, then allocated once by wn_exec_new().
 * Tensors of one forward pass, with T = batch_tokens, S = batch_seqs, A = n_heads * head_dim,
 * K = n_kv_heads * head_dim:
 *     3 of [T][hidden]                 hidden states and two spare ones
 *     1 of [T][A + 2K], 1 of [T][A]    query, key and value; attention output
 *     1 of [T][out_dim]                token vectors
 *     4 of [S][max(hidden, A, out_dim)]  pooled rows
 *     1 of [n_layers][past_tokens][2K]  keys and values of a past
 * A family may cut them otherwise, as long as their sum is kept; threads that compute parts of a
 * batch have theirs side by side, with the T and S of a part.  A thread's scratch holds one row
 * block of the feed-forward's intermediate, or one head of one sequence with its scores, or what
 * single rows of a few sequences look for.
 * Thread rule: values. */
#ifndef WN_COMPUTE_PLAN_H
#define WN_COMPUTE_PLAN_H

#include "base/status.h"
#include "kernel/kernel.h"

/* Widths of a model that the plan depends on. */
typedef struct wn_dims {
    size_t hidden, n_heads, n_kv_heads, head_dim;
    size_t up, intermediate; /* columns of the feed-forward's first product, and of what its second
                                one reads: twice as many when it is gated, else equal */
    size_t out_dim;          /* width of a token vector or of the pooled output, at least 1 */
    size_t max_tokens;       /* longest sequence */
    size_t n_buckets;        /* of distances that have vectors; 0: none */
    size_t n_layers;
    size_t past_tokens; /* most tokens that sequences go on from; 0: none do */
} wn_dims;

typedef struct wn_plan {
    wn_dims dims;
    const wn_gemm *gemm;   /* of the layers and of attention's values; heads may use f32 */
    const wn_gemm *scores; /* of attention's queries and keys */
    size_t n_threads;
    size_t batch_tokens; /* token budget, >= dims.max_tokens */
    size_t batch_seqs;   /* most sequences in one batch */
    size_t row_block;    /* most rows that one work item of a linear layer handles */
    size_t group_tokens; /* of sequences that one thread takes through attention together */
    size_t part_tokens;  /* of sequences that it takes through all layers */
    size_t query_block;  /* most query rows whose attention scores are in scratch at once */
    size_t long_query_block, long_keys; /* as many where there are more keys than these */
    size_t activation_bytes, scratch_bytes_per_thread, past_bytes, total_bytes;
} wn_plan;

/* Fill *out.
 * Needs:   all widths and n_threads >= 1.
 * Fails:   WN_ERR_ARGUMENT when batch_tokens < dims->max_tokens or a size wraps. */
WN_MUST_USE wn_status wn_plan_make(wn_plan *out, const wn_dims *dims, const wn_kernels *kernels,
                                   const wn_gemm *gemm, size_t n_threads, size_t batch_tokens,
                                   wn_error *err);

/* Bytes of the tensors of a forward pass over so many tokens and sequences; false: they wrap. */
bool wn_plan_count(size_t *bytes, const wn_dims *dims, size_t n_tokens, size_t n_seqs);

#endif
