/* Taking a model's revision from a tar, see bundle.h.  Files are unpacked by number into a folder
 * of the cache that no tool looks at; names are used when all checksums were right. */
#define _GNU_SOURCE
#include "hub/bundle.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "hub/blob_digest.h"
#include "hub/listing.h"
#include "hub/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE   "hub/import"
#define STAGING    ".winnow-import-"
#define COPY_BYTES ((size_t)1 << 20)
#define SHA256     ((wn_str){NULL, WN_BLOB_HEX_MAX}) /* of any blob */

/* An entry that was unpacked. */
typedef struct unpacked {
    const char *path; /* in the tar */
    const char *file; /* of the snapshot; NULL: it is a ref */
    const char *ref;
    char sha256[WN_BLOB_HEX_MAX + 1];
    bool is_summed; /* SHA256SUMS has it, and right */
} unpacked;

typedef struct import {
    const char *path; /* of the tar */
    const wn_hub_settings *settings;
    int fd;
    uint64_t n_left; /* bytes of the tar that are not yet read */
    uint64_t n_bytes;
    wn_repo repo; /* "" before the first entry */
    char commit[WN_COMMIT_LEN + 1];
    unpacked *entries; /* [WN_BUNDLE_FILES_MAX] */
    size_t n_entries;
    wn_map by_path;
    wn_arena arena;
    wn_buf staging; /* folder */
    int staging_fd; /* locked: somebody works there */
    wn_buf sums;
    char *bytes; /* [COPY_BYTES] */
} import;

/* ---- reading --------------------------------------------------------------------------------- */

static wn_status read_bytes(import *m, void *out, size_t n, wn_error *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = read(m->fd, (char *)out + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            WN_FAIL(err, WN_ERR_IO, "cannot read it: %s", strerror(errno));
        if (got == 0)
            WN_FAIL(err, WN_ERR_FORMAT, "it was cut off");
        done += (size_t)got;
        m->n_left -= WN_MIN(m->n_left, (uint64_t)got);
    }
    return WN_OK;
}

static wn_status skip_padding(import *m, uint64_t size, wn_error *err)
{
    unsigned char block[WN_TAR_BLOCK];
    return read_bytes(m, block, wn_tar_padding(size), err);
}

static wn_status write_bytes(int fd, wn_str bytes, wn_error *err)
{
    for (size_t done = 0; done < bytes.len;) {
        ssize_t n = write(fd, bytes.ptr + done, bytes.len - done);
        if (n < 0 && errno != EINTR)
            WN_FAIL(err, WN_ERR_IO, "cannot write to the cache: %s", strerror(errno));
        done += n > 0 ? (size_t)n : 0;
    }
    return WN_OK;
}

static wn_status copy(import *m, int fd, uint64_t n, wn_blob_digest *digest, wn_error *err)
{
    while (n > 0) {
        size_t step = (size_t)WN_MIN(n, (uint64_t)COPY_BYTES);
        if (m->settings->should_stop(m->settings->user))
            WN_FAIL(err, WN_ERR_CANCELLED, "stopped");
        WN_TRY(read_bytes(m, m->bytes, step, err));
        WN_TRY(wn_blob_digest_add(digest, m->bytes, step, err));
        WN_TRY(write_bytes(fd, (wn_str){m->bytes, step}, err));
        n -= step;
        m->settings->progress(m->settings->user, m->n_bytes - m->n_left, m->n_bytes);
    }
    return WN_OK;
}

