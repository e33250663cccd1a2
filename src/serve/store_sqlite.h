/* What the parts of the SQLite store share: the open file, and statements whose failure is sticky,
 * so that binding, stepping and reading need no check and the end of a statement has them all.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_STORE_SQLITE_H
#define WN_SERVE_STORE_SQLITE_H

#include "base/str.h"
#include "serve/store.h"

#include <sqlite3.h>

typedef struct wn_sqlite {
    wn_store base;
    sqlite3 *db;
    const char *path;    /* of the file, for messages */
    bool in_transaction; /* from wn_sqlite_begin() to wn_sqlite_commit() */
} wn_sqlite;

/* The backend's own struct of a store. */
static inline wn_sqlite *wn_sqlite_of(wn_store *store)
{
    return (wn_sqlite *)(void *)store;
}

/* A statement while it is used. */
typedef struct wn_sql {
    wn_sqlite *owner;
    sqlite3_stmt *statement;
    int code;    /* of the first failure; SQLITE_OK: none */
    int n_bound; /* parameters that have a value */
    bool fits;   /* every value read so far fitted its field */
} wn_sql;

/* Prepare a statement.
 * Owns:    caller ends it with wn_sql_end() or wn_sql_collect(). */
wn_sql wn_sql_begin(wn_sqlite *owner, const char *text);

/* Give the next parameter its value; text and bytes are borrowed until the end or reset. */
void wn_sql_put_int(wn_sql *sql, int64_t value);
void wn_sql_put_text(wn_sql *sql, const char *text);
void wn_sql_put_bytes(wn_sql *sql, const void *bytes, size_t n);

/* Run to the next row; false at the end or on failure. */
bool wn_sql_step(wn_sql *sql);

/* Run a statement that gives no rows, and make it ready to be bound again. */
void wn_sql_run(wn_sql *sql);

/* Read a column of the present row; a text or blob of another size, or a count below 0, sets fits
 * to false. */
int64_t wn_sql_int(wn_sql *sql, int column);
uint64_t wn_sql_count(wn_sql *sql, int column);
void wn_sql_text(wn_sql *sql, int column, char *out, size_t size);
void wn_sql_bytes(wn_sql *sql, int column, void *out, size_t n);

/* Read all rows into an array of elements of `size` bytes, each by a call of read, and end the
 * statement.
 * Fails:   as wn_sql_end(), and WN_ERR_LIMIT for more than max rows.
 * Owns:    caller frees *out with wn_mem_free(). */
typedef void wn_sql_read(wn_sql *sql, void *element);
WN_MUST_USE wn_status wn_sql_collect(wn_sql *sql, void **out, size_t *n, size_t size,
                                     wn_sql_read *read, size_t max, wn_error *err);

/* End a statement.
 * Fails:   as the interface says, with the first failure since its begin. */
WN_MUST_USE wn_status wn_sql_end(wn_sql *sql, wn_error *err);

/* Run statements without parameters. */
WN_MUST_USE wn_status wn_sqlite_exec(wn_sqlite *s, const char *text, wn_error *err);

/* Begin a transaction that writes. */
WN_MUST_USE wn_status wn_sqlite_begin(wn_sqlite *s, wn_error *err);

/* The end of a transaction: commit when status is WN_OK, else undo; returns the first failure. */
WN_MUST_USE wn_status wn_sqlite_commit(wn_sqlite *s, wn_status status, wn_error *err);

/* The functions of the ledger. */
wn_status wn_sqlite_add_usage(wn_store *store, const wn_usage_batch *batch, wn_error *err);
wn_status wn_sqlite_report(wn_store *store, wn_usage_row **out, size_t *n,
                           const wn_usage_query *query, wn_error *err);
wn_status wn_sqlite_list_totals(wn_store *store, wn_key_total **out, size_t *n, int64_t month,
                                wn_error *err);

#endif
