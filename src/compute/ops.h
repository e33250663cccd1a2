/* The coarse operations that every model family is written in.  A device implements them
 * (ops_cpu.c today); the trainer's recording implementation will be another.  A family therefore is
 * straight-line code that does not know where it runs.
 * An exec holds the planned workspace, the kernels and the pool.  Tensors come from
 * wn_exec_tensor() and live until wn_exec_reset(); nothing is allocated while scoring.
 * Thread rule: one thread at a time per exec; an op spreads its work over the exec's pool. */
#ifndef WN_COMPUTE_OPS_H
#define WN_COMPUTE_OPS_H

#include "base/pool.h"
#include "compute/batch.h"
#include "compute/plan.h"
#include "compute/tensor.h"
#include "compute/weight.h"

typedef struct wn_exec wn_exec;

/* Rows that are added up to the embedding of a token; then scaled and normalised. */
typedef struct wn_embedding {
    wn_table word;     /* row ids[i] */
    wn_table position; /* row position_offset + place within the sequence; rows 0: none */
    wn_table type;     /* row types[i]; rows 0: none */
    size_t position_offset;
    bool pads_apart; /* token position_offset - 1 is padding: it has the row of that number, and the
                        places of the others do not count it */
    float scale;     /* 0: none */
    const wn_norm *norm; /* NULL: none */
} wn_embedding;

/* Scores that depend on how far a key is from its query, added before the scale.  Distances fall
 * into buckets; vectors of the buckets stand for keys where a query looks at places, and for
 * queries where places look at a key.  Both are in the form of the attention's product. */
typedef struct wn_relative {
    size_t n_buckets, n_places;
    const int32_t
        *bucket; /* [2 n_places - 1]: of query i and key j it is that of n_places - 1 + j - i */
    const float *by_head;         /* [n_heads][n_buckets] numbers; or NULL */
    const unsigned char *keys;    /* [n_heads] packed n_buckets x head_dim, each of
                                     wn_relative_key_bytes(); or NULL */
    const unsigned char *queries; /* [n_heads][n_buckets] rows of wn_gemm_row_bytes(); or NULL */
} wn_relative;

/* Bytes of a head's vectors that stand for keys. */
static inline size_t wn_relative_key_bytes(const wn_gemm *gemm, size_t n_buckets, size_t head_dim)
{
    return wn_round_up(wn_gemm_packed_bytes(gemm, n_buckets, head_dim), WN_ALIGN);
}

/* The tokens of which rows are wanted; others need not be computed. */
typedef enum wn_rows {
    WN_ROWS_ALL = 0, /* [n_tokens] */
    WN_ROWS_FIRST,   /* of each sequence its first token, [n_seqs] */
    WN_ROWS_LAST     /* of each the last token that may be attended to, [n_seqs] */
} wn_rows;

/* How the queries of a sequence look at its keys.  A row of query, key and value holds n_heads
 * queries, n_kv_heads keys and as many values, each head_dim wide; query head h looks at key head
 * h / (n_heads / n_kv_heads). */
typedef struct wn_attention {
    size_t n_heads, n_kv_heads, head_dim; /* n_kv_heads divides n_heads */
    float scale;                          /* 1 / sqrt(head_dim) in most families */
    bool causal;                          /* token i sees the keys up to i only */
    size_t window;                        /* and those at most so far away; 0: any */
    const float *slopes; /* [n_heads] of ALiBi, whose bias -slope * |i - j| is added after the
                            scale; or NULL */
    const wn_relative *relative; /* or NULL; then there is a key head for each query head, every
                                    token sees all keys and there is no past */
    size_t layer;                /* whose past is read, where a batch has one */
    wn_rows rows;                /* whose queries are there */
} wn_attention;

/* Columns of a row of query, key and value. */
static inline size_t wn_attention_width(const wn_attention *a)
{
    return (a->n_heads + 2 * a->n_kv_heads) * a->head_dim;
}

/* What is done to the heads of queries and keys before they are compared. */
typedef struct wn_head_turn {
    const wn_norm *query_norm, *key_norm; /* of each head, or of all side by side; NULL: none */
    const wn_rotary *rotary;              /* after that; NULL: none */
} wn_head_turn;

/* The feed-forward part of a layer; a gated one has an up of twice the rows that down has columns,
 * one half of which the activation is applied to, the other is multiplied with. */
typedef enum wn_gate {
    WN_GATE_NONE = 0,
    WN_GATE_FIRST, /* act(first half) * second half */
    WN_GATE_SECOND /* first half * act(second half) */
} wn_gate;

typedef struct wn_feed_forward {
    const wn_linear *up, *down;
    wn_act act;
    wn_gate gate;
    const wn_norm *norm; /* of the sum; NULL: none */
} wn_feed_forward;

