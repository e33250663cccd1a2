/* See plan.h.  All arithmetic is checked: a configuration file chooses the widths. */
#include "compute/plan.h"
#include "compute/scratch.h"
#include "kernel/cpu.h"

#define WN_WHERE "compute/plan"

/* Rows of a block: few enough that all of a block's scratch stays in the second-level cache beside
 * a panel of weights, but many enough that reading the weights once a block costs little.  Those
 * of wide layers come from memory, and waiting for them costs more than a scratch in the third
 * level; the more so, the more rows a product takes at once, which then needs less time for
 * each. */
#define ROW_BLOCK_MIN 84
/* Tiles of rows in a block, of layers and of queries, so that a call is worth its beginning. */
#define ROW_TILES_MIN   4
#define ROW_BLOCK_MAX   112
#define QUERY_BLOCK     56
#define GROUP_TOKENS    128
#define PART_TOKENS_MIN 256
#define PART_TOKENS_MAX 512
#define TOKENS_PER_SEQ  4 /* batch_seqs = batch_tokens / this: shorter pairs hardly exist */
#define WIDTH_MAX       ((size_t)1 << 24)
#define TOKENS_MAX      ((size_t)1 << 31)
_Static_assert(sizeof(size_t) == 8, "scratch.h multiplies three bounded widths");

/* *total += rows * cols floats in whole cache lines; false when it wraps. */
static bool add_tensor(size_t *total, size_t rows, size_t cols)
{
    size_t n;
    if (!wn_mul_size(&n, rows, cols) || !wn_mul_size(&n, n, sizeof(float)) || n > SIZE_MAX / 2)
        return false;
    return wn_add_size(total, *total, wn_round_up(n, WN_ALIGN));
}

bool wn_plan_count(size_t *bytes, const wn_dims *d, size_t n_tokens, size_t n_seqs)
{
    size_t heads = d->n_heads * d->head_dim, kv = d->n_kv_heads * d->head_dim,
           pooled = WN_MAX(heads, WN_MAX(d->hidden, d->out_dim));
    *bytes = 0;
    for (int i = 0; i < 3; i++)
        if (!add_tensor(bytes, n_tokens, d->hidden))
            return false;
    for (int i = 0; i < 4; i++)
        if (!add_tensor(bytes, n_seqs, pooled))
            return false;
    return add_tensor(bytes, n_tokens, heads + 2 * kv) && add_tensor(bytes, n_tokens, heads) &&
           add_tensor(bytes, n_tokens, d->out_dim);
}

static bool count_past(size_t *total, const wn_dims *d)
{
    size_t rows;
    *total = 0;
    return wn_mul_size(&rows, d->n_layers, d->past_tokens) &&
           add_tensor(total, rows, 2 * d->n_kv_heads * d->head_dim);
}

static size_t whole_tiles(size_t rows, const wn_gemm *gemm)
{
    size_t mr = (size_t)gemm->mr;
    return (rows + mr - 1) / mr * mr;
}

static size_t rows_in_cache(const wn_dims *d, const wn_gemm *gemm)
{
    size_t row = wn_scratch_layer(gemm, 1, d->hidden, d->up, d->intermediate, d->hidden).total;
    size_t rows = wn_cpu_l2_bytes() / 4 * 3 / row;
    size_t least = WN_MAX(ROW_BLOCK_MIN, ROW_TILES_MIN * (size_t)gemm->mr);
    least = WN_MAX(least, (size_t)gemm->rows_least);
    return WN_MAX(least, WN_MIN(rows, ROW_BLOCK_MAX));
}

/* Tokens of a group: so few that their queries, keys and values stay in the second-level cache; but
 * where weights would not stay there from group to group, as many as a call wants rows. */
static size_t tokens_of_group(const wn_dims *d, const wn_gemm *gemm)
{
    size_t n = (d->n_heads + 2 * d->n_kv_heads) * d->head_dim;
    bool stay = wn_gemm_packed_bytes(gemm, n, d->hidden) <= wn_cpu_l2_bytes() / 2;
    return stay ? GROUP_TOKENS : WN_MAX(GROUP_TOKENS, (size_t)gemm->rows_least);
}

/* Tokens of a part: as many as have some room in the second-level cache with their hidden states,
 * since a layer's weights come from farther away when other layers have been read in between. */
