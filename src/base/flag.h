/* A boolean that one thread raises and others look at, without a lock.  What happened before it was
 * raised is visible to whoever sees it up.  Thread rule: any. */
#ifndef WN_BASE_FLAG_H
#define WN_BASE_FLAG_H

#include "base/defs.h"

#include <stdatomic.h>

typedef struct wn_flag {
    atomic_bool up;
} wn_flag;

static inline void wn_flag_raise(wn_flag *flag)
{
    atomic_store_explicit(&flag->up, true, memory_order_release);
}

static inline void wn_flag_lower(wn_flag *flag)
{
    atomic_store_explicit(&flag->up, false, memory_order_release);
}

static inline bool wn_flag_is_up(const wn_flag *flag)
{
    return atomic_load_explicit(&flag->up, memory_order_acquire);
}

#endif
