/* Who may send how much now: requests and tokens a minute, and requests at the same time, of each
 * key.  A charge is atomic over both rates: nothing is charged unless both allow it.
 * The interface is a struct of functions, so that states may live in this process or in a store
 * that several share.  A limiter holds no policy: the limits come with each call, so a changed
 * limit holds at once.  A key is any number but 0: of an API key, of an address, of either in a
 * product. Thread rule: any; a call takes one short lock at most. */
#ifndef WN_SERVE_LIMITER_H
#define WN_SERVE_LIMITER_H

#include "base/status.h"
#include "serve/gcra.h"

typedef enum wn_rate { WN_RATE_REQUESTS = 0, WN_RATE_TOKENS, WN_RATE_COUNT } wn_rate;

/* What a key may do. */
typedef struct wn_limits {
    uint64_t per_minute[WN_RATE_COUNT]; /* 0: no limit; at most WN_GCRA_PER_MINUTE_MAX */
    uint32_t burst_s;     /* of both rates: so many seconds' worth at once, see gcra.h */
    uint32_t concurrency; /* requests at the same time; 0: no limit */
} wn_limits;

/* What a request takes, each at most WN_GCRA_COST_MAX; 0 takes nothing. */
typedef struct wn_cost {
    uint64_t of[WN_RATE_COUNT];
} wn_cost;

/* Where a key stands with one rate; all 0 without a limit. */
typedef struct wn_standing {
    uint64_t per_minute, burst;
    uint64_t remaining; /* behind the charge when it was allowed */
    uint64_t reset_ns;  /* until all of the burst may be used */
    uint64_t retry_ns;  /* until this charge would be allowed; UINT64_MAX: never, over the burst */
} wn_standing;

typedef struct wn_decision {
    bool allowed;
    wn_rate violated; /* when it is not: the rate that makes the request wait longest */
    wn_standing of[WN_RATE_COUNT];
} wn_decision;

typedef struct wn_limiter wn_limiter;

/* A backend: each function as the public one of its name. */
typedef struct wn_limiter_backend {
    void (*charge)(wn_limiter *limiter, wn_decision *out, uint64_t key, const wn_limits *limits,
                   const wn_cost *cost, uint64_t now_ns);
    void (*refund)(wn_limiter *limiter, uint64_t key, const wn_limits *limits, const wn_cost *cost,
                   uint64_t now_ns);
    bool (*enter)(wn_limiter *limiter, uint64_t key, const wn_limits *limits);
    void (*leave)(wn_limiter *limiter, uint64_t key);
    void (*free)(wn_limiter *limiter);
} wn_limiter_backend;

/* The first member of a backend's own struct. */
struct wn_limiter {
    const wn_limiter_backend *backend;
};

#define WN_LIMITER_KEYS 65536 /* a good number of states: 3.5 MiB */

/* A limiter whose states are in this process: room for n_keys of them, taken now and never more.
 * A key that owes nothing needs no room.  When there is none left where a key belongs, the one that
 * owes for the shortest time is forgotten, which is in its favour; with up to an eighth of n_keys
 * owing at a time that is less likely than 1 in 10^6.
 * Needs:   n_keys < 2^32.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees with wn_limiter_free(). */
WN_MUST_USE wn_status wn_limiter_new_memory(wn_limiter **out, size_t n_keys, wn_error *err);

/* Nobody is in a call any more; NULL is allowed. */
void wn_limiter_free(wn_limiter *limiter);

/* Decide about a request, and charge it if it is allowed.  A cost of zeros is always allowed. */
void wn_limiter_charge(wn_limiter *limiter, wn_decision *out, uint64_t key, const wn_limits *limits,
                       const wn_cost *cost, uint64_t now_ns);

/* Give back what a request was charged and did not use. */
void wn_limiter_refund(wn_limiter *limiter, uint64_t key, const wn_limits *limits,
                       const wn_cost *cost, uint64_t now_ns);

/* Begin a request; false when as many as are allowed have begun and not ended. */
WN_MUST_USE bool wn_limiter_enter(wn_limiter *limiter, uint64_t key, const wn_limits *limits);

/* End a request for which wn_limiter_enter() gave true. */
void wn_limiter_leave(wn_limiter *limiter, uint64_t key);

#endif
