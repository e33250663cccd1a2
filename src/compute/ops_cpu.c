/* The ops on the processor: each cuts its rows or sequences into items for the pool, and an item
 * calls kernels on plain memory.  An item's result never depends on the cut, on the worker or on
 * other items.  Nothing is allocated here. */
#include "compute/exec.h"
#include "compute/scratch.h"

#include <string.h>

/* Rows [first, first + n) of an item. */
typedef struct row_range {
    size_t first, n;
} row_range;

static row_range rows_of(const wn_row_cut *cut, size_t item)
{
    size_t first = item * cut->block;
    return (row_range){first, WN_MIN(cut->block, cut->n_rows - first)};
}

/* ---- embed ----------------------------------------------------------------------------------- */

typedef struct embed_job {
    const wn_kernels *kernels;
    wn_row_cut cut;
    float *y;
    size_t hidden;
    const wn_batch *batch;
    const wn_embedding *e;
} embed_job;

/* Kernels know plain types; blocks are widened for them. */
static void add_blocks(const embed_job *job, float *y, const unsigned char *at,
                       const wn_table *table)
{
    float wide[WN_DTYPE_BLOCK_MAX];
    size_t block = wn_dtype_block(table->dtype);
    for (size_t j = 0; j < table->cols; j += block) {
        wn_dtype_to_f32(wide, at, table->dtype, block);
        job->kernels->add_row(y + j, wide, WN_DTYPE_F32, block);
        at += wn_dtype_bytes(table->dtype, block);
    }
}

static void add_table_row(const embed_job *job, float *y, const wn_table *table, size_t row)
{
    const unsigned char *at = table->data + row * wn_dtype_bytes(table->dtype, table->cols);
    if (wn_dtype_block(table->dtype) == 1)
        job->kernels->add_row(y, at, table->dtype, table->cols);
    else
        add_blocks(job, y, at, table);
    wn_low_rank_add(y, &table->added, row, table->cols);
}

static bool stands_apart(const wn_embedding *e, int32_t id)
{
    return e->pads_apart && (size_t)id + 1 == e->position_offset;
}

static void embed_item(void *arg, size_t item, int32_t worker)
{
    const embed_job *job = arg;
    const wn_batch *batch = job->batch;
    const wn_embedding *e = job->e;
    row_range rows = rows_of(&job->cut, item);
    float *y = job->y + rows.first * job->hidden;
    size_t seq = wn_find_start(batch->seq_start, batch->n_seqs, rows.first);
    (void)worker;
    memset(y, 0, rows.n * job->hidden * sizeof *y);
    size_t n_apart = 0; /* of this sequence, before this token */
    for (size_t t = batch->seq_start[seq]; t < rows.first; t++)
        n_apart += stands_apart(e, batch->ids[t]);
    for (size_t i = 0; i < rows.n; i++) {
        size_t t = rows.first + i;
        for (; t >= batch->seq_start[seq + 1]; seq++)
            n_apart = 0;
        bool apart = stands_apart(e, batch->ids[t]);
        size_t place = t - batch->seq_start[seq] - n_apart;
        float *row = y + i * job->hidden;
        n_apart += apart;
        add_table_row(job, row, &e->word, (size_t)batch->ids[t]);
        if (e->position.rows != 0)
            add_table_row(job, row, &e->position,
                          apart ? e->position_offset - 1 : e->position_offset + place);
        if (e->type.rows != 0)
            add_table_row(job, row, &e->type, batch->types != NULL ? (size_t)batch->types[t] : 0);
        for (size_t j = 0; e->scale != 0 && j < job->hidden; j++)
            row[j] *= e->scale;
    }
    if (e->norm != NULL)
        wn_norm_rows(job->kernels, y, y, NULL, e->norm, rows.n);
}

static void embed(wn_exec *exec, wn_tensor *y, const wn_batch *batch, const wn_embedding *e)
{
    WN_ASSERT(y->rows == batch->n_tokens && y->cols == e->word.cols);
    WN_ASSERT(batch->past == NULL || e->position.rows == 0); /* whose rows a past would move */
    embed_job job = {exec->kernels, wn_exec_cut(exec, y->rows), y->data, y->cols, batch, e};
    wn_pool_run(exec->pool, job.cut.n_blocks, embed_item, &job);
}

/* ---- linear layers --------------------------------------------------------------------------- */

