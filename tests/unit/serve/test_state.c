/* The state directory: what is made, what is found again, what is refused. */
#define _GNU_SOURCE
#include "tests/support/check.h"

#include "serve/state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[] = "/tmp/winnow-state-XXXXXX";
static char dir[64], pepper[96], db[96];

static void erase(void)
{
    char name[128];
    static const char *const files[] = {"pepper", "winnow.db", "winnow.db-wal", "winnow.db-shm"};
    for (size_t i = 0; i < WN_ARRAY_LEN(files); i++) {
        snprintf(name, sizeof name, "%s/%s", dir, files[i]);
        unlink(name);
    }
}

static int begin_test(void **state)
{
    (void)state;
    erase();
    return 0;
}

static wn_pepper open_and_close(void)
{
    wn_error err = {0};
    wn_state state = {0};
    assert_ok(wn_state_open(&state, dir, &err), &err);
    wn_pepper found = state.pepper;
    wn_state_close(&state);
    return found;
}

static void assert_refused(wn_status want, const char *why)
{
    wn_error err = {0};
    wn_state state = {0};
    assert_fails(wn_state_open(&state, dir, &err), want, &err, why);
    assert_null(state.store);
    wn_state_close(&state);
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 0777;
}

static void write_file(const char *path, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    char bytes[64] = {1};
    assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
}

static void what_is_made_is_for_its_owner_and_found_again(void **state)
{
    (void)state;
    mode_t mask = umask(0);
    wn_pepper first = open_and_close(), zero = {{0}};
    umask(mask);
    assert_memory_not_equal(&first, &zero, sizeof first);
    assert_int_equal(mode_of(dir), 0700);
    assert_int_equal(mode_of(pepper), 0600);
    assert_int_equal(mode_of(db), 0600);
    wn_pepper second = open_and_close();
    assert_memory_equal(&first, &second, sizeof first);
}

static void a_pepper_that_others_can_read_is_refused(void **state)
{
    (void)state;
    open_and_close();
    assert_int_equal(chmod(pepper, 0640), 0);
    assert_refused(WN_ERR_IO, "mode 640, expected 600");
    assert_int_equal(chmod(pepper, 0600), 0);
    open_and_close();
}

static void a_pepper_of_another_size_is_refused(void **state)
{
    (void)state;
    write_file(pepper, 31);
    assert_refused(WN_ERR_FORMAT, "has 31 bytes, expected 32");
    write_file(pepper, 33);
    assert_refused(WN_ERR_FORMAT, "has 33 bytes");
}

static void a_lost_pepper_is_not_replaced(void **state)
{
    (void)state;
    open_and_close();
    assert_int_equal(unlink(pepper), 0);
    assert_refused(WN_ERR_IO, "is missing, and without it no key");
    assert_int_equal(access(pepper, F_OK), -1);
}

static void a_pepper_that_is_a_link_is_refused(void **state)
{
    (void)state;
    char target[96];
    snprintf(target, sizeof target, "%s/target", root);
    write_file(target, 32);
    assert_int_equal(symlink(target, pepper), 0);
    assert_refused(WN_ERR_IO, "cannot be opened");
    unlink(target);
}

static void a_directory_that_cannot_be_made_is_an_error(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_state opened = {0};
    char path[128];
    write_file(pepper, 32);
    snprintf(path, sizeof path, "%s/below", pepper);
    assert_fails(wn_state_open(&opened, path, &err), WN_ERR_IO, &err, "cannot be made");
}

/* Many processes at once: one pepper, and every one of them has it. */
static void processes_at_the_same_time_agree_on_the_pepper(void **state)
{
    (void)state;
    enum { N = 8 };
    int results[2];
    wn_pepper first, other;
    assert_int_equal(pipe(results), 0);
    for (int i = 0; i < N; i++) {
        if (fork() == 0) {
            wn_state opened = {0};
            wn_status status = wn_state_open(&opened, dir, NULL);
            bool ok = status == WN_OK && write(results[1], &opened.pepper, sizeof opened.pepper) ==
                                             sizeof opened.pepper;
            wn_state_close(&opened);
            _exit(ok ? 0 : 1);
        }
    }
    for (int i = 0; i < N; i++) {
        int code = -1;
        assert_true(wait(&code) > 0);
        assert_int_equal(code, 0);
    }
    assert_int_equal(read(results[0], &first, sizeof first), sizeof first);
    for (int i = 1; i < N; i++) {
        assert_int_equal(read(results[0], &other, sizeof other), sizeof other);
        assert_memory_equal(&first, &other, sizeof first);
    }
    close(results[0]);
    close(results[1]);
}

static int remove_dir(void **state)
{
    (void)state;
    char parent[64];
    erase();
    rmdir(dir);
    snprintf(parent, sizeof parent, "%s/a", root);
    rmdir(parent);
    return rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_made_is_for_its_owner_and_found_again, begin_test),
        cmocka_unit_test_setup(a_pepper_that_others_can_read_is_refused, begin_test),
        cmocka_unit_test_setup(a_pepper_of_another_size_is_refused, begin_test),
        cmocka_unit_test_setup(a_lost_pepper_is_not_replaced, begin_test),
        cmocka_unit_test_setup(a_pepper_that_is_a_link_is_refused, begin_test),
        cmocka_unit_test_setup(a_directory_that_cannot_be_made_is_an_error, begin_test),
        cmocka_unit_test_setup(processes_at_the_same_time_agree_on_the_pepper, begin_test),
    };
    if (mkdtemp(root) == NULL)
        return 1;
    snprintf(dir, sizeof dir, "%s/a/b", root);
    snprintf(pepper, sizeof pepper, "%s/pepper", dir);
    snprintf(db, sizeof db, "%s/winnow.db", dir);
    return cmocka_run_group_tests(tests, NULL, remove_dir);
}
