/* New files and directories: whole, or as if nothing had been. */
#define _GNU_SOURCE
#include "tests/support/check.h"

#include "base/file.h"
#include "base/new_dir.h"
#include "base/new_file.h"
#include "base/str.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static wn_error err;
static char folder[] = "/tmp/winnow-new-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[4][4096];
    static unsigned turn;
    char *out = path[turn++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

static bool is_there(const char *name)
{
    return wn_file_exists(path_of(name));
}

static void a_file_gets_its_name_at_the_end(void **state)
{
    (void)state;
    wn_new_file file;
    wn_buf content = WN_BUF_INIT;
    const char *path = path_of("a");
    assert_ok(wn_new_file_open(&file, path, &err), &err);
    assert_ok(wn_new_file_write(&file, WN_STR("one "), &err), &err);
    assert_ok(wn_new_file_write(&file, WN_STR("two"), &err), &err);
    assert_true(is_there("a.part") && !is_there("a"));
    assert_ok(wn_new_file_commit(&file, &err), &err);
    wn_new_file_deinit(&file);
    assert_true(!is_there("a.part"));
    assert_ok(wn_file_read(&content, path, 100, &err), &err);
    assert_true(wn_str_equal(wn_buf_str(&content), WN_STR("one two")));
    wn_buf_deinit(&content);
    assert_int_equal(unlink(path), 0);
}

static void a_file_that_is_not_finished_leaves_nothing(void **state)
{
    (void)state;
    wn_new_file file, second;
    const char *path = path_of("b");
    assert_ok(wn_new_file_open(&file, path, &err), &err);
    assert_fails(wn_new_file_open(&second, path, &err), WN_ERR_IO, &err, "b.part': File exists");
    wn_new_file_deinit(&second);
    assert_true(is_there("b.part")); /* it is the first one's */
    assert_int_equal(mkdir(path, 0700), 0);
    assert_fails(wn_new_file_commit(&file, &err), WN_ERR_IO, &err, "cannot write '");
    wn_new_file_deinit(&file);
    assert_true(!is_there("b.part"));
    assert_int_equal(rmdir(path), 0);
    assert_ok(wn_new_file_open(&file, path, &err), &err);
    wn_new_file_deinit(&file);
    assert_true(!is_there("b.part") && !is_there("b"));
}

static void a_directory_is_kept_or_taken_back(void **state)
{
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        wn_new_dir dir;
        assert_ok(wn_new_dir_open(&dir, path_of("d"), &err), &err);
        assert_ok(wn_new_dir_write(&dir, "x", WN_STR("1"), &err), &err);
        assert_ok(wn_new_dir_write(&dir, "sub/y", WN_STR(""), &err), &err);
        assert_ok(wn_new_dir_write(&dir, "z", WN_STR("3"), &err), &err);
        wn_new_dir_deinit(&dir, keep == 1);
        assert_int_equal(is_there("d/x") && is_there("d/sub/y") && is_there("d/z"), keep);
        assert_int_equal(is_there("d"), keep);
    }
    wn_new_dir dir;
    assert_fails(wn_new_dir_open(&dir, path_of("d"), &err), WN_ERR_ARGUMENT, &err,
                 "d' is not empty, expected a new or an empty directory");
    wn_new_dir_deinit(&dir, false);
    assert_fails(wn_new_dir_open(&dir, path_of("d/x"), &err), WN_ERR_ARGUMENT, &err,
                 "x' is a file, expected");
    wn_new_dir_deinit(&dir, false);
    assert_fails(wn_new_dir_open(&dir, path_of("no/d"), &err), WN_ERR_IO, &err, "cannot make '");
    wn_new_dir_deinit(&dir, false);
    assert_true(is_there("d/x") && is_there("d/sub/y"));
    unlink(path_of("d/x"));
    unlink(path_of("d/z"));
    unlink(path_of("d/sub/y"));
    rmdir(path_of("d/sub"));
    assert_ok(wn_new_dir_open(&dir, path_of("d"), &err), &err); /* empty now */
    assert_ok(wn_new_dir_write(&dir, "x", WN_STR("1"), &err), &err);
    wn_new_dir_deinit(&dir, false);
    assert_true(is_there("d") && !is_there("d/x")); /* it was there before */
    assert_int_equal(rmdir(path_of("d")), 0);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_gets_its_name_at_the_end),
        cmocka_unit_test(a_file_that_is_not_finished_leaves_nothing),
        cmocka_unit_test(a_directory_is_kept_or_taken_back),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
