/* See part_file.h. */
#define _GNU_SOURCE
#include "cli/part_file.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE "cli/part_file"

/* Find the end of the last whole line, counting lines on the way. */
static wn_status count_lines(wn_part_file *file, int fd, off_t *end, wn_error *err)
{
    static const char mark[] = WN_ERROR_LINE_START;
    char bytes[65536];
    size_t column = 0, matched = 0;
    off_t at = 0;
    ssize_t n;
    *end = 0;
    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++, at++) {
            if (bytes[i] == '\n') {
                file->n_lines++;
                file->n_errors += matched == sizeof mark - 1 ? 1 : 0;
                column = matched = 0;
                *end = at + 1;
                continue;
            }
            if (column < sizeof mark - 1 && matched == column && bytes[i] == mark[column])
                matched++;
            column++;
        }
    }
    if (n < 0)
        WN_FAIL(err, WN_ERR_IO, "cannot read '%s': %s", file->part_path.ptr, strerror(errno));
    return WN_OK;
}

/* Open and lock FILE.part.  The holder of the lock may have renamed it between our open and our
 * lock: then what we locked is not FILE.part any more. */
static wn_status open_locked(wn_part_file *file, int *out_fd, wn_error *err)
{
    const char *part = file->part_path.ptr;
    for (;;) {
        int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0)
            WN_FAIL(err, WN_ERR_IO, "cannot write '%s': %s", part, strerror(errno));
        struct stat ours, named;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &ours) != 0) {
            int reason = errno;
            close(fd);
            if (reason == EWOULDBLOCK)
                WN_FAIL(err, WN_ERR_IO, "'%s' is being written by another process", part);
            WN_FAIL(err, WN_ERR_IO, "cannot lock '%s': %s", part, strerror(reason));
        }
        *out_fd = fd;
        if (stat(part, &named) == 0 && named.st_dev == ours.st_dev && named.st_ino == ours.st_ino)
            return WN_OK;
        close(fd);
    }
}

wn_status wn_part_file_open(wn_part_file *file, wn_sink *sink, const char *path, bool resume,
                            wn_error *err)
{
    struct stat target;
    *file = (wn_part_file){.path = path};
    bool is_there = stat(path, &target) == 0;
    if (is_there && S_ISDIR(target.st_mode))
        WN_FAIL(err, WN_ERR_IO, "'%s' is a directory, expected a file", path);
    file->is_done = resume && is_there;
    if (file->is_done)
        return WN_OK;
    if (!wn_buf_printf(&file->part_path, "%s.part", path) ||
        !wn_buf_push_byte(&file->part_path, '\0'))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a path");
    const char *part = file->part_path.ptr;
    int fd = -1;
    WN_TRY(open_locked(file, &fd, err));
    *sink = (wn_sink){.fd = fd, .name = part};
    file->is_ours = true;
    off_t end = 0;
    if (resume)
        WN_TRY(count_lines(file, fd, &end, err));
    if (ftruncate(fd, end) != 0 || lseek(fd, end, SEEK_SET) != end)
        WN_FAIL(err, WN_ERR_IO, "cannot write '%s': %s", part, strerror(errno));
    return WN_OK;
}

/* Force the folder of a file to disk, so that the rename stays; best effort, as not every file
 * system can. */
static void sync_folder(const char *path)
{
    wn_buf folder = WN_BUF_INIT;
    const char *slash = strrchr(path, '/');
    int len = slash == NULL ? 1 : (int)WN_MAX(slash - path, 1);
    if (wn_buf_printf(&folder, "%.*s", len, slash == NULL ? "." : path) &&
        wn_buf_push_byte(&folder, '\0')) {
        int fd = open(folder.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0) {
            (void)fsync(fd);
            close(fd);
        }
    }
    wn_buf_deinit(&folder);
}

wn_status wn_part_file_commit(wn_part_file *file, wn_sink *sink, wn_error *err)
{
    if (fsync(sink->fd) != 0 && errno != EINVAL)
        WN_FAIL(err, WN_ERR_IO, "cannot write to %s: %s", sink->name, strerror(errno));
    WN_TRY(wn_sink_close(sink, err));
    if (rename(file->part_path.ptr, file->path) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot rename '%s' to '%s': %s", file->part_path.ptr, file->path,
                strerror(errno));
    file->is_ours = false;
    sync_folder(file->path);
    return WN_OK;
}

wn_status wn_part_file_deinit(wn_part_file *file, wn_sink *sink, bool can_resume, wn_error *err)
{
    wn_status status = WN_OK;
    if (file->is_ours) {
        status = wn_sink_close(sink, err);
        if (!can_resume) {
            unlink(file->part_path.ptr);
            status = WN_OK;
        }
    }
    wn_buf_deinit(&file->part_path);
    *file = (wn_part_file){0};
    return status;
}
