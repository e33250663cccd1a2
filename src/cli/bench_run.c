/* See bench_run.h. */
#include "cli/bench_run.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

#define WN_WHERE "cli/bench"

typedef struct bench_run {
    wn_runner *runner;
    const wn_engine_info *info;
    const wn_workload *workload;
    wn_progress progress;
    size_t n_done, n_total; /* documents, for the progress */
    double *times;          /* [passes][requests] seconds */
    double *pass_times;     /* [passes] */
    uint64_t tokenize_ns, compute_ns;
} bench_run;

static void on_progress(void *user, size_t n_done, size_t n_documents)
{
    bench_run *run = user;
    (void)n_documents;
    wn_progress_update(&run->progress, run->n_done + n_done, run->n_total);
}

/* Operations that the layers spend on a sequence of n tokens: products of weights, and each token's
 * attention to every other.  What the model asks for, whether all of it is computed or not. */
static double count_ops(const wn_engine_info *info, double n)
{
    double d = info->hidden, f = info->intermediate;
    return info->n_layers * n * (8 * d * d + 4 * d * f + 4 * n * d);
}

/* What a job asks of the model; those that read texts for themselves read the query, too. */
static double count_job_ops(const wn_engine_info *info, const wn_job *job)
{
    double ops = 0;
    for (size_t i = 0; i < wn_job_n_rows(job); i++)
        ops += count_ops(info, wn_job_row_tokens(job, i));
    if (info->kind == WN_KIND_LATE_INTERACTION || info->kind == WN_KIND_EMBEDDER)
        ops += count_ops(info, (double)wn_job_usage(job).query_tokens);
    return ops;
}

/* Rank one request; the time goes from its texts to its results. */
static wn_status rank(bench_run *run, wn_bench_figures *figures, const wn_work_item *item,
                      double *seconds, wn_error *err)
{
    wn_job *job = NULL;
    wn_request request = WN_REQUEST_INIT;
    request.query = item->asked.query;
    request.instruction = item->asked.instruction;
    request.documents = item->asked.texts;
    request.n_documents = item->asked.n_documents;
    request.top_n = item->asked.top_n;
    request.should_stop = wn_program_should_stop;
    request.progress = on_progress;
    request.user = run;
    uint64_t start_ns = wn_clock_ns();
    wn_status status = wn_rank(&job, run->runner, &request, err);
    *seconds = (double)(wn_clock_ns() - start_ns) * 1e-9;
    if (status == WN_ERR_CANCELLED)
        return status;
    if (status != WN_OK)
        return wn_error_prefix(err, status, "%.160s line %llu", run->workload->name,
                               (unsigned long long)item->line);
    wn_usage usage = wn_job_usage(job);
    figures->tokens += usage.total_tokens;
    figures->ops += count_job_ops(run->info, job);
    run->tokenize_ns += usage.tokenize_ns;
    run->compute_ns += usage.compute_ns;
    run->n_done += item->asked.n_documents;
    wn_job_free(job);
    return WN_OK;
}

/* All requests once; times [requests]. */
static wn_status pass(bench_run *run, wn_bench_figures *figures, double *times, double *sum,
                      wn_error *err)
{
    *sum = figures->ops = 0;
    figures->tokens = 0;
    for (size_t i = 0; i < run->workload->n; i++) {
        WN_TRY(rank(run, figures, &run->workload->at[i], &times[i], err));
        *sum += times[i];
        if (wn_program_should_stop(NULL))
            WN_FAIL(err, WN_ERR_CANCELLED, "stopped after %zu documents", run->n_done);
    }
    return WN_OK;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The middle of sorted numbers. */
static double middle(const double *sorted, size_t n)
{
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

static void summarise(wn_bench_figures *figures, bench_run *run)
{
    size_t n = figures->n_passes * run->workload->n;
    qsort(run->times, n, sizeof *run->times, compare);
    qsort(run->pass_times, figures->n_passes, sizeof *run->pass_times, compare);
    figures->min = run->times[0];
    figures->median = middle(run->times, n);
    figures->max = run->times[n - 1];
    figures->pass_seconds = middle(run->pass_times, figures->n_passes);
    uint64_t all_ns = run->tokenize_ns + run->compute_ns;
    figures->tokenize_share = (double)run->tokenize_ns / (double)WN_MAX(all_ns, 1);
}

static wn_status run_passes(wn_bench_figures *figures, bench_run *run, wn_error *err)
{
    size_t n_requests = run->workload->n;
    double warm_up;
    WN_TRY(pass(run, figures, run->times, &warm_up, err));
    run->tokenize_ns = run->compute_ns = 0;
    for (size_t i = 0; i < figures->n_passes; i++)
        WN_TRY(pass(run, figures, run->times + i * n_requests, &run->pass_times[i], err));
    summarise(figures, run);
    return WN_OK;
}

wn_status wn_bench_run(wn_bench_figures *out, wn_program *program, wn_runner *runner,
                       const wn_engine_info *info, const wn_workload *workload, size_t n_passes,
                       wn_error *err)
{
    bench_run run = {
        .runner = runner,
        .info = info,
        .workload = workload,
        .n_total = (n_passes + 1) * workload->n_documents,
        .times = wn_mem_alloc(n_passes * workload->n, sizeof *run.times),
        .pass_times = wn_mem_alloc(n_passes, sizeof *run.pass_times),
    };
    out->n_passes = n_passes;
    wn_status status = WN_ERR_MEMORY;
    wn_progress_begin(&run.progress, &program->terminal, "documents");
    if (run.times != NULL && run.pass_times != NULL)
        status = run_passes(out, &run, err);
    else
        wn_error_set(err, status, WN_WHERE, "no memory for the times of %zu passes", n_passes);
    wn_progress_end(&run.progress);
    wn_mem_free(run.times);
    wn_mem_free(run.pass_times);
    return status;
}
