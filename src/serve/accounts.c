/* See accounts.h.  Requests are charged when their head is there, tokens when they are counted; a
 * request that fails gets its tokens back, not itself: otherwise nothing would slow down a client
 * that only makes mistakes. */
#include "serve/accounts.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/seed.h"
#include "base/str.h"
#include "base/thread.h"
#include "serve/key_cache.h"
#include "serve/limit_reply.h"
#include "serve/tiers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define WN_WHERE       "serve/accounts"
#define MOD            "serve.accounts"
#define REFRESH_NS     2000000000
#define FLUSH_NS       (WN_LEDGER_FLUSH_MS * 1000000ull)
#define LAST_FLUSH_NS  2000000000  /* patience with a store that fails at the end */
#define COMPLAIN_NS    10000000000 /* between two lines about the same store */
#define KEYS_MAX_AGE_S 600         /* while the store does not answer */

struct wn_accounts {
    wn_accounts_options options;
    wn_state state;
    wn_key_cache *keys;
    wn_limiter *limiter;
    wn_quota *quota;
    wn_ledger *ledger;
    wn_failures *failures;
    wn_thread *thread;
    uint64_t seed;
    wn_lock lock; /* guards the rest, and the store against two threads */
    wn_cond stop;
    bool stopping;
    uint64_t complained_ns;
    wn_lock reading;  /* guards the next */
    wn_state reports; /* the same store once more: a long report holds up no writing */
};

static int64_t unix_s(void)
{
    return (int64_t)time(NULL);
}

/* ---- the store's thread ---------------------------------------------------------------------- */

static void complain(wn_accounts *a, const wn_error *err, uint64_t now_ns)
{
    if (a->complained_ns != 0 && now_ns < a->complained_ns + COMPLAIN_NS)
        return;
    a->complained_ns = now_ns;
    wn_log_line line = wn_log_begin(a->options.log, WN_LOG_ERROR, MOD, "store_failed");
    wn_log_text(&line, "reason", wn_str_from(err->message));
    wn_log_end(&line);
}

/* Needs:   the lock. */
static wn_status refresh(wn_accounts *a, bool in_any_case, wn_error *err)
{
    WN_TRY(wn_quota_refresh(a->quota, a->state.store, unix_s(), err));
    return wn_key_cache_refresh(a->keys, a->state.store, unix_s(), in_any_case, err);
}

/* The end: what still waits, and what came while that failed.  A store that fails now may do better
 * in a moment.
 * Needs:   the lock. */
static void flush_last(wn_accounts *a)
{
    wn_error err = {0};
    uint64_t give_up_ns = wn_clock_ns() + LAST_FLUSH_NS, n;
    while ((n = wn_ledger_n_waiting(a->ledger)) > 0) {
        uint64_t now_ns = wn_clock_ns();
        if (wn_ledger_flush(a->ledger, a->state.store, a->quota, &err) == WN_OK)
            continue;
        if (now_ns >= give_up_ns) {
            wn_log_line line = wn_log_begin(a->options.log, WN_LOG_ERROR, MOD, "usage_lost");
            wn_log_int(&line, "requests", (int64_t)n);
            wn_log_text(&line, "reason", wn_str_from(err.message));
            wn_log_end(&line);
            return;
        }
        (void)wn_cond_wait_until(&a->stop, &a->lock, now_ns + FLUSH_NS);
    }
}

static void work(void *arg)
{
    wn_accounts *a = arg;
    uint64_t refreshed_ns = wn_clock_ns();
    wn_error err = {0};
    wn_lock_enter(&a->lock);
    while (!a->stopping) {
        uint64_t now_ns = wn_clock_ns();
        wn_status status = wn_ledger_flush(a->ledger, a->state.store, a->quota, &err);
        if (status == WN_OK && now_ns - refreshed_ns >= REFRESH_NS) {
            refreshed_ns = now_ns;
            status = refresh(a, false, &err);
        }
        wn_counter_set(&a->options.metrics->store_up, status == WN_OK);
        if (status != WN_OK) {
            wn_counter_add(&a->options.metrics->store_errors, 1);
            complain(a, &err, now_ns);
        }
        if (!a->stopping)
            (void)wn_cond_wait_until(&a->stop, &a->lock, now_ns + FLUSH_NS);
    }
    flush_last(a);
    wn_lock_leave(&a->lock);
}

/* ---- life ------------------------------------------------------------------------------------ */

