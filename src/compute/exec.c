/* Life of an exec: one allocation, from which tensors are cut until the next reset. */
#include "compute/exec.h"
#include "base/mem.h"

#define WN_WHERE "compute/exec"

wn_status wn_exec_new(wn_exec **out, const wn_plan *plan, const wn_kernels *kernels, wn_pool *pool,
                      wn_error *err)
{
    WN_ASSERT((size_t)wn_pool_n_threads(pool) <= plan->n_threads);
    wn_exec *exec = wn_mem_zalloc(1, sizeof *exec);
    size_t n_starts = 2 * plan->batch_seqs + 1;
    if (exec != NULL) {
        *exec = (wn_exec){.plan = *plan, .kernels = kernels, .pool = pool};
        exec->memory = wn_mem_aligned(plan->total_bytes);
        exec->item_start = wn_mem_zalloc(n_starts, sizeof *exec->item_start);
        exec->group_start = wn_mem_zalloc(n_starts, sizeof *exec->group_start);
        exec->part_start = wn_mem_zalloc(n_starts, sizeof *exec->part_start);
        exec->part_end = wn_mem_zalloc(plan->batch_seqs, sizeof *exec->part_end);
        exec->parts = wn_mem_zalloc(plan->n_threads, sizeof *exec->parts);
    }
    if (exec == NULL || exec->memory == NULL || exec->item_start == NULL ||
        exec->group_start == NULL || exec->part_start == NULL || exec->part_end == NULL ||
        exec->parts == NULL) {
        wn_exec_free(exec);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a workspace of %zu bytes", plan->total_bytes);
    }
    const wn_dims *d = &plan->dims;
    exec->activations = exec->memory;
    exec->activation_bytes = plan->activation_bytes;
    exec->scratch = exec->memory + plan->activation_bytes;
    exec->past = (wn_past){
        .rows = wn_exec_floats(exec->memory, plan->total_bytes - plan->past_bytes),
        .n_layers = d->n_layers,
        .n_tokens = d->past_tokens,
        .width = 2 * d->n_kv_heads * d->head_dim,
    };
    *out = exec;
    return WN_OK;
}

void wn_exec_free(wn_exec *exec)
{
    if (exec == NULL)
        return;
    wn_mem_free(exec->memory);
    wn_mem_free(exec->item_start);
    wn_mem_free(exec->group_start);
    wn_mem_free(exec->part_start);
    wn_mem_free(exec->part_end);
    wn_mem_free(exec->parts);
    wn_mem_free(exec);
}

const wn_ops *wn_exec_ops(const wn_exec *exec)
{
    (void)exec;
    return &wn_ops_cpu;
}

const wn_past *wn_exec_past(const wn_exec *exec)
{
    return exec->past.n_tokens > 0 ? &exec->past : NULL;
}

void wn_exec_reset(wn_exec *exec)
{
    exec->used_bytes = 0;
}

wn_tensor wn_exec_tensor(wn_exec *exec, size_t rows, size_t cols)
{
    size_t n, left = exec->activation_bytes - exec->used_bytes;
    WN_ASSERT(wn_mul_size(&n, rows, cols) && n <= left / sizeof(float));
    size_t bytes = wn_round_up(n * sizeof(float), WN_ALIGN);
    WN_ASSERT(bytes <= left);
    wn_tensor tensor =
        wn_tensor_of(wn_exec_floats(exec->activations, exec->used_bytes), rows, cols);
    exec->used_bytes += bytes;
    return tensor;
}

wn_row_cut wn_exec_cut(const wn_exec *exec, size_t n_rows)
{
    size_t most = exec->plan.row_block, n_threads = (size_t)wn_pool_n_threads(exec->pool);
    wn_row_cut cut = {.n_rows = n_rows, .block = most};
    if (n_rows == 0)
        return cut;
    size_t n_blocks = (n_rows + most - 1) / most;
    n_blocks = (n_blocks + n_threads - 1) / n_threads * n_threads;
    cut.block = (n_rows + n_blocks - 1) / n_blocks;
    if (n_threads == 1) { /* nobody waits for a smaller last block */
        size_t mr = (size_t)exec->plan.gemm->mr;
        cut.block = WN_MIN(most, (cut.block + mr - 1) / mr * mr);
    }
    cut.n_blocks = (n_rows + cut.block - 1) / cut.block;
    return cut;
}