/* The vectors of a query: one a token in late interaction, one in all of an embedder. */
typedef struct wn_query {
    unsigned char *packed; /* as made by wn_exec_pack_query() */
    float *weights;        /* [n] */
    size_t n;
} wn_query;

/* The vectors of a document that a query is compared with. */
typedef struct wn_doc_vectors {
    const void *rows; /* [n][dim] f32; [n] of wn_vector_bytes() when they are kept */
    size_t n, dim;
    const uint8_t *keep; /* [n] of 0 and 1: those that count; NULL: all */
    wn_dtype dtype;      /* F32, or I8: they are rounded to 8 bits before they are compared */
    bool kept;           /* rows are as keep_vectors() made them */
} wn_doc_vectors;

/* The document token that a query token is nearest to. */
typedef struct wn_nearest {
    uint32_t token; /* of its sequence; UINT32_MAX: none is kept */
    float dot;
} wn_nearest;

typedef enum wn_pool_kind {
    WN_POOL_MEAN = 0, /* mean over the n_keys rows */
    WN_POOL_FIRST,    /* the row of the first token */
    WN_POOL_LAST      /* that of the last of the n_keys */
} wn_pool_kind;

typedef struct wn_ops {
    const char *name; /* "cpu" */

    /* y[i] = norm(((word + position) + type) * scale).
     * Shapes:  y [n_tokens][hidden]; ids within the tables (the caller has checked). */
    void (*embed)(wn_exec *exec, wn_tensor *y, const wn_batch *batch, const wn_embedding *e);

    /* y = act(x . w^T + b).
     * Shapes:  x [rows][k], y [rows][n]. */
    void (*linear)(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_linear *w, wn_act act);

    /* Columns [first, n) of the same without an activation; those before them stay as they are.
     * Needs:   first a multiple of w->gemm->nr. */
    void (*linear_from)(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_linear *w,
                        size_t first);

    /* y = norm(x); y may be x. */
    void (*norm)(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_norm *norm);

    /* y = norm(residual + x); y may be either. */
    void (*add_norm)(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_tensor *residual,
                     const wn_norm *norm);

    /* y = norm(residual + x . w^T + b), without a norm (NULL) the sum; y may be residual.
     * Shapes:  x [rows][k], y and residual [rows][n]. */
    void (*linear_add_norm)(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_linear *w,
                            const wn_tensor *residual, const wn_norm *norm);

    /* y = norm(residual + gate(act(x . up^T + b)) . down^T + c), by row blocks; the intermediate is
     * never whole.
     * Shapes:  x [rows][up->k], y and residual [rows][down->n]; y may be x or residual. */
    void (*feed_forward)(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_tensor *residual,
                         const wn_feed_forward *f);

    /* The queries and keys of a packed batch, in place; the place of a token is that in its
     * sequence, behind its past.
     * Shapes:  qkv [n_tokens][wn_attention_width(a)]. */
    void (*turn_heads)(wn_exec *exec, wn_tensor *qkv, const wn_batch *batch, const wn_attention *a,
                       const wn_head_turn *turn);

    /* y = softmax(q k^T * scale) v within each sequence, over those of its past's and its n_keys
     * keys that each token sees; the same bits whether keys are of the past or its own, and
     * whichever rows are wanted.
     * Shapes:  qkv [n_tokens][wn_attention_width(a)]: queries, keys, values, each head-major;
     *          y [n_tokens][n_heads * head_dim], or [n_seqs] where a->rows tells single tokens. */
    void (*attention)(wn_exec *exec, wn_tensor *y, const wn_tensor *qkv, const wn_batch *batch,
                      const wn_attention *a);

    /* The attention of one row a sequence from the hidden states x that its keys and values would
     * be made of, in f32.
     * Shapes:  y and queries [n_seqs][n_heads * head_dim], x [n_tokens][w->k].
     * Needs:   nothing but rows and a scale in a, as many key heads as heads; no past. */
    void (*attend_states)(wn_exec *exec, wn_tensor *y, const wn_tensor *queries, const wn_tensor *x,
                          const wn_batch *batch, const wn_attention *a, const wn_state_weights *w);

    /* Write keys and values to the past of a->layer.
     * Needs:   a batch with a past and no past_len. */
    void (*keep_past)(wn_exec *exec, const wn_tensor *qkv, const wn_batch *batch,
                      const wn_attention *a);

    /* One row a sequence.
     * Shapes:  x [n_tokens][n], y [n_seqs][n]. */
    void (*pool)(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_batch *batch,
                 wn_pool_kind kind);

    /* The row of each sequence that pool() would take begins with that of x; rows is FIRST or LAST.
     * Shapes:  y [n_tokens][at least n], x [n_seqs][n]. */
    void (*put_rows)(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_batch *batch,
                     wn_rows rows);

    /* Row i of y = row rows[i] of x.
     * Shapes:  rows [y->rows] (host memory). */
    void (*gather)(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const uint32_t *rows);

    /* Rows to euclidean length 1; y may be x. */
    void (*normalize)(wn_exec *exec, wn_tensor *y, const wn_tensor *x);

    /* scores[s] = sum_i weight[i] * max_j <q_i, d_j> over the vectors j of document s that count
     * and the vectors q_i of its own query, which is rounded as the document is; 0 when none
     * counts.  The same bits whether vectors are kept or not.
     * Shapes:  scores, queries, documents [n] (host memory). */
    void (*maxsim)(wn_exec *exec, float *scores, const wn_query *const *queries,
                   const wn_doc_vectors *documents, size_t n);

    /* nearest[s][i] = the vector j of document s with the largest <q_i, d_j>, the first of equals,
     * and that product.
     * Shapes:  nearest [n] of [queries[s]->n] or NULL (not wanted); else as maxsim. */
    void (*nearest)(wn_exec *exec, wn_nearest *const *nearest, const wn_query *const *queries,
                    const wn_doc_vectors *documents, size_t n);

    /* Vectors as maxsim reads them without a copy.
     * Shapes:  kept [n] of [documents[s].n] of wn_vector_bytes() or NULL (not wanted). */
    void (*keep_vectors)(wn_exec *exec, void *const *kept, const wn_doc_vectors *documents,
                         size_t n);
} wn_ops;

