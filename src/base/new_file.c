/* See new_file.h. */
#define _GNU_SOURCE
#include "base/new_file.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define WN_WHERE "base/new_file"

wn_status wn_new_file_open(wn_new_file *file, const char *path, wn_error *err)
{
    *file = (wn_new_file){.fd = -1};
    if (!wn_buf_printf(&file->path, "%s", path) || !wn_buf_push_byte(&file->path, '\0') ||
        !wn_buf_printf(&file->part, "%s.part", path) || !wn_buf_push_byte(&file->part, '\0'))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the path of '%s'", path);
    file->fd = open(file->part.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file->fd < 0)
        WN_FAIL(err, WN_ERR_IO, "cannot write '%s': %s", file->part.ptr, strerror(errno));
    return WN_OK;
}

wn_status wn_new_file_write(wn_new_file *file, wn_str bytes, wn_error *err)
{
    for (size_t done = 0; done < bytes.len;) {
        ssize_t n = write(file->fd, bytes.ptr + done, bytes.len - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            WN_FAIL(err, WN_ERR_IO, "cannot write '%s': %s", file->part.ptr, strerror(errno));
    }
    return WN_OK;
}

wn_status wn_new_file_commit(wn_new_file *file, wn_error *err)
{
    bool synced = fsync(file->fd) == 0;
    int reason = errno;
    bool closed = close(file->fd) == 0;
    file->fd = -1;
    if (synced && closed && rename(file->part.ptr, file->path.ptr) == 0)
        return WN_OK;
    reason = synced ? errno : reason;
    unlink(file->part.ptr);
    WN_FAIL(err, WN_ERR_IO, "cannot write '%s': %s", file->path.ptr, strerror(reason));
}

void wn_new_file_deinit(wn_new_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
        unlink(file->part.ptr);
    }
    wn_buf_deinit(&file->path);
    wn_buf_deinit(&file->part);
    file->fd = -1;
}
