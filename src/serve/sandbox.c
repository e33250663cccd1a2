/* Landlock by its three system calls, which the C library does not wrap; the constants of newer
 * kernels are written out.  Source: Linux Documentation/userspace-api/landlock.rst.
 * See sandbox.h. */
#define _GNU_SOURCE
#include "serve/sandbox.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WN_WHERE "serve/sandbox"

#ifdef WN_INSTRUMENTED
#define POSSIBLE false /* sanitizers and coverage need what is taken away here */
#else
#define POSSIBLE true
#endif

#define LINKS_DEPTH 2 /* folders, in which links are looked for */

/* Rights by the version of the interface that brought them. */
#define FS_VERSION_1 0x1fffu
#define FS_REFER     (1u << 13) /* 2 */
#define FS_TRUNCATE  (1u << 14) /* 3 */
#define FS_IOCTL_DEV (1u << 15) /* 5 */
#define NET_TCP      3u         /* 4: bind, connect */
#define SCOPES       3u         /* 6: abstract sockets, signals */
#define FS_READ      (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_OF_FILES                                                                                \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     FS_TRUNCATE)

typedef struct ruleset_attr {
    uint64_t handled_fs, handled_net, scoped;
} ruleset_attr;

/* What libraries read while the server works: facts of this process and the machine, the
 * configuration of OpenSSL, parts of the C library that are loaded late. */
static const char *const system_paths[] = {
    "/proc/self",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/cpuinfo",
    "/proc/sys/vm",
    "/sys/fs/cgroup",
    "/sys/devices/system",
    "/dev/urandom",
    "/dev/null",
    "/etc/ssl",
    "/etc/localtime",
    "/usr/lib",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/lib",
    "/lib64",
};

void wn_sandbox_add(wn_sandbox_paths *paths, const char *path)
{
    if (path != NULL && paths->n < WN_SANDBOX_PATHS_MAX)
        paths->at[paths->n++] = path;
}

/* ---- user ------------------------------------------------------------------------------------ */

static wn_status become(const char *name, const char *gift, wn_error *err)
{
    const struct passwd *user = getpwnam(name);
    if (user == NULL)
        WN_FAIL(err, WN_ERR_IO, "user '%s' does not exist", name);
    if (user->pw_uid == geteuid())
        return WN_OK;
    if (gift != NULL && chown(gift, user->pw_uid, user->pw_gid) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot give '%s' to user '%s': %s", gift, name, strerror(errno));
    if (initgroups(name, user->pw_gid) != 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot become user '%s': %s", name, strerror(errno));
    if (user->pw_uid != 0 && setuid(0) == 0)
        WN_FAIL(err, WN_ERR_IO, "user '%s' could become root again", name);
    return WN_OK;
}

/* ---- files ----------------------------------------------------------------------------------- */

static void allow(int ruleset, const char *path, uint64_t rights)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat info;
    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0) {
        struct landlock_path_beneath_attr rule = {.parent_fd = fd, .allowed_access = rights};
        if (!S_ISDIR(info.st_mode))
            rule.allowed_access &= FS_OF_FILES;
        (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    close(fd);
}

/* A folder whose files, or those of folders in it, are links elsewhere, as in the cache of a model
 * hub or a mounted secret, whose own links are in a folder that begins with a dot. */
static void allow_links(int ruleset, const char *folder, int depth)
{
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return;
    wn_buf path = WN_BUF_INIT;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.' || !wn_file_join(&path, folder, entry->d_name))
            continue;
        if (entry->d_type == DT_LNK)
            allow(ruleset, path.ptr, FS_READ);
        else if (entry->d_type == DT_DIR && depth > 1)
            allow_links(ruleset, path.ptr, depth - 1);
    }
    wn_buf_deinit(&path);
    closedir(dir);
}

static bool limit_files(int abi, const wn_sandbox_options *options)
{
    ruleset_attr attr = {.handled_fs = FS_VERSION_1 | (abi >= 2 ? FS_REFER : 0) |
                                       (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0),
                         .handled_net = abi >= 4 ? NET_TCP : 0,
                         .scoped = abi >= 6 ? SCOPES : 0};
    size_t size = abi >= 6 ? sizeof attr : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    uint64_t all = attr.handled_fs & ~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | FS_IOCTL_DEV);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        return false;
    for (size_t i = 0; i < WN_ARRAY_LEN(system_paths); i++)
        allow(ruleset, system_paths[i], FS_READ);
    for (size_t i = 0; i < options->readable.n; i++) {
        allow(ruleset, options->readable.at[i], FS_READ);
        allow_links(ruleset, options->readable.at[i], LINKS_DEPTH);
    }
    for (size_t i = 0; i < options->writable.n; i++)
        allow(ruleset, options->writable.at[i], all);
    bool ok = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    close(ruleset);
    return ok;
}

/* ---- both ------------------------------------------------------------------------------------ */

wn_status wn_sandbox_enter(wn_sandbox *out, const wn_sandbox_options *options, wn_error *err)
{
    *out = (wn_sandbox){0};
    if (options->user != NULL)
        WN_TRY(become(options->user, options->gift, err));
    if (options->mode == WN_SANDBOX_OFF)
        return WN_OK;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot give up privileges: %s", strerror(errno));
    int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (POSSIBLE && abi > 0 && limit_files(abi, options))
        out->landlock_abi = abi;
    if (out->landlock_abi == 0 && options->mode == WN_SANDBOX_ON)
        WN_FAIL(err, WN_ERR_IO, "this kernel cannot limit files (Landlock): %s", strerror(errno));
    return WN_OK;
}

wn_status wn_sandbox_seal(wn_sandbox *sandbox, wn_sandbox_mode mode, wn_error *err)
{
    if (mode == WN_SANDBOX_OFF)
        return WN_OK;
    sandbox->seccomp = POSSIBLE && wn_sandbox_filter_calls();
    if (!sandbox->seccomp && mode == WN_SANDBOX_ON)
        WN_FAIL(err, WN_ERR_IO, "this kernel cannot limit system calls (seccomp)");
    return WN_OK;
}