/* Unpack the bytes of an entry into the file of its number. */
static wn_status unpack(import *m, unpacked *entry, uint64_t size, wn_error *err)
{
    wn_buf path = WN_BUF_INIT;
    wn_blob_digest digest = {0};
    wn_status status;
    int fd = -1;
    WN_TRY_OUT(wn_hub_path(&path, err, "%s/%zu", m->staging.ptr, m->n_entries));
    fd = open(path.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        WN_FAIL_OUT(err, WN_ERR_IO, "cannot write '%s': %s", path.ptr, strerror(errno));
    WN_TRY_OUT(wn_blob_digest_begin(&digest, SHA256, size, err));
    WN_TRY_OUT(copy(m, fd, size, &digest, err));
    wn_blob_digest_end(&digest, entry->sha256);
    if (fsync(fd) != 0)
        WN_FAIL_OUT(err, WN_ERR_IO, "cannot write '%s': %s", path.ptr, strerror(errno));
out:
    wn_blob_digest_end(&digest, NULL);
    if (fd >= 0)
        close(fd);
    wn_buf_deinit(&path);
    return status;
}

/* ---- names ----------------------------------------------------------------------------------- */

static wn_status refuse_name(const char *name, wn_error *err)
{
    WN_FAIL(err, WN_ERR_FORMAT,
            "'%s' is no file of a model: expected models--ORG--NAME/snapshots/COMMIT/FILE, "
            "models--ORG--NAME/refs/REVISION or " WN_BUNDLE_SUMS,
            name);
}

/* Take "part/" off a path. */
static bool take_part(wn_str *part, wn_str *path)
{
    const char *slash = path->len == 0 ? NULL : memchr(path->ptr, '/', path->len);
    if (slash == NULL)
        return false;
    size_t n = (size_t)(slash - path->ptr);
    *part = wn_str_slice(*path, 0, n);
    *path = wn_str_slice(*path, n + 1, path->len);
    return true;
}

/* All entries are of one revision of one model. */
static wn_status check_same(import *m, const wn_repo *repo, wn_str commit, const char *name,
                            wn_error *err)
{
    bool first = m->repo.id[0] == '\0';
    if (!first && strcmp(repo->folder, m->repo.folder) != 0)
        WN_FAIL(err, WN_ERR_FORMAT, "'%s' is of another model than '%s'", name, m->repo.id);
    m->repo = *repo;
    if (commit.len == 0)
        return WN_OK;
    if (m->commit[0] != '\0' && !wn_str_equal(commit, wn_str_from(m->commit)))
        WN_FAIL(err, WN_ERR_FORMAT, "'%s' is of another commit than '%s'", name, m->commit);
    memcpy(m->commit, commit.ptr, WN_COMMIT_LEN);
    return WN_OK;
}

static wn_status read_name(import *m, unpacked *out, const char *name, wn_error *err)
{
    wn_repo repo;
    wn_str rest = wn_str_from(name), folder, kind, commit = {0};
    *out = (unpacked){.path = name};
    if (!take_part(&folder, &rest) || !wn_repo_parse_folder(&repo, folder) ||
        !take_part(&kind, &rest))
        return refuse_name(name, err);
    if (wn_str_equal(kind, WN_STR("refs")) && wn_repo_is_revision(rest))
        out->ref = rest.ptr;
    else if (wn_str_equal(kind, WN_STR("snapshots")) && take_part(&commit, &rest) &&
             wn_repo_is_commit(commit) && wn_repo_is_file(rest))
        out->file = rest.ptr;
    else
        return refuse_name(name, err);
    if (wn_listing_is_pickle(rest))
        WN_FAIL(err, WN_ERR_FORMAT, "'%s' may be a pickle, and those are not taken", name);
    return check_same(m, &repo, commit, name, err);
}

/* ---- entries --------------------------------------------------------------------------------- */

static wn_status read_sums(import *m, uint64_t size, wn_error *err)
{
    if (m->sums.len > 0 || size == 0 || size > WN_BUNDLE_SUMS_BYTES)
        WN_FAIL(err, WN_ERR_FORMAT, WN_BUNDLE_SUMS " is there twice, empty or too long");
    if (!wn_buf_reserve(&m->sums, (size_t)size))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for checksums");
    WN_TRY(read_bytes(m, m->sums.ptr, (size_t)size, err));
    m->sums.len = (size_t)size;
    return skip_padding(m, size, err);
}

static wn_status take_entry(import *m, const wn_tar_entry *entry, wn_error *err)
{
    wn_str name = wn_str_from(entry->name);
    if (wn_str_starts(name, WN_STR("./")))
        name = wn_str_slice(name, 2, name.len);
    if (entry->is_folder)
        return WN_OK;
    if (entry->size > m->n_left)
        WN_FAIL(err, WN_ERR_FORMAT, "'%s' has %llu bytes, and the file ends after %llu",
                entry->name, (unsigned long long)entry->size, (unsigned long long)m->n_left);
    if (wn_str_equal(name, WN_STR(WN_BUNDLE_SUMS)))
        return read_sums(m, entry->size, err);
    if (m->n_entries == WN_BUNDLE_FILES_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "it has more than %d files", WN_BUNDLE_FILES_MAX);
    unpacked *out = &m->entries[m->n_entries];
    wn_str kept = wn_arena_str(&m->arena, name);
    if (kept.ptr == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the names in a tar");
    WN_TRY(read_name(m, out, kept.ptr, err));
    bool twice = false;
    if (!wn_map_put(&m->by_path, kept, (int32_t)m->n_entries, &twice))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the names in a tar");
    if (twice)
        WN_FAIL(err, WN_ERR_FORMAT, "'%s' is there twice", kept.ptr);
    WN_TRY(unpack(m, out, entry->size, err));
    m->n_entries++;
    return skip_padding(m, entry->size, err);
}

static wn_status unpack_all(import *m, wn_error *err)
{
    unsigned char block[WN_TAR_BLOCK];
    wn_tar_entry entry;
    for (bool is_end = false; !is_end;) {
        WN_TRY(read_bytes(m, block, sizeof block, err));
        WN_TRY(wn_tar_read_header(&entry, &is_end, block, err));
        if (!is_end)
            WN_TRY(take_entry(m, &entry, err));
    }
    return WN_OK;
}

/* ---- checksums ------------------------------------------------------------------------------- */

/* "DIGEST  PATH"; a '*' before the path says that it was read as bytes. */
static wn_status check_line(import *m, wn_str line, wn_error *err)
{
    if (line.len < WN_BLOB_HEX_MAX + 3 || line.ptr[WN_BLOB_HEX_MAX] != ' ')
        WN_FAIL(err, WN_ERR_FORMAT, "'%.*s' is no line of " WN_BUNDLE_SUMS, WN_STR_ARG(line));
    wn_str hex = wn_str_slice(line, 0, WN_BLOB_HEX_MAX);
    wn_str path = wn_str_slice(line, WN_BLOB_HEX_MAX + 2, line.len);
    int32_t i = wn_map_get(&m->by_path, path, -1);
    if (i < 0)
        WN_FAIL(err, WN_ERR_FORMAT, "'%.*s' is missing", WN_STR_ARG(path));
    unpacked *entry = &m->entries[i];
    if (!wn_str_equal(hex, wn_str_from(entry->sha256)))
        WN_FAIL(err, WN_ERR_FORMAT, "'%s': the checksum is %s, expected %.*s", entry->path,
                entry->sha256, WN_STR_ARG(hex));
    entry->is_summed = true;
    return WN_OK;
}

static wn_status check_sums(import *m, wn_error *err)
{
    wn_str text = wn_buf_str(&m->sums);
    if (text.len == 0 || m->commit[0] == '\0')
        WN_FAIL(err, WN_ERR_FORMAT, "it has no %s",
                text.len == 0 ? WN_BUNDLE_SUMS : "files of a model");
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t n = end == NULL ? text.len : (size_t)(end - text.ptr);
        WN_TRY(check_line(m, wn_str_slice(text, 0, n), err));
        text = wn_str_slice(text, WN_MIN(n + 1, text.len), text.len);
    }
    for (size_t i = 0; i < m->n_entries; i++)
        if (!m->entries[i].is_summed)
            WN_FAIL(err, WN_ERR_FORMAT, "'%s' is not in " WN_BUNDLE_SUMS, m->entries[i].path);
    return WN_OK;
}

/* ---- publishing ------------------------------------------------------------------------------ */

static wn_status publish_file(const import *m, size_t i, wn_error *err)
{
    const unpacked *entry = &m->entries[i];
    const char *cache = m->settings->cache;
    wn_buf from = WN_BUF_INIT, to = WN_BUF_INIT;
    wn_status status;
    WN_TRY_OUT(wn_hub_path(&from, err, "%s/%zu", m->staging.ptr, i));
    WN_TRY_OUT(wn_hub_path(&to, err, "%s/%s/blobs/%s", cache, m->repo.folder, entry->sha256));
    WN_TRY_OUT(wn_hub_make_parents(to.ptr, err));
    if (rename(from.ptr, to.ptr) != 0)
        WN_FAIL_OUT(err, WN_ERR_IO, "cannot write '%s': %s", to.ptr, strerror(errno));
    status = wn_cache_link(cache, &m->repo, m->commit, entry->file, entry->sha256, err);
out:
    wn_buf_deinit(&from);
    wn_buf_deinit(&to);
    return status;
}

/* The files first, and then the names by which they are found. */
static wn_status publish(import *m, wn_error *err)
{
    for (size_t i = 0; i < m->n_entries; i++)
        if (m->entries[i].file != NULL)
            WN_TRY(publish_file(m, i, err));
    for (size_t i = 0; i < m->n_entries; i++) {
        if (m->entries[i].ref == NULL)
            continue;
        snprintf(m->repo.revision, sizeof m->repo.revision, "%s", m->entries[i].ref);
        WN_TRY(wn_cache_write_ref(m->settings->cache, &m->repo, m->commit, err));
    }
    return WN_OK;
}

/* What an import has left that was killed: nobody has it locked. */
static wn_status drop_left(void *user, const char *path, const char *name, wn_error *err)
{
    (void)user;
    if (!wn_str_starts(wn_str_from(name), WN_STR(STAGING)))
        return WN_OK;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return WN_OK;
    wn_status status = flock(fd, LOCK_EX | LOCK_NB) == 0 ? wn_hub_remove_tree(path, err) : WN_OK;
    close(fd);
    return status == WN_ERR_MEMORY ? status : WN_OK; /* it may be somebody else's */
}

static wn_status open_staging(import *m, wn_error *err)
{
    wn_buf path = WN_BUF_INIT;
    wn_status status;
    WN_TRY_OUT(wn_hub_path(&path, err, "%s/" STAGING "XXXXXX", m->settings->cache));
    WN_TRY_OUT(wn_hub_make_parents(path.ptr, err));
    WN_TRY_OUT(wn_hub_each_entry(m->settings->cache, drop_left, NULL, err));
    if (mkdtemp(path.ptr) == NULL)
        WN_FAIL_OUT(err, WN_ERR_IO, "cannot make a folder in '%s': %s", m->settings->cache,
                    strerror(errno));
    m->staging = path;
    path = (wn_buf)WN_BUF_INIT;
    m->staging_fd = open(m->staging.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m->staging_fd < 0 || flock(m->staging_fd, LOCK_EX | LOCK_NB) != 0)
        WN_FAIL_OUT(err, WN_ERR_IO, "cannot lock '%s': %s", m->staging.ptr, strerror(errno));
out:
    wn_buf_deinit(&path);
    return status;
}

static wn_status open_tar(import *m, wn_error *err)
{
    struct stat info;
    m->fd = open(m->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (m->fd < 0 || fstat(m->fd, &info) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot open '%s': %s", m->path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        WN_FAIL(err, WN_ERR_IO, "'%s' is no regular file", m->path);
    m->n_bytes = m->n_left = (uint64_t)info.st_size;
    WN_TRY(open_staging(m, err));
    return wn_hub_check_room(m->staging.ptr, m->n_bytes, err);
}

wn_status wn_bundle_import(wn_repo *repo, char commit[WN_COMMIT_LEN + 1], const char *path,
                           const wn_hub_settings *settings, wn_error *err)
{
    struct import m = {.path = path, .settings = settings, .fd = -1, .staging_fd = -1};
    wn_status status;
    m.entries = wn_mem_zalloc(WN_BUNDLE_FILES_MAX, sizeof *m.entries);
    m.bytes = wn_mem_alloc(COPY_BYTES, 1);
    if (m.entries == NULL || m.bytes == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory to unpack a tar");
    WN_TRY_OUT(open_tar(&m, err));
    status = unpack_all(&m, err);
    if (status == WN_OK)
        status = check_sums(&m, err);
    if (status == WN_OK)
        status = publish(&m, err);
    if (status != WN_OK)
        (void)wn_error_prefix(err, status, "'%s'", path);
    *repo = m.repo;
    memcpy(commit, m.commit, sizeof m.commit);
out:
    if (m.staging.len > 0) {
        wn_status removed = wn_hub_remove_tree(m.staging.ptr, status == WN_OK ? err : NULL);
        status = status == WN_OK ? removed : status;
    }
    if (m.staging_fd >= 0)
        close(m.staging_fd);
    if (m.fd >= 0)
        close(m.fd);
    wn_map_deinit(&m.by_path);
    wn_arena_deinit(&m.arena);
    wn_buf_deinit(&m.staging);
    wn_buf_deinit(&m.sums);
    wn_mem_free(m.entries);
    wn_mem_free(m.bytes);
    return status;
}
