/* The limiter whose states are in this process.
 * The states form sets of WAYS; a key may lie in any way of the one set that its hash names, as in
 * the cache of a processor.  So room is bounded, nothing moves, and there is nothing to sweep: who
 * owes nothing is overwritten when another needs the way.  A few locks share the sets out. */
#include "base/lock.h"
#include "base/mem.h"
#include "base/seed.h"
#include "serve/limiter.h"

#define WN_WHERE "serve/limiter"
#define WAYS     16
#define N_LOCKS  64

typedef struct key_state {
    uint64_t key; /* 0: unused */
    wn_gcra rates[WN_RATE_COUNT];
    uint32_t n_inside;
} key_state;

typedef struct memory_limiter {
    wn_limiter base;
    wn_lock locks[N_LOCKS];
    uint64_t seed;
    size_t n_sets; /* a power of two */
    key_state (*sets)[WAYS];
} memory_limiter;

static memory_limiter *memory_of(wn_limiter *limiter)
{
    return (memory_limiter *)(void *)limiter;
}

/* The set of a key, held until wn_lock_leave(*lock). */
static key_state *enter_set(memory_limiter *m, uint64_t key, wn_lock **lock)
{
    WN_ASSERT(key != 0);
    __uint128_t product = (__uint128_t)(key ^ m->seed) * 0x9E3779B97F4A7C15u;
    uint64_t hash = (uint64_t)product ^ (uint64_t)(product >> 64);
    size_t set = (size_t)(hash & (m->n_sets - 1));
    *lock = &m->locks[set % N_LOCKS];
    wn_lock_enter(*lock);
    return m->sets[set];
}

/* When nothing will be owed; UINT64_MAX while a request is inside. */
static uint64_t idle_at(const key_state *state)
{
    if (state->n_inside > 0)
        return UINT64_MAX;
    return WN_MAX(state->rates[WN_RATE_REQUESTS].full_ns, state->rates[WN_RATE_TOKENS].full_ns);
}

static key_state *find(key_state *set, uint64_t key)
{
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

/* The state of a key; one that has none gets the way of who is idle first. */
static key_state *find_or_make(key_state *set, uint64_t key)
{
    key_state *state = find(set, key), *first = set;
    if (state != NULL)
        return state;
    for (size_t i = 1; i < WAYS; i++)
        if (idle_at(&set[i]) < idle_at(first))
            first = &set[i];
    *first = (key_state){.key = key};
    return first;
}

/* Judge one rate: change *state if the charge is allowed. */
static bool judge(wn_standing *out, wn_gcra *state, const wn_limits *limits, wn_rate rate,
                  uint64_t cost, uint64_t now_ns)
{
    *out = (wn_standing){.per_minute = limits->per_minute[rate]};
    if (out->per_minute == 0)
        return true;
    wn_gcra_policy policy = wn_gcra_policy_make(out->per_minute, limits->burst_s);
    wn_gcra_verdict verdict = wn_gcra_charge(state, state, &policy, cost, now_ns);
    out->burst = policy.burst;
    out->remaining = verdict.remaining;
    out->reset_ns = verdict.reset_ns;
    out->retry_ns = verdict.retry_ns;
    return verdict.allowed;
}

/* Judge all rates: change *state if all allow the charge, else say where the key stands without. */
static void decide(wn_decision *out, key_state *state, const wn_limits *limits, const wn_cost *cost,
                   uint64_t now_ns)
{
    key_state charged = *state;
    wn_decision decision = {.allowed = true};
    bool allowed[WN_RATE_COUNT];
    for (wn_rate i = 0; i < WN_RATE_COUNT; i++) {
        wn_standing *at = &decision.of[i];
        allowed[i] = judge(at, &charged.rates[i], limits, i, cost->of[i], now_ns);
        if (!allowed[i] &&
            (decision.allowed || at->retry_ns > decision.of[decision.violated].retry_ns))
            decision.violated = i;
        decision.allowed = decision.allowed && allowed[i];
    }
    if (decision.allowed)
        *state = charged;
    for (wn_rate i = 0; i < WN_RATE_COUNT && !decision.allowed; i++)
        if (allowed[i])
            judge(&decision.of[i], &state->rates[i], limits, i, 0, now_ns);
    *out = decision;
}

static void charge(wn_limiter *limiter, wn_decision *out, uint64_t key, const wn_limits *limits,
                   const wn_cost *cost, uint64_t now_ns)
{
    wn_lock *lock;
    key_state *set = enter_set(memory_of(limiter), key, &lock);
    const key_state *known = find(set, key);
    key_state state = known != NULL ? *known : (key_state){.key = key};
    decide(out, &state, limits, cost, now_ns);
    if (idle_at(&state) > now_ns)
        *find_or_make(set, key) = state;
    wn_lock_leave(lock);
}

static void refund(wn_limiter *limiter, uint64_t key, const wn_limits *limits, const wn_cost *cost,
                   uint64_t now_ns)
{
    wn_lock *lock;
    key_state *state = find(enter_set(memory_of(limiter), key, &lock), key);
    for (wn_rate i = 0; i < WN_RATE_COUNT && state != NULL; i++) {
        if (limits->per_minute[i] == 0)
            continue;
        wn_gcra_policy policy = wn_gcra_policy_make(limits->per_minute[i], limits->burst_s);
        wn_gcra_refund(&state->rates[i], &policy, cost->of[i], now_ns);
    }
    wn_lock_leave(lock);
}

static bool enter(wn_limiter *limiter, uint64_t key, const wn_limits *limits)
{
    wn_lock *lock;
    key_state *state = find_or_make(enter_set(memory_of(limiter), key, &lock), key);
    bool allowed = limits->concurrency == 0 || state->n_inside < limits->concurrency;
    if (allowed)
        state->n_inside++;
    wn_lock_leave(lock);
    return allowed;
}

static void leave(wn_limiter *limiter, uint64_t key)
{
    wn_lock *lock;
    key_state *state = find(enter_set(memory_of(limiter), key, &lock), key);
    if (state != NULL && state->n_inside > 0)
        state->n_inside--;
    wn_lock_leave(lock);
}

static void free_memory(wn_limiter *limiter)
{
    memory_limiter *m = memory_of(limiter);
    for (size_t i = 0; i < N_LOCKS; i++)
        wn_lock_deinit(&m->locks[i]);
    wn_mem_free(m->sets);
    wn_mem_free(m);
}

static const wn_limiter_backend backend = {charge, refund, enter, leave, free_memory};

wn_status wn_limiter_new_memory(wn_limiter **out, size_t n_keys, wn_error *err)
{
    size_t n_sets = 1;
    WN_ASSERT(n_keys <= UINT32_MAX);
    while (n_sets * WAYS < n_keys)
        n_sets *= 2;
    memory_limiter *m = wn_mem_zalloc(1, sizeof *m);
    key_state(*sets)[WAYS] = wn_mem_zalloc(n_sets, sizeof *sets);
    if (m == NULL || sets == NULL) {
        wn_mem_free(sets);
        wn_mem_free(m);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the limits of %zu keys", n_keys);
    }
    *m = (memory_limiter){{&backend}, .seed = wn_seed(), .n_sets = n_sets, .sets = sets};
    for (size_t i = 0; i < N_LOCKS; i++)
        wn_lock_init(&m->locks[i]);
    *out = &m->base;
    return WN_OK;
}