/* What the items of linear, linear_add_norm and feed_forward read. */
typedef struct layer_job {
    const wn_exec *exec;
    wn_row_cut cut;
    float *y;
    const float *x, *residual;
    size_t x_stride, y_stride; /* in bytes, of an x or of linear's y in bf16; 0: of floats */
    const wn_linear *w, *down;
    const wn_norm *norm;
    wn_act act;
    wn_gate gate;
    wn_layer_scratch scratch;
    size_t cols;  /* norm and normalize only */
    size_t first; /* linear only: column */
} layer_job;

/* Rows as a product reads them. */
typedef struct taken_rows {
    const void *at;
    size_t stride; /* in bytes */
} taken_rows;

/* Columns [first, first + n) of m rows, which lie in x, taken over into scratch unless row_bytes is
 * 0; all but those of bf16 come whole. */
static taken_rows take(const wn_linear *w, const float *x, size_t ldx, size_t m, size_t first,
                       size_t n, unsigned char *scratch, size_t row_bytes)
{
    if (row_bytes == 0)
        return (taken_rows){x, ldx * sizeof *x};
    w->gemm->take_rows(scratch + first * wn_dtype_size(w->gemm->dtype), row_bytes, x, ldx,
                       w->factor != NULL ? w->factor + first : NULL, m, n);
    return (taken_rows){scratch, row_bytes};
}

/* y = act(rows . w^T + b) for m rows and n columns from the first on, which begins a panel. */
static void multiply_columns(const wn_linear *w, float *y, size_t ldy, taken_rows rows, size_t m,
                             size_t first, size_t n, wn_act act)
{
    size_t panel = first / (size_t)w->gemm->nr;
    const unsigned char *packed = w->packed;
    w->gemm->multiply(y, ldy, rows.at, rows.stride,
                      packed + panel * wn_gemm_panel_bytes(w->gemm, w->k),
                      w->bias != NULL ? w->bias + first : NULL, m, n, w->k, act);
}

/* Columns from the first on, which begins a panel, in bf16. */
static void multiply_halves(const layer_job *job, row_range rows, taken_rows taken)
{
    const wn_linear *w = job->w;
    size_t panel = job->first / (size_t)w->gemm->nr;
    const unsigned char *packed = w->packed;
    unsigned char *to = (unsigned char *)job->y + rows.first * job->y_stride;
    w->gemm->multiply_halves(to + job->first * sizeof(uint16_t), job->y_stride, taken.at,
                             taken.stride, packed + panel * wn_gemm_panel_bytes(w->gemm, w->k),
                             w->bias != NULL ? w->bias + job->first : NULL, rows.n,
                             w->n - job->first, w->k);
}

/* An item's rows of x. */
static taken_rows take_x(const layer_job *job, row_range rows, unsigned char *scratch)
{
    const wn_linear *w = job->w;
    if (job->x_stride > 0) {
        const unsigned char *x = (const unsigned char *)job->x + rows.first * job->x_stride;
        if (w->gemm->take_halves == NULL)
            return (taken_rows){x, job->x_stride};
        w->gemm->take_halves(scratch + job->scratch.x, job->scratch.x_bytes, x, job->x_stride,
                             rows.n, w->k);
        return (taken_rows){scratch + job->scratch.x, job->scratch.x_bytes};
    }
    return take(w, job->x + rows.first * w->k, w->k, rows.n, 0, w->k, scratch + job->scratch.x,
                job->scratch.x_bytes);
}

/* y = norm(residual + rows . w^T + b), the residual's rows as wide as the product, for which there
 * is space. */
static void multiply_add_norm(const layer_job *job, const wn_linear *w, taken_rows taken,
                              row_range rows, float *product)
{
    float *y = job->y + rows.first * w->n;
    const float *residual = job->residual + rows.first * w->n;
    if (w->gemm->multiply_add != NULL && residual == y) {
        w->gemm->multiply_add(y, w->n, taken.at, taken.stride, w->packed, w->bias, rows.n, w->n,
                              w->k);
        if (job->norm != NULL)
            wn_norm_rows(job->exec->kernels, y, y, NULL, job->norm, rows.n);
        return;
    }
    multiply_columns(w, product, w->n, taken, rows.n, 0, w->n, WN_ACT_NONE);
    if (job->norm != NULL)
        wn_norm_rows(job->exec->kernels, y, product, residual, job->norm, rows.n);
    for (size_t i = 0; i < rows.n * w->n && job->norm == NULL; i++)
        y[i] = residual[i] + product[i];
}

