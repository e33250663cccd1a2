/* What a process in the sandbox can no longer do.  Each test enters it in a child process. */
#define _GNU_SOURCE /* O_PATH and friends */
#include "tests/support/check.h"

#include "base/flag.h"
#include "base/thread.h"
#include "serve/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT 77 /* the kernel has no sandbox */

typedef struct sandbox_case {
    char folder[32]; /* with readable/file, writable/, outside */
    wn_sandbox_options options;
    char readable[64], writable[64];
} sandbox_case;

static void write_file(const char *folder, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static int set_up(void **state)
{
    static sandbox_case c;
    c = (sandbox_case){.folder = "test_sandbox.XXXXXX"};
    assert_non_null(mkdtemp(c.folder));
    snprintf(c.readable, sizeof c.readable, "%s/readable", c.folder);
    snprintf(c.writable, sizeof c.writable, "%s/writable", c.folder);
    assert_int_equal(mkdir(c.readable, 0755), 0);
    assert_int_equal(mkdir(c.writable, 0755), 0);
    write_file(c.readable, "file");
    write_file(c.folder, "outside");
    write_file(c.folder, "linked");
    assert_int_equal(symlink("../linked", "test_sandbox.link"), 0);
    char link[96];
    snprintf(link, sizeof link, "%s/link", c.readable);
    assert_int_equal(rename("test_sandbox.link", link), 0);
    wn_sandbox_add(&c.options.readable, c.readable);
    wn_sandbox_add(&c.options.readable, "/nonexistent");
    wn_sandbox_add(&c.options.writable, c.writable);
    *state = &c;
    return 0;
}

static int tear_down(void **state)
{
    const sandbox_case *c = *state;
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", c->folder);
    return system(command);
}

/* Run a check in a child that is in the sandbox; it returns the number of its line that failed. */
static void in_sandbox(const sandbox_case *c, int (*check)(const sandbox_case *c))
{
    pid_t child = fork();
    if (child == 0) {
        wn_sandbox sandbox;
        wn_error err;
        if (wn_sandbox_enter(&sandbox, &c->options, &err) != WN_OK ||
            wn_sandbox_seal(&sandbox, c->options.mode, &err) != WN_OK)
            _exit(1);
        _exit(sandbox.landlock_abi == 0 || !sandbox.seccomp ? CANNOT : check(c));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT)
        skip();
    if (WEXITSTATUS(status) != 0)
        fail_msg("check %d failed", WEXITSTATUS(status));
}

static int try_open(const char *folder, const char *name, int flags)
{
    char path[128];
    snprintf(path, sizeof path, "%s%s", folder, name);
    int fd = open(path, flags, 0644);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int check_files(const sandbox_case *c)
{
    if (try_open(c->readable, "/file", O_RDONLY) != 0)
        return 2;
    if (try_open(c->readable, "/link", O_RDONLY) != 0)
        return 3;
    if (try_open(c->readable, "/file", O_WRONLY) != EACCES)
        return 4;
    if (try_open(c->readable, "/new", O_WRONLY | O_CREAT) != EACCES)
        return 5;
    if (try_open(c->writable, "/new", O_RDWR | O_CREAT) != 0)
        return 6;
    if (try_open(c->folder, "/outside", O_RDONLY) != EACCES)
        return 7;
    if (try_open("/etc", "/passwd", O_RDONLY) != EACCES)
        return 8;
    if (try_open("/proc/self", "/status", O_RDONLY) != 0)
        return 9;
    char path[128];
    snprintf(path, sizeof path, "%s/outside", c->folder);
    return unlink(path) == 0 || errno != EACCES ? 10 : 0;
}

static void sandbox_leaves_only_the_files_of_its_list(void **state)
{
    in_sandbox(*state, check_files);
}

static int check_calls(const sandbox_case *c)
{
    (void)c;
    char *const words[] = {(char *)(uintptr_t) "/bin/true", NULL};
    if (execve(words[0], words, words + 1) == 0 || errno != EPERM)
        return 2;
    if (fork() >= 0 || errno != EPERM)
        return 3;
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
        return 4;
    if (socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 || errno != EPERM)
        return 5;
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 || errno != EPERM)
        return 6;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return 7;
    if (mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 || errno != EPERM)
        return 8;
    if (mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        return 9;
    return kill(getppid(), 0) == 0 || errno != EPERM ? 10 : 0;
}

#if defined(__x86_64__)
/* What a level of kernels needs when the next model is opened; the kernel may have its own reason
 * to refuse it. */
static int check_tiles(const sandbox_case *c)
{
    enum { GET_FS = 0x1003, REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18 };
    unsigned long base;
    (void)c;
    if (syscall(SYS_arch_prctl, REQ_XCOMP_PERM, TILE_DATA) != 0 && errno == EPERM)
        return 2;
    return syscall(SYS_arch_prctl, GET_FS, &base) == 0 || errno != EPERM ? 3 : 0;
}

static void sandbox_lets_ask_for_tile_registers(void **state)
{
    in_sandbox(*state, check_tiles);
}
#endif

static void sandbox_denies_programs_processes_sockets_and_code(void **state)
{
    in_sandbox(*state, check_calls);
}

/* Sockets that are there already can neither be bound elsewhere nor connected. */
static void sandbox_denies_bind_and_connect(void **state)
{
    const sandbox_case *c = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    for (int with_seccomp = 0; with_seccomp < 2; with_seccomp++) {
        int client = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
        pid_t child = fork();
        if (child == 0) {
            wn_sandbox sandbox;
            wn_error err;
            int want = with_seccomp ? EPERM : EACCES; /* Landlock says it otherwise */
            if (wn_sandbox_enter(&sandbox, &c->options, &err) != WN_OK)
                _exit(1);
            if (sandbox.landlock_abi < 4)
                _exit(CANNOT);
            if (with_seccomp &&
                (wn_sandbox_seal(&sandbox, WN_SANDBOX_AUTO, &err) != WN_OK || !sandbox.seccomp))
                _exit(CANNOT);
            if (connect(client, (struct sockaddr *)&address, size) == 0 || errno != want)
                _exit(2);
            address.sin_port = htons(1234);
            if (bind(other, (struct sockaddr *)&address, size) == 0 || errno != want)
                _exit(3);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        close(client);
        close(other);
        if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
            skip();
        assert_int_equal(status, 0);
    }
    close(listener);
}

static void try_socket(void *arg)
{
    int *const reasons = arg;
    while (reasons[0] == 0)
        wn_cpu_relax(), __sync_synchronize();
    reasons[1] = socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

/* A thread that was there before is limited too, and new ones can be started. */
static int check_threads(const sandbox_case *c)
{
    (void)c;
    wn_thread *thread;
    wn_error err;
    int reasons[2] = {1, 0};
    if (wn_thread_start(&thread, "after", try_socket, reasons, &err) != WN_OK)
        return 2;
    wn_thread_join(thread);
    return reasons[1] == EPERM ? 0 : 3;
}

static void sandbox_lets_threads_start_and_limits_them(void **state)
{
    const sandbox_case *c = *state;
    in_sandbox(c, check_threads);
    pid_t child = fork();
    if (child == 0) {
        wn_sandbox sandbox;
        wn_thread *thread;
        wn_error err;
        static int reasons[2];
        if (wn_sandbox_enter(&sandbox, &c->options, &err) != WN_OK ||
            wn_thread_start(&thread, "before", try_socket, reasons, &err) != WN_OK)
            _exit(1);
        if (wn_sandbox_seal(&sandbox, WN_SANDBOX_AUTO, &err) != WN_OK || !sandbox.seccomp)
            _exit(CANNOT);
        __sync_lock_test_and_set(&reasons[0], 1);
        wn_thread_join(thread);
        _exit(reasons[1] == EPERM ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(status == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT));
}

static int check_privileges(const sandbox_case *c)
{
    (void)c;
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    int n = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        n += strcmp(line, "NoNewPrivs:\t1\n") == 0 || strcmp(line, "Seccomp:\t2\n") == 0;
    return n == 2 ? 0 : 2;
}

static void sandbox_gives_up_privileges(void **state)
{
    in_sandbox(*state, check_privileges);
}

static void sandbox_becomes_a_user(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    pid_t child = fork();
    if (child == 0) {
        wn_sandbox sandbox;
        wn_error err;
        const wn_sandbox_options options = {.mode = WN_SANDBOX_OFF, .user = "nobody"};
        if (wn_sandbox_enter(&sandbox, &options, &err) != WN_OK)
            _exit(1);
        _exit(geteuid() == 0 || getegid() == 0 || setuid(0) == 0 ? 2 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void sandbox_refuses_users_that_do_not_exist(void **state)
{
    (void)state;
    wn_sandbox sandbox;
    wn_error err;
    const wn_sandbox_options options = {.mode = WN_SANDBOX_OFF, .user = "no such user"};
    assert_fails(wn_sandbox_enter(&sandbox, &options, &err), WN_ERR_IO, &err,
                 "user 'no such user' does not exist");
}

static void sandbox_off_changes_nothing(void **state)
{
    (void)state;
    wn_sandbox sandbox;
    wn_error err;
    const wn_sandbox_options options = {.mode = WN_SANDBOX_OFF};
    assert_ok(wn_sandbox_enter(&sandbox, &options, &err), &err);
    assert_ok(wn_sandbox_seal(&sandbox, WN_SANDBOX_OFF, &err), &err);
    assert_true(sandbox.landlock_abi == 0 && !sandbox.seccomp);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sandbox_leaves_only_the_files_of_its_list, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sandbox_denies_programs_processes_sockets_and_code, set_up,
                                        tear_down),
#if defined(__x86_64__)
        cmocka_unit_test_setup_teardown(sandbox_lets_ask_for_tile_registers, set_up, tear_down),
#endif
        cmocka_unit_test_setup_teardown(sandbox_denies_bind_and_connect, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sandbox_lets_threads_start_and_limits_them, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sandbox_gives_up_privileges, set_up, tear_down),
        cmocka_unit_test(sandbox_becomes_a_user),
        cmocka_unit_test(sandbox_refuses_users_that_do_not_exist),
        cmocka_unit_test(sandbox_off_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
