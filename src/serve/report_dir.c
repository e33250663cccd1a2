/* See report_dir.h.  A file is opened without following a link and without waiting (a pipe), then
 * looked at: what was looked at is what is read. */
#define _DEFAULT_SOURCE /* dirfd */
#include "serve/report_dir.h"

#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE    "serve/report_dir"
#define LAST_SECOND 253402300799 /* of the year 9999 */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

bool wn_report_is_page(wn_str name)
{
    return wn_str_ends(name, WN_STR(".html"));
}

bool wn_report_name_is_valid(wn_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_plain(name.ptr[i]))
            return false;
    }
    return name.len <= WN_REPORT_NAME_MAX && !wn_str_starts(name, WN_STR(".")) &&
           (wn_report_is_page(name) || wn_str_ends(name, WN_STR(".json")));
}

/* The newest first, of the same moment by name. */
static int compare(const void *a, const void *b)
{
    const wn_report_file *left = a, *right = b;
    if (left->modified_s != right->modified_s)
        return left->modified_s > right->modified_s ? -1 : 1;
    return strcmp(left->name, right->name);
}

wn_status wn_report_dir_list(wn_report_file *out, size_t *n, size_t *n_more, const char *dir,
                             wn_error *err)
{
    size_t found = 0, more = 0;
    DIR *folder = opendir(dir);
    if (folder == NULL)
        WN_FAIL(err, WN_ERR_IO, "'%s': %s", dir, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        struct stat info;
        wn_str name = wn_str_from(entry->d_name);
        if (!wn_report_name_is_valid(name) ||
            fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(info.st_mode))
            continue;
        if (found == WN_REPORTS_MAX) {
            more++;
            continue;
        }
        wn_report_file *file = &out[found++];
        memcpy(file->name, name.ptr, name.len + 1);
        file->bytes = (uint64_t)info.st_size;
        file->modified_s = WN_MIN(WN_MAX((int64_t)info.st_mtime, 0), LAST_SECOND);
    }
    closedir(folder);
    qsort(out, found, sizeof *out, compare);
    *n = found;
    *n_more = more;
    return WN_OK;
}

/* All of an open file that may grow meanwhile. */
static wn_status read_all(wn_buf *out, int fd, wn_str name, wn_error *err)
{
    wn_buf_clear(out);
    for (;;) {
        if (out->len > WN_REPORT_BYTES_MAX)
            WN_FAIL(err, WN_ERR_LIMIT, "report '%.*s' has more than %d bytes", WN_STR_ARG(name),
                    WN_REPORT_BYTES_MAX);
        if (!wn_buf_reserve(out, 65536))
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for report '%.*s'", WN_STR_ARG(name));
        ssize_t got = read(fd, out->ptr + out->len, out->cap - out->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            WN_FAIL(err, WN_ERR_IO, "report '%.*s': %s", WN_STR_ARG(name), strerror(errno));
        if (got == 0)
            return WN_OK;
        out->len += (size_t)got;
    }
}

static wn_status check_file(int fd, wn_str name, wn_error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        WN_FAIL(err, WN_ERR_INPUT, "there is no report '%.*s'", WN_STR_ARG(name));
    if (info.st_size > WN_REPORT_BYTES_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "report '%.*s' has %lld bytes, at most %d are sent",
                WN_STR_ARG(name), (long long)info.st_size, WN_REPORT_BYTES_MAX);
    return WN_OK;
}

wn_status wn_report_dir_read(wn_buf *out, const char *dir, wn_str name, wn_error *err)
{
    char text[WN_REPORT_NAME_MAX + 1];
    if (!wn_report_name_is_valid(name))
        WN_FAIL(err, WN_ERR_INPUT, "there is no report '%.*s'", WN_STR_ARG(name));
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        WN_FAIL(err, WN_ERR_IO, "'%s': %s", dir, strerror(errno));
    int fd = openat(folder, text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int why = errno;
    close(folder);
    if (fd < 0)
        WN_FAIL(err, why == EACCES || why == EMFILE || why == ENFILE ? WN_ERR_IO : WN_ERR_INPUT,
                "there is no report '%.*s': %s", WN_STR_ARG(name), strerror(why));
    wn_status status = check_file(fd, name, err);
    if (status == WN_OK)
        status = read_all(out, fd, name, err);
    close(fd);
    return status;
}
