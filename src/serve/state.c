/* See state.h.  The pepper is written beside its place and renamed, so that a process that dies
 * leaves either none or a whole one; of two that make it at once, both read the one that won. */
#define _GNU_SOURCE
#include "serve/state.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE "serve/state"

static wn_status make_dir(const char *path, wn_error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        WN_FAIL(err, WN_ERR_IO, "state directory '%s' cannot be made: %s", path, strerror(errno));
    return WN_OK;
}

wn_status wn_state_make_dir(const char *dir, wn_error *err)
{
    wn_buf path = WN_BUF_INIT;
    wn_status status = WN_OK;
    if (!wn_buf_push(&path, dir, strlen(dir) + 1))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a path");
    for (char *p = path.ptr + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        WN_TRY_OUT(make_dir(path.ptr, err));
        *p = '/';
    }
    WN_TRY_OUT(make_dir(path.ptr, err));
out:
    wn_buf_deinit(&path);
    return status;
}

/* ---- the pepper ------------------------------------------------------------------------------ */

static bool write_whole(int fd, const void *bytes, size_t n)
{
    return write(fd, bytes, n) == (ssize_t)n && fsync(fd) == 0;
}

/* That a name is in a directory outlives the loss of power only when this has been said. */
static wn_status sync_dir(const char *dir, wn_error *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    if (!ok)
        WN_FAIL(err, WN_ERR_IO, "'%s' cannot be written: %s", dir, strerror(reason));
    return WN_OK;
}

/* Make the file, unless another process has made it meanwhile. */
static wn_status make_pepper(const char *path, wn_error *err)
{
    wn_pepper pepper;
    char part[4096];
    if (snprintf(part, sizeof part, "%s.%d", path, (int)getpid()) >= (int)sizeof part)
        WN_FAIL(err, WN_ERR_LIMIT, "path '%.100s...' is too long", path);
    WN_TRY(wn_pepper_make(&pepper, err));
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && write_whole(fd, pepper.bytes, sizeof pepper.bytes);
    int reason = errno;
    if (fd >= 0)
        close(fd);
    if (ok && link(part, path) != 0 && errno != EEXIST) {
        ok = false;
        reason = errno;
    }
    unlink(part);
    wn_secret_wipe(&pepper, sizeof pepper);
    if (!ok)
        WN_FAIL(err, WN_ERR_IO, "'%s' cannot be written: %s", path, strerror(reason));
    return WN_OK;
}

static wn_status check_pepper(int fd, const char *path, wn_error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        WN_FAIL(err, WN_ERR_IO, "'%s' cannot be looked at: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode) || (info.st_mode & 077) != 0)
        WN_FAIL(err, WN_ERR_IO, "'%s' can be read by others: mode %03o, expected 600", path,
                (unsigned)info.st_mode & 0777);
    if (info.st_size != WN_PEPPER_LEN)
        WN_FAIL(err, WN_ERR_FORMAT, "'%s' has %lld bytes, expected %d", path,
                (long long)info.st_size, WN_PEPPER_LEN);
    return WN_OK;
}

static wn_status read_pepper(wn_pepper *out, const char *path, wn_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        WN_FAIL(err, WN_ERR_IO, "'%s' cannot be opened: %s", path, strerror(errno));
    wn_status status = check_pepper(fd, path, err);
    if (status == WN_OK && read(fd, out->bytes, WN_PEPPER_LEN) != WN_PEPPER_LEN)
        status = wn_error_set(err, WN_ERR_IO, WN_WHERE, "'%s' cannot be read: %s", path,
                              strerror(errno));
    close(fd);
    return status;
}

/* The pepper, a new one if there is none and no store that would need the one that is gone. */
static wn_status open_pepper(wn_pepper *out, const char *dir, const char *path, const char *db,
                             wn_error *err)
{
    bool has_store = wn_file_exists(db); /* the pepper comes before the store: so look after it */
    if (!wn_file_exists(path)) {
        if (has_store)
            WN_FAIL(err, WN_ERR_IO,
                    "'%s' is missing, and without it no key in '%s' can be checked: restore it, "
                    "or move the store away too",
                    path, db);
        WN_TRY(make_pepper(path, err));
        WN_TRY(sync_dir(dir, err));
    }
    return read_pepper(out, path, err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

wn_status wn_state_open(wn_state *out, const char *dir, wn_error *err)
{
    wn_state state = {0};
    wn_buf pepper = WN_BUF_INIT, db = WN_BUF_INIT;
    wn_status status;
    WN_TRY_OUT(wn_state_make_dir(dir, err));
    if (!wn_file_join(&pepper, dir, "pepper") || !wn_file_join(&db, dir, "winnow.db"))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a path");
    WN_TRY_OUT(open_pepper(&state.pepper, dir, pepper.ptr, db.ptr, err));
    WN_TRY_OUT(wn_store_open_sqlite(&state.store, db.ptr, err));
    *out = state;
    state = (wn_state){0};
out:
    wn_state_close(&state);
    wn_buf_deinit(&pepper);
    wn_buf_deinit(&db);
    return status;
}

void wn_state_close(wn_state *state)
{
    wn_store_close(state->store);
    wn_secret_wipe(&state->pepper, sizeof state->pepper);
    state->store = NULL;
}