static void linear_item(void *arg, size_t item, int32_t worker)
{
    const layer_job *job = arg;
    const wn_linear *w = job->w;
    row_range rows = rows_of(&job->cut, item);
    taken_rows taken = take_x(job, rows, wn_exec_scratch(job->exec, worker));
    if (job->y_stride > 0)
        multiply_halves(job, rows, taken);
    else
        multiply_columns(w, job->y + rows.first * w->n + job->first, w->n, taken, rows.n,
                         job->first, w->n - job->first, job->act);
}

static void run_linear(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_linear *w,
                       wn_act act, size_t first)
{
    WN_ASSERT(x->rows == y->rows && x->cols == w->k && y->cols == w->n);
    WN_ASSERT(first <= w->n && first % (size_t)w->gemm->nr == 0);
    WN_ASSERT(!x->halves && (!y->halves || act == WN_ACT_NONE));
    layer_job job = {.exec = exec,
                     .cut = wn_exec_cut(exec, x->rows),
                     .y = y->data,
                     .x = x->data,
                     .w = w,
                     .act = act,
                     .first = first,
                     .y_stride = y->halves ? wn_tensor_stride(y) : 0};
    job.scratch = wn_scratch_layer(w->gemm, job.cut.block, w->k, 0, 0, 0);
    wn_exec_check_scratch(exec, job.scratch.total);
    wn_pool_run(exec->pool, job.cut.n_blocks, linear_item, &job);
}

static void linear(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_linear *w, wn_act act)
{
    run_linear(exec, y, x, w, act, 0);
}

static void linear_from(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_linear *w,
                        size_t first)
{
    run_linear(exec, y, x, w, WN_ACT_NONE, first);
}

/* y may be the residual: the product is added to it, or goes through scratch. */
static void linear_add_norm_item(void *arg, size_t item, int32_t worker)
{
    const layer_job *job = arg;
    row_range rows = rows_of(&job->cut, item);
    unsigned char *scratch = wn_exec_scratch(job->exec, worker);
    float *product = wn_exec_floats(scratch, job->scratch.product);
    multiply_add_norm(job, job->w, take_x(job, rows, scratch), rows, product);
}

static void linear_add_norm(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_linear *w,
                            const wn_tensor *residual, const wn_norm *norm)
{
    WN_ASSERT(x->rows == y->rows && x->cols == w->k && y->cols == w->n);
    WN_ASSERT(residual->rows == y->rows && residual->cols == w->n &&
              (norm == NULL || norm->n == w->n));
    layer_job job = {.exec = exec,
                     .cut = wn_exec_cut(exec, x->rows),
                     .y = y->data,
                     .x = x->data,
                     .x_stride = x->halves ? wn_tensor_stride(x) : 0,
                     .residual = residual->data,
                     .w = w,
                     .norm = norm};
    job.scratch = wn_scratch_layer(w->gemm, job.cut.block, w->k, 0, 0, w->n);
    wn_exec_check_scratch(exec, job.scratch.total);
    wn_pool_run(exec->pool, job.cut.n_blocks, linear_add_norm_item, &job);
}

/* Rows of both halves of a gated intermediate, n columns each, become the one that is read, in
 * place. */
static void close_gate(const layer_job *job, float *intermediate, size_t stride, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, intermediate += stride) {
        float *half = intermediate + n;
        bool first = job->gate == WN_GATE_FIRST;
        job->exec->kernels->gate_f32(intermediate, first ? intermediate : half,
                                     first ? half : intermediate, job->act, n);
    }
}

/* Columns [first, first + n) of the intermediate of m rows, as the second product reads them. */
static void make_intermediate(const layer_job *job, float *intermediate, taken_rows x, size_t m,
                              size_t first, size_t n)
{
    const wn_linear *up = job->w;
    size_t stride = job->scratch.intermediate_stride, read = job->down->k;
    if (job->gate == WN_GATE_NONE) {
        multiply_columns(up, intermediate, stride, x, m, first, n, job->act);
        return;
    }
    if (n == read) { /* whose second half need not begin a panel */
        multiply_columns(up, intermediate, stride, x, m, 0, up->n, WN_ACT_NONE);
    } else {
        multiply_columns(up, intermediate, stride, x, m, first, n, WN_ACT_NONE);
        multiply_columns(up, intermediate + n, stride, x, m, read + first, n, WN_ACT_NONE);
    }
    close_gate(job, intermediate, stride, m, n);
}

