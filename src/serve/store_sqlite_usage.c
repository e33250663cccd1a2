/* The ledger of the SQLite store: see store_sqlite.c for the tables. */
#include "serve/store_sqlite.h"

#include "base/date.h"
#include "base/mem.h"

#define WN_WHERE "serve/store"

/* ---- adding ---------------------------------------------------------------------------------- */

/* Note the batch; *is_new is false when it or a later one was noted before. */
static wn_status note_batch(wn_sqlite *s, bool *is_new, const wn_usage_batch *batch, wn_error *err)
{
    wn_sql sql = wn_sql_begin(s, "INSERT INTO usage_batch VALUES (?, ?)"
                                 " ON CONFLICT DO UPDATE SET sequence = excluded.sequence"
                                 " WHERE excluded.sequence > usage_batch.sequence");
    wn_sql_put_int(&sql, (int64_t)batch->instance);
    wn_sql_put_int(&sql, (int64_t)batch->sequence);
    wn_sql_run(&sql);
    *is_new = sqlite3_changes(s->db) > 0;
    return wn_sql_end(&sql, err);
}

static void put_usage(wn_sql *sql, const wn_usage_row *row)
{
    wn_sql_put_int(sql, row->minute);
    wn_sql_put_text(sql, row->key.text);
    wn_sql_put_text(sql, row->route);
    wn_sql_put_text(sql, row->model);
    wn_sql_put_int(sql, (int64_t)row->counts.requests);
    wn_sql_put_int(sql, (int64_t)row->counts.tokens);
    wn_sql_put_int(sql, (int64_t)row->counts.cached_tokens);
    wn_sql_put_int(sql, (int64_t)row->counts.errors);
    wn_sql_run(sql);
}

static wn_status add_to_usage(wn_sqlite *s, const wn_usage_batch *batch, wn_error *err)
{
    wn_sql sql =
        wn_sql_begin(s, "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                        " ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,"
                        " tokens = tokens + excluded.tokens,"
                        " cached_tokens = cached_tokens + excluded.cached_tokens,"
                        " errors = errors + excluded.errors");
    for (size_t i = 0; i < batch->n_rows; i++)
        put_usage(&sql, &batch->rows[i]);
    return wn_sql_end(&sql, err);
}

static wn_status add_to_months(wn_sqlite *s, const wn_usage_batch *batch, wn_error *err)
{
    wn_sql sql = wn_sql_begin(s, "INSERT INTO usage_month VALUES (?, ?, ?)"
                                 " ON CONFLICT DO UPDATE SET tokens = tokens + excluded.tokens");
    for (size_t i = 0; i < batch->n_rows; i++) {
        const wn_usage_row *row = &batch->rows[i];
        wn_sql_put_text(&sql, row->key.text);
        wn_sql_put_int(&sql, wn_month_of_s(row->minute * 60));
        wn_sql_put_int(&sql, (int64_t)row->counts.tokens);
        wn_sql_run(&sql);
    }
    return wn_sql_end(&sql, err);
}

static wn_status note_last_use(wn_sqlite *s, const wn_usage_batch *batch, wn_error *err)
{
    wn_sql sql = wn_sql_begin(s, "UPDATE key SET last_used_s = max(last_used_s, ?) WHERE id = ?");
    for (size_t i = 0; i < batch->n_rows; i++) {
        wn_sql_put_int(&sql, batch->rows[i].minute * 60);
        wn_sql_put_text(&sql, batch->rows[i].key.text);
        wn_sql_run(&sql);
    }
    return wn_sql_end(&sql, err);
}

static wn_status add_batch(wn_sqlite *s, const wn_usage_batch *batch, wn_error *err)
{
    bool is_new = false;
    WN_TRY(note_batch(s, &is_new, batch, err));
    if (!is_new)
        return WN_OK;
    WN_TRY(add_to_usage(s, batch, err));
    WN_TRY(add_to_months(s, batch, err));
    return note_last_use(s, batch, err);
}

