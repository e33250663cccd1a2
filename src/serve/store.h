/* The durable store: keys, and the ledger of usage.
 * An interface (a struct of functions), so that one machine may keep it in a file and several may
 * share a database; tests/unit/serve/store_suite.h is what every backend has to pass.
 * What a call has said to be stored is on the disk.  A call that fails has stored nothing, except
 * that wn_store_add_usage() may be repeated with the same batch until it succeeds, and counts once.
 * Thread rule: one at a time; a call may wait for the disk, so never on a thread that serves. */
#ifndef WN_SERVE_STORE_H
#define WN_SERVE_STORE_H

#include "serve/key_record.h"
#include "serve/model_names.h"

#define WN_ROUTE_NAME_MAX  47
#define WN_STORE_KEYS_MAX  1000000
#define WN_REPORT_ROWS_MAX 1000000

typedef struct wn_usage_counts {
    uint64_t requests, tokens, cached_tokens, errors;
} wn_usage_counts;

/* Usage of a key, route and model in one minute; in a report, of whatever it is grouped by. */
typedef struct wn_usage_row {
    wn_key_id key;  /* empty: without a key */
    int64_t minute; /* Unix time / 60; in a report by day its first minute, else 0 */
    char route[WN_ROUTE_NAME_MAX + 1];
    char model[WN_MODEL_NAME_MAX + 1];
    wn_usage_counts counts;
} wn_usage_row;

/* Rows that are stored together, once.  An instance numbers its batches upwards. */
typedef struct wn_usage_batch {
    uint64_t instance, sequence;
    const wn_usage_row *rows;
    size_t n_rows;
} wn_usage_batch;

enum { WN_BY_DAY = 1, WN_BY_KEY = 2, WN_BY_ROUTE = 4, WN_BY_MODEL = 8 };

/* Which rows a report adds up, and what stays apart; fields that are added up over are empty. */
typedef struct wn_usage_query {
    int64_t since_s, until_s; /* from the one to before the other, to the minute */
    wn_key_id key;            /* of this key only; empty: of all */
    bool keyless;             /* instead, only what was used without a key */
    unsigned by;              /* WN_BY_... */
    size_t rows_max;          /* more are WN_ERR_LIMIT; 0: WN_REPORT_ROWS_MAX */
} wn_usage_query;

/* Tokens that a key with a quota has used. */
typedef struct wn_key_total {
    wn_key_id key;
    uint64_t month_tokens, all_tokens;
} wn_key_total;

typedef struct wn_store wn_store;

/* A backend: each function as the public one of its name. */
typedef struct wn_store_backend {
    wn_status (*add_key)(wn_store *store, const wn_key_record *record, wn_error *err);
    wn_status (*find_key)(wn_store *store, wn_key_record *out, bool *found, const wn_key_id *id,
                          wn_error *err);
    wn_status (*list_keys)(wn_store *store, wn_key_record **out, size_t *n, wn_error *err);
    wn_status (*update_key)(wn_store *store, bool *found, const wn_key_record *record,
                            wn_error *err);
    wn_status (*revoke_key)(wn_store *store, bool *found, const wn_key_id *id, int64_t now_s,
                            wn_error *err);
    wn_status (*rotate_key)(wn_store *store, bool *found, const wn_key_id *id,
                            const wn_digest *digest, int64_t old_until_s, wn_error *err);
    wn_status (*revision)(wn_store *store, uint64_t *out, wn_error *err);
    wn_status (*add_usage)(wn_store *store, const wn_usage_batch *batch, wn_error *err);
    wn_status (*report)(wn_store *store, wn_usage_row **out, size_t *n, const wn_usage_query *query,
                        wn_error *err);
    wn_status (*list_totals)(wn_store *store, wn_key_total **out, size_t *n, int64_t month,
                             wn_error *err);
    void (*close)(wn_store *store);
} wn_store_backend;

/* The first member of a backend's own struct. */
struct wn_store {
    const wn_store_backend *backend;
};

/* Open or make the SQLite file at path, and bring its tables to the form of today.
 * All calls fail with WN_ERR_IO when the disk or another process is in the way, WN_ERR_FORMAT when
 * the file is damaged or newer than this program, WN_ERR_MEMORY, WN_ERR_LIMIT beyond the numbers
 * above; the message names the file.
 * Owns:    caller closes with wn_store_close(). */
WN_MUST_USE wn_status wn_store_open_sqlite(wn_store **out, const char *path, wn_error *err);

/* Close; NULL is allowed. */
void wn_store_close(wn_store *store);

/* Add a key.
 * Fails:   as opening, and WN_ERR_ARGUMENT when its id is taken. */
WN_MUST_USE wn_status wn_store_add_key(wn_store *store, const wn_key_record *record, wn_error *err);

/* The key of an id; *found tells whether there is one. */
WN_MUST_USE wn_status wn_store_find_key(wn_store *store, wn_key_record *out, bool *found,
                                        const wn_key_id *id, wn_error *err);

/* All keys, also those that hold no longer, oldest first.
 * Owns:    caller frees *out with wn_mem_free(). */
WN_MUST_USE wn_status wn_store_list_keys(wn_store *store, wn_key_record **out, size_t *n,
                                         wn_error *err);

/* Change name, tier, scopes, limits and expiry to those of the record; nothing else. */
WN_MUST_USE wn_status wn_store_update_key(wn_store *store, bool *found, const wn_key_record *record,
                                          wn_error *err);

/* End a key.  One that was revoked before keeps its time. */
WN_MUST_USE wn_status wn_store_revoke_key(wn_store *store, bool *found, const wn_key_id *id,
                                          int64_t now_s, wn_error *err);

/* Give a key a new secret; the present one holds until old_until_s. */
WN_MUST_USE wn_status wn_store_rotate_key(wn_store *store, bool *found, const wn_key_id *id,
                                          const wn_digest *digest, int64_t old_until_s,
                                          wn_error *err);

/* A number that grows whenever anybody changes a key. */
WN_MUST_USE wn_status wn_store_revision(wn_store *store, uint64_t *out, wn_error *err);

/* Add the counts of a batch, unless this batch or a later one of its instance was added before. */
WN_MUST_USE wn_status wn_store_add_usage(wn_store *store, const wn_usage_batch *batch,
                                         wn_error *err);

/* Usage, in the order day, key, route, model.
 * Owns:    caller frees *out with wn_mem_free(). */
WN_MUST_USE wn_status wn_store_report(wn_store *store, wn_usage_row **out, size_t *n,
                                      const wn_usage_query *query, wn_error *err);

/* What each key with a quota, monthly or prepaid, has used in a month of wn_month_of_s() and since
 * ever; also a key that has used nothing.
 * Owns:    caller frees *out with wn_mem_free(). */
WN_MUST_USE wn_status wn_store_list_totals(wn_store *store, wn_key_total **out, size_t *n,
                                           int64_t month, wn_error *err);

#endif