static wn_status add_static_key(wn_accounts *a, const char *name, const char *text, uint32_t scopes,
                                wn_error *err)
{
    wn_key_record record = wn_key_record_default();
    if (text == NULL)
        return WN_OK;
    snprintf(record.id.text, sizeof record.id.text, "%s", name);
    snprintf(record.name, sizeof record.name, "%s", name);
    record.scopes = scopes;
    bool limited = (scopes & WN_SCOPE_ADMIN) == 0;
    record.limits.requests_per_minute = limited ? a->options.static_rpm : 0;
    record.limits.tokens_per_minute = limited ? a->options.static_tpm : 0;
    return wn_key_cache_add_static(a->keys, wn_str_from(text), &record, err);
}

/* The key of the command line is what all clients have, as in TEI; so it is no administrator. */
static wn_status add_static_keys(wn_accounts *a, wn_error *err)
{
    WN_TRY(add_static_key(a, "static00", a->options.api_key,
                          WN_SCOPES_ALL & ~(uint32_t)WN_SCOPE_ADMIN, err));
    return add_static_key(a, "static01", a->options.admin_key, WN_SCOPES_ALL, err);
}

static wn_status open_store(wn_accounts *a, wn_error *err)
{
    WN_TRY(wn_state_open(&a->state, a->options.state_dir, err));
    WN_TRY(wn_state_open(&a->reports, a->options.state_dir, err));
    WN_TRY(wn_ledger_new(&a->ledger, WN_LEDGER_ROWS, err));
    wn_counter_set(&a->options.metrics->store_up, 1);
    return WN_OK;
}