wn_status wn_sqlite_add_usage(wn_store *store, const wn_usage_batch *batch, wn_error *err)
{
    wn_sqlite *s = wn_sqlite_of(store);
    WN_TRY(wn_sqlite_begin(s, err));
    return wn_sqlite_commit(s, add_batch(s, batch, err), err);
}

/* ---- reading --------------------------------------------------------------------------------- */

#define REPORT(of_key)                                                                             \
    "SELECT iif(?1 & 1, minute - minute % 1440, 0) AS m, iif(?1 & 2, key_id, '') AS k,"            \
    " iif(?1 & 4, route, '') AS r, iif(?1 & 8, model, '') AS o,"                                   \
    " sum(requests), sum(tokens), sum(cached_tokens), sum(errors) FROM usage"                      \
    " WHERE minute >= ?2 AND minute < ?3" of_key " GROUP BY m, k, r, o ORDER BY m, k, r, o"
_Static_assert(WN_BY_DAY == 1 && WN_BY_KEY == 2 && WN_BY_ROUTE == 4 && WN_BY_MODEL == 8,
               "the numbers in REPORT");

static void read_usage(wn_sql *sql, void *element)
{
    wn_usage_row *out = element;
    *out = (wn_usage_row){.minute = wn_sql_int(sql, 0)};
    wn_sql_text(sql, 1, out->key.text, sizeof out->key.text);
    wn_sql_text(sql, 2, out->route, sizeof out->route);
    wn_sql_text(sql, 3, out->model, sizeof out->model);
    out->counts = (wn_usage_counts){wn_sql_count(sql, 4), wn_sql_count(sql, 5),
                                    wn_sql_count(sql, 6), wn_sql_count(sql, 7)};
}

wn_status wn_sqlite_report(wn_store *store, wn_usage_row **out, size_t *n,
                           const wn_usage_query *query, wn_error *err)
{
    void *rows;
    bool of_all = query->key.text[0] == '\0' && !query->keyless;
    wn_sql sql =
        wn_sql_begin(wn_sqlite_of(store), of_all ? REPORT("") : REPORT(" AND key_id = ?4"));
    wn_sql_put_int(&sql, query->by);
    wn_sql_put_int(&sql, query->since_s / 60);
    wn_sql_put_int(&sql, query->until_s / 60 + (query->until_s % 60 != 0 ? 1 : 0));
    if (!of_all)
        wn_sql_put_text(&sql, query->key.text);
    size_t max = query->rows_max > 0 ? query->rows_max : WN_REPORT_ROWS_MAX;
    WN_TRY(wn_sql_collect(&sql, &rows, n, sizeof(wn_usage_row), read_usage, max, err));
    *out = rows;
    return WN_OK;
}

#define TOTALS                                                                                     \
    "SELECT id, coalesce(sum(iif(month = ?, tokens, 0)), 0), coalesce(sum(tokens), 0)"             \
    " FROM key LEFT JOIN usage_month ON key_id = id"                                               \
    " WHERE monthly_tokens >= 0 OR prepaid_tokens >= 0 GROUP BY id"

static void read_total(wn_sql *sql, void *element)
{
    wn_key_total *out = element;
    *out = (wn_key_total){.month_tokens = wn_sql_count(sql, 1), .all_tokens = wn_sql_count(sql, 2)};
    wn_sql_text(sql, 0, out->key.text, sizeof out->key.text);
}

wn_status wn_sqlite_list_totals(wn_store *store, wn_key_total **out, size_t *n, int64_t month,
                                wn_error *err)
{
    void *rows;
    wn_sql sql = wn_sql_begin(wn_sqlite_of(store), TOTALS);
    wn_sql_put_int(&sql, month);
    WN_TRY(
        wn_sql_collect(&sql, &rows, n, sizeof(wn_key_total), read_total, WN_STORE_KEYS_MAX, err));
    *out = rows;
    return WN_OK;
}
