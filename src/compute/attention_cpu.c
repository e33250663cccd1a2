/* Attention within each sequence of a packed batch.  An item is some query rows of one sequence and
 * of the heads that share one key head: it packs the keys and values that they see into scratch,
 * then goes through its rows in blocks whose scores stay in the cache, so the n x n matrix is never
 * whole.  Keys that a row does not see have a share of 0.
 * A row's sums run over the keys of its own sequence in order, from a first key that its own place
 * decides: neither the batch nor the block nor the worker changes its bits. */
#include "compute/exec.h"
#include "compute/scratch.h"

#include <string.h>

/* Query rows of one item: enough to make packing cheap, few enough that one long sequence gives
 * work to many threads.  With a window they are fewer, since an item's rows see all of its keys. */
#define ITEM_QUERIES        256
#define ITEM_QUERIES_WINDOW 128

/* A range of places in a sequence, its past included. */
typedef struct span {
    size_t first, end;
} span;

typedef struct attention_job {
    const wn_exec *exec;
    const wn_batch *batch;
    const wn_attention *a;
    const unsigned char *qkv; /* of floats or of bf16 */
    bool halves;
    unsigned char *y;
    size_t qkv_stride, y_stride; /* in bytes */
    bool y_halves;
    size_t qkv_bytes, y_bytes; /* of a number */
    size_t item_queries;
} attention_job;

/* One head of one sequence: pointers to its first own token, strides between tokens in bytes.  Of
 * outputs there is one, whatever its place, where single tokens are wanted. */
typedef struct head_view {
    const unsigned char *q, *k, *v;
    unsigned char *y;
    size_t qkv_stride, y_stride;
    size_t n_past; /* places before those of its own */
} head_view;

static head_view view_head(const attention_job *job, size_t seq, size_t head)
{
    const wn_attention *a = job->a;
    size_t first = job->batch->seq_start[seq];
    size_t head_bytes = a->head_dim * job->qkv_bytes, output_bytes = a->head_dim * job->y_bytes;
    const unsigned char *row = job->qkv + first * job->qkv_stride;
    size_t kv_head = head / (a->n_heads / a->n_kv_heads);
    bool is_all = a->rows == WN_ROWS_ALL;
    return (head_view){.q = row + head * head_bytes,
                       .k = row + (a->n_heads + kv_head) * head_bytes,
                       .v = row + (a->n_heads + a->n_kv_heads + kv_head) * head_bytes,
                       .y = job->y + (is_all ? first : seq) * job->y_stride + head * output_bytes,
                       .qkv_stride = job->qkv_stride,
                       .y_stride = is_all ? job->y_stride : 0,
                       .n_past = wn_batch_n_past(job->batch, seq)};
}

/* Where the row of a place is. */
static const unsigned char *query_at(const head_view *view, size_t place)
{
    return view->q + (place - view->n_past) * view->qkv_stride;
}

static unsigned char *output_at(const head_view *view, size_t place)
{
    return view->y + (place - view->n_past) * view->y_stride;
}

/* The keys that some of these rows see. */
static span keys_seen(const wn_attention *a, span rows, size_t n_keys)
{
    span keys = {0, n_keys};
    if (a->causal)
        keys.end = WN_MIN(keys.end, rows.end);
    if (a->window > 0) {
        keys.first = rows.first > a->window ? rows.first - a->window : 0;
        keys.end = WN_MIN(keys.end, rows.end + a->window);
    }
    keys.first = WN_MIN(keys.first, keys.end);
    return keys;
}

/* Rows of floats, of bf16 or as a product takes them. */
typedef struct row_view {
    const void *rows;
    size_t stride; /* in bytes */
} row_view;

/* Rows of floats as a product takes them: where they are, or in scratch unless row_bytes is 0. */
static row_view take(const wn_gemm *gemm, row_view x, size_t m, size_t k, unsigned char *scratch,
                     size_t row_bytes)
{
    if (row_bytes == 0)
        return x;
    gemm->take_rows(scratch, row_bytes, x.rows, x.stride / sizeof(float), NULL, m, k);
    return (row_view){scratch, row_bytes};
}

/* Of m rows the scores of the keys that they see become shares, those of the others 0. */
static void share_rows(const wn_kernels *kernels, float *scores, size_t ld, float scale, span seen,
                       size_t m, size_t n)
{
    for (size_t i = 0; i < m && seen.end - seen.first < n; i++) {
        memset(scores + i * ld, 0, seen.first * sizeof *scores);
        memset(scores + i * ld + seen.end, 0, (n - seen.end) * sizeof *scores);
    }
    if (seen.end > seen.first)
        kernels->softmax_f32(scores + seen.first, ld, scale, m, seen.end - seen.first);
}