wn_status wn_accounts_new(wn_accounts **out, const wn_accounts_options *options, wn_error *err)
{
    wn_accounts *a = wn_mem_zalloc(1, sizeof *a);
    if (a == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for accounts");
    wn_status status;
    a->options = *options;
    a->seed = wn_seed();
    wn_lock_init(&a->lock);
    wn_cond_init(&a->stop);
    wn_lock_init(&a->reading);
    if (options->state_dir != NULL)
        WN_TRY_OUT(open_store(a, err));
    else
        WN_TRY_OUT(wn_pepper_make(&a->state.pepper, err));
    int64_t max_age_s = options->state_dir != NULL ? KEYS_MAX_AGE_S : 0;
    WN_TRY_OUT(wn_key_cache_new(&a->keys, &a->state.pepper, max_age_s, err));
    WN_TRY_OUT(add_static_keys(a, err));
    WN_TRY_OUT(wn_limiter_new_memory(&a->limiter, WN_LIMITER_KEYS, err));
    WN_TRY_OUT(wn_quota_new(&a->quota, err));
    WN_TRY_OUT(wn_failures_new(&a->failures, err));
    if (a->state.store != NULL) {
        WN_TRY_OUT(refresh(a, true, err));
        WN_TRY_OUT(wn_thread_start(&a->thread, "wn-store", work, a, err));
    }
    *out = a;
    a = NULL;
out:
    wn_accounts_free(a);
    return status;
}

void wn_accounts_free(wn_accounts *a)
{
    if (a == NULL)
        return;
    wn_lock_enter(&a->lock);
    a->stopping = true;
    wn_cond_signal(&a->stop);
    wn_lock_leave(&a->lock);
    wn_thread_join(a->thread);
    wn_ledger_free(a->ledger);
    wn_failures_free(a->failures);
    wn_quota_free(a->quota);
    wn_limiter_free(a->limiter);
    wn_key_cache_free(a->keys);
    wn_state_close(&a->reports);
    wn_state_close(&a->state);
    wn_lock_deinit(&a->reading);
    wn_cond_deinit(&a->stop);
    wn_lock_deinit(&a->lock);
    wn_mem_free(a);
}

uint64_t wn_accounts_n_lost(wn_accounts *a)
{
    return a->ledger == NULL ? 0 : wn_ledger_n_lost(a->ledger);
}

bool wn_accounts_is_open(wn_accounts *a)
{
    return wn_key_cache_count(a->keys) == 0;
}

wn_status wn_accounts_reload(wn_accounts *a, wn_error *err)
{
    if (a->state.store == NULL)
        return WN_OK;
    wn_lock_enter(&a->lock);
    wn_status status = refresh(a, true, err);
    wn_lock_leave(&a->lock);
    return status;
}

bool wn_accounts_has_state(const wn_accounts *a)
{
    return a->state.store != NULL;
}

wn_status wn_accounts_with_state(wn_accounts *a,
                                 wn_status (*act)(wn_state *state, void *arg, wn_error *err),
                                 void *arg, wn_error *err)
{
    WN_ASSERT(wn_accounts_has_state(a));
    wn_lock_enter(&a->lock);
    wn_status status = act(&a->state, arg, err);
    wn_error why;
    if (status == WN_OK && refresh(a, false, &why) != WN_OK)
        complain(a, &why, wn_clock_ns()); /* it is done all the same, and taken over later */
    wn_lock_leave(&a->lock);
    return status;
}

wn_status wn_accounts_report(wn_accounts *a, wn_usage_row **out, size_t *n,
                             const wn_usage_query *query, wn_error *err)
{
    WN_ASSERT(wn_accounts_has_state(a));
    wn_lock_enter(&a->reading);
    wn_status status = wn_store_report(a->reports.store, out, n, query, err);
    wn_lock_leave(&a->reading);
    return status;
}

/* ---- who ------------------------------------------------------------------------------------- */

/* The key that the request brings: in Authorization, with or without "Bearer", or in Api-Key or
 * X-Api-Key; empty when it brings none. */
static wn_str presented_key(const wn_http_request *request)
{
    static const char *const names[] = {"Authorization", "Api-Key", "X-Api-Key"};
    wn_str key = {0};
    for (size_t i = 0; i < WN_ARRAY_LEN(names) && key.len == 0; i++) {
        if (!wn_http_find(request, names[i], &key))
            key = (wn_str){0};
    }
    if (key.len > 7 && strncasecmp(key.ptr, "Bearer ", 7) == 0)
        key = wn_str_slice(key, 7, key.len);
    return wn_http_trim(key);
}

static void tell_outcome(wn_problem *problem, wn_key_outcome outcome)
{
    switch (outcome) {
    case WN_KEY_MISSING:
        wn_problem_set(problem, 401, "AUTH_MISSING_API_KEY",
                       "Authentication required. Provide your API key via the Authorization "
                       "header: 'Authorization: Bearer <api-key>'.");
        break;
    case WN_KEY_MALFORMED:
        wn_problem_set(problem, 401, "AUTH_INVALID_FORMAT",
                       "Invalid authorization format. Use 'Authorization: Bearer <api-key>' with a "
                       "key of this server (%d characters, starts with '%s').",
                       WN_KEY_TEXT_LEN, WN_KEY_PREFIX);
        break;
    case WN_KEY_EXPIRED:
        wn_problem_set(problem, 401, "AUTH_INVALID_API_KEY",
                       "Invalid API key: it has expired. Ask the operator of this server for a "
                       "new one.");
        break;
    case WN_KEY_REVOKED:
        wn_problem_set(problem, 401, "AUTH_INVALID_API_KEY",
                       "Invalid API key: it was revoked. Ask the operator of this server for a "
                       "new one.");
        break;
    case WN_KEY_UNAVAILABLE:
        wn_problem_set(problem, 503, "SERVICE_UNAVAILABLE",
                       "Service temporarily unavailable: keys cannot be checked now.");
        problem->retry_after_s = 1;
        break;
    case WN_KEY_UNKNOWN:
    case WN_KEY_OK:
        wn_problem_set(problem, 401, "AUTH_INVALID_API_KEY",
                       "Invalid API key. Ask the operator of this server for a valid one.");
        break;
    }
}

bool wn_accounts_identify(wn_accounts *a, wn_identity *out, const wn_http_request *request,
                          const char *client, wn_scope scope, wn_problem *problem)
{
    wn_str key = presented_key(request);
    *out = (wn_identity){.record = wn_key_record_default()};
    out->number = wn_limit_number_of_address(client, a->seed, WN_PRODUCT_RERANK);
    wn_key_outcome outcome = wn_key_cache_find(a->keys, &out->record, key, unix_s());
    out->has_key = outcome == WN_KEY_OK;
    if (scope == WN_SCOPE_PUBLIC)
        return true;
    if (!out->has_key && wn_accounts_is_open(a) && scope != WN_SCOPE_ADMIN) {
        out->record.scopes = WN_SCOPES_DEFAULT | WN_SCOPE_METRICS;
    } else if (!out->has_key) {
        tell_outcome(problem, outcome);
        return false;
    } else {
        out->number = wn_limit_number_of_key(&out->record.id, WN_PRODUCT_RERANK);
        out->limits = wn_tier_limits(out->record.tier, WN_PRODUCT_RERANK, &out->record.limits);
    }
    if (out->has_key && scope == WN_SCOPE_RERANK &&
        !wn_tier_allows(out->record.tier, WN_PRODUCT_RERANK)) {
        wn_problem_set(problem, 403, "AUTHZ_INSUFFICIENT_SCOPE",
                       "This key may not do that: its tier '%s' cannot rerank.", out->record.tier);
        return false;
    }
    if (((out->record.scopes | WN_SCOPE_ANY) & (uint32_t)scope) == (uint32_t)scope)
        return true;
    wn_buf word = WN_BUF_INIT;
    wn_scopes_push(&word, (uint32_t)scope);
    wn_problem_set(problem, 403, "AUTHZ_INSUFFICIENT_SCOPE",
                   "This key may not do that: it lacks the scope '%.*s'.",
                   WN_STR_ARG(wn_buf_str(&word)));
    wn_buf_deinit(&word);
    return false;
}

/* ---- how much -------------------------------------------------------------------------------- */

bool wn_accounts_begin(wn_accounts *a, wn_identity *identity, wn_problem *problem)
{
    const wn_cost one = {.of = {[WN_RATE_REQUESTS] = 1}};
    wn_limiter_charge(a->limiter, &identity->decision, identity->number, &identity->limits, &one,
                      wn_clock_ns());
    if (!identity->decision.allowed) {
        wn_limit_refuse(problem, &identity->decision, &one, wn_seed());
        wn_counter_add(&a->options.metrics->rejected[WN_REJECT_RATE], 1);
        return false;
    }
    identity->entered = wn_limiter_enter(a->limiter, identity->number, &identity->limits);
    if (!identity->entered) {
        wn_limit_refuse_entry(problem, &identity->limits);
        wn_counter_add(&a->options.metrics->rejected[WN_REJECT_RATE], 1);
    }
    return identity->entered;
}

bool wn_accounts_charge(wn_accounts *a, wn_identity *identity, uint64_t tokens, wn_problem *problem)
{
    const wn_cost cost = {.of = {[WN_RATE_TOKENS] = WN_MIN(tokens, WN_GCRA_COST_MAX)}};
    uint64_t now_ns = wn_clock_ns();
    wn_limiter_charge(a->limiter, &identity->decision, identity->number, &identity->limits, &cost,
                      now_ns);
    if (!identity->decision.allowed) {
        wn_limit_refuse(problem, &identity->decision, &cost, wn_seed());
        wn_counter_add(&a->options.metrics->rejected[WN_REJECT_RATE], 1);
        return false;
    }
    wn_quota_outcome outcome = wn_quota_charge(a->quota, &identity->record, tokens, unix_s());
    if (outcome != WN_QUOTA_OK) {
        wn_limiter_refund(a->limiter, identity->number, &identity->limits, &cost, now_ns);
        wn_limit_refuse_quota(problem, outcome, &identity->record.limits, 403);
        wn_counter_add(&a->options.metrics->rejected[WN_REJECT_QUOTA], 1);
        return false;
    }
    identity->tokens += tokens;
    return true;
}

bool wn_accounts_look(wn_accounts *a, wn_identity *identity, wn_quota_use *out)
{
    const wn_key_limits *limits = &identity->record.limits;
    wn_limiter_charge(a->limiter, &identity->decision, identity->number, &identity->limits,
                      &(wn_cost){0}, wn_clock_ns());
    return (limits->monthly_tokens != WN_UNSET || limits->prepaid_tokens != WN_UNSET) &&
           wn_quota_look(a->quota, &identity->record, unix_s(), out);
}

size_t wn_accounts_failures(wn_accounts *a, wn_failure *out, const wn_key_id *key)
{
    return wn_failures_list(a->failures, out, key);
}

static wn_key_id id_of(const wn_identity *identity)
{
    return identity->has_key ? identity->record.id : (wn_key_id){{0}};
}

static void note_failure(wn_accounts *a, const wn_identity *identity, const wn_charge *charge)
{
    wn_failure failure = {.key = id_of(identity),
                          .at_s = unix_s(),
                          .route = charge->route,
                          .code = charge->code,
                          .status = charge->status};
    snprintf(failure.request_id, sizeof failure.request_id, "%s", charge->request_id);
    wn_failures_add(a->failures, &failure);
}

void wn_accounts_settle(wn_accounts *a, wn_identity *identity, const wn_charge *charge)
{
    bool failed = charge->status != 0;
    uint64_t used = failed ? 0 : WN_MIN(charge->tokens, identity->tokens);
    uint64_t back = identity->tokens - used;
    if (back > 0) {
        const wn_cost cost = {.of = {[WN_RATE_TOKENS] = WN_MIN(back, WN_GCRA_COST_MAX)}};
        wn_limiter_refund(a->limiter, identity->number, &identity->limits, &cost, wn_clock_ns());
        wn_quota_refund(a->quota, &identity->record, back, unix_s());
    }
    if (identity->entered)
        wn_limiter_leave(a->limiter, identity->number);
    identity->entered = false;
    identity->tokens = 0;
    if (failed && charge->route != NULL)
        note_failure(a, identity, charge);
    if (a->ledger == NULL || charge->route == NULL)
        return;
    const wn_usage_counts counts = {.requests = !failed,
                                    .tokens = used,
                                    .cached_tokens = failed ? 0 : charge->cached_tokens,
                                    .errors = failed};
    wn_key_id id = id_of(identity);
    wn_ledger_add(a->ledger, &id, unix_s() / 60, wn_str_from(charge->route),
                  wn_str_from(charge->model), &counts);
}
