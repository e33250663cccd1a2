/* Who asks, what they may do and how much, and what they have used: keys, rates, quotas and usage
 * put together for the server.  A thread of its own moves usage to the store every 50 ms and takes
 * over changed keys within two seconds; no other thread waits for the store.
 * Without a state directory there are only the keys given to the server itself, and usage is not
 * kept.  While no key exists at all, nobody needs one.
 * Thread rule: any, unless a function says otherwise. */
#ifndef WN_SERVE_ACCOUNTS_H
#define WN_SERVE_ACCOUNTS_H

#include "base/log.h"
#include "serve/failures.h"
#include "serve/http_request.h"
#include "serve/ledger.h"
#include "serve/limiter.h"
#include "serve/metrics.h"
#include "serve/problem.h"
#include "serve/state.h"

typedef struct wn_accounts wn_accounts;

typedef struct wn_accounts_options {
    const char *state_dir;          /* NULL: none */
    const char *api_key;            /* of any form, for all but administration; NULL: none */
    int64_t static_rpm, static_tpm; /* its limits; 0: none */
    const char *admin_key;          /* likewise, for everything and without limits */
    wn_metrics *metrics;
    wn_log *log;
} wn_accounts_options;

/* Who sends a request, and what it was charged so far. */
typedef struct wn_identity {
    bool has_key;
    wn_key_record record;
    uint64_t number; /* of the key or address, for limits and fairness */
    wn_limits limits;
    bool entered;    /* counts as one of the key's requests at a time */
    uint64_t tokens; /* charged */
    wn_decision decision;
} wn_identity;

/* What a request came to. */
typedef struct wn_charge {
    const char *route; /* NULL: it is not counted as usage */
    const char *model;
    uint64_t tokens, cached_tokens;
    int32_t status;         /* of the answer when it failed; 0: it did not */
    const char *code;       /* of the problem; NULL: none */
    const char *request_id; /* may be NULL when it did not fail */
} wn_charge;

/* Open the store and start the thread.
 * Fails:   as wn_state_open(), WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_accounts_free(); borrows the strings of options. */
WN_MUST_USE wn_status wn_accounts_new(wn_accounts **out, const wn_accounts_options *options,
                                      wn_error *err);

/* Write what usage there is and free; NULL is allowed. */
void wn_accounts_free(wn_accounts *accounts);

/* Whether nobody needs a key. */
bool wn_accounts_is_open(wn_accounts *accounts);

/* Take over keys from the store now.
 * Fails:   as the store. */
WN_MUST_USE wn_status wn_accounts_reload(wn_accounts *accounts, wn_error *err);

/* Let act() work on the state directory while nobody else does, and take over what it has changed
 * before this returns.
 * Fails:   as act().
 * Needs:   wn_accounts_has_state().
 * Thread:  any that may wait for the store. */
WN_MUST_USE wn_status wn_accounts_with_state(wn_accounts *accounts,
                                             wn_status (*act)(wn_state *state, void *arg,
                                                              wn_error *err),
                                             void *arg, wn_error *err);

/* Whether there is a state directory. */
bool wn_accounts_has_state(const wn_accounts *accounts);

/* As wn_store_report(), beside what is being written; what was used in the last moment may be
 * missing.
 * Needs:   wn_accounts_has_state().
 * Thread:  any that may wait for the store. */
WN_MUST_USE wn_status wn_accounts_report(wn_accounts *accounts, wn_usage_row **out, size_t *n,
                                         const wn_usage_query *query, wn_error *err);

/* Requests whose usage found no room and is lost. */
uint64_t wn_accounts_n_lost(wn_accounts *accounts);

/* Who sends this, and may they use what needs this scope?  A false one is a 401 or 403 in *problem.
 * client is an address. */
bool wn_accounts_identify(wn_accounts *accounts, wn_identity *out, const wn_http_request *request,
                          const char *client, wn_scope scope, wn_problem *problem);

/* Charge one request, and begin it; a false one is a 429.  What was begun ends with
 * wn_accounts_settle(). */
bool wn_accounts_begin(wn_accounts *accounts, wn_identity *identity, wn_problem *problem);

/* Charge the tokens of a request; a false one is a 429, or a 403 when a quota is used up. */
bool wn_accounts_charge(wn_accounts *accounts, wn_identity *identity, uint64_t tokens,
                        wn_problem *problem);

/* Where who asks stands now: its rates in identity->decision, nothing of which is charged, and what
 * it has used of its quota, if it has one; returns whether it has. */
bool wn_accounts_look(wn_accounts *accounts, wn_identity *identity, wn_quota_use *out);

/* The latest requests that failed; see wn_failures_list(). */
size_t wn_accounts_failures(wn_accounts *accounts, wn_failure *out, const wn_key_id *key);

/* The request ends: give back what was charged and not used, and count what was. */
void wn_accounts_settle(wn_accounts *accounts, wn_identity *identity, const wn_charge *charge);

#endif
