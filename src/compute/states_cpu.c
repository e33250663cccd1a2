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

typedef struct states_job states_job;

/* A few sequences from seq on; of the first one the n hidden states, of all what their heads look
 * for and later their means, and the scratch for all else of the first. */
typedef struct states_view {
    const states_job *job;
    const float *x;
    size_t seq, n_seqs, n;
    float *states;
    unsigned char *scratch;
} states_view;

/* One step of a stage; own is the scratch of the thread that takes it. */
typedef void step_fn(const states_view *view, size_t step, unsigned char *own);

struct states_job {
    const wn_exec *exec;
    const wn_batch *batch;
    const wn_attention *a;
    const wn_state_weights *w;
    const float *queries, *x;
    float *y;
    wn_states_scratch parts; /* for the longest sequence */
    size_t group;            /* sequences of an item, */
    step_fn *step;           /* or the stage that threads share, */
    size_t n_steps;          /* each sequence in so many steps */
};

/* Sequences whose states are those from number `within` on of a scratch. */
static states_view view_sequences(const states_job *job, size_t seq, size_t n_seqs, size_t within,
                                  unsigned char *scratch)
{
    size_t stride = job->a->n_heads * job->parts.states_stride;
    return (states_view){.job = job,
                         .x = job->x + job->batch->seq_start[seq] * job->w->k,
                         .seq = seq,
                         .n_seqs = n_seqs,
                         .n = wn_batch_n_keys(job->batch, seq),
                         .states = wn_exec_floats(scratch, job->parts.states) + within * stride,
                         .scratch = scratch};
}

/* ---- stages ---------------------------------------------------------------------------------- */

/* What head h of each sequence looks for among hidden states. */
static void make_looks(const states_view *v, size_t h, unsigned char *own)
{
    const states_job *job = v->job;
    const wn_state_weights *w = job->w;
    size_t ld = job->parts.states_stride, dim = job->a->head_dim, width = job->a->n_heads * dim;
    (void)own;
    w->gemm->multiply(v->states + h * ld, job->a->n_heads * ld,
                      job->queries + v->seq * width + h * dim, width * sizeof *job->queries,
                      w->keys + h * w->key_bytes, NULL, v->n_seqs, w->k, dim, WN_ACT_NONE);
}

static void pack_looks(const states_view *v, size_t step, unsigned char *own)
{
    const states_job *job = v->job;
    (void)step;
    (void)own;
    job->w->gemm->pack(v->scratch + job->parts.looks, v->states, job->parts.states_stride,
                       job->a->n_heads, job->w->k);
}

/* The scores of a block of hidden states, a row for each head; none where the sequence is shorter.
 */
static void make_scores(const states_view *v, size_t block, unsigned char *own)
{
    const states_job *job = v->job;
    const wn_state_weights *w = job->w;
    size_t ld = job->parts.shares_stride, ldp = job->parts.products_stride;
    size_t first = block * WN_STATES_ROWS;
    if (first >= v->n)
        return;
    size_t m = WN_MIN((size_t)WN_STATES_ROWS, v->n - first);
    float *products = wn_exec_floats(own, job->parts.products);
    float *scores = wn_exec_floats(v->scratch, job->parts.shares) + first;
    w->gemm->multiply(products, ldp, v->x + first * w->k, w->k * sizeof *v->x,
                      v->scratch + job->parts.looks, NULL, m, job->a->n_heads, w->k, WN_ACT_NONE);
    for (size_t h = 0; h < job->a->n_heads; h++) {
        for (size_t i = 0; i < m; i++)
            scores[h * ld + i] = products[i * ldp + h];
    }
}

static void make_shares(const states_view *v, size_t step, unsigned char *own)
{
    const states_job *job = v->job;
    (void)step;
    (void)own;
    job->exec->kernels->softmax_f32(wn_exec_floats(v->scratch, job->parts.shares),
                                    job->parts.shares_stride, job->a->scale, job->a->n_heads, v->n);
}

