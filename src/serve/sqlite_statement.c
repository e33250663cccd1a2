/* See store_sqlite.h: statements with sticky failure, transactions, and what SQLite's codes
 * mean. */
#include "serve/store_sqlite.h"

#include "base/mem.h"

#define WN_WHERE "serve/store"

static wn_status fail(const wn_sqlite *s, int code, wn_error *err)
{
    switch (code & 0xFF) {
    case SQLITE_NOMEM:
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory", s->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH:
        WN_FAIL(err, WN_ERR_FORMAT, "%s: %s", s->path, sqlite3_errmsg(s->db));
    default:
        WN_FAIL(err, WN_ERR_IO, "%s: %s", s->path, sqlite3_errmsg(s->db));
    }
}

/* Undo a transaction that failed and, for want of memory, could not be undone then: nobody may see
 * what it wrote, and no other can begin. */
static int undo_leftover(wn_sqlite *s)
{
    if (s->in_transaction || sqlite3_get_autocommit(s->db))
        return SQLITE_OK;
    return sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

wn_sql wn_sql_begin(wn_sqlite *owner, const char *text)
{
    wn_sql sql = {.owner = owner, .code = undo_leftover(owner), .fits = true};
    if (sql.code == SQLITE_OK)
        sql.code = sqlite3_prepare_v2(owner->db, text, -1, &sql.statement, NULL);
    return sql;
}

static void keep_code(wn_sql *sql, int code)
{
    if (sql->code == SQLITE_OK)
        sql->code = code;
}

void wn_sql_put_int(wn_sql *sql, int64_t value)
{
    if (sql->code == SQLITE_OK)
        keep_code(sql, sqlite3_bind_int64(sql->statement, ++sql->n_bound, value));
}

void wn_sql_put_text(wn_sql *sql, const char *text)
{
    if (sql->code == SQLITE_OK)
        keep_code(sql, sqlite3_bind_text(sql->statement, ++sql->n_bound, text, -1, SQLITE_STATIC));
}

void wn_sql_put_bytes(wn_sql *sql, const void *bytes, size_t n)
{
    if (sql->code == SQLITE_OK)
        keep_code(sql,
                  sqlite3_bind_blob(sql->statement, ++sql->n_bound, bytes, (int)n, SQLITE_STATIC));
}

bool wn_sql_step(wn_sql *sql)
{
    if (sql->code != SQLITE_OK)
        return false;
    int code = sqlite3_step(sql->statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        sql->code = code;
    return code == SQLITE_ROW;
}

void wn_sql_run(wn_sql *sql)
{
    if (sql->code != SQLITE_OK)
        return;
    int code = sqlite3_step(sql->statement);
    keep_code(sql, code == SQLITE_DONE ? SQLITE_OK : code);
    keep_code(sql, sqlite3_reset(sql->statement));
    sql->n_bound = 0;
}

int64_t wn_sql_int(wn_sql *sql, int column)
{
    return sqlite3_column_int64(sql->statement, column);
}

uint64_t wn_sql_count(wn_sql *sql, int column)
{
    int64_t count = wn_sql_int(sql, column);
    if (count < 0)
        sql->fits = false;
    return count < 0 ? 0 : (uint64_t)count;
}

void wn_sql_text(wn_sql *sql, int column, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(sql->statement, column);
    size_t n = (size_t)sqlite3_column_bytes(sql->statement, column);
    out[0] = '\0';
    if (text == NULL)
        keep_code(sql,
                  sqlite3_errcode(sql->owner->db) == SQLITE_NOMEM ? SQLITE_NOMEM : SQLITE_MISMATCH);
    else if (n >= size || memchr(text, '\0', n) != NULL)
        sql->fits = false;
    else
        memcpy(out, text, n + 1);
}

void wn_sql_bytes(wn_sql *sql, int column, void *out, size_t n)
{
    const void *bytes = sqlite3_column_blob(sql->statement, column);
    memset(out, 0, n);
    if (bytes == NULL || (size_t)sqlite3_column_bytes(sql->statement, column) != n)
        sql->fits = false;
    else
        memcpy(out, bytes, n);
}

wn_status wn_sql_end(wn_sql *sql, wn_error *err)
{
    wn_status status = WN_OK;
    if (sql->code != SQLITE_OK)
        status = fail(sql->owner, sql->code, err);
    else if (!sql->fits)
        status =
            wn_error_set(err, WN_ERR_FORMAT, WN_WHERE,
                         "%s: a row has a value that does not fit its field", sql->owner->path);
    sqlite3_finalize(sql->statement);
    *sql = (wn_sql){0};
    return status;
}

wn_status wn_sql_collect(wn_sql *sql, void **out, size_t *n, size_t size, wn_sql_read *read,
                         size_t max, wn_error *err)
{
    char *rows = NULL;
    size_t cap = 0, n_rows = 0;
    wn_status status = WN_OK;
    while (status == WN_OK && wn_sql_step(sql)) {
        if (n_rows == max)
            status = wn_error_set(err, WN_ERR_LIMIT, WN_WHERE, "%s: more than %zu rows",
                                  sql->owner->path, max);
        else if (!wn_mem_grow(&rows, &cap, n_rows + 1, size))
            status = wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "%s: no memory for %zu rows",
                                  sql->owner->path, n_rows + 1);
        else
            read(sql, rows + n_rows++ * size);
    }
    wn_status ended = wn_sql_end(sql, status == WN_OK ? err : NULL);
    status = status == WN_OK ? ended : status;
    if (status != WN_OK) {
        wn_mem_free(rows);
        return status;
    }
    *out = rows;
    *n = n_rows;
    return WN_OK;
}

wn_status wn_sqlite_exec(wn_sqlite *s, const char *text, wn_error *err)
{
    int code = sqlite3_exec(s->db, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? WN_OK : fail(s, code, err);
}

wn_status wn_sqlite_begin(wn_sqlite *s, wn_error *err)
{
    int code = undo_leftover(s);
    if (code != SQLITE_OK)
        return fail(s, code, err);
    WN_TRY(wn_sqlite_exec(s, "BEGIN IMMEDIATE", err));
    s->in_transaction = true;
    return WN_OK;
}

wn_status wn_sqlite_commit(wn_sqlite *s, wn_status status, wn_error *err)
{
    if (status == WN_OK)
        status = wn_sqlite_exec(s, "COMMIT", err);
    s->in_transaction = false;
    (void)undo_leftover(s);
    return status;
}
