/* Writing the tar of a model's revision, see bundle.h. */
#define _GNU_SOURCE
#include "hub/bundle.h"

#include "base/mem.h"
#include "base/new_file.h"
#include "base/str.h"
#include "hub/blob_digest.h"
#include "hub/listing.h"
#include "hub/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE   "hub/export"
#define COPY_BYTES ((size_t)1 << 20)
#define SHA256     ((wn_str){NULL, WN_BLOB_HEX_MAX}) /* of any blob */

typedef struct bundle {
    const wn_cached_model *model;
    const wn_hub_settings *settings;
    wn_new_file out;
    wn_buf sums; /* the text of SHA256SUMS */
    char *bytes; /* [COPY_BYTES] */
    uint64_t n_done;
} bundle;

static wn_status write_header(bundle *b, const char *name, uint64_t size, wn_error *err)
{
    unsigned char block[WN_TAR_BLOCK];
    wn_tar_entry entry = {.size = size};
    if (strlen(name) > WN_TAR_NAME_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "'%s': the name is too long for a tar", name);
    snprintf(entry.name, sizeof entry.name, "%s", name);
    WN_TRY(wn_tar_write_header(block, &entry, err));
    return wn_new_file_write(&b->out, (wn_str){(const char *)block, sizeof block}, err);
}

static wn_status write_padding(bundle *b, uint64_t size, wn_error *err)
{
    static const char zeros[WN_TAR_BLOCK];
    return wn_new_file_write(&b->out, (wn_str){zeros, wn_tar_padding(size)}, err);
}

static wn_status push_sum(bundle *b, const char *hex, const char *name, wn_error *err)
{
    if (!wn_buf_printf(&b->sums, "%s  %s\n", hex, name))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for checksums");
    return WN_OK;
}

/* A small text of ours. */
static wn_status write_text(bundle *b, const char *name, wn_str text, wn_error *err)
{
    char hex[WN_BLOB_HEX_MAX + 1];
    wn_blob_digest digest = {0};
    wn_status status = wn_blob_digest_begin(&digest, SHA256, text.len, err);
    if (status == WN_OK)
        status = wn_blob_digest_add(&digest, text.ptr, text.len, err);
    wn_blob_digest_end(&digest, status == WN_OK ? hex : NULL);
    if (status == WN_OK)
        status = write_header(b, name, text.len, err);
    if (status == WN_OK)
        status = wn_new_file_write(&b->out, text, err);
    if (status == WN_OK)
        status = write_padding(b, text.len, err);
    return status == WN_OK ? push_sum(b, hex, name, err) : status;
}

/* Copy n bytes, and take them into two digests. */
static wn_status copy(bundle *b, int fd, uint64_t n, wn_blob_digest digests[2], const char *path,
                      wn_error *err)
{
    const wn_hub_settings *settings = b->settings;
    while (n > 0) {
        if (settings->should_stop(settings->user))
            WN_FAIL(err, WN_ERR_CANCELLED, "stopped");
        ssize_t got = read(fd, b->bytes, (size_t)WN_MIN(n, (uint64_t)COPY_BYTES));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            WN_FAIL(err, WN_ERR_IO, "cannot read '%s': %s", path,
                    got < 0 ? strerror(errno) : "it became shorter");
        for (size_t i = 0; i < 2; i++)
            WN_TRY(wn_blob_digest_add(&digests[i], b->bytes, (size_t)got, err));
        WN_TRY(wn_new_file_write(&b->out, (wn_str){b->bytes, (size_t)got}, err));
        n -= (uint64_t)got;
        b->n_done += (uint64_t)got;
        settings->progress(settings->user, b->n_done, b->model->size);
    }
    return WN_OK;
}

