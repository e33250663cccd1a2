/* Full attention within each sequence of a packed batch.  An item is some query rows of one head of
 * one sequence: it packs that head's keys and values into scratch, then goes through its rows in
 * blocks whose scores stay in the cache, so the n x n matrix is never whole.
 * A row's sums run over the keys of its own sequence in order: neither the batch nor the block nor
 * the worker changes its bits. */
#include "compute/exec.h"
#include "compute/scratch.h"

/* Query rows of one item: enough to make packing cheap, few enough that one long sequence gives
 * work to many threads. */
#define ITEM_QUERIES 256

typedef struct attention_job {
    const wn_exec *exec;
    const wn_batch *batch;
    const wn_attention *a;
    const float *qkv;
    float *y;
} attention_job;

/* One head of one sequence: pointers to its first token, strides between tokens. */
typedef struct head_view {
    const float *q, *k, *v;
    float *y;
    size_t qkv_stride, y_stride;
} head_view;

static head_view view_head(const attention_job *job, size_t seq, size_t head)
{
    size_t width = job->a->n_heads * job->a->head_dim;
    size_t first = job->batch->seq_start[seq], offset = head * job->a->head_dim;
    const float *q = job->qkv + first * 3 * width + offset;
    return (head_view){.q = q,
                       .k = q + width,
                       .v = q + 2 * width,
                       .y = job->y + first * width + offset,
                       .qkv_stride = 3 * width,
                       .y_stride = width};
}

/* y = x . w^T for rows of x, which are taken over into scratch unless row_bytes is 0. */
static void multiply(const wn_gemm *gemm, float *y, size_t ldy, const float *x, size_t ldx,
                     const void *packed, size_t m, size_t n, size_t k, unsigned char *scratch,
                     size_t row_bytes)
{
    if (row_bytes != 0)
        gemm->take_rows(scratch, row_bytes, x, ldx, NULL, m, k);
    gemm->multiply(y, ldy, row_bytes != 0 ? scratch : (const void *)x,
                   row_bytes != 0 ? row_bytes : ldx * sizeof *x, packed, NULL, m, n, k,
                   WN_ACT_NONE);
}

static void attention_item(void *arg, size_t item, int32_t worker)
{
    const attention_job *job = arg;
    const wn_kernels *kernels = job->exec->kernels;
    const wn_gemm *gemm = job->exec->plan.gemm;
    const uint32_t *start = job->batch->seq_start;
    size_t dim = job->a->head_dim, block = job->exec->plan.query_block;
    size_t seq = wn_find_start(job->exec->item_start, job->batch->n_seqs, item);
    size_t within = item - job->exec->item_start[seq];
    head_view head = view_head(job, seq, within % job->a->n_heads);
    size_t first = within / job->a->n_heads * ITEM_QUERIES, n = start[seq + 1] - start[seq];
    size_t end = WN_MIN(n, first + ITEM_QUERIES), n_keys = wn_batch_n_keys(job->batch, seq);

    wn_attention_scratch layout = wn_scratch_attention(gemm, n_keys, dim, block);
    unsigned char *scratch = wn_exec_scratch(job->exec, worker);
    unsigned char *keys = scratch + layout.keys, *values = scratch + layout.values;
    gemm->pack(keys, head.k, head.qkv_stride, n_keys, dim);
    gemm->pack_t(values, head.v, head.qkv_stride, dim, n_keys);
    float *scores = wn_exec_floats(scratch, layout.scores);
    for (size_t i = first; i < end; i += block) {
        size_t rows = WN_MIN(block, end - i);
        multiply(gemm, scores, layout.scores_stride, head.q + i * head.qkv_stride, head.qkv_stride,
                 keys, rows, n_keys, dim, scratch + layout.queries, layout.query_bytes);
        kernels->softmax_f32(scores, layout.scores_stride, job->a->scale, rows, n_keys);
        multiply(gemm, head.y + i * head.y_stride, head.y_stride, scores, layout.scores_stride,
                 values, rows, dim, n_keys, scratch + layout.shares, layout.share_bytes);
    }
}

void wn_attention_cpu(wn_exec *exec, wn_tensor *y, const wn_tensor *qkv, const wn_batch *batch,
                      const wn_attention *a)
{
    size_t width = a->n_heads * a->head_dim, longest = 0, n_items = 0;
    WN_ASSERT(qkv->rows == batch->n_tokens && qkv->cols == 3 * width);
    WN_ASSERT(y->rows == batch->n_tokens && y->cols == width);
    WN_ASSERT(batch->n_seqs <= exec->plan.batch_seqs);
    for (size_t i = 0; i < batch->n_seqs; i++) {
        size_t n = batch->seq_start[i + 1] - batch->seq_start[i];
        exec->item_start[i] = (uint32_t)n_items;
        n_items += (n + ITEM_QUERIES - 1) / ITEM_QUERIES * a->n_heads;
        longest = WN_MAX(longest, n);
    }
    WN_ASSERT(n_items <= UINT32_MAX);
    exec->item_start[batch->n_seqs] = (uint32_t)n_items;
    size_t block = exec->plan.query_block;
    wn_exec_check_scratch(exec,
                          wn_scratch_attention(exec->plan.gemm, longest, a->head_dim, block).total);
    attention_job job = {exec, batch, a, qkv->data, y->data};
    wn_pool_run(exec->pool, n_items, attention_item, &job);
}
