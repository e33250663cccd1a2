/* Attention of one row a sequence from the hidden states that its keys and values would be made of,
 * for a last layer of which no other row is wanted.  A score q . (K x) is (K^T q) . x, so each
 * head's query goes through its keys' matrix once, instead of every hidden state; and the values'
 * matrix is multiplied by each head's mean of hidden states, weighted by their shares.  What the
 * bias of the keys adds is the same for all keys, and no share depends on it.
 * That is so little work that all of it is f32, whatever the dtype of the model.
 * Where there are sequences enough, an item is a few of them, which read the matrices once; else
 * the threads share each step of a sequence, whose parts then lie in the scratch of one of them.
 * Either way an element is the same chain of operations. */
#include "compute/exec.h"
#include "compute/scratch.h"

typedef struct states_job {
    const wn_exec *exec;
    const wn_batch *batch;
    const wn_attention *a;
    const wn_state_weights *w;
    const float *queries, *x;
    float *y;
    wn_states_scratch parts; /* for the longest sequence */
    size_t group;            /* sequences of an item */
    size_t n_steps;          /* of a sequence in the stage that threads share */
} states_job;

/* One sequence: its n hidden states, what its heads look for and later their means, and the scratch
 * for all else. */
typedef struct states_view {
    const states_job *job;
    const float *x;
    size_t n;
    float *states;
    unsigned char *scratch;
} states_view;

static states_view view_sequence(const states_job *job, size_t seq, size_t within,
                                 unsigned char *scratch)
{
    size_t stride = job->a->n_heads * job->parts.states_stride;
    return (states_view){.job = job,
                         .x = job->x + job->batch->seq_start[seq] * job->w->k,
                         .n = wn_batch_n_keys(job->batch, seq),
                         .states = wn_exec_floats(scratch, job->parts.states) + within * stride,
                         .scratch = scratch};
}

/* What head h of m sequences from the first on looks for among hidden states. */
static void make_looks(const states_view *v, size_t first, size_t m, size_t h)
{
    const states_job *job = v->job;
    const wn_state_weights *w = job->w;
    size_t ld = job->parts.states_stride, dim = job->a->head_dim, width = job->a->n_heads * dim;
    w->gemm->multiply(v->states + h * ld, job->a->n_heads * ld,
                      job->queries + first * width + h * dim, width * sizeof *job->queries,
                      w->keys + h * w->key_bytes, NULL, m, w->k, dim, WN_ACT_NONE);
}

static void pack_looks(const states_view *v)
{
    const states_job *job = v->job;
    job->w->gemm->pack(v->scratch + job->parts.looks, v->states, job->parts.states_stride,
                       job->a->n_heads, job->w->k);
}

/* The scores of m hidden states from the first on, a row for each head. */
static void make_scores(const states_view *v, size_t first, size_t m, unsigned char *scratch)
{
    const states_job *job = v->job;
    const wn_state_weights *w = job->w;
    size_t ld = job->parts.shares_stride, ldp = job->parts.products_stride;
    float *products = wn_exec_floats(scratch, job->parts.products);
    float *scores = wn_exec_floats(v->scratch, job->parts.shares) + first;
    w->gemm->multiply(products, ldp, v->x + first * w->k, w->k * sizeof *v->x,
                      v->scratch + job->parts.looks, NULL, m, job->a->n_heads, w->k, WN_ACT_NONE);
    for (size_t h = 0; h < job->a->n_heads; h++) {
        for (size_t i = 0; i < m; i++)
            scores[h * ld + i] = products[i * ldp + h];
    }
}

static void make_shares(const states_view *v)
{
    const states_job *job = v->job;
    job->exec->kernels->softmax_f32(wn_exec_floats(v->scratch, job->parts.shares),
                                    job->parts.shares_stride, job->a->scale, job->a->n_heads, v->n);
}

/* Each head's mean of hidden states, columns [first, first + head_dim) as far as there are. */
static void make_means(const states_view *v, size_t first, unsigned char *scratch)
{
    const states_job *job = v->job;
    const wn_state_weights *w = job->w;
    size_t n = WN_MIN(job->a->head_dim, w->k - first);
    const float *shares = wn_exec_floats(v->scratch, job->parts.shares);
    unsigned char *columns = scratch + job->parts.columns;
    w->gemm->pack_t(columns, v->x + first, w->k, n, v->n);
    w->gemm->multiply(v->states + first, job->parts.states_stride, shares,
                      job->parts.shares_stride * sizeof *shares, columns, NULL, job->a->n_heads, n,
                      v->n, WN_ACT_NONE);
}

/* y of head h of m sequences from the first on. */
static void make_values(const states_view *v, size_t first, size_t m, size_t h)
{
    const states_job *job = v->job;
    const wn_state_weights *w = job->w;
    size_t ld = job->parts.states_stride, dim = job->a->head_dim, width = job->a->n_heads * dim;
    w->gemm->multiply(job->y + first * width + h * dim, width, v->states + h * ld,
                      job->a->n_heads * ld * sizeof *v->states, w->values + h * w->value_bytes,
                      w->bias != NULL ? w->bias + h * dim : NULL, m, dim, w->k, WN_ACT_NONE);
}

/* ---- sequences that each have a thread ------------------------------------------------------- */

