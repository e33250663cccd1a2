/* A pool of worker threads for fork-join loops.  The calling thread works too, so a pool of one
 * thread starts none.  Items are handed out one by one from a shared counter: who gets which item
 * is not fixed, so the result of an item must not depend on it.
 * Thread rule: one wn_pool_run() at a time per pool; two pools are independent. */
#ifndef WN_BASE_POOL_H
#define WN_BASE_POOL_H

#include "base/status.h"

typedef struct wn_pool wn_pool;

#define WN_POOL_THREADS_MAX 256

/* Work on one item; worker is 0..n_threads-1 and picks the scratch memory. */
typedef void wn_pool_fn(void *arg, size_t item, int32_t worker);

/* Start n_threads - 1 threads.
 * Needs:   1 <= n_threads <= WN_POOL_THREADS_MAX.
 * Fails:   WN_ERR_MEMORY when memory is short or the system gives no more threads.
 * Owns:    caller frees *out with wn_pool_free(). */
WN_MUST_USE wn_status wn_pool_new(wn_pool **out, int32_t n_threads, wn_error *err);

/* Stop the threads and free; NULL is allowed. */
void wn_pool_free(wn_pool *pool);

/* Threads that work, the caller included; 1 for NULL. */
int32_t wn_pool_n_threads(const wn_pool *pool);

/* Call fn for every item 0..n_items-1 and return when all are done.  Allocates nothing.
 * A NULL pool runs all items on the calling thread. */
void wn_pool_run(wn_pool *pool, size_t n_items, wn_pool_fn *fn, void *arg);

#endif
