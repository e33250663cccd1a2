/* See hub.h. */
#define _GNU_SOURCE
#include "hub/hub.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define WN_WHERE    "hub/hub"
#define ENTRIES_MAX 100000 /* of one folder */

wn_status wn_hub_path(wn_buf *out, wn_error *err, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    wn_buf_clear(out);
    bool ok = n >= 0 && wn_buf_reserve(out, (size_t)n + 1);
    if (ok)
        out->len = (size_t)vsnprintf(out->ptr, (size_t)n + 1, format, again);
    va_end(again);
    if (!ok)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a path");
    return WN_OK;
}

wn_status wn_hub_make_parents(const char *path, wn_error *err)
{
    wn_buf copy = WN_BUF_INIT;
    WN_TRY(wn_hub_path(&copy, err, "%s", path));
    wn_status status = WN_OK;
    for (char *at = copy.ptr + 1; copy.len > 0 && *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(copy.ptr, 0777) != 0 && errno != EEXIST)
            WN_FAIL_OUT(err, WN_ERR_IO, "cannot make the folder '%s': %s", copy.ptr,
                        strerror(errno));
        *at = '/';
    }
out:
    wn_buf_deinit(&copy);
    return status;
}

static wn_status write_all(const char *path, wn_str bytes, wn_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        WN_FAIL(err, WN_ERR_IO, "cannot write '%s': %s", path, strerror(errno));
    bool ok = true;
    for (size_t done = 0; ok && done < bytes.len;) {
        ssize_t n = write(fd, bytes.ptr + done, bytes.len - done);
        ok = n >= 0 || errno == EINTR;
        done += n > 0 ? (size_t)n : 0;
    }
    int reason = errno;
    close(fd);
    if (!ok)
        WN_FAIL(err, WN_ERR_IO, "cannot write '%s': %s", path, strerror(reason));
    return WN_OK;
}

wn_status wn_hub_write_file(const char *path, wn_str bytes, wn_error *err)
{
    wn_buf part = WN_BUF_INIT;
    wn_status status;
    WN_TRY_OUT(wn_hub_make_parents(path, err));
    WN_TRY_OUT(wn_hub_path(&part, err, "%s.%d.part", path, (int)getpid()));
    WN_TRY_OUT(write_all(part.ptr, bytes, err));
    if (rename(part.ptr, path) != 0) {
        int reason = errno;
        unlink(part.ptr);
        WN_FAIL_OUT(err, WN_ERR_IO, "cannot write '%s': %s", path, strerror(reason));
    }
out:
    wn_buf_deinit(&part);
    return status;
}

/* ---- folders --------------------------------------------------------------------------------- */

typedef struct names {
    char **at;
    size_t n, cap;
} names;

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static wn_status push_name(names *list, const char *name, const char *folder, wn_error *err)
{
    size_t size = strlen(name) + 1;
    if (list->n == ENTRIES_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "'%s' has more than %d entries", folder, ENTRIES_MAX);
    char *copy = wn_mem_alloc(size, 1);
    if (copy == NULL || !wn_mem_grow(&list->at, &list->cap, list->n + 1, sizeof *list->at)) {
        wn_mem_free(copy);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the names in '%s'", folder);
    }
    list->at[list->n++] = memcpy(copy, name, size);
    return WN_OK;
}

