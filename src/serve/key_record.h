/* What is known of an API key: its name, what it may do, how long it holds.  Plain values of fixed
 * size, copied freely; no secret is among them, only digests.
 * Thread rule: any. */
#ifndef WN_SERVE_KEY_RECORD_H
#define WN_SERVE_KEY_RECORD_H

#include "base/buf.h"
#include "serve/key.h"

#define WN_KEY_NAME_MAX        63 /* bytes of UTF-8 */
#define WN_TIER_NAME_MAX       31
#define WN_KEY_CONCURRENCY_MAX 1000000
#define WN_KEY_WEIGHT_MAX      1000
#define WN_KEY_TOKENS_MAX      ((int64_t)1 << 53) /* what JSON readers keep exactly */
#define WN_KEY_TIME_MAX        253402300799       /* the last second of the year 9999 */

/* What a key may do; a record holds a set of these bits, which never change their meaning. */
typedef enum wn_scope {
    WN_SCOPE_PUBLIC = 0, /* no key is needed */
    WN_SCOPE_RERANK = 1 << 0,
    WN_SCOPE_EMBED = 1 << 1,
    WN_SCOPE_CLASSIFY = 1 << 2,
    WN_SCOPE_TRAIN = 1 << 3,
    WN_SCOPE_SEGMENT = 1 << 4,
    WN_SCOPE_USAGE = 1 << 5, /* its own usage */
    WN_SCOPE_METRICS = 1 << 6,
    WN_SCOPE_ADMIN = 1 << 7, /* keys and usage of all, models */
    WN_SCOPE_ANY = 1 << 8    /* every key has it, and no record holds it: what a key is */
} wn_scope;

#define WN_SCOPES_ALL     0xFFu
#define WN_SCOPES_DEFAULT (WN_SCOPES_ALL & ~(unsigned)(WN_SCOPE_METRICS | WN_SCOPE_ADMIN))

#define WN_UNSET (-1) /* of a limit of a key: what its tier says, or none where tiers say nothing */

/* Limits of a key. */
typedef struct wn_key_limits {
    int64_t requests_per_minute; /* 0: no limit; WN_UNSET */
    int64_t tokens_per_minute;   /* likewise */
    int64_t concurrency;         /* likewise */
    int64_t burst_s;             /* likewise */
    int64_t monthly_tokens;      /* of a calendar month, UTC; WN_UNSET */
    int64_t prepaid_tokens;      /* of all time: what was paid for; WN_UNSET */
    int64_t weight;              /* share of a busy machine, 1..WN_KEY_WEIGHT_MAX */
} wn_key_limits;

typedef struct wn_key_record {
    wn_key_id id;
    char name[WN_KEY_NAME_MAX + 1];
    char tier[WN_TIER_NAME_MAX + 1];
    uint32_t scopes;
    wn_key_limits limits;
    wn_digest digest;     /* of the secret */
    wn_digest old_digest; /* of the one before the last rotation */
    int64_t old_until_s;  /* when that ends; 0: there is none.  Times are Unix seconds. */
    int64_t created_s;
    int64_t expires_s;   /* 0: never */
    int64_t revoked_s;   /* 0: not revoked */
    int64_t last_used_s; /* to the minute; 0: never */
} wn_key_record;

/* A record without id, name and digests: every default. */
wn_key_record wn_key_record_default(void);

/* Check a record that comes from outside: names that are UTF-8 without control characters, limits
 * in their ranges, scopes that exist.
 * Fails:   WN_ERR_ARGUMENT, naming the field and both values. */
WN_MUST_USE wn_status wn_key_record_check(const wn_key_record *record, wn_error *err);

/* Scopes as "rerank,embed", and back; "all" is every one.
 * Fails:   WN_ERR_ARGUMENT for a word that is no scope. */
bool wn_scopes_push(wn_buf *out, uint32_t scopes);
WN_MUST_USE wn_status wn_scopes_parse(uint32_t *out, wn_str text, wn_error *err);

#endif
