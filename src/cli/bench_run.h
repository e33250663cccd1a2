/* How fast a model ranks a workload: passes over its requests, one after another, each timed from
 * texts to results.
 * Thread rule: main thread. */
#ifndef WN_CLI_BENCH_RUN_H
#define WN_CLI_BENCH_RUN_H

#include "cli/program.h"
#include "cli/workload.h"

typedef struct wn_bench_figures {
    size_t n_passes;
    uint64_t tokens;         /* of all requests */
    double min, median, max; /* seconds of a request, over all requests and passes */
    double pass_seconds;     /* of all requests: the median pass */
    double tokenize_share;   /* of the time, that is spent on tokenising */
    double ops;              /* of a pass; what the model's layers ask for */
    double peak;             /* operations a second of this machine; 0: not known */
    double load_seconds;     /* engine and runner */
    uint64_t peak_bytes;     /* memory, at most */
} wn_bench_figures;

/* Rank all requests n_passes times, and once before that does not count.
 * Fails:   as wn_rank(), naming the line; WN_ERR_MEMORY, WN_ERR_CANCELLED. */
WN_MUST_USE wn_status wn_bench_run(wn_bench_figures *out, wn_program *program, wn_runner *runner,
                                   const wn_engine_info *info, const wn_workload *workload,
                                   size_t n_passes, wn_error *err);

#endif