static void group_item(void *arg, size_t item, int32_t worker)
{
    const states_job *job = arg;
    unsigned char *scratch = wn_exec_scratch(job->exec, worker);
    size_t first = item * job->group, m = WN_MIN(job->group, job->batch->n_seqs - first);
    const states_view all = view_sequence(job, first, 0, scratch);
    for (size_t h = 0; h < job->a->n_heads; h++)
        make_looks(&all, first, m, h);
    for (size_t s = 0; s < m; s++) {
        const states_view v = view_sequence(job, first + s, s, scratch);
        pack_looks(&v);
        for (size_t i = 0; i < v.n; i += WN_STATES_ROWS)
            make_scores(&v, i, WN_MIN((size_t)WN_STATES_ROWS, v.n - i), scratch);
        make_shares(&v);
        for (size_t j = 0; j < job->w->k; j += job->a->head_dim)
            make_means(&v, j, scratch);
    }
    for (size_t h = 0; h < job->a->n_heads; h++)
        make_values(&all, first, m, h);
}

/* ---- sequences that threads share ------------------------------------------------------------ */

/* The sequence and step of an item; the sequence's parts lie in the scratch of the thread that has
 * its number. */
static states_view view_step(const states_job *job, size_t item, size_t *step)
{
    size_t seq = item / job->n_steps;
    *step = item % job->n_steps;
    return view_sequence(job, seq, 0, wn_exec_scratch(job->exec, (int32_t)seq));
}

static void looks_item(void *arg, size_t item, int32_t worker)
{
    size_t h;
    const states_view v = view_step(arg, item, &h);
    (void)worker;
    make_looks(&v, item / v.job->n_steps, 1, h);
}

static void pack_item(void *arg, size_t item, int32_t worker)
{
    size_t step;
    const states_view v = view_step(arg, item, &step);
    (void)worker;
    pack_looks(&v);
}

static void scores_item(void *arg, size_t item, int32_t worker)
{
    size_t step;
    const states_view v = view_step(arg, item, &step);
    size_t first = step * WN_STATES_ROWS;
    if (first < v.n)
        make_scores(&v, first, WN_MIN((size_t)WN_STATES_ROWS, v.n - first),
                    wn_exec_scratch(v.job->exec, worker));
}

static void shares_item(void *arg, size_t item, int32_t worker)
{
    size_t step;
    const states_view v = view_step(arg, item, &step);
    (void)worker;
    make_shares(&v);
}

static void means_item(void *arg, size_t item, int32_t worker)
{
    size_t step;
    const states_view v = view_step(arg, item, &step);
    make_means(&v, step * v.job->a->head_dim, wn_exec_scratch(v.job->exec, worker));
}

static void values_item(void *arg, size_t item, int32_t worker)
{
    size_t h;
    const states_view v = view_step(arg, item, &h);
    (void)worker;
    make_values(&v, item / v.job->n_steps, 1, h);
}

/* A stage of all sequences, each in so many steps. */
static void share_stage(states_job *job, size_t n_steps, wn_pool_fn *fn)
{
    job->n_steps = n_steps;
    wn_pool_run(job->exec->pool, job->batch->n_seqs * n_steps, fn, job);
}

static void share_sequences(states_job *job, size_t longest)
{
    size_t dim = job->a->head_dim;
    share_stage(job, job->a->n_heads, looks_item);
    share_stage(job, 1, pack_item);
    share_stage(job, (longest + WN_STATES_ROWS - 1) / WN_STATES_ROWS, scores_item);
    share_stage(job, 1, shares_item);
    share_stage(job, (job->w->k + dim - 1) / dim, means_item);
    share_stage(job, job->a->n_heads, values_item);
}

void wn_attend_states_cpu(wn_exec *exec, wn_tensor *y, const wn_tensor *queries, const wn_tensor *x,
                          const wn_batch *batch, const wn_attention *a, const wn_state_weights *w)
{
    size_t longest = 1, width = a->n_heads * a->head_dim;
    size_t n_threads = (size_t)wn_pool_n_threads(exec->pool);
    WN_ASSERT(a->n_heads == a->n_kv_heads && a->slopes == NULL && a->relative == NULL);
    WN_ASSERT(a->rows != WN_ROWS_ALL && !a->causal && a->window == 0 && batch->past == NULL);
    WN_ASSERT(x->rows == batch->n_tokens && x->cols == w->k);
    WN_ASSERT(queries->rows == batch->n_seqs && queries->cols == width);
    WN_ASSERT(y->rows == batch->n_seqs && y->cols == width);
    for (size_t i = 0; i < batch->n_seqs; i++)
        longest = WN_MAX(longest, wn_batch_n_keys(batch, i));
    states_job job = {.exec = exec,
                      .batch = batch,
                      .a = a,
                      .w = w,
                      .queries = queries->data,
                      .x = x->data,
                      .y = y->data};
    job.parts = wn_scratch_states(w->gemm, longest, a->n_heads, a->head_dim, w->k);
    wn_exec_check_scratch(exec, job.parts.total);
    if (batch->n_seqs < n_threads) {
        share_sequences(&job, longest);
        return;
    }
    job.group = WN_MIN((size_t)WN_STATES_GROUP, batch->n_seqs / n_threads);
    wn_pool_run(exec->pool, (batch->n_seqs + job.group - 1) / job.group, group_item, &job);
}
