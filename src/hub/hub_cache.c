/* See hub_cache.h. */
#define _GNU_SOURCE
#include "hub/hub_cache.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WN_WHERE     "hub/cache"
#define LOCK_LOOK_MS 100

#define SHORT_MIN 7 /* digits of a commit that is not given in full */

/* Snapshots whose commit begins so. */
typedef struct by_prefix {
    const char *prefix;
    size_t n;
    char commit[WN_COMMIT_LEN + 1];
} by_prefix;

static wn_status compare_prefix(void *user, const char *path, const char *name, wn_error *err)
{
    by_prefix *found = user;
    (void)path, (void)err;
    if (wn_repo_is_commit(wn_str_from(name)) &&
        strncmp(name, found->prefix, strlen(found->prefix)) == 0 && found->n++ == 0)
        memcpy(found->commit, name, sizeof found->commit);
    return WN_OK;
}

/* The one commit of the cache that begins so; "" when there is none, or there are several. */
static wn_status find_short(char commit[WN_COMMIT_LEN + 1], const char *cache, const wn_repo *repo,
                            wn_error *err)
{
    by_prefix found = {.prefix = repo->revision};
    wn_buf path = WN_BUF_INIT;
    size_t n = strlen(repo->revision);
    if (n < SHORT_MIN || strspn(repo->revision, "0123456789abcdef") != n)
        return WN_OK;
    wn_status status = wn_hub_path(&path, err, "%s/%s/snapshots", cache, repo->folder);
    if (status == WN_OK)
        status = wn_hub_each_entry(path.ptr, compare_prefix, &found, err);
    if (status == WN_OK && found.n == 1)
        memcpy(commit, found.commit, sizeof found.commit);
    wn_buf_deinit(&path);
    return status;
}

wn_status wn_cache_read_ref(char commit[WN_COMMIT_LEN + 1], const char *cache, const wn_repo *repo,
                            wn_error *err)
{
    wn_buf path = WN_BUF_INIT, text = WN_BUF_INIT;
    wn_str found = wn_str_from(repo->revision);
    wn_status status = WN_OK;
    commit[0] = '\0';
    if (!wn_repo_is_commit(found)) {
        WN_TRY_OUT(wn_hub_path(&path, err, "%s/%s/refs/%s", cache, repo->folder, repo->revision));
        if (!wn_file_exists(path.ptr)) {
            status = find_short(commit, cache, repo, err);
            goto out;
        }
        WN_TRY_OUT(wn_file_read(&text, path.ptr, WN_CACHE_REF_BYTES_MAX, err));
        found = wn_buf_str(&text);
        while (found.len > 0 &&
               (found.ptr[found.len - 1] == '\n' || found.ptr[found.len - 1] == ' '))
            found.len--;
        if (!wn_repo_is_commit(found))
            WN_FAIL_OUT(err, WN_ERR_FORMAT, "'%s' is '%.*s', expected a commit", path.ptr,
                        WN_STR_ARG(found));
    }
    memcpy(commit, found.ptr, WN_COMMIT_LEN);
    commit[WN_COMMIT_LEN] = '\0';
out:
    wn_buf_deinit(&path);
    wn_buf_deinit(&text);
    return status;
}

wn_status wn_cache_write_ref(const char *cache, const wn_repo *repo, const char *commit,
                             wn_error *err)
{
    char known[WN_COMMIT_LEN + 1];
    wn_buf path = WN_BUF_INIT;
    if (wn_repo_is_commit(wn_str_from(repo->revision)))
        return WN_OK;
    wn_status status = wn_cache_read_ref(known, cache, repo, err);
    if (status == WN_ERR_MEMORY || (status == WN_OK && strcmp(known, commit) == 0))
        return status; /* a damaged one is written anew */
    status = wn_hub_path(&path, err, "%s/%s/refs/%s", cache, repo->folder, repo->revision);
    if (status == WN_OK)
        status = wn_hub_write_file(path.ptr, wn_str_from(commit), err);
    wn_buf_deinit(&path);
    return status;
}

/* ---- finding --------------------------------------------------------------------------------- */

typedef struct gguf_files {
    size_t n;
    wn_buf path; /* of the first */
} gguf_files;

static wn_status look_for_gguf(void *user, const char *path, const char *name, wn_error *err)
{
    gguf_files *files = user;
    if (!wn_str_ends(wn_str_from(name), WN_STR(".gguf")) || files->n++ > 0)
        return WN_OK;
    return wn_hub_path(&files->path, err, "%s", path);
}

/* Whether a folder has a file of that name. */
static wn_status has(bool *out, const char *dir, const char *name, wn_error *err)
{
    wn_buf path = WN_BUF_INIT;
    wn_status status = wn_hub_path(&path, err, "%s/%s", dir, name);
    *out = status == WN_OK && wn_file_exists(path.ptr);
    wn_buf_deinit(&path);
    return status;
}

