/* Keys, limits, usage and their store under failing allocations, those inside of SQLite and OpenSSL
 * among them: every call tells that memory is short, nothing leaks, and the store is as it was. */
#define _GNU_SOURCE
#include "tests/fault/fault.h"
#include "tests/support/check_store.h"

#include "base/mem.h"
#include "base/str.h"
#include "serve/key_cache.h"
#include "serve/ledger.h"
#include "serve/limiter.h"
#include "serve/state.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#include <unistd.h>

static char dir[] = "/dev/shm/winnow-fault-XXXXXX"; /* flushing thousands of times takes no time */
static char path[64];

static void erase(void)
{
    char name[96];
    static const char *const files[] = {"pepper", "winnow.db", "winnow.db-wal", "winnow.db-shm"};
    for (size_t i = 0; i < WN_ARRAY_LEN(files); i++) {
        snprintf(name, sizeof name, "%s/%s", dir, files[i]);
        unlink(name);
    }
}

/* ---- SQLite's allocations come here as well -------------------------------------------------- */

enum { HEADER = 16 }; /* in front of a block: its size */

static void *sqlite_malloc(int n)
{
    char *block = malloc((size_t)n + HEADER);
    if (block == NULL)
        return NULL;
    memcpy(block, &n, sizeof n);
    return block + HEADER;
}

static void sqlite_free(void *p)
{
    free((char *)p - HEADER);
}

static int sqlite_size(void *p)
{
    int n;
    memcpy(&n, (char *)p - HEADER, sizeof n);
    return n;
}

static void *sqlite_realloc(void *old, int n)
{
    char *block = realloc((char *)old - HEADER, (size_t)n + HEADER);
    if (block == NULL)
        return NULL;
    memcpy(block, &n, sizeof n);
    return block + HEADER;
}

static int sqlite_round(int n)
{
    return (n + 7) & ~7;
}

static int sqlite_init(void *arg)
{
    (void)arg;
    return SQLITE_OK;
}

static void sqlite_shutdown(void *arg)
{
    (void)arg;
}

static int route_sqlite(void)
{
    static const sqlite3_mem_methods methods = {sqlite_malloc,   sqlite_free,  sqlite_realloc,
                                                sqlite_size,     sqlite_round, sqlite_init,
                                                sqlite_shutdown, NULL};
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK ||
        sqlite3_initialize() != SQLITE_OK)
        return -1;
    /* Of some failures SQLite knows that it can do without: none of them is made. */
    sqlite3_test_control(SQLITE_TESTCTRL_BENIGN_MALLOC_HOOKS, fault_pause, fault_resume);
    return 0;
}

/* ---- operations ------------------------------------------------------------------------------ */

static wn_status limiter(void *arg, wn_error *err)
{
    (void)arg;
    wn_limiter *made = NULL;
    wn_status status = wn_limiter_new_memory(&made, 100, err);
    wn_limiter_free(made);
    return status;
}

static wn_status open_new(void *arg, wn_error *err)
{
    (void)arg;
    wn_state state = {0};
    erase();
    wn_status status = wn_state_open(&state, dir, err);
    wn_state_close(&state);
    return status;
}

/* Something that is done with a store that is there.  It is opened and closed each time, because an
 * open one keeps pages in memory.  What failed must succeed when it is repeated with memory. */
typedef wn_status store_operation(wn_store *store, wn_error *err);

static wn_status with_store(void *arg, wn_error *err)
{
    store_operation *const *operation = arg;
    wn_store *store = NULL;
    wn_status status = wn_store_open_sqlite(&store, path, err);
    if (status == WN_OK)
        status = (*operation)(store, err);
    if (store != NULL && status == WN_ERR_MEMORY) {
        fault_pause();
        wn_error again = {0};
        if ((*operation)(store, &again) != WN_OK)
            status = wn_error_set(err, WN_ERR_INTERNAL, "tests/fault", "again: %s", again.message);
        fault_resume();
    }
    wn_store_close(store);
    return status;
}