/* Each head's mean of hidden states, as many columns as a head has. */
static void make_means(const states_view *v, size_t step, unsigned char *own)
{
    const states_job *job = v->job;
    const wn_state_weights *w = job->w;
    size_t first = step * job->a->head_dim, n = WN_MIN(job->a->head_dim, w->k - first);
    const float *shares = wn_exec_floats(v->scratch, job->parts.shares);
    unsigned char *columns = own + job->parts.columns;
    w->gemm->pack_t(columns, v->x + first, w->k, n, v->n);
    w->gemm->multiply(v->states + first, job->parts.states_stride, shares,
                      job->parts.shares_stride * sizeof *shares, columns, NULL, job->a->n_heads, n,
                      v->n, WN_ACT_NONE);
}

/* y of head h of each sequence. */
static void make_values(const states_view *v, size_t h, unsigned char *own)
{
    const states_job *job = v->job;
    const wn_state_weights *w = job->w;
    size_t ld = job->parts.states_stride, dim = job->a->head_dim, width = job->a->n_heads * dim;
    (void)own;
    w->gemm->multiply(job->y + v->seq * width + h * dim, width, v->states + h * ld,
                      job->a->n_heads * ld * sizeof *v->states, w->values + h * w->value_bytes,
                      w->bias != NULL ? w->bias + h * dim : NULL, v->n_seqs, dim, w->k,
                      WN_ACT_NONE);
}

static size_t n_score_steps(size_t n)
{
    return (n + WN_STATES_ROWS - 1) / WN_STATES_ROWS;
}

static size_t n_mean_steps(const states_job *job)
{
    return (job->w->k + job->a->head_dim - 1) / job->a->head_dim;
}

/* ---- sequences that each have a thread ------------------------------------------------------- */

static void take_steps(const states_view *v, size_t n_steps, step_fn *step)
{
    for (size_t i = 0; i < n_steps; i++)
        step(v, i, v->scratch);
}

static void group_item(void *arg, size_t item, int32_t worker)
{
    const states_job *job = arg;
    unsigned char *scratch = wn_exec_scratch(job->exec, worker);
    size_t first = item * job->group, m = WN_MIN(job->group, job->batch->n_seqs - first);
    const states_view all = view_sequences(job, first, m, 0, scratch);
    take_steps(&all, job->a->n_heads, make_looks);
    for (size_t s = 0; s < m; s++) {
        const states_view v = view_sequences(job, first + s, 1, s, scratch);
        take_steps(&v, 1, pack_looks);
        take_steps(&v, n_score_steps(v.n), make_scores);
        take_steps(&v, 1, make_shares);
        take_steps(&v, n_mean_steps(job), make_means);
    }
    take_steps(&all, job->a->n_heads, make_values);
}

/* ---- sequences that threads share ------------------------------------------------------------ */

/* A sequence's parts lie in the scratch of the thread that has its number. */
static void step_item(void *arg, size_t item, int32_t worker)
{
    const states_job *job = arg;
    size_t seq = item / job->n_steps;
    const states_view v = view_sequences(job, seq, 1, 0, wn_exec_scratch(job->exec, (int32_t)seq));
    job->step(&v, item % job->n_steps, wn_exec_scratch(job->exec, worker));
}

static void share_stage(states_job *job, size_t n_steps, step_fn *step)
{
    job->n_steps = n_steps;
    job->step = step;
    wn_pool_run(job->exec->pool, job->batch->n_seqs * n_steps, step_item, job);
}

static void share_sequences(states_job *job, size_t longest)
{
    share_stage(job, job->a->n_heads, make_looks);
    share_stage(job, 1, pack_looks);
    share_stage(job, n_score_steps(longest), make_scores);
    share_stage(job, 1, make_shares);
    share_stage(job, n_mean_steps(job), make_means);
    share_stage(job, job->a->n_heads, make_values);
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
    WN_ASSERT(y->rows == batch->n_seqs && y->cols == width && !y->halves);
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
