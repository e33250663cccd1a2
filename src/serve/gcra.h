/* A rate limit as arithmetic: the generic cell rate algorithm.
 * A key may use `per_minute` units a minute, and up to `burst` of them at once.  Its whole state is
 * one moment, the one at which all it has used will have been paid back; a charge moves it on by
 * cost / rate, and is allowed when it does not come to lie more than burst / rate ahead of now.
 * The moment is kept to fractions of a nanosecond, so what is allowed is exact: a fresh key gets
 * burst units and not one more, for every rate, and cost units come back cost / rate later.
 * Pure: time is an argument, in nanoseconds of any clock.  A clock that goes back delays, no more.
 * Source: ITU-T I.371 annex A, virtual scheduling.  Thread rule: any. */
#ifndef WN_SERVE_GCRA_H
#define WN_SERVE_GCRA_H

#include "base/defs.h"

#define WN_GCRA_PER_MINUTE_MAX 1000000000u /* of a rate */
#define WN_GCRA_BURST_S_MAX    86400u      /* of a burst, as the time in which the rate gives it */
#define WN_GCRA_COST_MAX       (1ull << 40)

typedef struct wn_gcra_policy {
    uint64_t per_minute; /* 1..WN_GCRA_PER_MINUTE_MAX */
    uint64_t burst;      /* units, at least 1 and at most what comes in WN_GCRA_BURST_S_MAX */
} wn_gcra_policy;

/* Zeros: nothing was used.  A changed policy keeps the moment, so what is owed scales with it. */
typedef struct wn_gcra {
    uint64_t
        full_ns;   /* when all that was used will have come back; not after now: nothing is owed */
    uint64_t part; /* of a nanosecond, in 1 / per_minute */
} wn_gcra;

/* What a policy says about a charge. */
typedef struct wn_gcra_verdict {
    bool allowed;
    uint64_t remaining; /* units that may be used now; behind the charge when it is allowed */
    uint64_t reset_ns;  /* until the whole burst may be used */
    uint64_t retry_ns;  /* until this charge would be allowed; UINT64_MAX: never, over the burst */
} wn_gcra_verdict;

/* A policy that gives burst_s seconds of its rate at once, and at least one unit.
 * Needs:   1 <= per_minute <= WN_GCRA_PER_MINUTE_MAX, burst_s <= WN_GCRA_BURST_S_MAX. */
wn_gcra_policy wn_gcra_policy_make(uint64_t per_minute, uint32_t burst_s);

/* Judge a charge of cost units; *next becomes the state behind it, or the present one when it is
 * refused.  A cost of 0 is always allowed and tells how things stand; *next may be *state.
 * Needs:   cost <= WN_GCRA_COST_MAX; now_ns < 2^62. */
wn_gcra_verdict wn_gcra_charge(wn_gcra *next, const wn_gcra *state, const wn_gcra_policy *policy,
                               uint64_t cost, uint64_t now_ns);

/* Give units back; what has come back by itself meanwhile is not given twice.
 * Needs:   as above. */
void wn_gcra_refund(wn_gcra *state, const wn_gcra_policy *policy, uint64_t cost, uint64_t now_ns);

#endif