static wn_status change_keys(wn_store *store, wn_error *err)
{
    wn_key_record record = check_store_record("AAAA0001");
    wn_key_record other = check_store_record("BBBB0001");
    bool found;
    wn_digest digest = {"x"};
    WN_TRY(wn_store_update_key(store, &found, &record, err));
    WN_TRY(wn_store_rotate_key(store, &found, &record.id, &digest, 5, err));
    WN_TRY(wn_store_revoke_key(store, &found, &record.id, 5, err));
    WN_TRY(wn_store_find_key(store, &other, &found, &record.id, err));
    return WN_OK;
}

static wn_status use_and_report(wn_store *store, wn_error *err)
{
    wn_ledger *ledger = NULL;
    wn_quota *quota = NULL;
    wn_usage_row *rows = NULL;
    size_t n;
    wn_usage_query query = {.until_s = 1000000, .by = WN_BY_DAY | WN_BY_KEY};
    wn_key_id id = {"AAAA0001"};
    wn_status status;
    WN_TRY_OUT(wn_ledger_new(&ledger, 8, err));
    WN_TRY_OUT(wn_quota_new(&quota, err));
    WN_TRY_OUT(wn_quota_refresh(quota, store, 0, err));
    wn_ledger_add(ledger, &id, 5, WN_STR("rerank"), WN_STR("small"),
                  &(wn_usage_counts){1, 2, 3, 4});
    WN_TRY_OUT(wn_ledger_flush(ledger, store, quota, err));
    WN_TRY_OUT(wn_store_report(store, &rows, &n, &query, err));
out:
    wn_mem_free(rows);
    wn_quota_free(quota);
    wn_ledger_free(ledger);
    return status;
}

static wn_status cache(wn_store *store, wn_error *err)
{
    static const wn_pepper pepper = {"x"};
    wn_key_record record = wn_key_record_default();
    wn_key_cache *made = NULL;
    wn_status status;
    WN_TRY_OUT(wn_key_cache_new(&made, &pepper, 0, err));
    WN_TRY_OUT(wn_key_cache_add_static(made, WN_STR("sk-1"), &record, err));
    WN_TRY_OUT(wn_key_cache_refresh(made, store, 0, false, err));
    if (wn_key_cache_find(made, &record, WN_STR("sk-1"), 0) != WN_KEY_OK)
        status = wn_error_set(err, WN_ERR_MEMORY, "tests/fault", "the key was not found");
out:
    wn_key_cache_free(made);
    return status;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void the_limiter_survives(void **state)
{
    (void)state;
    fault_each_allocation("limiter", limiter, NULL);
}

static void making_a_state_directory_survives(void **state)
{
    (void)state;
    fault_each_allocation("a new state directory", open_new, NULL);
}

static void each_operation_survives_and_leaves_the_store_whole(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        store_operation *run;
    } operations[] = {
        {"keys", change_keys}, {"usage", use_and_report}, {"the keys in memory", cache}};
    for (size_t i = 0; i < WN_ARRAY_LEN(operations); i++) {
        wn_error err = {0};
        wn_store *store = NULL;
        wn_key_record record = check_store_record("AAAA0001"), *keys = NULL;
        size_t n = 0;
        erase();
        assert_ok(wn_store_open_sqlite(&store, path, &err), &err);
        assert_ok(wn_store_add_key(store, &record, &err), &err);
        wn_store_close(store);
        store_operation *run = operations[i].run;
        fault_each_allocation(operations[i].name, with_store, &run);
        assert_ok(wn_store_open_sqlite(&store, path, &err), &err);
        assert_ok(wn_store_list_keys(store, &keys, &n, &err), &err);
        assert_int_equal(n, 1);
        wn_mem_free(keys);
        wn_store_close(store);
    }
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
        cmocka_unit_test(the_limiter_survives),
        cmocka_unit_test(making_a_state_directory_survives),
        cmocka_unit_test(each_operation_survives_and_leaves_the_store_whole),
    };
    if (route_sqlite() != 0 || mkdtemp(dir) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/winnow.db", dir);
    return cmocka_run_group_tests(tests, NULL, remove_dir);
}
