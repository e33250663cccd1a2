/* Attention of one row a sequence from the hidden states that its keys and values would be made of,
 * for a last layer of which no other row is wanted.  A score q . (K x) is (K^T q) . x, so each
 * head's query goes through its keys' matrix once, instead of every hidden state; and the values'
 * matrix is multiplied by each head's mean of hidden states, weighted by their shares.  What the
 * bias of the keys adds is the same for all keys, and no share depends on it.
 * That is so little work that all of it is f32, whatever the dtype of the model.
 * An item is a sequence, so that a result depends on no other one. */
#include "compute/exec.h"
#include "compute/scratch.h"

typedef struct states_job {
    const wn_exec *exec;
    const wn_batch *batch;
    const wn_attention *a;
    const wn_state_weights *w;
    const float *queries, *x;
    float *y;
} states_job;

/* One sequence: its n hidden states, and the parts of its thread's scratch. */
typedef struct states_view {
    const states_job *job;
    const float *x;
    size_t n;
    wn_states_scratch parts;
    unsigned char *scratch;
} states_view;

/* What each head looks for among hidden states, packed for their rows. */
static void make_looks(const states_view *v, const float *queries)
{
    const wn_state_weights *w = v->job->w;
    size_t n_heads = v->job->a->n_heads, dim = v->job->a->head_dim, ld = v->parts.states_stride;
    float *looks = wn_exec_floats(v->scratch, v->parts.states);
    for (size_t h = 0; h < n_heads; h++)
        w->gemm->multiply(looks + h * ld, ld, queries + h * dim, dim * sizeof *queries,
                          w->keys + h * w->key_bytes, NULL, 1, w->k, dim, WN_ACT_NONE);
    w->gemm->pack(v->scratch + v->parts.looks, looks, ld, n_heads, w->k);
}

/* The shares of all hidden states, a row for each head. */
static const float *make_shares(const states_view *v)
{
    const wn_state_weights *w = v->job->w;
    const wn_exec *exec = v->job->exec;
    size_t n_heads = v->job->a->n_heads, ld = v->parts.shares_stride, block = exec->plan.row_block;
    size_t ldp = v->parts.products_stride;
    float *shares = wn_exec_floats(v->scratch, v->parts.shares);
    float *products = wn_exec_floats(v->scratch, v->parts.products);
    for (size_t first = 0, m; first < v->n; first += m) {
        m = WN_MIN(block, v->n - first);
        w->gemm->multiply(products, ldp, v->x + first * w->k, w->k * sizeof *v->x,
                          v->scratch + v->parts.looks, NULL, m, n_heads, w->k, WN_ACT_NONE);
        for (size_t h = 0; h < n_heads; h++) {
            for (size_t i = 0; i < m; i++)
                shares[h * ld + first + i] = products[i * ldp + h];
        }
    }
    exec->kernels->softmax_f32(shares, ld, v->job->a->scale, n_heads, v->n);
    return shares;
}

/* Each head's mean of hidden states, a few columns at a time. */
static const float *make_means(const states_view *v, const float *shares)
{
    const wn_state_weights *w = v->job->w;
    size_t n_heads = v->job->a->n_heads, few = v->job->a->head_dim, ld = v->parts.states_stride;
    unsigned char *columns = v->scratch + v->parts.columns;
    float *means = wn_exec_floats(v->scratch, v->parts.states);
    for (size_t j = 0, n; j < w->k; j += n) {
        n = WN_MIN(few, w->k - j);
        w->gemm->pack_t(columns, v->x + j, w->k, n, v->n);
        w->gemm->multiply(means + j, ld, shares, v->parts.shares_stride * sizeof *shares, columns,
                          NULL, n_heads, n, v->n, WN_ACT_NONE);
    }
    return means;
}

static void make_values(const states_view *v, float *y, const float *means)
{
    const wn_state_weights *w = v->job->w;
    size_t n_heads = v->job->a->n_heads, dim = v->job->a->head_dim, ld = v->parts.states_stride;
    for (size_t h = 0; h < n_heads; h++)
        w->gemm->multiply(y + h * dim, dim, means + h * ld, ld * sizeof *means,
                          w->values + h * w->value_bytes,
                          w->bias != NULL ? w->bias + h * dim : NULL, 1, dim, w->k, WN_ACT_NONE);
}

static void states_item(void *arg, size_t seq, int32_t worker)
{
    const states_job *job = arg;
    const wn_state_weights *w = job->w;
    size_t n_heads = job->a->n_heads, dim = job->a->head_dim, width = n_heads * dim;
    states_view v = {.job = job,
                     .x = job->x + job->batch->seq_start[seq] * w->k,
                     .n = wn_batch_n_keys(job->batch, seq),
                     .scratch = wn_exec_scratch(job->exec, worker)};
    v.parts = wn_scratch_states(w->gemm, job->exec->plan.row_block, v.n, n_heads, dim, w->k);
    make_looks(&v, job->queries + seq * width);
    make_values(&v, job->y + seq * width, make_means(&v, make_shares(&v)));
}

void wn_attend_states_cpu(wn_exec *exec, wn_tensor *y, const wn_tensor *queries, const wn_tensor *x,
                          const wn_batch *batch, const wn_attention *a, const wn_state_weights *w)
{
    size_t longest = 1, width = a->n_heads * a->head_dim;
    WN_ASSERT(a->n_heads == a->n_kv_heads && a->slopes == NULL && a->relative == NULL);
    WN_ASSERT(a->rows != WN_ROWS_ALL && !a->causal && a->window == 0 && batch->past == NULL);
    WN_ASSERT(x->rows == batch->n_tokens && x->cols == w->k);
    WN_ASSERT(queries->rows == batch->n_seqs && queries->cols == width);
    WN_ASSERT(y->rows == batch->n_seqs && y->cols == width);
    for (size_t i = 0; i < batch->n_seqs; i++)
        longest = WN_MAX(longest, wn_batch_n_keys(batch, i));
    wn_exec_check_scratch(exec, wn_scratch_states(w->gemm, exec->plan.row_block, longest,
                                                  a->n_heads, a->head_dim, w->k)
                                    .total);
    states_job job = {exec, batch, a, w, queries->data, x->data, y->data};
    wn_pool_run(exec->pool, batch->n_seqs, states_item, &job);
}
