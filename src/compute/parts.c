/* Which sequences meet in a thread's caches.  Threads that share each op wait for one another after
 * each, and read what another has written; a thread that takes a few sequences through all layers
 * does neither.  Where sequences are too few or too unlike for that, ops are shared after all.
 * What a sequence gets never depends on it. */
#include "compute/exec.h"

/* Attention's products are short and have scores to turn into shares: an operation takes so many
 * times as long as one of a linear layer. */
#define ATTENTION_COST 3.0
/* Tokens of a part, whose hidden states stay in the second-level cache, and of a group, whose
 * queries, keys and values do. */
#define PART_TOKENS  256
#define GROUP_TOKENS 128
/* Parts that keep a thread busy for longer than the mean by more would leave the others waiting. */
#define UNEVEN_MAX 1.04

/* What a sequence of n tokens costs, in multiplications of a layer. */
static double cost_of(const wn_dims *d, size_t n)
{
    double heads = (double)(d->n_heads * d->head_dim), kv = (double)(d->n_kv_heads * d->head_dim);
    double linear = (double)d->hidden * (2 * heads + 2 * kv + (double)(d->up + d->intermediate));
    return (double)n * (linear + ATTENTION_COST * 2 * (double)n * heads);
}

typedef struct parts_job {
    wn_exec *exec;
    const wn_batch *batch;
    wn_part_fn *fn;
    void *arg;
    size_t n_parts, most_tokens, most_seqs; /* of a part */
} parts_job;

/* Cut the batch; false when threads that take one part after the other would not end together. */
static bool cut_evenly(parts_job *job, size_t n_threads)
{
    double busy[WN_POOL_THREADS_MAX] = {0}, sum = 0, most = 0;
    const uint32_t *start = job->batch->seq_start;
    size_t n_seqs = job->batch->n_seqs;
    size_t tokens = WN_MIN((size_t)PART_TOKENS, job->batch->n_tokens / n_threads);
    for (size_t first = 0, end; first < n_seqs; first = end) {
        size_t next = 0;
        for (size_t i = 1; i < n_threads; i++)
            next = busy[i] < busy[next] ? i : next;
        for (end = first; end == first || (end < n_seqs && start[end + 1] - start[first] <= tokens);
             end++) {
            double cost = cost_of(&job->exec->plan.dims, start[end + 1] - start[end]);
            busy[next] += cost;
            sum += cost;
        }
        most = WN_MAX(most, busy[next]);
        job->exec->part_end[job->n_parts++] = (uint32_t)end;
        job->most_tokens = WN_MAX(job->most_tokens, start[end] - start[first]);
        job->most_seqs = WN_MAX(job->most_seqs, end - first);
    }
    return most * (double)n_threads <= UNEVEN_MAX * sum;
}

/* Give each thread an exec with room for the largest part; false when there is not so much. */
static bool make_parts(parts_job *job, size_t n_threads)
{
    wn_exec *exec = job->exec;
    size_t bytes, left = exec->activation_bytes - exec->used_bytes;
    if (!wn_plan_count(&bytes, &exec->plan.dims, job->most_tokens, job->most_seqs) ||
        bytes > left / n_threads)
        return false;
    for (size_t i = 0; i < n_threads; i++)
        exec->parts[i] = (wn_exec){
            .plan = exec->plan,
            .kernels = exec->kernels,
            .activations = exec->activations + exec->used_bytes + i * bytes,
            .activation_bytes = bytes,
            .scratch = wn_exec_scratch(exec, (int32_t)i),
            .past = exec->past,
        };
    return true;
}

static void part_item(void *arg, size_t item, int32_t worker)
{
    const parts_job *job = arg;
    const wn_exec *exec = job->exec;
    wn_exec *own = &exec->parts[worker];
    size_t first = item == 0 ? 0 : exec->part_end[item - 1], at = first + item;
    own->item_start = exec->item_start + at;
    own->group_start = exec->group_start + at;
    wn_batch part = wn_batch_part(job->batch, first, exec->part_end[item], exec->part_start + at);
    wn_exec_reset(own);
    job->fn(job->arg, own, &part, first);
}

void wn_exec_run_parts(wn_exec *exec, const wn_batch *batch, wn_part_fn *fn, void *arg)
{
    size_t n_threads = (size_t)wn_pool_n_threads(exec->pool);
    parts_job job = {.exec = exec, .batch = batch, .fn = fn, .arg = arg};
    if (n_threads > 1 && n_threads <= batch->n_seqs && cut_evenly(&job, n_threads) &&
        make_parts(&job, n_threads))
        wn_pool_run(exec->pool, job.n_parts, part_item, &job);
    else
        fn(arg, exec, batch, 0);
}

size_t wn_exec_group_end(const wn_exec *exec, const wn_batch *batch, size_t first)
{
    const uint32_t *start = batch->seq_start;
    size_t end = first + 1;
    if (wn_pool_n_threads(exec->pool) > 1)
        return batch->n_seqs;
    while (end < batch->n_seqs && start[end + 1] - start[first] <= GROUP_TOKENS)
        end++;
    return end;
}

wn_batch wn_exec_group(wn_exec *exec, const wn_batch *batch, size_t first, size_t end)
{
    return wn_batch_part(batch, first, end, exec->group_start);
}
