/* See limiter.h: the calls, whatever the backend. */
#include "serve/limiter.h"

void wn_limiter_free(wn_limiter *limiter)
{
    if (limiter != NULL)
        limiter->backend->free(limiter);
}

void wn_limiter_charge(wn_limiter *limiter, wn_decision *out, uint64_t key, const wn_limits *limits,
                       const wn_cost *cost, uint64_t now_ns)
{
    limiter->backend->charge(limiter, out, key, limits, cost, now_ns);
}

void wn_limiter_refund(wn_limiter *limiter, uint64_t key, const wn_limits *limits,
                       const wn_cost *cost, uint64_t now_ns)
{
    limiter->backend->refund(limiter, key, limits, cost, now_ns);
}

bool wn_limiter_enter(wn_limiter *limiter, uint64_t key, const wn_limits *limits)
{
    return limiter->backend->enter(limiter, key, limits);
}

void wn_limiter_leave(wn_limiter *limiter, uint64_t key)
{
    limiter->backend->leave(limiter, key);
}