/* The keys that one row sees, counted from the first of these. */
static span keys_of_row(const wn_attention *a, size_t place, span keys)
{
    span seen = keys_seen(a, (span){place, place + 1}, keys.end);
    return (span){seen.first - keys.first, seen.end - keys.first};
}

/* The scores of a block of rows with the keys become their shares, as a product takes them. */
static row_view take_shares(const attention_job *job, float *scores, size_t ld, size_t head,
                            span rows, span keys, unsigned char *scratch, size_t row_bytes)
{
    const wn_kernels *kernels = job->exec->kernels;
    const wn_gemm *gemm = job->exec->plan.gemm;
    const wn_attention *a = job->a;
    size_t n = keys.end - keys.first, m = rows.end - rows.first;
    bool takes = row_bytes != 0 && gemm->take_shares != NULL;
    float scale = a->scale;
    if (a->slopes != NULL) {
        kernels->alibi_f32(scores, ld, scale, a->slopes[head], rows.first - keys.first, m, n);
        scale = 1.0f;
    }
    for (size_t i = 0, same; i < m; i += same) {
        span seen = keys_of_row(a, rows.first + i, keys);
        for (same = 1; i + same < m; same++) {
            span next = keys_of_row(a, rows.first + i + same, keys);
            if (next.first != seen.first || next.end != seen.end)
                break;
        }
        if (takes)
            gemm->take_shares(scratch + i * row_bytes, row_bytes, scores + i * ld, ld, scale,
                              seen.first, seen.end, same, n);
        else
            share_rows(kernels, scores + i * ld, ld, scale, seen, same, n);
    }
    if (takes)
        return (row_view){scratch, row_bytes};
    return take(gemm, (row_view){scores, ld * sizeof *scores}, m, n, scratch, row_bytes);
}

/* Buckets that need scratch. */
static size_t n_buckets_planned(const wn_attention *a)
{
    const wn_relative *r = a->relative;
    return r != NULL && (r->keys != NULL || r->queries != NULL) ? r->n_buckets : 0;
}

/* The same of rows that see all keys, where the level has a shorter way for them; false: it has
 * none, and nothing is done.  It reads keys and values again for every few rows: with very many
 * that costs what it saves. */
static bool attend_at_once(const attention_job *job, const head_view *view, span rows, size_t n,
                           const wn_attention_scratch *layout, unsigned char *scratch)
{
    const wn_gemm *of_values = job->exec->plan.gemm;
    const wn_attention *a = job->a;
    bool sees_all = !a->causal && a->window == 0;
    if (of_values->attend == NULL || !job->halves || !job->y_halves || !sees_all ||
        a->relative != NULL || a->slopes != NULL || a->head_dim > WN_ATTEND_DIM_MAX ||
        rows.end - rows.first < WN_ATTEND_ROWS || n > 2 * job->exec->plan.long_keys)
        return false;
    return of_values->attend(&(wn_attend){.m = rows.end - rows.first,
                                          .n = n,
                                          .dim = a->head_dim,
                                          .q = query_at(view, rows.first),
                                          .keys = scratch + layout->keys,
                                          .values = scratch + layout->values,
                                          .y = output_at(view, rows.first),
                                          .q_stride = view->qkv_stride,
                                          .y_stride = view->y_stride,
                                          .scale = a->scale,
                                          .space = scratch + layout->scores});
}

