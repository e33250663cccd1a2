/* The store in one SQLite file: opening it, its tables, and the keys.
 * WAL, so that who reads does not wait for who writes; synchronous = FULL, so that what a call has
 * stored outlives the loss of power.  Keys may be changed by other processes at any time; the
 * revision tells.  The file is made readable by its owner only. */
#define _GNU_SOURCE
#include "serve/store_sqlite.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define WN_WHERE       "serve/store"
#define BUSY_MS        5000 /* how long to wait for another process that writes */
#define BUSY_STEP_MS   5
#define SCHEMA_VERSION 2

/* The step from each version of the tables to the next, which ends by saying so. */
static const char *const migrations[SCHEMA_VERSION] = {
    "CREATE TABLE key ("
    " id TEXT PRIMARY KEY CHECK (length(id) = 8), name TEXT NOT NULL, tier TEXT NOT NULL,"
    " scopes INTEGER NOT NULL, requests_per_minute INTEGER NOT NULL,"
    " tokens_per_minute INTEGER NOT NULL, concurrency INTEGER NOT NULL, burst_s INTEGER NOT NULL,"
    " monthly_tokens INTEGER NOT NULL, prepaid_tokens INTEGER NOT NULL, weight INTEGER NOT NULL,"
    " digest BLOB NOT NULL CHECK (length(digest) = 32),"
    " old_digest BLOB NOT NULL CHECK (length(old_digest) = 32), old_until_s INTEGER NOT NULL,"
    " created_s INTEGER NOT NULL, expires_s INTEGER NOT NULL, revoked_s INTEGER NOT NULL,"
    " last_used_s INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE revision (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL) STRICT;"
    "INSERT INTO revision VALUES (1, 1);"
    "CREATE TABLE usage ("
    " minute INTEGER NOT NULL, key_id TEXT NOT NULL, route TEXT NOT NULL, model TEXT NOT NULL,"
    " requests INTEGER NOT NULL, tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,"
    " errors INTEGER NOT NULL, PRIMARY KEY (minute, key_id, route, model)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE usage_month (key_id TEXT NOT NULL, month INTEGER NOT NULL,"
    " tokens INTEGER NOT NULL, PRIMARY KEY (key_id, month)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE usage_batch (instance INTEGER PRIMARY KEY, sequence INTEGER NOT NULL) STRICT;"
    "PRAGMA user_version = 1",
    "CREATE INDEX usage_of_key ON usage (key_id, minute);" /* reports of one key */
    "PRAGMA user_version = 2",
};

#define KEY_COLUMNS                                                                                \
    "id, name, tier, scopes, requests_per_minute, tokens_per_minute, concurrency, burst_s,"        \
    " monthly_tokens, prepaid_tokens, weight, digest, old_digest, old_until_s, created_s,"         \
    " expires_s, revoked_s, last_used_s"

/* ---- keys ------------------------------------------------------------------------------------ */

static wn_status bump_revision(wn_sqlite *s, wn_error *err)
{
    return wn_sqlite_exec(s, "UPDATE revision SET n = n + 1", err);
}

static void put_limits(wn_sql *sql, const wn_key_limits *limits)
{
    wn_sql_put_int(sql, limits->requests_per_minute);
    wn_sql_put_int(sql, limits->tokens_per_minute);
    wn_sql_put_int(sql, limits->concurrency);
    wn_sql_put_int(sql, limits->burst_s);
    wn_sql_put_int(sql, limits->monthly_tokens);
    wn_sql_put_int(sql, limits->prepaid_tokens);
    wn_sql_put_int(sql, limits->weight);
}

