/* Which sequences meet in a thread's caches.  Threads that share each op wait for one another after
 * each, and read what another has written; a thread that takes a few sequences through all layers
 * does neither.  But then it reads weights by itself: only threads that stay side by side, with as
 * much to do each, have them from memory once.  Where sequences cannot be dealt out so, ops are
 * shared after all.  A part is what a thread takes through all layers; a group, within a batch of
 * one thread, what goes through attention at once.  What a sequence gets depends on neither. */
#include "compute/exec.h"

/* Attention's products are short and have scores to turn into shares: an operation takes so many
 * times as long as one of a linear layer. */
#define ATTENTION_COST 2.0
/* A part costs at most so many times the mean, and the mean so many times a part: others wait. */
#define UNEVEN_MAX 1.04

typedef struct parts_job {
    wn_exec *exec;
    const wn_batch *batch;
    wn_part_fn *fn;
    void *arg;
    size_t n_parts, most_tokens, most_seqs; /* of a part */
} parts_job;

/* What a sequence costs, in multiplications of a layer; nothing behind the last. */
static double cost_at(const parts_job *job, size_t seq)
{
    const wn_dims *d = &job->exec->plan.dims;
    const wn_batch *batch = job->batch;
    if (seq >= batch->n_seqs)
        return 0;
    double n = (double)(batch->seq_start[seq + 1] - batch->seq_start[seq]);
    double n_keys = n + (double)wn_batch_n_past(batch, seq);
    double heads = (double)(d->n_heads * d->head_dim), kv = (double)(d->n_kv_heads * d->head_dim);
    double linear = (double)d->hidden * (2 * heads + 2 * kv + (double)(d->up + d->intermediate));
    return n * (linear + ATTENTION_COST * 2 * n_keys * heads);
}

/* Cut the batch into n parts where the sum of costs comes nearest to as many shares; false when one
 * of them is uneven. */
static bool cut_into(parts_job *job, size_t n, double all)
{
    const uint32_t *start = job->batch->seq_start;
    size_t n_seqs = job->batch->n_seqs, end = 0;
    double mean = all / (double)n, sum = 0;
    job->n_parts = n;
    job->most_tokens = job->most_seqs = 0;
    for (size_t i = 0; i < n; i++) {
        size_t first = end;
        double before = sum;
        while (end < n_seqs && sum + cost_at(job, end) / 2 < mean * (double)(i + 1))
            sum += cost_at(job, end++);
        if (sum - before > mean * UNEVEN_MAX || (sum - before) * UNEVEN_MAX < mean)
            return false;
        job->exec->part_end[i] = (uint32_t)end;
        job->most_tokens = WN_MAX(job->most_tokens, start[end] - start[first]);
        job->most_seqs = WN_MAX(job->most_seqs, end - first);
    }
    return end == n_seqs;
}

/* Cut the batch into as many parts for each thread, small ones if it can be. */
static bool cut_evenly(parts_job *job, size_t n_threads)
{
    const wn_batch *batch = job->batch;
    double all = 0;
    for (size_t i = 0; i < batch->n_seqs; i++)
        all += cost_at(job, i);
    size_t part = job->exec->plan.part_tokens;
    size_t small = (batch->n_tokens / n_threads + part - 1) / part;
    for (size_t each = WN_MIN(small, batch->n_seqs / n_threads); each > 0; each--) {
        if (cut_into(job, each * n_threads, all))
            return true;
    }
    return false;
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
    WN_ASSERT(batch->n_seqs <= exec->plan.batch_seqs);
    if (n_threads > 1 && cut_evenly(&job, n_threads) && make_parts(&job, n_threads))
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
    while (end < batch->n_seqs && start[end + 1] - start[first] <= exec->plan.group_tokens)
        end++;
    return end;
}

size_t wn_exec_block_end(const wn_exec *exec, size_t n_rows, size_t first)
{
    if (wn_pool_n_threads(exec->pool) > 1)
        return n_rows;
    return WN_MIN(n_rows, first + exec->plan.row_block);
}

wn_batch wn_exec_group(wn_exec *exec, const wn_batch *batch, size_t first, size_t end)
{
    return wn_batch_part(batch, first, end, exec->group_start);
}
