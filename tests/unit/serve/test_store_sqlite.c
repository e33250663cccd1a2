/* The SQLite store: the suite of every store, and what only a file can be: damaged, newer, open
 * twice, in nobody else's hands. */
#define _GNU_SOURCE
#include "tests/support/check_store.h"

#include "serve/store_sqlite.h"

#include <sys/stat.h>
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
    execute("PRAGMA user_version = 2");
    assert_fails(open_store(&store, &err), WN_ERR_FORMAT, &err,
                 "has tables of version 2, expected at most 1");
}

static void rows_that_others_damaged_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *why;
    } cases[] = {
        {"UPDATE key SET weight = 0", "key 'AAAA0001': weight: is 0"},
        {"UPDATE key SET name = replace(hex(zeroblob(50)), '0', 'x')", "another size"},
        {"UPDATE key SET name = 'a' || char(0) || 'b'", "another size"},
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
        cmocka_unit_test_setup(rows_that_others_damaged_are_refused, begin_test),
        cmocka_unit_test_setup(a_store_that_is_locked_is_an_error_and_works_later, begin_test),
    };
    if (mkdtemp(dir) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/winnow.db", dir);
    const check_store_kind kind = {open_store, erase};
    int n_failed = check_store_run(&kind);
    return n_failed + cmocka_run_group_tests(tests, NULL, remove_dir);
}