static wn_status insert_key(wn_sqlite *s, const wn_key_record *record, wn_error *err)
{
    wn_sql sql = wn_sql_begin(s, "INSERT INTO key (" KEY_COLUMNS ") VALUES"
                                 " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    wn_sql_put_text(&sql, record->id.text);
    wn_sql_put_text(&sql, record->name);
    wn_sql_put_text(&sql, record->tier);
    wn_sql_put_int(&sql, record->scopes);
    put_limits(&sql, &record->limits);
    wn_sql_put_bytes(&sql, record->digest.bytes, WN_DIGEST_LEN);
    wn_sql_put_bytes(&sql, record->old_digest.bytes, WN_DIGEST_LEN);
    wn_sql_put_int(&sql, record->old_until_s);
    wn_sql_put_int(&sql, record->created_s);
    wn_sql_put_int(&sql, record->expires_s);
    wn_sql_put_int(&sql, record->revoked_s);
    wn_sql_put_int(&sql, record->last_used_s);
    wn_sql_run(&sql);
    bool taken = sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_PRIMARYKEY;
    wn_status status = wn_sql_end(&sql, err);
    if (taken)
        WN_FAIL(err, WN_ERR_ARGUMENT, "%s: there is a key '%s'", s->path, record->id.text);
    return status;
}

static wn_status add_key(wn_store *store, const wn_key_record *record, wn_error *err)
{
    wn_sqlite *s = wn_sqlite_of(store);
    WN_TRY(wn_key_record_check(record, err));
    WN_TRY(wn_sqlite_begin(s, err));
    wn_status status = insert_key(s, record, err);
    if (status == WN_OK)
        status = bump_revision(s, err);
    return wn_sqlite_commit(s, status, err);
}

static void read_key(wn_sql *sql, void *element)
{
    wn_key_record *out = element;
    wn_key_limits *limits = &out->limits;
    wn_sql_text(sql, 0, out->id.text, sizeof out->id.text);
    wn_sql_text(sql, 1, out->name, sizeof out->name);
    wn_sql_text(sql, 2, out->tier, sizeof out->tier);
    out->scopes = (uint32_t)WN_MIN(wn_sql_count(sql, 3), UINT32_MAX); /* is refused */
    limits->requests_per_minute = wn_sql_int(sql, 4);
    limits->tokens_per_minute = wn_sql_int(sql, 5);
    limits->concurrency = wn_sql_int(sql, 6);
    limits->burst_s = wn_sql_int(sql, 7);
    limits->monthly_tokens = wn_sql_int(sql, 8);
    limits->prepaid_tokens = wn_sql_int(sql, 9);
    limits->weight = wn_sql_int(sql, 10);
    wn_sql_bytes(sql, 11, out->digest.bytes, WN_DIGEST_LEN);
    wn_sql_bytes(sql, 12, out->old_digest.bytes, WN_DIGEST_LEN);
    out->old_until_s = wn_sql_int(sql, 13);
    out->created_s = wn_sql_int(sql, 14);
    out->expires_s = wn_sql_int(sql, 15);
    out->revoked_s = wn_sql_int(sql, 16);
    out->last_used_s = wn_sql_int(sql, 17);
}

/* A row that somebody else may have written. */
static wn_status check_key(const wn_sqlite *s, const wn_key_record *record, wn_error *err)
{
    wn_key_id id;
    if (!wn_key_id_parse(&id, wn_str_from(record->id.text)))
        WN_FAIL(err, WN_ERR_FORMAT, "%s: '%s' is no id of a key", s->path, record->id.text);
    if (wn_key_record_check(record, err) == WN_OK)
        return WN_OK;
    return wn_error_prefix(err, WN_ERR_FORMAT, "%s: key '%s'", s->path, record->id.text);
}

static wn_status find_key(wn_store *store, wn_key_record *out, bool *found, const wn_key_id *id,
                          wn_error *err)
{
    wn_sqlite *s = wn_sqlite_of(store);
    wn_key_record record;
    wn_sql sql = wn_sql_begin(s, "SELECT " KEY_COLUMNS " FROM key WHERE id = ?");
    wn_sql_put_text(&sql, id->text);
    bool has_row = wn_sql_step(&sql);
    if (has_row)
        read_key(&sql, &record);
    WN_TRY(wn_sql_end(&sql, err));
    if (has_row)
        WN_TRY(check_key(s, &record, err));
    if (has_row)
        *out = record;
    *found = has_row;
    return WN_OK;
}

static wn_status list_keys(wn_store *store, wn_key_record **out, size_t *n, wn_error *err)
{
    wn_sqlite *s = wn_sqlite_of(store);
    void *rows;
    size_t n_rows;
    wn_sql sql = wn_sql_begin(s, "SELECT " KEY_COLUMNS " FROM key ORDER BY created_s, id");
    WN_TRY(wn_sql_collect(&sql, &rows, &n_rows, sizeof(wn_key_record), read_key, WN_STORE_KEYS_MAX,
                          err));
    wn_key_record *records = rows;
    wn_status status = WN_OK;
    for (size_t i = 0; i < n_rows && status == WN_OK; i++)
        status = check_key(s, &records[i], err);
    if (status != WN_OK) {
        wn_mem_free(rows);
        return status;
    }
    *out = records;
    *n = n_rows;
    return WN_OK;
}

/* Run a change of one key, whose parameters are bound, and count it if there was such a key. */
static wn_status change_key(wn_sqlite *s, bool *found, wn_sql *sql, wn_error *err)
{
    wn_sql_run(sql);
    bool changed = sqlite3_changes(s->db) > 0;
    WN_TRY(wn_sql_end(sql, err));
    if (changed)
        WN_TRY(bump_revision(s, err));
    *found = changed;
    return WN_OK;
}

static wn_status update_key(wn_store *store, bool *found, const wn_key_record *record,
                            wn_error *err)
{
    wn_sqlite *s = wn_sqlite_of(store);
    WN_TRY(wn_key_record_check(record, err));
    WN_TRY(wn_sqlite_begin(s, err));
    wn_sql sql = wn_sql_begin(
        s, "UPDATE key SET name = ?, tier = ?, scopes = ?, expires_s = ?, requests_per_minute = ?,"
           " tokens_per_minute = ?, concurrency = ?, burst_s = ?, monthly_tokens = ?,"
           " prepaid_tokens = ?, weight = ? WHERE id = ?");
    wn_sql_put_text(&sql, record->name);
    wn_sql_put_text(&sql, record->tier);
    wn_sql_put_int(&sql, record->scopes);
    wn_sql_put_int(&sql, record->expires_s);
    put_limits(&sql, &record->limits);
    wn_sql_put_text(&sql, record->id.text);
    return wn_sqlite_commit(s, change_key(s, found, &sql, err), err);
}

static wn_status revoke_key(wn_store *store, bool *found, const wn_key_id *id, int64_t now_s,
                            wn_error *err)
{
    wn_sqlite *s = wn_sqlite_of(store);
    WN_TRY(wn_sqlite_begin(s, err));
    wn_sql sql =
        wn_sql_begin(s, "UPDATE key SET revoked_s = iif(revoked_s = 0, ?, revoked_s) WHERE id = ?");
    wn_sql_put_int(&sql, now_s);
    wn_sql_put_text(&sql, id->text);
    return wn_sqlite_commit(s, change_key(s, found, &sql, err), err);
}

static wn_status rotate_key(wn_store *store, bool *found, const wn_key_id *id,
                            const wn_digest *digest, int64_t old_until_s, wn_error *err)
{
    wn_sqlite *s = wn_sqlite_of(store);
    WN_TRY(wn_sqlite_begin(s, err));
    wn_sql sql = wn_sql_begin(
        s, "UPDATE key SET old_digest = digest, old_until_s = ?, digest = ? WHERE id = ?");
    wn_sql_put_int(&sql, old_until_s);
    wn_sql_put_bytes(&sql, digest->bytes, WN_DIGEST_LEN);
    wn_sql_put_text(&sql, id->text);
    return wn_sqlite_commit(s, change_key(s, found, &sql, err), err);
}

/* The only column of the only row of a query. */
static wn_status query_int(wn_sqlite *s, int64_t *out, const char *text, wn_error *err)
{
    wn_sql sql = wn_sql_begin(s, text);
    int64_t value = wn_sql_step(&sql) ? wn_sql_int(&sql, 0) : 0;
    WN_TRY(wn_sql_end(&sql, err));
    *out = value;
    return WN_OK;
}

static wn_status revision(wn_store *store, uint64_t *out, wn_error *err)
{
    int64_t n;
    WN_TRY(query_int(wn_sqlite_of(store), &n, "SELECT n FROM revision", err));
    *out = (uint64_t)n;
    return WN_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void close_store(wn_store *store)
{
    wn_sqlite *s = wn_sqlite_of(store);
    sqlite3_close(s->db);
    wn_mem_free(s);
}

static const wn_store_backend backend = {
    add_key,     find_key, list_keys,           update_key,       revoke_key,
    rotate_key,  revision, wn_sqlite_add_usage, wn_sqlite_report, wn_sqlite_list_totals,
    close_store,
};

static wn_status migrate(wn_sqlite *s, wn_error *err)
{
    int64_t version;
    WN_TRY(query_int(s, &version, "PRAGMA user_version", err));
    if (version < 0 || version > SCHEMA_VERSION)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: has tables of version %lld, expected at most %d", s->path,
                (long long)version, SCHEMA_VERSION);
    for (; version < SCHEMA_VERSION; version++)
        WN_TRY(wn_sqlite_exec(s, migrations[version], err));
    return WN_OK;
}

static wn_status prepare(wn_sqlite *s, wn_error *err)
{
    int64_t version;
    sqlite3_busy_timeout(s->db, BUSY_MS);
    WN_TRY(wn_sqlite_exec(s,
                          "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                          "PRAGMA temp_store = MEMORY;"
                          "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
                          err));
    WN_TRY(query_int(s, &version, "PRAGMA user_version", err));
    if (version == SCHEMA_VERSION)
        return WN_OK;
    WN_TRY(wn_sqlite_begin(s, err));
    return wn_sqlite_commit(s, migrate(s, err), err);
}

/* While another process makes the file or closes it as the last one, SQLite does not wait. */
static wn_status prepare_patiently(wn_sqlite *s, wn_error *err)
{
    for (int ms = 0;; ms += sqlite3_sleep(BUSY_STEP_MS)) {
        wn_status status = prepare(s, err);
        if (status == WN_OK || ms >= BUSY_MS || (sqlite3_errcode(s->db) & 0xFF) != SQLITE_BUSY)
            return status;
    }
}

/* SQLite makes its other files like this one, so make it before SQLite does, for its owner only.
 * One that is there is not opened: closing it again would end the locks that another store of this
 * process holds on it. */
static wn_status make_file(const char *path, wn_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        WN_FAIL(err, WN_ERR_IO, "cannot make '%s': %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return WN_OK;
}

wn_status wn_store_open_sqlite(wn_store **out, const char *path, wn_error *err)
{
    size_t path_size = strlen(path) + 1;
    WN_TRY(make_file(path, err));
    wn_sqlite *s = wn_mem_alloc(1, sizeof *s + path_size);
    if (s == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory", path);
    *s = (wn_sqlite){.base = {&backend}};
    s->path = memcpy(s + 1, path, path_size);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    wn_status status = WN_OK;
    if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
        WN_FAIL_OUT(err, s->db == NULL ? WN_ERR_MEMORY : WN_ERR_IO, "cannot open '%s': %s", path,
                    s->db == NULL ? "no memory" : sqlite3_errmsg(s->db));
    WN_TRY_OUT(prepare_patiently(s, err));
    *out = &s->base;
    return WN_OK;
out:
    close_store(&s->base);
    return status;
}
