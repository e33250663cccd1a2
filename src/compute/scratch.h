/* How an op lays out a thread's scratch: the one place where plan.c and the ops agree.
 * plan.c has bounded all widths, so that nothing here can wrap.
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

/* Whether a product wants rows of k floats taken over first: into another dtype; or because they
 * all begin in the same set of the first-level cache, and it would read them a third slower. */
static inline bool wn_scratch_takes(const wn_gemm *gemm, size_t k)
{
    const size_t way_bytes = 4096;
    return gemm->dtype != WN_DTYPE_F32 || k * sizeof(float) % way_bytes == 0;
}

/* Bytes from one row of a product to the next; 0 when rows are read where they are. */
static inline size_t wn_scratch_row_bytes(const wn_gemm *gemm, size_t k)
{
    return wn_scratch_takes(gemm, k) ? wn_gemm_row_bytes(gemm, k) : 0;
}

/* Parts of one attention item: packed keys, packed values, and of a query block its rows, its
 * scores and their rows, or the space of attend(); where these are later, keys or values of a past
 * and of the sequence lie side by side before they are packed. */
typedef struct wn_attention_scratch {
    size_t keys, values, queries, scores, shares; /* offsets in bytes */
    size_t query_bytes, share_bytes;              /* of a row; 0: read where they are */
    size_t scores_stride;                         /* in floats */
    size_t total;
} wn_attention_scratch;

/* The parts for a head of a sequence with n_keys keys, some of them of a past if has_past, and
 * blocks of query_block rows, with products for scores and for values. */
static inline wn_attention_scratch wn_scratch_attention(const wn_gemm *scores,
                                                        const wn_gemm *values, size_t n_keys,
                                                        size_t head_dim, size_t query_block,
                                                        bool has_past)
{
    wn_attention_scratch s = {
        .scores_stride = wn_scratch_stride(n_keys),
        .query_bytes = scores->dtype == WN_DTYPE_F32 ? 0 : wn_gemm_row_bytes(scores, head_dim),
        .share_bytes = values->dtype == WN_DTYPE_F32 ? 0 : wn_gemm_row_bytes(values, n_keys),
    };
    s.values = wn_round_up(wn_gemm_packed_bytes(scores, n_keys, head_dim), WN_ALIGN);
    s.queries = s.values + wn_round_up(wn_gemm_packed_bytes(values, head_dim, n_keys), WN_ALIGN);
    s.scores = s.queries + query_block * s.query_bytes;
    s.shares = s.scores + query_block * s.scores_stride * sizeof(float);
    s.total = s.shares + query_block * s.share_bytes;
    if (values->attend != NULL)
        s.total = WN_MAX(s.total, s.scores + wn_attend_space(n_keys));
    if (has_past)
        s.total = WN_MAX(s.total, s.queries + n_keys * head_dim * sizeof(float));
    return s;
}

/* Sequences that attend_states() multiplies by a matrix at once, and hidden states of one by what
 * its heads look for. */
enum { WN_STATES_GROUP = 16, WN_STATES_ROWS = 64 };

/* Parts of attend_states(), for an f32 product: what heads of a group look for and later their
 * means; of one sequence the former packed, products of a block of its hidden states, shares, and
 * packed columns of its hidden states. */
typedef struct wn_states_scratch {
    size_t states, looks, products, shares, columns;      /* offsets in bytes */
    size_t states_stride, products_stride, shares_stride; /* in floats */
    size_t total;
} wn_states_scratch;

/* The parts for n hidden states. */
static inline wn_states_scratch wn_scratch_states(const wn_gemm *gemm, size_t n, size_t n_heads,
                                                  size_t head_dim, size_t hidden)
{
    wn_states_scratch s = {.states_stride = wn_scratch_stride(hidden),
                           .products_stride = wn_scratch_stride(n_heads),
                           .shares_stride = wn_scratch_stride(n)};
    s.looks = WN_STATES_GROUP * n_heads * s.states_stride * sizeof(float);
    s.products = s.looks + wn_round_up(wn_gemm_packed_bytes(gemm, n_heads, hidden), WN_ALIGN);
    s.shares = s.products + WN_STATES_ROWS * s.products_stride * sizeof(float);
    s.columns = s.shares + n_heads * s.shares_stride * sizeof(float);
    s.total = s.columns + wn_round_up(wn_gemm_packed_bytes(gemm, head_dim, n), WN_ALIGN);
    return s;
}

/* Parts behind those of an attention item: what a query block adds to each bucket of distances, and
 * what the buckets add to each key. */
typedef struct wn_relative_scratch {
    size_t by_query, by_key; /* offsets in bytes */
    size_t by_query_stride;  /* in floats; that of by_key is scores_stride */
    size_t total;
} wn_relative_scratch;

