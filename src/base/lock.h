/* A mutex and a condition, for the few structures that several threads change.  Locks are leaves:
 * nothing that blocks, allocates much or takes another lock is called while one is held.
 * Thread rule: any. */
#ifndef WN_BASE_LOCK_H
#define WN_BASE_LOCK_H

#include "base/defs.h"

#include <pthread.h>

typedef struct wn_lock {
    pthread_mutex_t mutex;
} wn_lock;

typedef struct wn_cond {
    pthread_cond_t cond; /* on the monotonic clock */
} wn_cond;

/* Fails:   cannot, with the attributes used here. */
void wn_lock_init(wn_lock *lock);
void wn_lock_deinit(wn_lock *lock);

/* Wait for the lock and hold it; give it back. */
void wn_lock_enter(wn_lock *lock);
void wn_lock_leave(wn_lock *lock);

/* Fails:   cannot, with the attributes used here. */
void wn_cond_init(wn_cond *cond);
void wn_cond_deinit(wn_cond *cond);

/* Give the lock up until somebody signals; it may return without a reason, so test in a loop. */
void wn_cond_wait(wn_cond *cond, wn_lock *lock);

/* As wn_cond_wait(), but not longer than to a moment of wn_clock_ns(); UINT64_MAX is for ever.
 * Returns false when that moment came. */
bool wn_cond_wait_until(wn_cond *cond, wn_lock *lock, uint64_t deadline_ns);

/* Wake one waiter, or all. */
void wn_cond_signal(wn_cond *cond);
void wn_cond_broadcast(wn_cond *cond);

#endif
