/* Usage on its way to the store: counts of each (key, minute, route, model), added up in memory by
 * the threads that serve and written in batches by the store's thread.
 * A batch that could not be written is written again under the same number until it is, so nothing
 * counts twice; meanwhile new counts gather beside it.  Room is bounded: what finds none is lost
 * and counted as lost.  A process that dies loses what came since its last flush, so flush every
 * WN_LEDGER_FLUSH_MS and what was acknowledged 100 ms ago is safe.
 * Thread rule: as each function says. */
#ifndef WN_SERVE_LEDGER_H
#define WN_SERVE_LEDGER_H

#include "serve/quota.h"

#define WN_LEDGER_FLUSH_MS 50
#define WN_LEDGER_ROWS     16384 /* a good number of rows: 2 x 3.6 MiB */

typedef struct wn_ledger wn_ledger;

/* Make room for n_rows rows that gather and as many that are being written.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees with wn_ledger_free(), after a last flush. */
WN_MUST_USE wn_status wn_ledger_new(wn_ledger **out, size_t n_rows, wn_error *err);

/* Nobody is in a call any more; NULL is allowed. */
void wn_ledger_free(wn_ledger *ledger);

/* Count; the key's id is empty for requests without one, the minute is Unix time / 60.  Names
 * longer than WN_ROUTE_NAME_MAX and WN_MODEL_NAME_MAX are cut.
 * Thread:  any; takes one short lock, allocates nothing. */
void wn_ledger_add(wn_ledger *ledger, const wn_key_id *key, int64_t minute, wn_str route,
                   wn_str model, const wn_usage_counts *counts);

/* Write what has gathered, and tell the quotas (may be NULL) that the store has it.
 * Fails:   as the store; the next call tries again.
 * Thread:  the store's. */
WN_MUST_USE wn_status wn_ledger_flush(wn_ledger *ledger, wn_store *store, wn_quota *quota,
                                      wn_error *err);

/* Requests whose usage no store has yet.
 * Thread:  the store's. */
uint64_t wn_ledger_n_waiting(wn_ledger *ledger);

/* Requests whose usage found no room, since the start.
 * Thread:  any. */
uint64_t wn_ledger_n_lost(wn_ledger *ledger);

#endif
