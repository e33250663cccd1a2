/* A generation counter wakes the workers; each takes items from an atomic counter until none is
 * left.  Workers spin for a short while before they sleep, because the loops of one layer follow
 * each other within microseconds.  The caller returns when the last worker has left the loop, so
 * fn and arg are never used after wn_pool_run(). */
#define _GNU_SOURCE
#include "base/pool.h"
#include "base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define WN_WHERE   "base/pool"
#define SPIN_TURNS 2000

typedef struct worker {
    wn_pool *pool;
    pthread_t thread;
    int32_t index;
} worker;

struct wn_pool {
    pthread_mutex_t lock; /* leaf: nothing is called while it is held */
    pthread_cond_t wake, idle;
    _Atomic uint64_t generation;
    _Atomic size_t next_item;
    _Atomic int32_t n_busy;
    bool stopping; /* under lock */
    size_t n_items;
    wn_pool_fn *fn;
    void *arg;
    int32_t n_threads, n_started;
    worker workers[];
};

static void work(wn_pool *pool, int32_t index)
{
    for (;;) {
        size_t item = atomic_fetch_add_explicit(&pool->next_item, 1, memory_order_relaxed);
        if (item >= pool->n_items)
            return;
        pool->fn(pool->arg, item, index);
    }
}

/* Wait for a generation other than seen; false when the pool stops. */
static bool wait_for_work(wn_pool *pool, uint64_t *seen)
{
    for (int i = 0; i < SPIN_TURNS; i++) {
        if (atomic_load_explicit(&pool->generation, memory_order_acquire) != *seen)
            break;
        wn_cpu_relax();
    }
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping && atomic_load(&pool->generation) == *seen)
        pthread_cond_wait(&pool->wake, &pool->lock);
    bool go = !pool->stopping;
    *seen = atomic_load(&pool->generation);
    pthread_mutex_unlock(&pool->lock);
    return go;
}

static void *worker_main(void *arg)
{
    worker *self = arg;
    wn_pool *pool = self->pool;
    uint64_t seen = 0;
    while (wait_for_work(pool, &seen)) {
        work(pool, self->index);
        if (atomic_fetch_sub_explicit(&pool->n_busy, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->idle);
            pthread_mutex_unlock(&pool->lock);
        }
    }
    return NULL;
}

wn_status wn_pool_new(wn_pool **out, int32_t n_threads, wn_error *err)
{
    WN_ASSERT(n_threads >= 1 && n_threads <= WN_POOL_THREADS_MAX);
    wn_pool *pool = wn_mem_zalloc(1, sizeof *pool + (size_t)n_threads * sizeof(worker));
    if (pool == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a pool of %d threads", n_threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->idle, NULL);
    pool->n_threads = n_threads;
    /* Signals belong to the program's own threads, but for those of a thread's own faults. */
    static const int faults[] = {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
    sigset_t others, old;
    sigfillset(&others);
    for (size_t i = 0; i < WN_ARRAY_LEN(faults); i++)
        sigdelset(&others, faults[i]);
    pthread_sigmask(SIG_BLOCK, &others, &old);
    for (int32_t i = 1; i < n_threads; i++) {
        worker *w = &pool->workers[i];
        *w = (worker){.pool = pool, .index = i};
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
            break;
        pool->n_started++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (pool->n_started != n_threads - 1) {
        int32_t started = pool->n_started;
        wn_pool_free(pool);
        WN_FAIL(err, WN_ERR_MEMORY, "the system started %d of %d threads", started, n_threads - 1);
    }
    *out = pool;
    return WN_OK;
}

void wn_pool_free(wn_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int32_t i = 1; i <= pool->n_started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->idle);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    wn_mem_free(pool);
}

int32_t wn_pool_n_threads(const wn_pool *pool)
{
    return pool == NULL ? 1 : pool->n_threads;
}

void wn_pool_run(wn_pool *pool, size_t n_items, wn_pool_fn *fn, void *arg)
{
    if (pool == NULL || pool->n_threads == 1 || n_items <= 1) {
        for (size_t i = 0; i < n_items; i++)
            fn(arg, i, 0);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->fn = fn;
    pool->arg = arg;
    pool->n_items = n_items;
    atomic_store_explicit(&pool->next_item, 0, memory_order_relaxed);
    atomic_store(&pool->n_busy, pool->n_threads - 1);
    atomic_fetch_add(&pool->generation, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    work(pool, 0);
    for (int i = 0; i < SPIN_TURNS; i++) {
        if (atomic_load_explicit(&pool->n_busy, memory_order_acquire) == 0)
            return;
        wn_cpu_relax();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->n_busy) != 0)
        pthread_cond_wait(&pool->idle, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