/* Allocate the workspace of a plan.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    borrows kernels and pool (NULL: one thread); caller frees with wn_exec_free(). */
WN_MUST_USE wn_status wn_exec_new(wn_exec **out, const wn_plan *plan, const wn_kernels *kernels,
                                  wn_pool *pool, wn_error *err);
void wn_exec_free(wn_exec *exec);

/* The ops of the device that an exec runs on. */
const wn_ops *wn_exec_ops(const wn_exec *exec);

/* The past of an exec, which no reset takes back; NULL when none was planned. */
const wn_past *wn_exec_past(const wn_exec *exec);

/* Take back all tensors; the next forward pass starts. */
void wn_exec_reset(wn_exec *exec);

/* A tensor of the workspace, contents undefined; valid until wn_exec_reset().
 * Needs:   it was planned: asserts when the workspace is used up. */
wn_tensor wn_exec_tensor(wn_exec *exec, size_t rows, size_t cols);

/* Let the tensors of an attention be rows of bf16 where the device has it faster so; then nothing
 * else knows them: queries, keys and values, whose heads are not turned and have no past, are what
 * linear() and linear_from() by w and put_rows() round and attention() reads; its outputs are what
 * it rounds and linear_add_norm() by w reads.
 * Needs:   whole tensors. */
void wn_exec_keep_queries(const wn_exec *exec, wn_tensor *qkv, const wn_linear *w,
                          const wn_attention *a);
void wn_exec_keep_outputs(const wn_exec *exec, wn_tensor *y, const wn_linear *w,
                          const wn_attention *a);

/* What a thread does with its part of a batch: exec uses that one thread; first is the number of
 * the part's first sequence in the batch.  Part and exec are lent for the call.
 * Thread rule: any, several at once; each exec on its own. */
typedef void wn_part_fn(void *arg, wn_exec *exec, const wn_batch *part, size_t first);

/* Call fn for parts of a batch, of which each thread takes one after another.  A part's tensors
 * come from what is left of the workspace and end with the call.  Where the threads would not end
 * together, fn gets the whole batch and the exec itself, whose threads then share each op.
 * Needs:   at most plan.batch_seqs sequences; none of them makes a past. */
void wn_exec_run_parts(wn_exec *exec, const wn_batch *batch, wn_part_fn *fn, void *arg);

/* Sequences of a batch from the first on whose queries, keys and values are best made and used
 * before those of others, so that they stay in a cache: a few for one thread, all for several. */
size_t wn_exec_group_end(const wn_exec *exec, const wn_batch *batch, size_t first);

/* Rows from the first on that best go through several ops before others do: a block for one
 * thread, all of n_rows for several. */
size_t wn_exec_block_end(const wn_exec *exec, size_t n_rows, size_t first);

/* Sequences [first, end) as a batch, valid until the next call. */
wn_batch wn_exec_group(wn_exec *exec, const wn_batch *batch, size_t first, size_t end);

/* Pack query vectors q [nq][dim] for the products of all types of vectors; packed, 64-byte aligned,
 * holds wn_query_bytes(). */
void wn_exec_pack_query(const wn_exec *exec, unsigned char *packed, const float *q, size_t nq,
                        size_t dim);
size_t wn_query_bytes(const wn_kernels *kernels, size_t nq, size_t dim);

/* The part of a packed query for vectors of a type, F32 or I8. */
const void *wn_query_part(const wn_kernels *kernels, const wn_query *query, wn_dtype dtype,
                          size_t dim);

/* Bytes of a vector that is kept. */
size_t wn_vector_bytes(const wn_kernels *kernels, wn_dtype dtype, size_t dim);

#endif