/* The intermediate of an item's rows as the second product reads it. */
static taken_rows take_intermediate(const layer_job *job, taken_rows x, size_t m,
                                    unsigned char *scratch)
{
    const wn_linear *up = job->w, *down = job->down;
    const wn_layer_scratch *parts = &job->scratch;
    size_t stride = parts->intermediate_stride;
    float *intermediate = wn_exec_floats(scratch, parts->intermediate);
    unsigned char *taken = scratch + parts->taken;
    taken_rows middle = {taken, parts->taken_bytes};
    if (job->gate == WN_GATE_NONE && down->factor == NULL &&
        wn_gemm_can_multiply_taken(up->gemm, up->n, job->act)) {
        up->gemm->multiply_taken(taken, parts->taken_bytes, x.at, x.stride, up->packed, up->bias, m,
                                 up->n, up->k, job->act);
        return middle;
    }
    for (size_t j = 0; j < down->k; j += parts->columns) {
        size_t n = WN_MIN(parts->columns, down->k - j);
        make_intermediate(job, intermediate, x, m, j, n);
        middle = take(down, intermediate, stride, m, j, n, taken, parts->taken_bytes);
    }
    return middle;
}

static void feed_forward_item(void *arg, size_t item, int32_t worker)
{
    const layer_job *job = arg;
    row_range rows = rows_of(&job->cut, item);
    const wn_layer_scratch *parts = &job->scratch;
    unsigned char *scratch = wn_exec_scratch(job->exec, worker);
    float *product = wn_exec_floats(scratch, parts->product);
    taken_rows middle = take_intermediate(job, take_x(job, rows, scratch), rows.n, scratch);
    multiply_add_norm(job, job->down, middle, rows, product);
}

static void feed_forward(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_tensor *residual,
                         const wn_feed_forward *f)
{
    const wn_linear *up = f->up, *down = f->down;
    WN_ASSERT(x->rows == y->rows && x->cols == up->k && y->cols == down->n);
    WN_ASSERT(!x->halves && !y->halves);
    WN_ASSERT(up->n == (f->gate == WN_GATE_NONE ? down->k : 2 * down->k));
    WN_ASSERT(residual->rows == y->rows && residual->cols == down->n && up->gemm == down->gemm);
    WN_ASSERT(f->norm == NULL || f->norm->n == down->n);
    layer_job job = {.exec = exec,
                     .cut = wn_exec_cut(exec, x->rows),
                     .y = y->data,
                     .x = x->data,
                     .residual = residual->data,
                     .w = up,
                     .down = down,
                     .norm = f->norm,
                     .act = f->act,
                     .gate = f->gate};
    job.scratch = wn_scratch_layer(up->gemm, job.cut.block, up->k, up->n, down->k, down->n);
    wn_exec_check_scratch(exec, job.scratch.total);
    wn_pool_run(exec->pool, job.cut.n_blocks, feed_forward_item, &job);
}

/* ---- rows and sequences ---------------------------------------------------------------------- */

static void norm_item(void *arg, size_t item, int32_t worker)
{
    const layer_job *job = arg;
    row_range rows = rows_of(&job->cut, item);
    size_t offset = rows.first * job->cols;
    const float *residual = job->residual != NULL ? job->residual + offset : NULL;
    (void)worker;
    wn_norm_rows(job->exec->kernels, job->y + offset, job->x + offset, residual, job->norm, rows.n);
}

static void norm_rows(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const float *residual,
                      const wn_norm *norm)
{
    WN_ASSERT(x->rows == y->rows && x->cols == y->cols && norm->n == y->cols);
    layer_job job = {.exec = exec,
                     .cut = wn_exec_cut(exec, x->rows),
                     .y = y->data,
                     .x = x->data,
                     .residual = residual,
                     .norm = norm,
                     .cols = x->cols};
    wn_pool_run(exec->pool, job.cut.n_blocks, norm_item, &job);
}

static void norm(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_norm *norm)
{
    norm_rows(exec, y, x, NULL, norm);
}

static void add_norm(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_tensor *residual,
                     const wn_norm *norm)
{
    WN_ASSERT(residual->rows == y->rows && residual->cols == y->cols);
    norm_rows(exec, y, x, residual->data, norm);
}

