/* A boolean that one thread raises and others look at, and a count of what is still missing, both
 * without a lock.  What happened before a flag was raised or a count dropped is visible to whoever
 * sees it up, or drops the last; of two threads that each raise a flag and then look at the
 * other's, at least one sees it.
 * Thread rule: any. */
#ifndef WN_BASE_FLAG_H
#define WN_BASE_FLAG_H

#include "base/defs.h"

#include <stdatomic.h>

typedef struct wn_flag {
    atomic_bool up;
} wn_flag;

static inline void wn_flag_raise(wn_flag *flag)
{
    atomic_store(&flag->up, true);
}

static inline void wn_flag_lower(wn_flag *flag)
{
    atomic_store(&flag->up, false);
}

static inline bool wn_flag_is_up(const wn_flag *flag)
{
    return atomic_load(&flag->up);
}

typedef struct wn_countdown {
    atomic_size_t left;
} wn_countdown;

static inline void wn_countdown_set(wn_countdown *count, size_t n)
{
    atomic_store_explicit(&count->left, n, memory_order_release);
}

/* One less; whether that was the last. */
static inline bool wn_countdown_drop(wn_countdown *count)
{
    return atomic_fetch_sub_explicit(&count->left, 1, memory_order_acq_rel) == 1;
}

#endif
