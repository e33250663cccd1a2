/* See new_dir.h.  A path is noted before the thing is made, so that nothing made is forgotten. */
#define _GNU_SOURCE
#include "base/new_dir.h"
#include "base/new_file.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE "base/new_dir"

static wn_status check_empty(const char *path, wn_error *err)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    bool empty = true;
    if (folder == NULL && errno == ENOTDIR)
        WN_FAIL(err, WN_ERR_ARGUMENT, "'%s' is a file, expected a new or an empty directory", path);
    if (folder == NULL && errno == ENOMEM)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory to read '%s'", path);
    if (folder == NULL)
        WN_FAIL(err, WN_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
    while (empty && (entry = readdir(folder)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    if (!empty)
        WN_FAIL(err, WN_ERR_ARGUMENT, "'%s' is not empty, expected a new or an empty directory",
                path);
    return WN_OK;
}

wn_status wn_new_dir_open(wn_new_dir *dir, const char *path, wn_error *err)
{
    *dir = (wn_new_dir){.path = path};
    if (mkdir(path, 0777) != 0) {
        if (errno != EEXIST)
            WN_FAIL(err, WN_ERR_IO, "cannot make '%s': %s", path, strerror(errno));
        return check_empty(path, err);
    }
    dir->was_missing = true;
    return WN_OK;
}

/* Note the path of a name; *at is where it lies in dir->made. */
static wn_status add_path(wn_new_dir *dir, size_t *at, wn_str name, wn_error *err)
{
    size_t start = dir->made.len;
    bool ok = wn_buf_printf(&dir->made, "%s/%.*s", dir->path, (int)name.len, name.ptr) &&
              wn_buf_push_byte(&dir->made, '\0');
    if (!ok) {
        dir->made.len = start;
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the path of '%.*s'", WN_STR_ARG(name));
    }
    *at = start;
    return WN_OK;
}

wn_status wn_new_dir_write(wn_new_dir *dir, const char *name, wn_str bytes, wn_error *err)
{
    size_t at;
    const char *slash = strchr(name, '/');
    if (slash != NULL) {
        WN_TRY(add_path(dir, &at, (wn_str){name, (size_t)(slash - name)}, err));
        if (mkdir(dir->made.ptr + at, 0777) != 0)
            WN_FAIL(err, WN_ERR_IO, "cannot make '%s': %s", dir->made.ptr + at, strerror(errno));
    }
    WN_TRY(add_path(dir, &at, wn_str_from(name), err));
    wn_new_file file;
    wn_status status = wn_new_file_open(&file, dir->made.ptr + at, err);
    if (status == WN_OK)
        status = wn_new_file_write(&file, bytes, err);
    if (status == WN_OK)
        status = wn_new_file_commit(&file, err);
    wn_new_file_deinit(&file);
    return status;
}

void wn_new_dir_deinit(wn_new_dir *dir, bool keep)
{
    size_t end = keep ? 0 : dir->made.len;
    while (end > 0) { /* from the last to the first: a folder after what lies in it */
        size_t start = end - 1;
        while (start > 0 && dir->made.ptr[start - 1] != '\0')
            start--;
        (void)remove(dir->made.ptr + start);
        end = start;
    }
    if (!keep && dir->was_missing)
        (void)rmdir(dir->path);
    wn_buf_deinit(&dir->made);
}
