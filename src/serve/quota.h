/* What a key may use in all: tokens of a calendar month, and tokens that were paid for.
 * Used is what the store has, as of the last refresh, and what was charged here and is not there
 * yet.  A charge is kept until its usage is in the store: wn_ledger_flush() moves it over, so
 * nothing counts twice and a restart forgets only what was never answered.
 * The time given with a charge is that of the minute in which its usage will be counted.
 * Thread rule: any, except where said; a call takes one short lock. */
#ifndef WN_SERVE_QUOTA_H
#define WN_SERVE_QUOTA_H

#include "serve/store.h"

typedef struct wn_quota wn_quota;

typedef enum wn_quota_outcome {
    WN_QUOTA_OK = 0,
    WN_QUOTA_MONTH,  /* the month's tokens are used up, or would be */
    WN_QUOTA_PREPAID /* those that were paid for */
} wn_quota_outcome;

/* Tokens used. */
typedef struct wn_quota_use {
    uint64_t month_tokens, all_tokens;
} wn_quota_use;

/* Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees with wn_quota_free(). */
WN_MUST_USE wn_status wn_quota_new(wn_quota **out, wn_error *err);

/* Nobody is in a call any more; NULL is allowed. */
void wn_quota_free(wn_quota *quota);

/* Take over from the store which keys there are and what they have used.  Call it before
 * wn_key_cache_refresh(), so that a key is known here before it is used.
 * Fails:   as the store; what was known stays.
 * Thread:  the store's. */
WN_MUST_USE wn_status wn_quota_refresh(wn_quota *quota, wn_store *store, int64_t now_s,
                                       wn_error *err);

/* Charge tokens to a key, if its limits allow all of them.  A key without quota is never refused,
 * and one with a quota that no refresh has seen always. */
WN_MUST_USE wn_quota_outcome wn_quota_charge(wn_quota *quota, const wn_key_record *record,
                                             uint64_t tokens, int64_t now_s);

/* Give back what was charged in the same month and not used. */
void wn_quota_refund(wn_quota *quota, const wn_key_record *record, uint64_t tokens, int64_t now_s);

/* Tokens that a key with a quota has used in the month of now_s and in all; false for a key without
 * one, or that no refresh has seen. */
bool wn_quota_look(wn_quota *quota, const wn_key_record *record, int64_t now_s, wn_quota_use *out);

/* The store has rows of usage now that were charged here before.
 * Thread:  the store's. */
void wn_quota_settle(wn_quota *quota, const wn_usage_row *rows, size_t n);

#endif