/* The rows of one head, with keys and values that are packed. */
static void attend(const attention_job *job, size_t seq, size_t head, span rows, span keys,
                   const wn_attention_scratch *layout, unsigned char *scratch)
{
    const wn_plan *plan = &job->exec->plan;
    const wn_gemm *of_scores = plan->scores, *of_values = plan->gemm;
    head_view view = view_head(job, seq, head);
    size_t n = keys.end - keys.first, ld = layout->scores_stride, dim = job->a->head_dim;
    size_t block = n > plan->long_keys ? plan->long_query_block : plan->query_block;
    float *scores = wn_exec_floats(scratch, layout->scores);
    const wn_relative *relative = job->a->relative;
    if (attend_at_once(job, &view, rows, n, layout, scratch))
        return;
    wn_relative_view places = {job->exec, relative,           head,
                               dim,       .scratch = scratch, .key_stride = ld};
    if (relative != NULL) {
        places.parts = wn_scratch_relative(layout, plan->query_block, n_buckets_planned(job->a));
        wn_relative_begin(&places, scratch + layout->keys, n, rows.first, rows.end);
    }
    for (size_t i = rows.first; i < rows.end; i += block) {
        size_t m = WN_MIN(block, rows.end - i);
        row_view q = take(of_scores, (row_view){query_at(&view, i), view.qkv_stride}, m, dim,
                          scratch + layout->queries, job->halves ? 0 : layout->query_bytes);
        of_scores->multiply(scores, ld, q.rows, q.stride, scratch + layout->keys, NULL, m, n, dim,
                            WN_ACT_NONE);
        if (relative != NULL)
            wn_relative_add(&places, scores, ld, q.rows, q.stride, i, m, n);
        row_view shares = take_shares(job, scores, ld, head, (span){i, i + m}, keys,
                                      scratch + layout->shares, layout->share_bytes);
        unsigned char *y = output_at(&view, i);
        if (job->y_halves)
            of_values->multiply_halves(y, view.y_stride, shares.rows, shares.stride,
                                       scratch + layout->values, NULL, m, dim, n);
        else
            of_values->multiply(wn_exec_floats(y, 0), view.y_stride / sizeof(float), shares.rows,
                                shares.stride, scratch + layout->values, NULL, m, dim, n,
                                WN_ACT_NONE);
    }
}

/* The keys of one head in a range, or its values: `own` are those of the sequence's own tokens, at
 * `offset` in a row of the past.  Of both, they are laid side by side in `space`. */
static row_view gather(const attention_job *job, size_t seq, const head_view *view, span keys,
                       const unsigned char *own, size_t offset, float *space)
{
    const wn_batch *batch = job->batch;
    size_t n_past = view->n_past, dim = job->a->head_dim;
    if (keys.first >= n_past)
        return (row_view){own + (keys.first - n_past) * view->qkv_stride, view->qkv_stride};
    float *to = space;
    for (size_t i = keys.first; i < keys.end; i++, to += dim) {
        if (i < n_past)
            memcpy(to, wn_past_row(batch->past, job->a->layer, batch->past_start[seq] + i) + offset,
                   dim * sizeof *to);
        else
            memcpy(to, own + (i - n_past) * view->qkv_stride, dim * sizeof *to);
    }
    return (row_view){space, dim * sizeof *space};
}

/* Pack the keys and values that a head's rows see. */
static void pack_keys(const attention_job *job, size_t seq, const head_view *view, size_t kv_head,
                      span keys, const wn_attention_scratch *layout, unsigned char *scratch)
{
    const wn_gemm *of_scores = job->exec->plan.scores, *of_values = job->exec->plan.gemm;
    const wn_attention *a = job->a;
    size_t n = keys.end - keys.first, dim = a->head_dim;
    float *space = wn_exec_floats(scratch, layout->queries);
    row_view k = gather(job, seq, view, keys, view->k, kv_head * dim, space);
    if (job->halves)
        of_scores->pack_halves(scratch + layout->keys, k.rows, k.stride, n, dim);
    else
        of_scores->pack(scratch + layout->keys, k.rows, k.stride / sizeof(float), n, dim);
    row_view v = gather(job, seq, view, keys, view->v, (a->n_kv_heads + kv_head) * dim, space);
    if (job->halves)
        of_values->pack_halves_t(scratch + layout->values, v.rows, v.stride, dim, n);
    else
        of_values->pack_t(scratch + layout->values, v.rows, v.stride / sizeof(float), dim, n);
}