typedef struct seq_job {
    const wn_exec *exec;
    const wn_batch *batch;
    float *y;
    const float *x;
    size_t cols;
    wn_pool_kind kind;
} seq_job;

/* Rows of x in the order of the sequence, divided once at the end. */
static void mean_of_rows(const wn_kernels *kernels, float *y, const float *x, size_t n, size_t cols)
{
    memset(y, 0, cols * sizeof *y);
    for (size_t i = 0; i < n; i++)
        kernels->add_row(y, x + i * cols, WN_DTYPE_F32, cols);
    for (size_t j = 0; j < cols; j++)
        y[j] /= (float)n;
}

static void pool_item(void *arg, size_t item, int32_t worker)
{
    const seq_job *job = arg;
    size_t first = job->batch->seq_start[item], n = wn_batch_n_keys(job->batch, item);
    float *y = job->y + item * job->cols;
    (void)worker;
    const float *x = job->x + first * job->cols;
    if (job->kind == WN_POOL_MEAN)
        mean_of_rows(job->exec->kernels, y, x, n, job->cols);
    else
        memcpy(y, job->kind == WN_POOL_LAST ? x + (n - 1) * job->cols : x, job->cols * sizeof *y);
}

static void pool(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_batch *batch,
                 wn_pool_kind kind)
{
    WN_ASSERT(x->rows == batch->n_tokens && y->rows == batch->n_seqs && x->cols == y->cols);
    WN_ASSERT(!x->halves);
    seq_job job = {
        .exec = exec, .batch = batch, .y = y->data, .x = x->data, .cols = x->cols, .kind = kind};
    wn_pool_run(exec->pool, batch->n_seqs, pool_item, &job);
}

static void put_rows(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const wn_batch *batch,
                     wn_rows rows)
{
    size_t stride = wn_tensor_stride(y);
    WN_ASSERT(y->rows == batch->n_tokens && x->rows == batch->n_seqs && x->cols <= y->cols);
    WN_ASSERT(!y->halves || exec->plan.scores->dtype == WN_DTYPE_BF16);
    for (size_t i = 0; i < batch->n_seqs; i++) {
        const float *row = x->data + i * x->cols;
        unsigned char *to = (unsigned char *)y->data +
                            (batch->seq_start[i] + wn_row_in_sequence(batch, i, rows)) * stride;
        if (y->halves)
            exec->plan.scores->take_rows(to, stride, row, x->cols, NULL, 1, x->cols);
        else
            memcpy(to, row, x->cols * sizeof *row);
    }
}

static void gather(wn_exec *exec, wn_tensor *y, const wn_tensor *x, const uint32_t *rows)
{
    (void)exec;
    WN_ASSERT(x->cols == y->cols);
    for (size_t i = 0; i < y->rows; i++) {
        WN_ASSERT(rows[i] < x->rows);
        memcpy(y->data + i * y->cols, x->data + rows[i] * x->cols, y->cols * sizeof *y->data);
    }
}

static void normalize_item(void *arg, size_t item, int32_t worker)
{
    const layer_job *job = arg;
    row_range rows = rows_of(&job->cut, item);
    size_t cols = job->cols, offset = rows.first * cols;
    (void)worker;
    job->exec->kernels->normalize_f32(job->y + offset, job->x + offset, rows.n, cols);
}

static void normalize(wn_exec *exec, wn_tensor *y, const wn_tensor *x)
{
    WN_ASSERT(x->rows == y->rows && x->cols == y->cols);
    layer_job job = {.exec = exec,
                     .cut = wn_exec_cut(exec, x->rows),
                     .y = y->data,
                     .x = x->data,
                     .cols = x->cols};
    wn_pool_run(exec->pool, job.cut.n_blocks, normalize_item, &job);
}

const wn_ops wn_ops_cpu = {
    .name = "cpu",
    .embed = embed,
    .linear = linear,
    .linear_from = linear_from,
    .norm = norm,
    .add_norm = add_norm,
    .linear_add_norm = linear_add_norm,
    .feed_forward = feed_forward,
    .turn_heads = wn_turn_heads_cpu,
    .attention = wn_attention_cpu,
    .attend_states = wn_attend_states_cpu,
    .keep_past = wn_keep_past_cpu,
    .pool = pool,
    .put_rows = put_rows,
    .gather = gather,
    .normalize = normalize,
    .maxsim = wn_maxsim_cpu,
    .nearest = wn_nearest_cpu,
    .keep_vectors = wn_keep_vectors_cpu,
};
