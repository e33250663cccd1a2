/* base/ under failing allocations, and the framework itself: it must notice a leak, a wrong status
 * and an error that is swallowed. */
#define _GNU_SOURCE
#include "tests/fault/fault.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"

#include <stdatomic.h>
#include <unistd.h>

#define WN_WHERE "tests/fault"

static wn_status no_memory(wn_error *err, const char *what)
{
    WN_FAIL(err, WN_ERR_MEMORY, "no memory for %s", what);
}

static wn_status use_arena(void *arg, wn_error *err)
{
    (void)arg;
    wn_arena arena = WN_ARENA_INIT;
    bool ok = true;
    for (size_t i = 1; ok && i < 3000; i++)
        ok = wn_arena_alloc(&arena, i, 3) != NULL;
    ok = ok && wn_arena_str(&arena, WN_STR("text")).ptr != NULL;
    wn_arena_deinit(&arena);
    return ok ? WN_OK : no_memory(err, "the arena");
}

static wn_status use_buf(void *arg, wn_error *err)
{
    (void)arg;
    wn_buf buf = WN_BUF_INIT;
    for (int i = 0; i < 5000; i++)
        (void)wn_buf_printf(&buf, "%d ", i);
    (void)wn_buf_push_byte(&buf, '\0');
    bool ok = !buf.failed;
    wn_buf_deinit(&buf);
    return ok ? WN_OK : no_memory(err, "the buffer");
}

static wn_status use_map(void *arg, wn_error *err)
{
    (void)arg;
    static char keys[2000][12];
    wn_map map = WN_MAP_INIT;
    bool ok = true;
    for (int i = 0; ok && i < 2000; i++) {
        snprintf(keys[i], sizeof keys[i], "%d", i);
        ok = wn_map_put(&map, wn_str_from(keys[i]), i, NULL);
        for (int k = 0; k < i + ok; k += 97)
            assert_int_equal(wn_map_get(&map, wn_str_from(keys[k]), -1), k);
    }
    wn_map_deinit(&map);
    return ok ? WN_OK : no_memory(err, "the map");
}

static void count_item(void *arg, size_t item, int32_t worker)
{
    (void)item, (void)worker;
    atomic_fetch_add((_Atomic int *)arg, 1);
}

static wn_status use_pool(void *arg, wn_error *err)
{
    (void)arg;
    wn_pool *pool = NULL;
    WN_TRY(wn_pool_new(&pool, 4, err));
    _Atomic int n = 0;
    wn_pool_run(pool, 100, count_item, &n);
    assert_int_equal(n, 100);
    wn_pool_free(pool);
    return WN_OK;
}

static wn_status use_file(void *arg, wn_error *err)
{
    const char *path = arg;
    wn_file_map map;
    WN_TRY(wn_file_map_open(&map, path, err));
    wn_buf whole = WN_BUF_INIT, joined = WN_BUF_INIT;
    wn_status status = wn_file_read(&whole, path, 1 << 20, err);
    if (status == WN_OK)
        assert_memory_equal(whole.ptr, map.ptr, map.len);
    if (status == WN_OK && !wn_file_join(&joined, path, "name"))
        status = no_memory(err, "the path");
    wn_buf_deinit(&joined);
    wn_buf_deinit(&whole);
    wn_file_unmap(&map);
    return status;
}

static void arena_survives(void **state)
{
    (void)state;
    fault_each_allocation("arena", use_arena, NULL);
}

static void buf_survives(void **state)
{
    (void)state;
    fault_each_allocation("buf", use_buf, NULL);
}

static void map_survives_and_keeps_its_keys(void **state)
{
    (void)state;
    fault_each_allocation("map", use_map, NULL);
}

static void pool_survives_missing_memory_and_threads(void **state)
{
    (void)state;
    fault_each_allocation("pool", use_pool, NULL);
}

static void file_survives(void **state)
{
    (void)state;
    char path[] = "/tmp/winnow-fault-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "some bytes\n", 11), 11);
    close(fd);
    fault_each_allocation("file", use_file, path);
    unlink(path);
}

/* ---- the framework ------------------------------------------------------------------------- */

static wn_status leak(void *arg, wn_error *err)
{
    void *first = wn_mem_alloc(1, 10);
    if (first == NULL)
        return no_memory(err, "the first block");
    void *second = wn_mem_alloc(1, 10);
    if (second == NULL) {
        *(void **)arg = first;
        return no_memory(err, "the second block");
    }
    wn_mem_free(second);
    wn_mem_free(first);
    return WN_OK;
}

static wn_status swallow(void *arg, wn_error *err)
{
    (void)arg, (void)err;
    wn_mem_free(wn_mem_alloc(1, 10));
    return WN_OK;
}

static wn_status misname(void *arg, wn_error *err)
{
    (void)arg;
    void *block = wn_mem_alloc(1, 10);
    if (block == NULL)
        WN_FAIL(err, WN_ERR_IO, "%s", "no memory");
    wn_mem_free(block);
    return WN_OK;
}

static wn_status idle(void *arg, wn_error *err)
{
    (void)arg, (void)err;
    return WN_OK;
}

static void framework_notices(fault_operation *operation, void *arg, const char *word)
{
    char why[1024] = "";
    assert_int_equal(fault_loop(why, sizeof why, operation, arg), -1);
    if (strstr(why, word) == NULL)
        fail_msg("'%s' does not contain '%s'", why, word);
}

static void framework_notices_every_kind_of_mistake(void **state)
{
    (void)state;
    void *leaked = NULL;
    framework_notices(leak, &leaked, "allocation 2 fails: 1 blocks are left");
    wn_mem_free(leaked);
    framework_notices(swallow, NULL, "allocation 1 fails: got WN_OK");
    framework_notices(misname, NULL, "got WN_ERR_IO");
    char why[64];
    assert_int_equal(fault_loop(why, sizeof why, idle, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_survives),
        cmocka_unit_test(buf_survives),
        cmocka_unit_test(map_survives_and_keeps_its_keys),
        cmocka_unit_test(pool_survives_missing_memory_and_threads),
        cmocka_unit_test(file_survives),
        cmocka_unit_test(framework_notices_every_kind_of_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