static void attention_item(void *arg, size_t item, int32_t worker)
{
    const attention_job *job = arg;
    const wn_attention *a = job->a;
    const uint32_t *start = job->batch->seq_start;
    size_t seq = wn_find_start(job->exec->item_start, job->batch->n_seqs, item);
    size_t within = item - job->exec->item_start[seq], group = a->n_heads / a->n_kv_heads;
    size_t kv_head = within % a->n_kv_heads, first_head = kv_head * group;
    head_view view = view_head(job, seq, first_head);
    size_t n = view.n_past + start[seq + 1] - start[seq];
    /* Cut by places, so that neither a past nor what is wanted changes which keys are packed
     * together. */
    size_t cut = view.n_past / job->item_queries + within / a->n_kv_heads, wanted = 0;
    if (a->rows != WN_ROWS_ALL) {
        wanted = view.n_past + wn_row_in_sequence(job->batch, seq, a->rows);
        cut = wanted / job->item_queries;
    }
    span rows = {.first = cut * job->item_queries};
    rows.end = WN_MIN(n, rows.first + job->item_queries);
    span keys = keys_seen(a, rows, view.n_past + wn_batch_n_keys(job->batch, seq));
    rows.first = WN_MAX(rows.first, view.n_past);
    if (a->rows != WN_ROWS_ALL)
        rows = (span){wanted, wanted + 1};
    size_t n_keys = keys.end - keys.first, dim = a->head_dim;
    if (n_keys == 0) {
        for (size_t i = rows.first; i < rows.end; i++)
            memset(output_at(&view, i), 0, group * dim * job->y_bytes);
        return;
    }
    const wn_plan *plan = &job->exec->plan;
    wn_attention_scratch layout = wn_scratch_attention(plan->scores, plan->gemm, n_keys, dim,
                                                       plan->query_block, view.n_past > 0);
    unsigned char *scratch = wn_exec_scratch(job->exec, worker);
    pack_keys(job, seq, &view, kv_head, keys, &layout, scratch);
    for (size_t head = first_head; head < first_head + group; head++)
        attend(job, seq, head, rows, keys, &layout, scratch);
}

void wn_attention_cpu(wn_exec *exec, wn_tensor *y, const wn_tensor *qkv, const wn_batch *batch,
                      const wn_attention *a)
{
    size_t longest = 0, n_items = 0;
    size_t queries = a->window > 0 ? ITEM_QUERIES_WINDOW : ITEM_QUERIES;
    WN_ASSERT(a->n_kv_heads > 0 && a->n_heads % a->n_kv_heads == 0);
    WN_ASSERT(qkv->rows == batch->n_tokens && qkv->cols == wn_attention_width(a));
    WN_ASSERT(y->rows == (a->rows == WN_ROWS_ALL ? batch->n_tokens : batch->n_seqs));
    WN_ASSERT(y->cols == a->n_heads * a->head_dim);
    WN_ASSERT(batch->n_seqs <= exec->plan.batch_seqs);
    WN_ASSERT(a->relative == NULL ||
              (a->n_heads == a->n_kv_heads && !a->causal && a->window == 0 && batch->past == NULL));
    WN_ASSERT(!qkv->halves || batch->past == NULL);
    for (size_t i = 0; i < batch->n_seqs; i++) {
        size_t n_past = wn_batch_n_past(batch, i);
        size_t n = n_past + batch->seq_start[i + 1] - batch->seq_start[i];
        exec->item_start[i] = (uint32_t)n_items;
        size_t n_cuts = a->rows == WN_ROWS_ALL ? (n + queries - 1) / queries - n_past / queries : 1;
        n_items += n_cuts * a->n_kv_heads;
        longest = WN_MAX(longest, n);
    }
    WN_ASSERT(n_items <= UINT32_MAX);
    exec->item_start[batch->n_seqs] = (uint32_t)n_items;
    size_t block = exec->plan.query_block;
    wn_attention_scratch parts = wn_scratch_attention(exec->plan.scores, exec->plan.gemm, longest,
                                                      a->head_dim, block, batch->past != NULL);
    size_t n_buckets = n_buckets_planned(a);
    wn_exec_check_scratch(exec, n_buckets > 0 ? wn_scratch_relative(&parts, block, n_buckets).total
                                              : parts.total);
    attention_job job = {.exec = exec,
                         .batch = batch,
                         .a = a,
                         .qkv = (const unsigned char *)qkv->data,
                         .halves = qkv->halves,
                         .qkv_stride = wn_tensor_stride(qkv),
                         .y = (unsigned char *)y->data,
                         .y_stride = wn_tensor_stride(y),
                         .y_halves = y->halves,
                         .qkv_bytes = wn_tensor_number_bytes(qkv),
                         .y_bytes = wn_tensor_number_bytes(y),
                         .item_queries = queries};
    wn_pool_run(exec->pool, n_items, attention_item, &job);
}

/* Let a tensor be rows of bf16, which begin cache lines: there is room for them, since a head has
 * 32 numbers at least. */
static void keep_halves(wn_tensor *x, bool halves)
{
    x->halves = halves;
    WN_ASSERT(!halves || wn_tensor_stride(x) <= x->cols * sizeof *x->data);
}

