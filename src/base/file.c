/* See file.h. */
#define _GNU_SOURCE
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE "base/file"

/* A page that is read may bring along those around it, at most of a huge page. */
#define READ_AROUND ((size_t)2 << 20)

/* Stands for the mapping of an empty file, which mmap refuses. */
static const unsigned char empty_file[1];

static wn_status open_regular(int *out_fd, size_t *out_size, const char *path, wn_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        WN_FAIL(err, WN_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    struct stat info;
    if (fstat(fd, &info) != 0) {
        int reason = errno;
        close(fd);
        WN_FAIL(err, WN_ERR_IO, "cannot stat '%s': %s", path, strerror(reason));
    }
    if (!S_ISREG(info.st_mode)) {
        close(fd);
        WN_FAIL(err, WN_ERR_IO, "'%s' is %s, expected a regular file", path,
                S_ISDIR(info.st_mode) ? "a directory" : "not a regular file");
    }
    *out_fd = fd;
    *out_size = (size_t)info.st_size;
    return WN_OK;
}

wn_status wn_file_map_open(wn_file_map *out, const char *path, wn_error *err)
{
    int fd;
    size_t size;
    WN_TRY(open_regular(&fd, &size, path, err));
    if (size == 0) {
        close(fd);
        *out = (wn_file_map){empty_file, 0};
        return WN_OK;
    }
    void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    int reason = errno;
    close(fd);
    if (p == MAP_FAILED)
        WN_FAIL(err, WN_ERR_IO, "cannot map '%s' (%zu bytes): %s", path, size, strerror(reason));
    *out = (wn_file_map){p, size};
    return WN_OK;
}

void wn_file_map_release(const wn_file_map *map, const unsigned char *ptr, size_t len)
{
    size_t from = (size_t)(ptr - map->ptr);
    size_t to = WN_MIN(map->len, wn_round_up(from + len, READ_AROUND));
    WN_ASSERT(ptr >= map->ptr && from <= map->len && len <= map->len - from);
    from -= from % READ_AROUND;
    if (to > from) /* nothing was written, so nothing is lost; a refusal only costs memory */
        (void)madvise((void *)(uintptr_t)(map->ptr + from), to - from, MADV_DONTNEED);
}

void wn_file_unmap(wn_file_map *map)
{
    if (map->len > 0)
        munmap((void *)(uintptr_t)map->ptr, map->len);
    *map = (wn_file_map){0};
}

wn_status wn_file_read(wn_buf *out, const char *path, size_t max_bytes, wn_error *err)
{
    int fd;
    size_t size;
    WN_TRY(open_regular(&fd, &size, path, err));
    wn_status status = WN_OK;
    wn_buf_clear(out);
    if (size > max_bytes)
        WN_FAIL_OUT(err, WN_ERR_LIMIT, "'%s' has %zu bytes, at most %zu are read", path, size,
                    max_bytes);
    if (!wn_buf_reserve(out, size))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for '%s' (%zu bytes)", path, size);
    while (out->len < size) {
        ssize_t n = read(fd, out->ptr + out->len, size - out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            WN_FAIL_OUT(err, WN_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
        if (n == 0)
            WN_FAIL_OUT(err, WN_ERR_IO, "'%s' ended after %zu bytes, expected %zu", path, out->len,
                        size);
        out->len += (size_t)n;
    }
out:
    close(fd);
    return status;
}

bool wn_file_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool wn_file_join(wn_buf *out, const char *dir, const char *name)
{
    wn_buf_clear(out);
    size_t len = strlen(dir);
    bool slash = len > 0 && dir[len - 1] != '/';
    return wn_buf_printf(out, "%s%s%s", dir, slash ? "/" : "", name) && wn_buf_reserve(out, 1);
}
