/* A number that many threads add to and some read, without a lock; order does not matter.
 * Thread rule: any. */
#ifndef WN_BASE_COUNTER_H
#define WN_BASE_COUNTER_H

#include "base/defs.h"

#include <stdatomic.h>

typedef struct wn_counter {
    _Atomic uint64_t value;
} wn_counter;

static inline void wn_counter_add(wn_counter *counter, uint64_t n)
{
    atomic_fetch_add_explicit(&counter->value, n, memory_order_relaxed);
}

static inline void wn_counter_subtract(wn_counter *counter, uint64_t n)
{
    atomic_fetch_sub_explicit(&counter->value, n, memory_order_relaxed);
}

static inline void wn_counter_set(wn_counter *counter, uint64_t n)
{
    atomic_store_explicit(&counter->value, n, memory_order_relaxed);
}

static inline uint64_t wn_counter_get(const wn_counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

#endif