static wn_status read_names(names *list, const char *folder, wn_error *err)
{
    DIR *dir = opendir(folder);
    if (dir == NULL && (errno == ENOENT || errno == ENOTDIR))
        return WN_OK;
    if (dir == NULL)
        WN_FAIL(err, WN_ERR_IO, "cannot read the folder '%s': %s", folder, strerror(errno));
    wn_status status = WN_OK;
    for (const struct dirent *entry; status == WN_OK && (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = push_name(list, entry->d_name, folder, err);
    closedir(dir);
    if (list->n > 1)
        qsort(list->at, list->n, sizeof *list->at, compare_names);
    return status;
}

wn_status wn_hub_each_entry(const char *folder,
                            wn_status (*visit)(void *user, const char *path, const char *name,
                                               wn_error *err),
                            void *user, wn_error *err)
{
    names list = {0};
    wn_buf path = WN_BUF_INIT;
    wn_status status = read_names(&list, folder, err);
    for (size_t i = 0; i < list.n; i++) {
        if (status == WN_OK)
            status = wn_hub_path(&path, err, "%s/%s", folder, list.at[i]);
        if (status == WN_OK)
            status = visit(user, path.ptr, list.at[i], err);
        wn_mem_free(list.at[i]);
    }
    wn_mem_free(list.at);
    wn_buf_deinit(&path);
    return status;
}

/* ---- trees ----------------------------------------------------------------------------------- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static wn_status open_tree(FTS **out, const char *path, wn_error *err)
{
    char *const paths[] = {(char *)(uintptr_t)path, NULL}; /* which fts only reads */
    *out = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    if (*out == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory to walk through '%s'", path);
    return WN_OK;
}

static wn_status read_failed(const FTSENT *entry, wn_error *err)
{
    WN_FAIL(err, WN_ERR_IO, "cannot read '%s': %s", entry->fts_path, strerror(entry->fts_errno));
}

wn_status wn_hub_each_file(const char *folder,
                           wn_status (*visit)(void *user, const char *path, const char *name,
                                              wn_error *err),
                           void *user, wn_error *err)
{
    FTS *tree;
    wn_status status = WN_OK;
    size_t n = strlen(folder);
    if (!wn_file_exists(folder))
        return WN_OK;
    WN_TRY(open_tree(&tree, folder, err));
    for (FTSENT *entry; status == WN_OK && (entry = fts_read(tree)) != NULL;) {
        int kind = entry->fts_info;
        if (kind == FTS_DNR || kind == FTS_ERR || kind == FTS_NS)
            status = read_failed(entry, err);
        else if (entry->fts_level > 0 && kind != FTS_D && kind != FTS_DP)
            status = visit(user, entry->fts_path, entry->fts_path + n + 1, err);
    }
    fts_close(tree);
    return status;
}

wn_status wn_hub_remove_tree(const char *path, wn_error *err)
{
    FTS *tree;
    wn_status status = WN_OK;
    if (!wn_file_exists(path))
        return WN_OK;
    WN_TRY(open_tree(&tree, path, err));
    for (FTSENT *entry; status == WN_OK && (entry = fts_read(tree)) != NULL;) {
        int kind = entry->fts_info;
        if (kind == FTS_D) /* comes again, as FTS_DP, behind what is in it */
            continue;
        if (kind == FTS_DNR || kind == FTS_ERR || kind == FTS_NS)
            status = read_failed(entry, err);
        else if (remove(entry->fts_accpath) != 0 && errno != ENOENT)
            status = wn_error_set(err, WN_ERR_IO, WN_WHERE, "cannot remove '%s': %s",
                                  entry->fts_path, strerror(errno));
    }
    fts_close(tree);
    return status;
}

wn_status wn_hub_check_room(const char *folder, uint64_t n, wn_error *err)
{
    struct statvfs info;
    if (statvfs(folder, &info) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot look at the file system of '%s': %s", folder,
                strerror(errno));
    uint64_t room = (uint64_t)info.f_bavail * info.f_frsize;
    if (room >= n)
        return WN_OK;
    wn_buf needs = WN_BUF_INIT, has = WN_BUF_INIT;
    if (wn_buf_push_size(&needs, n) && wn_buf_push_size(&has, room))
        (void)wn_error_set(err, WN_ERR_IO, WN_WHERE,
                           "no space in '%s': %.*s are needed and %.*s are free", folder,
                           WN_STR_ARG(wn_buf_str(&needs)), WN_STR_ARG(wn_buf_str(&has)));
    else
        (void)wn_error_set(err, WN_ERR_IO, WN_WHERE, "no space in '%s'", folder);
    wn_buf_deinit(&needs);
    wn_buf_deinit(&has);
    return WN_ERR_IO;
}
