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

static bool write_whole(int fd, const void *bytes, size_t n)
{
    return write(fd, bytes, n) == (ssize_t)n && fsync(fd) == 0;
}

/* Make the file, unless another process has made it meanwhile. */
static wn_status make_pepper(const char *path, wn_error *err)
{
    wn_pepper pepper;
    char part[4096];
    WN_TRY(wn_pepper_make(&pepper, err));
    if (snprintf(part, sizeof part, "%s.%d", path, (int)getpid()) >= (int)sizeof part)
        WN_FAIL(err, WN_ERR_LIMIT, "path '%.100s...' is too long", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
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

static wn_status read_pepper(wn_pepper *out, const char *path, wn_error *err)
{
    wn_buf bytes = WN_BUF_INIT;
    if (!wn_file_exists(path))
        WN_TRY(make_pepper(path, err));
    WN_TRY(wn_file_read(&bytes, path, 4096, err));
    wn_status status = WN_OK;
    if (bytes.len == sizeof out->bytes)
        memcpy(out->bytes, bytes.ptr, bytes.len);
    else
        status = wn_error_set(err, WN_ERR_FORMAT, WN_WHERE, "'%s' has %zu bytes, expected %zu",
                              path, bytes.len, sizeof out->bytes);
    wn_secret_wipe(bytes.ptr, bytes.len);
    wn_buf_deinit(&bytes);
    return status;
}

wn_status wn_state_open(wn_state *out, const char *dir, wn_error *err)
{
    wn_state state = {0};
    wn_buf pepper = WN_BUF_INIT, db = WN_BUF_INIT;
    wn_status status;
    WN_TRY_OUT(wn_state_make_dir(dir, err));
    if (!wn_file_join(&pepper, dir, "pepper") || !wn_file_join(&db, dir, "winnow.db"))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a path");
    WN_TRY_OUT(read_pepper(&state.pepper, pepper.ptr, err));
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