static inline wn_relative_scratch wn_scratch_relative(const wn_attention_scratch *attention,
                                                      size_t query_block, size_t n_buckets)
{
    wn_relative_scratch s = {.by_query = wn_round_up(attention->total, WN_ALIGN),
                             .by_query_stride = wn_scratch_stride(n_buckets)};
    s.by_key = s.by_query + query_block * s.by_query_stride * sizeof(float);
    s.total = s.by_key + n_buckets * attention->scores_stride * sizeof(float);
    return s;
}

/* Columns of an intermediate, of those that a second product reads, which are made at once and then
 * taken over: few, which stay in the cache, where a bf16 product reads plain halves; all where an
 * i8 product wants the scale of a whole row, or an f32 one reads them where they are. */
static inline size_t wn_scratch_columns(const wn_gemm *gemm, size_t read)
{
    const size_t few = 256;
    bool in_parts = gemm->dtype == WN_DTYPE_BF16 && read > few && read % (size_t)gemm->nr == 0;
    return in_parts ? few : read;
}

/* Parts of one row block of a linear layer or of a feed-forward: rows of x, columns of the
 * intermediate and its rows, the product. */
typedef struct wn_layer_scratch {
    size_t x, intermediate, taken, product; /* offsets in bytes */
    size_t x_bytes, taken_bytes;            /* of a row; 0: read where they are */
    size_t columns;                         /* of the intermediate that are made at once */
    size_t intermediate_stride;             /* in floats */
    size_t total;
} wn_layer_scratch;

/* The parts for rows of k inputs, with an intermediate of up columns, of which a second product
 * takes the first read or each pair of halves as one (0: none), and a product of these columns (0:
 * none). */
static inline wn_layer_scratch wn_scratch_layer(const wn_gemm *gemm, size_t rows, size_t k,
                                                size_t up, size_t read, size_t product)
{
    bool in_place = gemm->dtype == WN_DTYPE_F32;
    size_t columns = wn_scratch_columns(gemm, read);
    size_t taken = gemm->multiply_taken != NULL ? wn_gemm_halves_bytes(read) : 0;
    wn_layer_scratch s = {
        .x_bytes = wn_scratch_row_bytes(gemm, k),
        .columns = columns,
        .intermediate_stride = up > 0 ? wn_scratch_stride(up / read * columns) : 0,
        .taken_bytes = read > 0 && !in_place ? WN_MAX(taken, wn_gemm_row_bytes(gemm, read)) : 0,
    };
    s.intermediate = rows * s.x_bytes;
    s.taken = s.intermediate + rows * s.intermediate_stride * sizeof(float);
    s.product = s.taken + rows * s.taken_bytes;
    s.total = s.product + rows * product * sizeof(float);
    return s;
}

/* Parts of the comparison of a query with a document: the largest products so far, those of a block
 * of its vectors, and these as rows. */
typedef struct wn_maxsim_scratch {
    size_t dots, rows; /* offsets in bytes */
    size_t stride;     /* of products, in floats */
    size_t row_bytes;
    size_t total;
} wn_maxsim_scratch;

/* The parts for nq vectors of a query, of dim numbers. */
static inline wn_maxsim_scratch wn_scratch_maxsim(const wn_gemm *gemm, size_t nq, size_t dim)
{
    wn_maxsim_scratch s = {.stride = wn_scratch_stride(nq),
                           .row_bytes = wn_gemm_row_bytes(gemm, dim)};
    s.dots = s.stride * sizeof(float);
    s.rows = s.dots + (size_t)gemm->mr * s.stride * sizeof(float);
    s.total = s.rows + (size_t)gemm->mr * s.row_bytes;
    return s;
}

/* Scratch of one thread for a product, and one of queries and keys: the largest that any op needs.
 */
static inline size_t wn_scratch_bytes(const wn_plan *plan, const wn_gemm *gemm,
                                      const wn_gemm *scores)
{
    const wn_dims *d = &plan->dims;
    size_t rows = plan->row_block, heads = d->n_heads * d->head_dim;
    size_t feed_forward =
        wn_scratch_layer(gemm, rows, d->hidden, d->up, d->intermediate, d->hidden).total;
    size_t down = wn_scratch_layer(gemm, rows, d->intermediate, 0, 0, d->hidden).total;
    size_t out = wn_scratch_layer(gemm, rows, heads, 0, 0, d->hidden).total;
    size_t layer = WN_MAX(feed_forward, WN_MAX(down, out));
    wn_attention_scratch attention = wn_scratch_attention(scores, gemm, d->max_tokens, d->head_dim,
                                                          plan->query_block, d->past_tokens > 0);
    size_t relative = wn_scratch_relative(&attention, plan->query_block, d->n_buckets).total;
    return WN_MAX(layer, d->n_buckets > 0 ? relative : attention.total);
}

#endif
