/* See gcra.h.
 * Everything is computed in ticks of 1 / per_minute nanoseconds: a nanosecond is per_minute ticks,
 * and a unit, which takes MINUTE_NS / per_minute nanoseconds, is MINUTE_NS of them.  So nothing is
 * rounded, and with 2^62 ns, a rate below 2^30 and a cost of 2^40 no sum reaches 2^93. */
#include "serve/gcra.h"

#define MINUTE_NS 60000000000u

typedef __uint128_t ticks;

static ticks ticks_of_units(uint64_t units)
{
    return (ticks)units * MINUTE_NS;
}

/* What is owed: the distance from now to the moment at which all has come back. */
static ticks debt_at(const wn_gcra *state, uint64_t per_minute, uint64_t now_ns)
{
    ticks full = (ticks)state->full_ns * per_minute + WN_MIN(state->part, per_minute - 1);
    ticks now = (ticks)now_ns * per_minute;
    return full > now ? full - now : 0;
}

static wn_gcra state_with(ticks debt, uint64_t per_minute, uint64_t now_ns)
{
    return (wn_gcra){.full_ns = now_ns + (uint64_t)(debt / per_minute),
                     .part = (uint64_t)(debt % per_minute)};
}

static uint64_t ns_of(ticks span, uint64_t per_minute)
{
    return (uint64_t)((span + per_minute - 1) / per_minute);
}

wn_gcra_policy wn_gcra_policy_make(uint64_t per_minute, uint32_t burst_s)
{
    WN_ASSERT(per_minute >= 1 && per_minute <= WN_GCRA_PER_MINUTE_MAX);
    WN_ASSERT(burst_s <= WN_GCRA_BURST_S_MAX);
    return (wn_gcra_policy){per_minute, WN_MAX(per_minute * burst_s / 60, 1u)};
}

wn_gcra_verdict wn_gcra_charge(wn_gcra *next, const wn_gcra *state, const wn_gcra_policy *policy,
                               uint64_t cost, uint64_t now_ns)
{
    WN_ASSERT(cost <= WN_GCRA_COST_MAX);
    uint64_t rate = policy->per_minute;
    ticks capacity = ticks_of_units(policy->burst);
    ticks debt = debt_at(state, rate, now_ns);
    ticks after = debt + ticks_of_units(cost);
    wn_gcra_verdict verdict = {.allowed = cost == 0 || after <= capacity};
    if (verdict.allowed)
        debt = after;
    else
        verdict.retry_ns = cost > policy->burst ? UINT64_MAX : ns_of(after - capacity, rate);
    verdict.remaining = debt < capacity ? (uint64_t)((capacity - debt) / MINUTE_NS) : 0;
    verdict.reset_ns = ns_of(debt, rate);
    *next = state_with(debt, rate, now_ns);
    return verdict;
}

void wn_gcra_refund(wn_gcra *state, const wn_gcra_policy *policy, uint64_t cost, uint64_t now_ns)
{
    ticks debt = debt_at(state, policy->per_minute, now_ns);
    ticks back = ticks_of_units(cost);
    *state = state_with(debt > back ? debt - back : 0, policy->per_minute, now_ns);
}
