/* The inside of an exec, for the CPU ops only.
 * Thread rule: one thread at a time; during wn_pool_run() workers read it and each owns its
 * scratch (but where threads share a sequence, see states_cpu.c), and its exec and starts where it
 * computes parts of a batch. */
#ifndef WN_COMPUTE_EXEC_H
#define WN_COMPUTE_EXEC_H

#include "compute/ops.h"
#include "compute/scratch.h"

struct wn_exec {
    wn_plan plan;
    const wn_kernels *kernels;
    wn_pool *pool;
    unsigned char *memory; /* plan.activation_bytes, then the threads' scratch, then the past; NULL
                              in a part, which borrows from its exec */
    unsigned char *activations, *scratch;
    size_t activation_bytes, used_bytes;
    wn_past past; /* n_tokens is 0 when there is none */
    /* [2 batch_seqs + 1] of each sequence, and one behind the last; parts have theirs one after the
     * other: */
    uint32_t *item_start;  /* first attention item */
    uint32_t *group_start; /* first token in its group */
    uint32_t *part_start;  /* first token in its part; NULL in a part */
    uint32_t *part_end;    /* [batch_seqs] the sequence behind each part; likewise */
    wn_exec *parts;        /* [n_threads] who compute parts; likewise */
};

/* The ops of the processor. */
extern const wn_ops wn_ops_cpu;

/* Scratch of a worker, plan.scratch_bytes_per_thread bytes. */
static inline unsigned char *wn_exec_scratch(const wn_exec *exec, int32_t worker)
{
    return exec->scratch + (size_t)worker * exec->plan.scratch_bytes_per_thread;
}

/* The floats at an offset of it, a multiple of WN_ALIGN. */
static inline float *wn_exec_floats(unsigned char *scratch, size_t offset)
{
    return (float *)(void *)(scratch + offset);
}

/* An op is about to use this many bytes of each thread's scratch; it was planned for. */
static inline void wn_exec_check_scratch(const wn_exec *exec, size_t bytes)
{
    WN_ASSERT(bytes <= exec->plan.scratch_bytes_per_thread);
}

/* Blocks that rows are cut into: at most row_block each, as many as the threads can share evenly.
 * The cut decides who computes a row, never what it gets. */
typedef struct wn_row_cut {
    size_t n_rows, block, n_blocks;
} wn_row_cut;

/* Cut n_rows. */
wn_row_cut wn_exec_cut(const wn_exec *exec, size_t n_rows);

/* y = norm(x + residual) for m rows; residual NULL: none. */
static inline void wn_norm_rows(const wn_kernels *kernels, float *y, const float *x,
                                const float *residual, const wn_norm *norm, size_t m)
{
    if (norm->kind == WN_NORM_RMS)
        kernels->rms_norm_f32(y, x, residual, norm->gain, norm->eps, m, norm->n);
    else
        kernels->norm_f32(y, x, residual, norm->gain, norm->bias, norm->eps, m, norm->n);
}

/* Which token of sequence i is wanted, FIRST or LAST, counted from its own first one. */
static inline size_t wn_row_in_sequence(const wn_batch *batch, size_t i, wn_rows rows)
{
    WN_ASSERT(rows != WN_ROWS_ALL);
    return rows == WN_ROWS_LAST ? wn_batch_n_keys(batch, i) - 1 : 0;
}

/* One head of one sequence whose scores depend on distances: where its parts lie. */
typedef struct wn_relative_view {
    const wn_exec *exec;
    const wn_relative *relative;
    size_t head, head_dim;
    wn_relative_scratch parts;
    unsigned char *scratch;
    size_t key_stride;     /* of by_key, in floats */
    size_t lowest, n_used; /* buckets that occur */
} wn_relative_view;

/* Start a head with its packed keys, n_keys of them, for rows [first, end).
 * Needs:   the parts are those of n_keys. */
void wn_relative_begin(wn_relative_view *view, const void *packed_keys, size_t n_keys, size_t first,
                       size_t end);

/* Add to the scores of m rows from place first on; rows are their queries, as a product takes them.
 * Shapes:  scores [m][n_keys] row stride ld. */
void wn_relative_add(const wn_relative_view *view, float *scores, size_t ld, const void *rows,
                     size_t row_stride, size_t first, size_t m, size_t n_keys);

/* See ops.h. */
void wn_turn_heads_cpu(wn_exec *exec, wn_tensor *qkv, const wn_batch *batch, const wn_attention *a,
                       const wn_head_turn *turn);
void wn_attention_cpu(wn_exec *exec, wn_tensor *y, const wn_tensor *qkv, const wn_batch *batch,
                      const wn_attention *a);
void wn_attend_states_cpu(wn_exec *exec, wn_tensor *y, const wn_tensor *queries, const wn_tensor *x,
                          const wn_batch *batch, const wn_attention *a, const wn_state_weights *w);
void wn_keep_past_cpu(wn_exec *exec, const wn_tensor *qkv, const wn_batch *batch,
                      const wn_attention *a);
void wn_maxsim_cpu(wn_exec *exec, float *scores, const wn_query *const *queries,
                   const wn_doc_vectors *documents, size_t n);
void wn_nearest_cpu(wn_exec *exec, wn_nearest *const *nearest, const wn_query *const *queries,
                    const wn_doc_vectors *documents, size_t n);
void wn_keep_vectors_cpu(wn_exec *exec, void *const *kept, const wn_doc_vectors *documents,
                         size_t n);

#endif