/* The digest that a file of a snapshot must have: its blob's name; "" when there is none. */
static void expected_of(char want[WN_BLOB_HEX_MAX + 1], const char *path)
{
    char target[1024];
    ssize_t n = readlink(path, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    const char *slash = strrchr(target, '/');
    wn_str blob = wn_str_from(slash != NULL ? slash + 1 : "");
    snprintf(want, WN_BLOB_HEX_MAX + 1, "%s", wn_repo_is_digest(blob) ? blob.ptr : "");
}

static wn_status write_file(bundle *b, const char *name, int fd, const char *path, wn_error *err)
{
    char want[WN_BLOB_HEX_MAX + 1], sha256[WN_BLOB_HEX_MAX + 1], got[WN_BLOB_HEX_MAX + 1];
    wn_blob_digest digests[2] = {{0}, {0}};
    struct stat info;
    wn_status status;
    expected_of(want, path);
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        WN_FAIL(err, WN_ERR_IO, "'%s' is no regular file", path);
    uint64_t size = (uint64_t)info.st_size;
    WN_TRY_OUT(wn_blob_digest_begin(&digests[0], SHA256, size, err));
    WN_TRY_OUT(
        wn_blob_digest_begin(&digests[1], want[0] != '\0' ? wn_str_from(want) : SHA256, size, err));
    WN_TRY_OUT(write_header(b, name, size, err));
    WN_TRY_OUT(copy(b, fd, size, digests, path, err));
    WN_TRY_OUT(write_padding(b, size, err));
    wn_blob_digest_end(&digests[0], sha256);
    wn_blob_digest_end(&digests[1], got);
    if (want[0] != '\0' && strcmp(got, want) != 0)
        WN_FAIL_OUT(err, WN_ERR_FORMAT, "'%s' is damaged: the checksum is %s, expected %s", path,
                    got, want);
    status = push_sum(b, sha256, name, err);
out:
    for (size_t i = 0; i < 2; i++)
        wn_blob_digest_end(&digests[i], NULL);
    return status;
}

static wn_status add_file(void *user, const char *path, const char *name, wn_error *err)
{
    bundle *b = user;
    wn_buf entry = WN_BUF_INIT;
    wn_status status;
    int fd = -1;
    if (wn_listing_is_pickle(wn_str_from(name)))
        return WN_OK;
    WN_TRY_OUT(wn_hub_path(&entry, err, "%s/snapshots/%s/%s", b->model->repo.folder,
                           b->model->commit, name));
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* it may be a FIFO */
    if (fd < 0)
        WN_FAIL_OUT(err, WN_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    status = write_file(b, entry.ptr, fd, path, err);
out:
    if (fd >= 0)
        close(fd);
    wn_buf_deinit(&entry);
    return status;
}

/* refs/REVISION for each of "main, v2". */
static wn_status add_refs(bundle *b, wn_error *err)
{
    wn_buf name = WN_BUF_INIT;
    wn_status status = WN_OK;
    const char *at = b->model->refs;
    while (status == WN_OK && *at != '\0') {
        size_t n = strcspn(at, ",");
        status = wn_hub_path(&name, err, "%s/refs/%.*s", b->model->repo.folder, (int)n, at);
        if (status == WN_OK)
            status = write_text(b, name.ptr, wn_str_from(b->model->commit), err);
        at += n + strspn(at + n, ", ");
    }
    wn_buf_deinit(&name);
    return status;
}

static wn_status write_all(bundle *b, wn_error *err)
{
    static const char end[2 * WN_TAR_BLOCK];
    WN_TRY(wn_hub_each_file(b->model->dir, add_file, b, err));
    WN_TRY(add_refs(b, err));
    WN_TRY(write_header(b, WN_BUNDLE_SUMS, b->sums.len, err));
    WN_TRY(wn_new_file_write(&b->out, wn_buf_str(&b->sums), err));
    WN_TRY(write_padding(b, b->sums.len, err));
    WN_TRY(wn_new_file_write(&b->out, (wn_str){end, sizeof end}, err));
    return wn_new_file_commit(&b->out, err);
}

wn_status wn_bundle_export(const wn_cached_model *model, const char *path,
                           const wn_hub_settings *settings, wn_error *err)
{
    bundle b = {.model = model, .settings = settings, .bytes = wn_mem_alloc(COPY_BYTES, 1)};
    struct stat info;
    wn_status status;
    b.out.fd = -1;
    if (b.bytes == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory to copy files");
    if (lstat(path, &info) == 0)
        WN_FAIL_OUT(err, WN_ERR_IO, "'%s' is there already", path);
    WN_TRY_OUT(wn_new_file_open(&b.out, path, err));
    status = write_all(&b, err);
out:
    wn_new_file_deinit(&b.out);
    wn_buf_deinit(&b.sums);
    wn_mem_free(b.bytes);
    return status;
}