static size_t tokens_of_part(void)
{
    enum { BYTES = 4096 }; /* for a token */
    return WN_MAX(PART_TOKENS_MIN, WN_MIN(wn_cpu_l2_bytes() / BYTES, PART_TOKENS_MAX));
}

wn_status wn_plan_make(wn_plan *out, const wn_dims *dims, const wn_kernels *kernels,
                       const wn_gemm *gemm, size_t n_threads, size_t batch_tokens, wn_error *err)
{
    if (batch_tokens < dims->max_tokens)
        WN_FAIL(err, WN_ERR_ARGUMENT, "batch_tokens: %zu, expected at least the model's %zu",
                batch_tokens, dims->max_tokens);
    if (batch_tokens > TOKENS_MAX)
        WN_FAIL(err, WN_ERR_ARGUMENT, "batch_tokens: %zu, expected at most %zu", batch_tokens,
                TOKENS_MAX);
    const size_t widths[] = {dims->hidden, dims->n_heads,      dims->n_kv_heads, dims->head_dim,
                             dims->up,     dims->intermediate, dims->out_dim,    dims->max_tokens};
    for (size_t i = 0; i < WN_ARRAY_LEN(widths); i++) {
        if (widths[i] == 0 || widths[i] > WIDTH_MAX)
            WN_FAIL(err, WN_ERR_ARGUMENT, "a width of the model: %zu, expected 1 to %zu", widths[i],
                    WIDTH_MAX);
    }
    if (dims->n_buckets > 0 && dims->max_tokens + 2 * WN_ALIGN > INT32_MAX / dims->n_buckets)
        WN_FAIL(err, WN_ERR_ARGUMENT,
                "%zu buckets of distances for %zu tokens: more than can be told apart",
                dims->n_buckets, dims->max_tokens);
    const wn_gemm *scores = wn_kernels_scores_gemm(kernels, gemm);
    wn_plan plan = {
        .dims = *dims,
        .gemm = gemm,
        .scores = scores,
        .n_threads = n_threads,
        .batch_tokens = batch_tokens,
        .batch_seqs = (batch_tokens + TOKENS_PER_SEQ - 1) / TOKENS_PER_SEQ,
        .row_block = whole_tiles(rows_in_cache(dims, gemm), gemm),
        .group_tokens = tokens_of_group(dims, gemm),
        .part_tokens = tokens_of_part(),
        .query_block = whole_tiles(WN_MAX(QUERY_BLOCK, ROW_TILES_MIN * (size_t)gemm->mr), gemm),
        .long_query_block = whole_tiles(QUERY_BLOCK, gemm),
    };
    /* Whose scores take an eighth of the second-level cache. */
    plan.long_keys = wn_cpu_l2_bytes() / 8 / (plan.query_block * sizeof(float));
    size_t widest = WN_MAX(wn_scratch_bytes(&plan, gemm, scores),
                           wn_scratch_bytes(&plan, kernels->gemm_f32, kernels->gemm_f32));
    widest = WN_MAX(widest, wn_scratch_states(kernels->gemm_f32, dims->max_tokens, dims->n_heads,
                                              dims->head_dim, dims->hidden)
                                .total);
    const wn_dtype kept[] = {WN_DTYPE_F32, WN_DTYPE_I8};
    for (size_t i = 0; i < WN_ARRAY_LEN(kept); i++) {
        const wn_gemm *vectors = wn_kernels_vector_gemm(kernels, kept[i]);
        widest = WN_MAX(widest, wn_scratch_maxsim(vectors, dims->max_tokens, dims->out_dim).total);
    }
    plan.scratch_bytes_per_thread = wn_round_up(widest, WN_ALIGN);
    size_t scratch;
    bool fits = wn_plan_count(&plan.activation_bytes, dims, batch_tokens, plan.batch_seqs) &&
                count_past(&plan.past_bytes, dims) &&
                wn_mul_size(&scratch, plan.scratch_bytes_per_thread, n_threads) &&
                wn_add_size(&plan.total_bytes, plan.activation_bytes, scratch) &&
                wn_add_size(&plan.total_bytes, plan.total_bytes, plan.past_bytes);
    if (!fits)
        WN_FAIL(err, WN_ERR_ARGUMENT, "batch_tokens: %zu needs more memory than can be addressed",
                batch_tokens);
    *out = plan;
    return WN_OK;
}
