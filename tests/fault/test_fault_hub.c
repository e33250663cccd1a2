/* hub/ under failing allocations: lists of files, the cache, and models carried from one cache to
 * another. */
#define _GNU_SOURCE
#include "tests/fault/fault.h"

#include "base/str.h"
#include "hub/bundle.h"
#include "hub/listing.h"

#include <unistd.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define BLOB   "9e26dfeeb6e641a33dae4961196235bdb965b21b" /* of "{}", as git has it */

/* Two caches and a tar; the last test removes them. */
static char folder[] = "/tmp/winnow-fault-XXXXXX";
static const wn_repo repo = {.id = "a/b", .folder = "models--a--b", .revision = "main"};

static bool never(void *user)
{
    (void)user;
    return false;
}

static void no_progress(void *user, uint64_t n_done, uint64_t n_bytes)
{
    (void)user, (void)n_done, (void)n_bytes;
}

/* FOLDER/NAME */
static void path_of(char path[64], const char *name)
{
    snprintf(path, 64, "%.40s/%.20s", folder, name);
}

static wn_hub_settings settings_of(char cache[64], const char *name)
{
    path_of(cache, name);
    return (wn_hub_settings){.cache = cache, .should_stop = never, .progress = no_progress};
}

static wn_status list_files(void *arg, wn_error *err)
{
    wn_listing listing;
    const wn_str json =
        WN_STR("{\"sha\":\"" COMMIT "\",\"siblings\":[{\"rfilename\":\"config.json\"},"
               "{\"rfilename\":\"model.safetensors\",\"size\":1,\"lfs\":{\"sha256\":"
               "\"" COMMIT "0123456789abcdef01234567\",\"size\":1}}]}");
    (void)arg;
    wn_status status = wn_listing_parse(&listing, json, &repo, err);
    if (status == WN_OK)
        status = wn_listing_pick(&listing, &repo, NULL, err);
    wn_listing_deinit(&listing);
    return status;
}

/* Make a model, find it. */
static wn_status keep(void *arg, wn_error *err)
{
    char cache[64];
    wn_hub_settings settings = settings_of(cache, "one");
    wn_buf path = WN_BUF_INIT;
    bool found = false;
    int lock = -1;
    wn_status status;
    (void)arg;
    WN_TRY_OUT(wn_hub_path(&path, err, "%s/%s/blobs/" BLOB, cache, repo.folder));
    WN_TRY_OUT(wn_hub_write_file(path.ptr, WN_STR("{}"), err));
    WN_TRY_OUT(wn_cache_lock(&lock, &settings, &repo, BLOB, err));
    WN_TRY_OUT(wn_cache_link(cache, &repo, COMMIT, "config.json", BLOB, err));
    WN_TRY_OUT(wn_cache_link(cache, &repo, COMMIT, "1_Pooling/config.json", BLOB, err));
    WN_TRY_OUT(wn_cache_write_ref(cache, &repo, COMMIT, err));
    WN_TRY_OUT(wn_cache_find(&path, &found, cache, &repo, err));
    assert_true(found);
out:
    if (lock >= 0)
        wn_cache_unlock(lock);
    wn_buf_deinit(&path);
    return status;
}

static void note_good(void *user, const wn_cached_model *model, const char *file,
                      wn_file_state state, const char *got, const char *want)
{
    (void)user, (void)model, (void)file, (void)got, (void)want;
    assert_int_equal(state, WN_FILE_GOOD);
}

/* Carry it to the other cache, check it there and remove it. */
static wn_status carry(void *arg, wn_error *err)
{
    char from[64], to[64], tar[64], commit[WN_COMMIT_LEN + 1];
    wn_hub_settings one = settings_of(from, "one"), two = settings_of(to, "two");
    wn_verify_report report = {.found = note_good};
    wn_inventory models = {0}, carried = {0};
    wn_repo got;
    uint64_t n_freed;
    wn_status status;
    (void)arg;
    path_of(tar, "a.tar");
    unlink(tar);
    WN_TRY_OUT(wn_inventory_read(&models, from, &repo, true, err));
    assert_int_equal(models.n_models, 1);
    WN_TRY_OUT(wn_bundle_export(&models.models[0], tar, &one, err));
    WN_TRY_OUT(wn_bundle_import(&got, commit, tar, &two, err));
    assert_string_equal(commit, COMMIT);
    WN_TRY_OUT(wn_inventory_read(&carried, to, NULL, false, err));
    assert_int_equal(carried.n_models, 1);
    WN_TRY_OUT(wn_inventory_verify(&report, &carried.models[0], &two, err));
    assert_int_equal(report.n_by_state[WN_FILE_GOOD], 2);
    status = wn_inventory_remove(&n_freed, to, &carried.models[0], NULL, err);
out:
    wn_inventory_deinit(&models);
    wn_inventory_deinit(&carried);
    return status;
}

static void lists_survive(void **state)
{
    (void)state;
    fault_each_allocation("list of files", list_files, NULL);
}

static void the_cache_survives(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    fault_each_allocation("cache", keep, NULL);
}

static void carrying_survives(void **state)
{
    (void)state;
    wn_error err = {0};
    fault_each_allocation("export and import", carry, NULL);
    assert_ok(wn_hub_remove_tree(folder, &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_survive),
        cmocka_unit_test(the_cache_survives),
        cmocka_unit_test(carrying_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
