/* See lock.h. */
#define _GNU_SOURCE
#include "base/lock.h"

#include <errno.h>
#include <time.h>

void wn_lock_init(wn_lock *lock)
{
    WN_ASSERT(pthread_mutex_init(&lock->mutex, NULL) == 0);
}

void wn_lock_deinit(wn_lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
}

void wn_lock_enter(wn_lock *lock)
{
    WN_ASSERT(pthread_mutex_lock(&lock->mutex) == 0);
}

void wn_lock_leave(wn_lock *lock)
{
    WN_ASSERT(pthread_mutex_unlock(&lock->mutex) == 0);
}

void wn_cond_init(wn_cond *cond)
{
    pthread_condattr_t attributes;
    WN_ASSERT(pthread_condattr_init(&attributes) == 0);
    WN_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    WN_ASSERT(pthread_cond_init(&cond->cond, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

void wn_cond_deinit(wn_cond *cond)
{
    pthread_cond_destroy(&cond->cond);
}

void wn_cond_wait(wn_cond *cond, wn_lock *lock)
{
    pthread_cond_wait(&cond->cond, &lock->mutex);
}

bool wn_cond_wait_until(wn_cond *cond, wn_lock *lock, uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX) {
        wn_cond_wait(cond, lock);
        return true;
    }
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / 1000000000),
                             .tv_nsec = (long)(deadline_ns % 1000000000)};
    return pthread_cond_timedwait(&cond->cond, &lock->mutex, &until) != ETIMEDOUT;
}

void wn_cond_signal(wn_cond *cond)
{
    pthread_cond_signal(&cond->cond);
}

void wn_cond_broadcast(wn_cond *cond)
{
    pthread_cond_broadcast(&cond->cond);
}
