/* Rows of the store's file that somebody else has written, in tables without types and checks: one
 * key, one minute of usage, one month of it.  Each is refused with a reason, or is one that the
 * server may have written.  A cell is a byte that tells its type, its length, and so many bytes. */
#define _GNU_SOURCE /* mkstemp */
#include "base/mem.h"
#include "serve/store_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOSE                                                                                      \
    "DROP TABLE key; DROP TABLE usage; DROP TABLE usage_month;"                                    \
    "CREATE TABLE key (id, name, tier, scopes, requests_per_minute, tokens_per_minute,"            \
    " concurrency, burst_s, monthly_tokens, prepaid_tokens, weight, digest, old_digest,"           \
    " old_until_s, created_s, expires_s, revoked_s, last_used_s);"                                 \
    "CREATE TABLE usage (minute, key_id, route, model, requests, tokens, cached_tokens, errors);"  \
    "CREATE TABLE usage_month (key_id, month, tokens)"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static wn_sqlite *open_loose(void)
{
    char path[] = "/tmp/winnow-fuzz-XXXXXX";
    wn_store *store;
    wn_error err;
    int fd = mkstemp(path);
    WN_ASSERT(fd >= 0 && wn_store_open_sqlite(&store, path, &err) == WN_OK);
    close(fd);
    WN_ASSERT(wn_sqlite_exec(wn_sqlite_of(store), LOOSE, &err) == WN_OK);
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end != NULL;
         end++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", path, *end);
        unlink(name); /* it stays open */
    }
    return wn_sqlite_of(store);
}

/* Bind the next cell, NULL behind the last. */
static void bind(sqlite3_stmt *statement, int i, wn_str *rest)
{
    if (rest->len < 2)
        return;
    char type = rest->ptr[0];
    size_t n = WN_MIN((size_t)(unsigned char)rest->ptr[1], rest->len - 2);
    const char *bytes = rest->ptr + 2;
    *rest = wn_str_slice(*rest, 2 + n, rest->len);
    int64_t number = 0;
    double real = 0;
    switch (type) {
    case 'i':
        memcpy(&number, bytes, WN_MIN(n, sizeof number));
        sqlite3_bind_int64(statement, i, number);
        break;
    case 'r':
        memcpy(&real, bytes, WN_MIN(n, sizeof real));
        sqlite3_bind_double(statement, i, real);
        break;
    case 't':
        sqlite3_bind_text(statement, i, bytes, (int)n, SQLITE_STATIC);
        break;
    case 'b':
        sqlite3_bind_blob(statement, i, bytes, (int)n, SQLITE_STATIC);
        break;
    default: /* NULL */
        break;
    }
}

static void insert(wn_sqlite *s, const char *text, wn_str *rest)
{
    sqlite3_stmt *statement;
    WN_ASSERT(sqlite3_prepare_v2(s->db, text, -1, &statement, NULL) == SQLITE_OK);
    for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++)
        bind(statement, i, rest);
    WN_ASSERT(sqlite3_step(statement) == SQLITE_DONE);
    sqlite3_finalize(statement);
}

static void check_keys(wn_store *store)
{
    wn_key_record *records, again;
    size_t n;
    bool found;
    wn_error err = {0};
    if (wn_store_list_keys(store, &records, &n, &err) != WN_OK) {
        WN_ASSERT(err.message[0] != '\0');
        return;
    }
    WN_ASSERT(n == 1 && wn_key_record_check(records, &err) == WN_OK);
    if (wn_store_find_key(store, &again, &found, &records->id, &err) == WN_OK)
        WN_ASSERT(!found || wn_key_record_check(&again, &err) == WN_OK);
    wn_mem_free(records);
}

static void check_usage(wn_store *store)
{
    wn_usage_row *rows;
    wn_key_total *totals;
    size_t n;
    wn_error err = {0};
    const wn_usage_query query = {.since_s = INT64_MIN / 2,
                                  .until_s = INT64_MAX / 2,
                                  .by = WN_BY_DAY | WN_BY_KEY | WN_BY_ROUTE | WN_BY_MODEL};
    if (wn_store_report(store, &rows, &n, &query, &err) == WN_OK) {
        for (size_t i = 0; i < n; i++)
            WN_ASSERT(rows[i].counts.requests <= INT64_MAX && rows[i].counts.tokens <= INT64_MAX &&
                      rows[i].counts.cached_tokens <= INT64_MAX &&
                      rows[i].counts.errors <= INT64_MAX);
        wn_mem_free(rows);
    }
    if (wn_store_list_totals(store, &totals, &n, 0, &err) == WN_OK) {
        for (size_t i = 0; i < n; i++)
            WN_ASSERT(totals[i].month_tokens <= INT64_MAX && totals[i].all_tokens <= INT64_MAX);
        wn_mem_free(totals);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static wn_sqlite *s;
    wn_error err;
    wn_str rest = {(const char *)data, size};
    if (s == NULL)
        s = open_loose();
    WN_ASSERT(wn_sqlite_begin(s, &err) == WN_OK);
    insert(s, "INSERT INTO key VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", &rest);
    insert(s, "INSERT INTO usage VALUES (?,?,?,?,?,?,?,?)", &rest);
    insert(s, "INSERT INTO usage_month VALUES (?,?,?)", &rest);
    check_keys(&s->base);
    check_usage(&s->base);
    WN_ASSERT(wn_sqlite_commit(s, WN_ERR_CANCELLED, &err) != WN_OK); /* undone */
    return 0;
}
