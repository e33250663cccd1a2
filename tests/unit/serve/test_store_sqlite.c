/* The SQLite store: the suite of every store, and what only a file can be: damaged, newer, open
 * twice, in nobody else's hands. */
#define _GNU_SOURCE
#include "tests/support/check_store.h"

#include "base/mem.h"
#include "serve/store_sqlite.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/winnow-store-XXXXXX";
static char path[64];

static wn_status open_store(wn_store **out, wn_error *err)
{
    return wn_store_open_sqlite(out, path, err);
}

static void erase(void)
{
    char name[80];
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < WN_ARRAY_LEN(ends); i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static int begin_test(void **state)
{
    (void)state;
    erase();
    return 0;
}

static wn_store *open_well(void)
{
    wn_error err = {0};
    wn_store *store = NULL;
    assert_ok(open_store(&store, &err), &err);
    return store;
}

/* Change the file behind the store's back. */
static void execute(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void the_file_is_for_its_owner_only(void **state)
{
    (void)state;
    mode_t mask = umask(0);
    wn_store *store = open_well();
    umask(mask);
    char wal[80];
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    snprintf(wal, sizeof wal, "%s-wal", path);
    assert_int_equal(stat(wal, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    wn_store_close(store);
    wn_store_close(NULL);
}

static void commits_reach_the_disk(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_store *store = open_well();
    wn_sql sql = wn_sql_begin(wn_sqlite_of(store), "PRAGMA journal_mode");
    char mode[16];
    assert_true(wn_sql_step(&sql));
    wn_sql_text(&sql, 0, mode, sizeof mode);
    assert_string_equal(mode, "wal");
    assert_ok(wn_sql_end(&sql, &err), &err);
    sql = wn_sql_begin(wn_sqlite_of(store), "PRAGMA synchronous");
    assert_true(wn_sql_step(&sql));
    assert_int_equal(wn_sql_int(&sql, 0), 2);
    assert_ok(wn_sql_end(&sql, &err), &err);
    wn_store_close(store);
}

static void a_place_that_cannot_be_is_an_error(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_store *store = NULL;
    assert_fails(wn_store_open_sqlite(&store, "/nowhere/winnow.db", &err), WN_ERR_IO, &err,
                 "cannot make '/nowhere/winnow.db': No such file");
    assert_fails(wn_store_open_sqlite(&store, dir, &err), WN_ERR_IO, &err, dir);
    assert_null(store);
}

static void a_file_of_something_else_is_refused(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_store *store = NULL;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fprintf(file, "this is no database\n");
    fclose(file);
    assert_fails(open_store(&store, &err), WN_ERR_FORMAT, &err, "not a database");
    assert_null(store);
}

static void tables_of_a_newer_program_are_refused(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_store *store = open_well();
    wn_store_close(store);
    execute("PRAGMA user_version = 3");
    assert_fails(open_store(&store, &err), WN_ERR_FORMAT, &err,
                 "has tables of version 3, expected at most 2");
}

/* How SQLite finds the rows of a key's report: by both the key and the minute, or it would read
 * all that was ever used. */
static void assert_key_reports_use_their_index(void)
{
    sqlite3 *db;
    sqlite3_stmt *plan;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "EXPLAIN QUERY PLAN SELECT sum(tokens) FROM usage"
                                        " WHERE minute >= 0 AND minute < 9 AND key_id = 'k'",
                                        -1, &plan, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(plan), SQLITE_ROW);
    assert_non_null(strstr((const char *)sqlite3_column_text(plan, 3),
                           "usage_of_key (key_id=? AND minute>? AND minute<?)"));
    sqlite3_finalize(plan);
    sqlite3_close(db);
}

static void tables_of_the_first_version_are_brought_up_to_date(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_store *store = open_well();
    wn_usage_row row = {.minute = 5, .route = "/r", .model = "m", .counts = {1, 20, 3, 0}};
    const wn_usage_batch batch = {.instance = 1, .sequence = 1, .rows = &row, .n_rows = 1};
    memcpy(row.key.text, "aaaabbbb", WN_KEY_ID_LEN);
    assert_ok(wn_store_add_usage(store, &batch, &err), &err);
    wn_store_close(store);
    execute("DROP INDEX usage_of_key; PRAGMA user_version = 1");

    store = open_well();
    assert_key_reports_use_their_index();
    wn_usage_row *rows;
    size_t n;
    const wn_usage_query query = {.until_s = 3600, .key = row.key};
    assert_ok(wn_store_report(store, &rows, &n, &query, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].counts.tokens, 20);
    wn_mem_free(rows);
    wn_store_close(store);
}

static void rows_that_others_damaged_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *why;
    } cases[] = {
        {"UPDATE key SET weight = 0", "key 'AAAA0001': weight: is 0"},
        {"UPDATE key SET name = replace(hex(zeroblob(50)), '0', 'x')", "does not fit its field"},
        {"UPDATE key SET name = 'a' || char(0) || 'b'", "does not fit its field"},
        {"UPDATE key SET scopes = 1 << 40", "key 'AAAA0001': scopes: is 4294967295, expected"},
        {"UPDATE key SET tier = char(7)", "key 'AAAA0001': tier: byte 0 is no text"},
        {"UPDATE key SET id = 'AAAA 001'", "'AAAA 001' is no id"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_error err = {0};
        wn_key_record record = check_store_record("AAAA0001"), *list = NULL;
        size_t n = 0;
        erase();
        wn_store *store = open_well();
        assert_ok(wn_store_add_key(store, &record, &err), &err);
        execute(cases[i].sql);
        assert_fails(wn_store_list_keys(store, &list, &n, &err), WN_ERR_FORMAT, &err, cases[i].why);
        assert_null(list);
        wn_store_close(store);
    }
}

static void counts_below_zero_are_refused(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_usage_row row = check_store_row("AAAA0001", 5, "/r", "m", 20), *rows;
    const wn_usage_batch batch = {.instance = 1, .sequence = 1, .rows = &row, .n_rows = 1};
    const wn_usage_query query = {.until_s = 3600};
    size_t n;
    wn_store *store = open_well();
    assert_ok(wn_store_add_usage(store, &batch, &err), &err);
    execute("UPDATE usage SET tokens = -1");
    assert_fails(wn_store_report(store, &rows, &n, &query, &err), WN_ERR_FORMAT, &err,
                 "does not fit its field");
    wn_store_close(store);
}

static void a_store_that_is_locked_is_an_error_and_works_later(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_store *store = open_well();
    wn_key_record record = check_store_record("AAAA0001");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_busy_timeout(wn_sqlite_of(store)->db, 1);
    assert_fails(wn_store_add_key(store, &record, &err), WN_ERR_IO, &err, "locked");
    sqlite3_close(db);
    assert_ok(wn_store_add_key(store, &record, &err), &err);
    wn_store_close(store);
}

/* ---- what a machine does to it --------------------------------------------------------------- */

static void assert_whole(void)
{
    wn_error err = {0};
    char answer[64];
    wn_store *store = open_well();
    wn_sql sql = wn_sql_begin(wn_sqlite_of(store), "PRAGMA integrity_check");
    assert_true(wn_sql_step(&sql));
    wn_sql_text(&sql, 0, answer, sizeof answer);
    assert_string_equal(answer, "ok");
    assert_ok(wn_sql_end(&sql, &err), &err);
    wn_store_close(store);
}

static uint64_t stored_requests(wn_store *store)
{
    wn_error err = {0};
    wn_usage_row *rows = NULL;
    size_t n;
    const wn_usage_query query = {.until_s = INT64_MAX};
    assert_ok(wn_store_report(store, &rows, &n, &query, &err), &err);
    uint64_t requests = n == 0 ? 0 : rows[0].counts.requests;
    wn_mem_free(rows);
    return requests;
}

/* A batch of several rows, one request in all rows together counting for n_rows. */
static wn_status add_batch(wn_store *store, uint64_t sequence, size_t n_rows, wn_error *err)
{
    static wn_usage_row rows[1000];
    for (size_t i = 0; i < n_rows; i++)
        rows[i] = check_store_row("AAAA0001", (int64_t)(sequence * 1000 + i), "rerank", "small", 1);
    const wn_usage_batch batch = {7, sequence, rows, n_rows};
    return wn_store_add_usage(store, &batch, err);
}

enum { N_KILLS = 40, ROWS_A_BATCH = 20 };

/* Write batches and tell of each that the store has said to have it. */
static _Noreturn void write_until_killed(int acks, uint64_t first)
{
    wn_store *store = NULL;
    if (open_store(&store, NULL) != WN_OK)
        _exit(1);
    for (uint64_t sequence = first;; sequence++)
        if (add_batch(store, sequence, ROWS_A_BATCH, NULL) != WN_OK ||
            write(acks, &sequence, sizeof sequence) != sizeof sequence)
            _exit(2);
}

static void a_writer_killed_at_any_moment_loses_nothing_it_was_told(void **state)
{
    (void)state;
    uint64_t next = 1;
    for (int i = 0; i < N_KILLS; i++) {
        int acks[2], code;
        uint64_t acked = 0;
        assert_int_equal(pipe(acks), 0);
        pid_t child = fork();
        if (child == 0)
            write_until_killed(acks[1], next);
        close(acks[1]);
        for (size_t n = check_random_below(20) + 1; n > 0; n--)
            assert_int_equal(read(acks[0], &acked, sizeof acked), sizeof acked);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &code, 0), child);
        assert_true(WIFSIGNALED(code));
        while (read(acks[0], &acked, sizeof acked) == sizeof acked) {
        }
        close(acks[0]);
        assert_whole();
        wn_store *store = open_well();
        uint64_t n_batches = stored_requests(store) / ROWS_A_BATCH;
        assert_int_equal(stored_requests(store) % ROWS_A_BATCH, 0);
        assert_in_range(n_batches, acked, acked + 1); /* the last may have had no time to tell */
        wn_store_close(store);
        next = n_batches + 1;
    }
}