void wn_exec_keep_queries(const wn_exec *exec, wn_tensor *qkv, const wn_linear *w,
                          const wn_attention *a)
{
    const wn_gemm *of_scores = exec->plan.scores, *of_values = exec->plan.gemm;
    bool knows = w->gemm->multiply_halves != NULL && of_scores->pack_halves != NULL &&
                 of_values->pack_halves_t != NULL;
    keep_halves(qkv, knows && w->n % (size_t)w->gemm->nr == 0 &&
                         a->head_dim % (size_t)of_scores->k_step == 0);
}

void wn_exec_keep_outputs(const wn_exec *exec, wn_tensor *y, const wn_linear *w,
                          const wn_attention *a)
{
    const wn_gemm *of_values = exec->plan.gemm;
    bool reads = w->gemm->dtype == WN_DTYPE_BF16 || w->gemm->take_halves != NULL;
    keep_halves(y, reads && w->factor == NULL && w->k % (size_t)w->gemm->k_step == 0 &&
                       of_values->multiply_halves != NULL &&
                       a->head_dim % (size_t)of_values->nr == 0);
}

/* ---- the past -------------------------------------------------------------------------------- */

void wn_keep_past_cpu(wn_exec *exec, const wn_tensor *qkv, const wn_batch *batch,
                      const wn_attention *a)
{
    const wn_past *past = batch->past;
    size_t width = wn_attention_width(a), n_kept = 2 * a->n_kv_heads * a->head_dim;
    (void)exec;
    WN_ASSERT(past != NULL && batch->past_len == NULL && past->width == n_kept);
    WN_ASSERT(qkv->rows == batch->n_tokens && qkv->cols == width && !qkv->halves);
    for (size_t s = 0; s < batch->n_seqs; s++) {
        for (size_t t = batch->seq_start[s]; t < batch->seq_start[s + 1]; t++)
            memcpy(wn_past_row(past, a->layer, batch->past_start[s] + t - batch->seq_start[s]),
                   qkv->data + t * width + (width - n_kept), n_kept * sizeof *qkv->data);
    }
}

/* ---- heads of queries and keys --------------------------------------------------------------- */

typedef struct turn_job {
    const wn_kernels *kernels;
    wn_row_cut cut;
    const wn_batch *batch;
    const wn_attention *a;
    const wn_head_turn *turn;
    float *qkv;
} turn_job;

static void turn_row(const turn_job *job, float *heads, size_t n_heads, size_t place,
                     const wn_norm *norm)
{
    const wn_rotary *r = job->turn->rotary;
    if (norm != NULL)
        wn_norm_rows(job->kernels, heads, heads, NULL, norm, n_heads * job->a->head_dim / norm->n);
    if (r != NULL)
        job->kernels->turn_f32(heads, job->a->head_dim, r->cos + place * (r->dim / 2),
                               r->sin + place * (r->dim / 2), n_heads, r->dim / 2);
}

static void turn_item(void *arg, size_t item, int32_t worker)
{
    const turn_job *job = arg;
    const wn_attention *a = job->a;
    const uint32_t *start = job->batch->seq_start;
    size_t first = item * job->cut.block, end = WN_MIN(first + job->cut.block, job->cut.n_rows);
    size_t seq = wn_find_start(start, job->batch->n_seqs, first), width = wn_attention_width(a);
    (void)worker;
    for (size_t t = first; t < end; t++) {
        while (t >= start[seq + 1])
            seq++;
        float *row = job->qkv + t * width;
        size_t place = wn_batch_n_past(job->batch, seq) + t - start[seq];
        turn_row(job, row, a->n_heads, place, job->turn->query_norm);
        turn_row(job, row + a->n_heads * a->head_dim, a->n_kv_heads, place, job->turn->key_norm);
    }
}

void wn_turn_heads_cpu(wn_exec *exec, wn_tensor *qkv, const wn_batch *batch, const wn_attention *a,
                       const wn_head_turn *turn)
{
    WN_ASSERT(qkv->rows == batch->n_tokens && qkv->cols == wn_attention_width(a) && !qkv->halves);
    WN_ASSERT(turn->rotary == NULL || turn->rotary->dim <= a->head_dim);
    turn_job job = {exec->kernels, wn_exec_cut(exec, qkv->rows), batch, a, turn, qkv->data};
    wn_pool_run(exec->pool, job.cut.n_blocks, turn_item, &job);
}
