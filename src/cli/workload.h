/* Requests to measure with: the lines of a file as `winnow rank` reads a stream of them, or a
 * request of our own, which every version has the same.  All are in memory before the first runs.
 * Thread rule: one at a time. */
#ifndef WN_CLI_WORKLOAD_H
#define WN_CLI_WORKLOAD_H

#include "base/arena.h"
#include "cli/request.h"

#define WN_WORKLOAD_REQUESTS_MAX 100000

typedef struct wn_work_item {
    wn_rank_request asked;
    uint64_t line; /* of the file */
} wn_work_item;

typedef struct wn_workload {
    const char *name; /* of the file, or "built-in" */
    wn_work_item *at; /* [n] */
    size_t n, cap;
    size_t n_documents; /* of all requests */
    wn_arena arena;     /* what was read */
} wn_workload;

#define WN_WORKLOAD_INIT                                                                           \
    {                                                                                              \
        0                                                                                          \
    }

/* Read a file, "-" is standard input; NULL: 100 documents of English words, about 128 tokens each.
 * Fails:   WN_ERR_IO, WN_ERR_FORMAT or WN_ERR_INPUT for a line that is no request (named with its
 *          byte) or when there is none, WN_ERR_LIMIT, WN_ERR_MEMORY, WN_ERR_CANCELLED.
 * Owns:    caller frees with wn_workload_deinit(), also after a failure; borrows path. */
WN_MUST_USE wn_status wn_workload_read(wn_workload *out, const char *path, wn_error *err);

/* Free all. */
void wn_workload_deinit(wn_workload *workload);

#endif