static void a_full_disk_is_an_error_and_nothing_counts_twice_when_it_has_room_again(void **state)
{
    (void)state;
    wn_error err = {0};
    struct rlimit limit, small;
    wn_store *store = open_well();
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 300000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    uint64_t sequence = 1;
    wn_status status;
    while ((status = add_batch(store, sequence, 1000, &err)) == WN_OK && sequence < 100)
        sequence++;
    assert_int_equal(status, WN_ERR_IO);
    assert_non_null(strstr(err.message, path));
    for (int i = 0; i < 3; i++)
        assert_int_equal(add_batch(store, sequence, 1000, &err), WN_ERR_IO);
    assert_int_equal(stored_requests(store), (sequence - 1) * 1000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_ok(add_batch(store, sequence, 1000, &err), &err);
    assert_ok(add_batch(store, sequence, 1000, &err), &err);
    assert_int_equal(stored_requests(store), sequence * 1000);
    wn_store_close(store);
    assert_whole();
    signal(SIGXFSZ, before);
}

static int remove_dir(void **state)
{
    (void)state;
    erase();
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_file_is_for_its_owner_only, begin_test),
        cmocka_unit_test_setup(commits_reach_the_disk, begin_test),
        cmocka_unit_test_setup(a_place_that_cannot_be_is_an_error, begin_test),
        cmocka_unit_test_setup(a_file_of_something_else_is_refused, begin_test),
        cmocka_unit_test_setup(tables_of_a_newer_program_are_refused, begin_test),
        cmocka_unit_test_setup(tables_of_the_first_version_are_brought_up_to_date, begin_test),
        cmocka_unit_test_setup(rows_that_others_damaged_are_refused, begin_test),
        cmocka_unit_test_setup(counts_below_zero_are_refused, begin_test),
        cmocka_unit_test_setup(a_store_that_is_locked_is_an_error_and_works_later, begin_test),
        cmocka_unit_test_setup(a_writer_killed_at_any_moment_loses_nothing_it_was_told, begin_test),
        cmocka_unit_test_setup(
            a_full_disk_is_an_error_and_nothing_counts_twice_when_it_has_room_again, begin_test),
    };
    if (mkdtemp(dir) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/winnow.db", dir);
    const check_store_kind kind = {open_store, erase};
    int n_failed = check_store_run(&kind);
    return n_failed + cmocka_run_group_tests(tests, NULL, remove_dir);
}