wn_status wn_cache_choose(wn_buf *out, const char *dir, wn_error *err)
{
    bool config, whole, sharded;
    gguf_files gguf = {0};
    WN_TRY(has(&config, dir, "config.json", err));
    WN_TRY(has(&whole, dir, "model.safetensors", err));
    WN_TRY(has(&sharded, dir, "model.safetensors.index.json", err));
    wn_status status = WN_OK;
    if (!config || (!whole && !sharded))
        status = wn_hub_each_file(dir, look_for_gguf, &gguf, err);
    if (status == WN_OK)
        status = wn_hub_path(out, err, "%s", gguf.n == 1 ? gguf.path.ptr : dir);
    wn_buf_deinit(&gguf.path);
    return status;
}

wn_status wn_cache_find(wn_buf *out, bool *found, const char *cache, const wn_repo *repo,
                        wn_error *err)
{
    char commit[WN_COMMIT_LEN + 1];
    wn_buf dir = WN_BUF_INIT;
    *found = false;
    WN_TRY(wn_cache_read_ref(commit, cache, repo, err));
    if (commit[0] == '\0')
        return WN_OK;
    wn_status status = wn_hub_path(&dir, err, "%s/%s/snapshots/%s", cache, repo->folder, commit);
    if (status == WN_OK)
        status = wn_cache_choose(out, dir.ptr, err);
    if (status == WN_OK)
        *found = wn_file_exists(dir.ptr);
    wn_buf_deinit(&dir);
    return status;
}

/* ---- links ----------------------------------------------------------------------------------- */

static bool is_link_to(const char *target, const char *path)
{
    char found[128];
    ssize_t n = readlink(path, found, sizeof found);
    return n > 0 && wn_str_equal((wn_str){found, (size_t)n}, wn_str_from(target));
}

/* Make a link of that name, and rename it to its place.  One that is right stays: a cache that is
 * whole is only read. */
static wn_status replace_link(const char *target, const char *path, wn_error *err)
{
    wn_buf part = WN_BUF_INIT;
    if (is_link_to(target, path))
        return WN_OK;
    WN_TRY(wn_hub_path(&part, err, "%s.%d.part", path, (int)getpid()));
    wn_status status = WN_OK;
    (void)unlink(part.ptr);
    if (symlink(target, part.ptr) != 0)
        WN_FAIL_OUT(err, WN_ERR_IO, "cannot make the link '%s': %s", path, strerror(errno));
    if (rename(part.ptr, path) != 0) {
        int reason = errno;
        (void)unlink(part.ptr);
        WN_FAIL_OUT(err, WN_ERR_IO, "cannot make the link '%s': %s", path, strerror(reason));
    }
out:
    wn_buf_deinit(&part);
    return status;
}

wn_status wn_cache_link(const char *cache, const wn_repo *repo, const char *commit,
                        const char *file, const char *blob, wn_error *err)
{
    wn_buf path = WN_BUF_INIT, target = WN_BUF_INIT;
    wn_status status;
    WN_TRY_OUT(wn_hub_path(&path, err, "%s/%s/snapshots/%s/%s", cache, repo->folder, commit, file));
    WN_TRY_OUT(wn_hub_make_parents(path.ptr, err));
    wn_buf_printf(&target, "../../");
    for (const char *at = file; *at != '\0'; at++)
        if (*at == '/')
            wn_buf_printf(&target, "../");
    wn_buf_printf(&target, "blobs/%s", blob);
    if (!wn_buf_push_byte(&target, '\0'))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a link");
    status = replace_link(target.ptr, path.ptr, err);
out:
    wn_buf_deinit(&path);
    wn_buf_deinit(&target);
    return status;
}

/* ---- locks ----------------------------------------------------------------------------------- */

wn_status wn_cache_lock(int *fd, const wn_hub_settings *settings, const wn_repo *repo,
                        const char *blob, wn_error *err)
{
    wn_buf path = WN_BUF_INIT;
    wn_status status;
    int file = -1;
    bool told = false;
    WN_TRY_OUT(
        wn_hub_path(&path, err, "%s/.locks/%s/%s.lock", settings->cache, repo->folder, blob));
    WN_TRY_OUT(wn_hub_make_parents(path.ptr, err));
    file = open(path.ptr, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        WN_FAIL_OUT(err, WN_ERR_IO, "cannot write '%s': %s", path.ptr, strerror(errno));
    while (flock(file, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            WN_FAIL_OUT(err, WN_ERR_IO, "cannot lock '%s': %s", path.ptr, strerror(errno));
        if (settings->should_stop(settings->user))
            WN_FAIL_OUT(err, WN_ERR_CANCELLED, "stopped while another process had '%s'", path.ptr);
        if (!told)
            settings->note(settings->user, "another process fetches the same file: waiting for it");
        told = true;
        nanosleep(&(struct timespec){.tv_nsec = LOCK_LOOK_MS * 1000000}, NULL);
    }
    *fd = file;
    file = -1;
out:
    if (file >= 0)
        close(file);
    wn_buf_deinit(&path);
    return status;
}

void wn_cache_unlock(int fd)
{
    close(fd);
}
