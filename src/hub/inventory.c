/* See inventory.h. */
#define _GNU_SOURCE
#include "hub/inventory.h"

#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/gguf.h"
#include "data/json_bind.h"
#include "hub/blob_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE       "hub/inventory"
#define MODELS_MAX     100000
#define CARD_BYTES_MAX ((size_t)16 << 20) /* as much as a model that is loaded is read */

/* ---- looking --------------------------------------------------------------------------------- */

/* A walk over the cache. */
typedef struct look {
    wn_inventory *out;
    const wn_repo *only; /* NULL: all */
    const char *commit;  /* only this one; NULL: all */
    wn_repo repo;        /* of the folder at hand */
    const char *refs_dir;
    wn_buf refs; /* that are at the commit at hand */
    const char *at_commit;
} look;

static wn_status no_memory(wn_error *err)
{
    WN_FAIL(err, WN_ERR_MEMORY, "no memory for the list of models");
}

/* Read a text; what cannot be read says nothing.
 * Fails:   WN_ERR_MEMORY. */
static wn_status read_text(wn_buf *out, const char *path, size_t max_bytes, wn_error *err)
{
    wn_error why = {0};
    wn_status status = wn_file_read(out, path, max_bytes, &why);
    if (status == WN_ERR_MEMORY)
        *err = why;
    if (status != WN_OK)
        wn_buf_clear(out);
    return status == WN_ERR_MEMORY ? status : WN_OK;
}

/* Whether a file of refs/ is about that commit. */
static wn_status is_ref_to(bool *out, const char *path, const char *commit, wn_error *err)
{
    wn_buf text = WN_BUF_INIT;
    wn_status status = read_text(&text, path, WN_CACHE_REF_BYTES_MAX, err);
    *out = wn_str_starts(wn_buf_str(&text), wn_str_from(commit));
    wn_buf_deinit(&text);
    return status;
}

static wn_status add_ref(void *user, const char *path, const char *name, wn_error *err)
{
    look *l = user;
    bool fits;
    WN_TRY(is_ref_to(&fits, path, l->at_commit, err));
    if (fits && !wn_buf_printf(&l->refs, "%s%s", l->refs.len > 0 ? ", " : "", name))
        return no_memory(err);
    return WN_OK;
}

static wn_status add_file(void *user, const char *path, const char *name, wn_error *err)
{
    wn_cached_model *model = user;
    struct stat info;
    (void)name, (void)err;
    model->n_files++;
    if (stat(path, &info) != 0) /* a link to nothing: wn_inventory_verify() tells */
        return WN_OK;
    model->size += (uint64_t)info.st_size;
    model->last_used_s = WN_MAX(model->last_used_s, (int64_t)info.st_atim.tv_sec);
    model->last_used_s = WN_MAX(model->last_used_s, (int64_t)info.st_mtim.tv_sec);
    return WN_OK;
}

static wn_status add_snapshot(void *user, const char *path, const char *name, wn_error *err)
{
    look *l = user;
    wn_inventory *out = l->out;
    if (!wn_repo_is_commit(wn_str_from(name)) ||
        (l->commit != NULL && strcmp(l->commit, name) != 0))
        return WN_OK;
    if (out->n_models == MODELS_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "more than %d models in the cache", MODELS_MAX);
    if (!wn_mem_grow(&out->models, &out->cap, out->n_models + 1, sizeof *out->models))
        return no_memory(err);
    wn_cached_model *model = &out->models[out->n_models];
    *model = (wn_cached_model){.repo = l->repo};
    memcpy(model->commit, name, WN_COMMIT_LEN + 1);
    l->at_commit = name;
    wn_buf_clear(&l->refs);
    WN_TRY(wn_hub_each_file(l->refs_dir, add_ref, l, err));
    WN_TRY(wn_hub_each_file(path, add_file, model, err));
    WN_TRY(wn_inventory_read_license(model->license, path, err));
    model->refs = wn_arena_str(&out->arena, wn_buf_str(&l->refs)).ptr;
    model->dir = wn_arena_str(&out->arena, wn_str_from(path)).ptr;
    if (model->refs == NULL || model->dir == NULL)
        return no_memory(err);
    out->n_models++;
    return WN_OK;
}

static wn_status count_bytes(void *user, const char *path, const char *name, wn_error *err)
{
    uint64_t *n = user;
    struct stat info;
    (void)name, (void)err;
    if (lstat(path, &info) == 0 && S_ISREG(info.st_mode))
        *n += (uint64_t)info.st_size;
    return WN_OK;
}

/* A folder without files is nobody's loss. */
static wn_status add_unfinished(wn_inventory *out, const char *path, const char *id, wn_error *err)
{
    uint64_t n_bytes = 0;
    WN_TRY(wn_hub_each_file(path, count_bytes, &n_bytes, err));
    if (n_bytes > 0 &&
        !wn_buf_printf(&out->unfinished, "%s%s", out->unfinished.len > 0 ? ", " : "", id))
        return no_memory(err);
    return WN_OK;
}

static wn_status add_folder(void *user, const char *path, const char *name, wn_error *err)
{
    look *l = user;
    wn_buf snapshots = WN_BUF_INIT, refs = WN_BUF_INIT;
    wn_status status;
    if (!wn_repo_parse_folder(&l->repo, wn_str_from(name)) ||
        (l->only != NULL && strcmp(l->only->folder, name) != 0))
        return WN_OK;
    WN_TRY_OUT(wn_hub_path(&refs, err, "%s/refs", path));
    WN_TRY_OUT(wn_hub_path(&snapshots, err, "%s/snapshots", path));
    l->refs_dir = refs.ptr;
    size_t n = l->out->n_models;
    WN_TRY_OUT(wn_hub_each_entry(snapshots.ptr, add_snapshot, l, err));
    if (l->commit == NULL && l->out->n_models == n)
        status = add_unfinished(l->out, path, l->repo.id, err);
out:
    wn_buf_deinit(&snapshots);
    wn_buf_deinit(&refs);
    return status;
}

wn_status wn_inventory_read(wn_inventory *out, const char *cache, const wn_repo *only,
                            bool has_revision, wn_error *err)
{
    char commit[WN_COMMIT_LEN + 1] = "";
    look l = {.out = out, .only = only};
    *out = (wn_inventory){.arena = WN_ARENA_INIT};
    if (only != NULL && has_revision) {
        WN_TRY(wn_cache_read_ref(commit, cache, only, err));
        l.commit = commit;
    }
    wn_status status = wn_hub_each_entry(cache, add_folder, &l, err);
    wn_buf_deinit(&l.refs);
    if (status == WN_OK && only != NULL && out->n_models == 0)
        WN_FAIL(err, WN_ERR_INPUT, "model '%s%s%s' is not in the cache '%s'", only->id,
                has_revision ? "@" : "", has_revision ? only->revision : "", cache);
    return status;
}

void wn_inventory_deinit(wn_inventory *inventory)
{
    wn_mem_free(inventory->models);
    wn_buf_deinit(&inventory->unfinished);
    wn_arena_deinit(&inventory->arena);
    *inventory = (wn_inventory){0};
}

/* What a GGUF file says of itself. */
static wn_status read_gguf_license(char out[WN_LICENSE_MAX + 1], const char *path, wn_error *err)
{
    wn_error why = {0};
    wn_gguf *gguf;
    wn_status status = wn_gguf_open(&gguf, path, &why);
    if (status != WN_OK)
        return status == WN_ERR_MEMORY ? no_memory(err) : WN_OK;
    json_t *config = json_object();
    bool ok = json_object_set_new(config, "license", wn_gguf_json(gguf, "general.license")) == 0;
    if (ok)
        (void)wn_license_find(out, config, (wn_str){0}, (wn_str){0});
    json_decref(config);
    wn_gguf_close(gguf);
    return ok ? WN_OK : no_memory(err);
}

static wn_status read_card_license(char out[WN_LICENSE_MAX + 1], const char *dir, wn_error *err)
{
    static const char *const names[] = {"config.json", "README.md", "MODEL_CARD.md"};
    wn_buf texts[WN_ARRAY_LEN(names)] = {0}, path = WN_BUF_INIT;
    wn_error why = {0};
    json_t *config = NULL;
    wn_status status = WN_OK;
    for (size_t i = 0; status == WN_OK && i < WN_ARRAY_LEN(names); i++) {
        status = wn_hub_path(&path, err, "%s/%s", dir, names[i]);
        if (status == WN_OK)
            status = read_text(&texts[i], path.ptr, CARD_BYTES_MAX, err);
    }
    if (status == WN_OK && texts[0].len > 0 &&
        wn_json_parse(&config, wn_buf_str(&texts[0]), names[0], &why) == WN_ERR_MEMORY)
        status = no_memory(err);
    if (status == WN_OK)
        (void)wn_license_find(out, config, wn_buf_str(&texts[1]), wn_buf_str(&texts[2]));
    json_decref(config);
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++)
        wn_buf_deinit(&texts[i]);
    wn_buf_deinit(&path);
    return status;
}

wn_status wn_inventory_read_license(char out[WN_LICENSE_MAX + 1], const char *path, wn_error *err)
{
    wn_buf model = WN_BUF_INIT, dir = WN_BUF_INIT;
    const char *slash = strrchr(path, '/');
    struct stat info;
    wn_status status;
    out[0] = '\0';
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode)) {
        WN_TRY_OUT(wn_hub_path(&model, err, "%s", path));
        WN_TRY_OUT(wn_hub_path(&dir, err, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
                               slash == NULL ? "." : path));
    } else {
        WN_TRY_OUT(wn_hub_path(&dir, err, "%s", path));
        WN_TRY_OUT(wn_cache_choose(&model, path, err));
    }
    if (wn_gguf_is_file(model.ptr))
        WN_TRY_OUT(read_gguf_license(out, model.ptr, err));
    if (out[0] == '\0')
        status = read_card_license(out, dir.ptr, err);
out:
    wn_buf_deinit(&model);
    wn_buf_deinit(&dir);
    return status;
}

/* ---- removing -------------------------------------------------------------------------------- */

/* What is left of a model when a revision is gone. */
typedef struct rest {
    const char *commit; /* that goes */
    wn_map blobs;       /* that stay */
    wn_arena arena;
    uint64_t n_freed;
    size_t n_snapshots;
} rest;

/* The blob that a file of a snapshot is a link to; "" when it is none. */
static wn_str blob_of(char target[1024], const char *path)
{
    ssize_t n = readlink(path, target, 1023);
    if (n <= 0)
        return (wn_str){0};
    target[n] = '\0';
    const char *slash = strrchr(target, '/');
    return wn_str_from(slash != NULL ? slash + 1 : target);
}

static wn_status keep_blob(void *user, const char *path, const char *name, wn_error *err)
{
    rest *r = user;
    char target[1024];
    wn_str blob = blob_of(target, path);
    (void)name;
    if (blob.len == 0)
        return WN_OK;
    blob = wn_arena_str(&r->arena, blob);
    if (blob.ptr == NULL || !wn_map_put(&r->blobs, blob, 1, NULL))
        return no_memory(err);
    return WN_OK;
}

static wn_status keep_blobs(void *user, const char *path, const char *name, wn_error *err)
{
    rest *r = user;
    (void)name;
    r->n_snapshots++;
    return wn_hub_each_file(path, keep_blob, r, err);
}

static wn_status drop_ref(void *user, const char *path, const char *name, wn_error *err)
{
    const rest *r = user;
    bool goes;
    (void)name;
    WN_TRY(is_ref_to(&goes, path, r->commit, err));
    if (goes && unlink(path) != 0 && errno != ENOENT)
        WN_FAIL(err, WN_ERR_IO, "cannot remove '%s': %s", path, strerror(errno));
    return WN_OK;
}

/* What is not yet whole may be in the works. */
static wn_status drop_blob(void *user, const char *path, const char *name, wn_error *err)
{
    rest *r = user;
    struct stat info;
    if (!wn_repo_is_digest(wn_str_from(name)) || wn_map_get(&r->blobs, wn_str_from(name), 0) == 1)
        return WN_OK;
    if (lstat(path, &info) == 0)
        r->n_freed += (uint64_t)info.st_size;
    if (unlink(path) != 0 && errno != ENOENT)
        WN_FAIL(err, WN_ERR_IO, "cannot remove '%s': %s", path, strerror(errno));
    return WN_OK;
}

/* The last revision goes with all that the model has. */
static wn_status remove_model(uint64_t *n_freed, const char *cache, const wn_repo *repo,
                              wn_error *err)
{
    static const char *const places[] = {"", ".locks/"};
    wn_buf path = WN_BUF_INIT;
    wn_status status = WN_OK;
    for (size_t i = 0; status == WN_OK && i < WN_ARRAY_LEN(places); i++) {
        status = wn_hub_path(&path, err, "%s/%s%s", cache, places[i], repo->folder);
        if (status == WN_OK)
            status = wn_hub_each_file(path.ptr, count_bytes, n_freed, err);
        if (status == WN_OK)
            status = wn_hub_remove_tree(path.ptr, err);
    }
    wn_buf_deinit(&path);
    return status;
}

/* Whether `ref` is one of "main, v2". */
static bool is_one_of_several(const char *ref, const char *refs)
{
    bool found = false;
    size_t n = 0;
    for (const char *at = refs; *at != '\0'; n++) {
        size_t len = strcspn(at, ",");
        found |= len == strlen(ref) && strncmp(at, ref, len) == 0;
        at += len + strspn(at + len, ", ");
    }
    return found && n > 1;
}

wn_status wn_inventory_remove(uint64_t *n_freed, const char *cache, const wn_cached_model *model,
                              const char *ref, wn_error *err)
{
    rest r = {.commit = model->commit};
    wn_buf path = WN_BUF_INIT;
    wn_status status;
    *n_freed = 0;
    if (ref != NULL && is_one_of_several(ref, model->refs)) {
        WN_TRY_OUT(wn_hub_path(&path, err, "%s/%s/refs/%s", cache, model->repo.folder, ref));
        status = drop_ref(&r, path.ptr, ref, err);
        goto out;
    }
    WN_TRY_OUT(wn_hub_path(&path, err, "%s/%s/refs", cache, model->repo.folder));
    WN_TRY_OUT(wn_hub_each_file(path.ptr, drop_ref, &r, err));
    WN_TRY_OUT(wn_hub_remove_tree(model->dir, err));
    WN_TRY_OUT(wn_hub_path(&path, err, "%s/%s/snapshots", cache, model->repo.folder));
    WN_TRY_OUT(wn_hub_each_entry(path.ptr, keep_blobs, &r, err));
    if (r.n_snapshots > 0) {
        WN_TRY_OUT(wn_hub_path(&path, err, "%s/%s/blobs", cache, model->repo.folder));
        WN_TRY_OUT(wn_hub_each_entry(path.ptr, drop_blob, &r, err));
        *n_freed = r.n_freed;
    } else {
        status = remove_model(n_freed, cache, &model->repo, err);
    }
out:
    wn_map_deinit(&r.blobs);
    wn_arena_deinit(&r.arena);
    wn_buf_deinit(&path);
    return status;
}

wn_status wn_inventory_measure(uint64_t *n_bytes, const char *cache, const wn_repo *repo,
                               wn_error *err)
{
    wn_buf path = WN_BUF_INIT;
    *n_bytes = 0;
    wn_status status = wn_hub_path(&path, err, "%s/%s", cache, repo->folder);
    if (status == WN_OK)
        status = wn_hub_each_file(path.ptr, count_bytes, n_bytes, err);
    wn_buf_deinit(&path);
    return status;
}

/* A lock that cannot be had is one of a pull. */
static wn_status check_unlocked(void *user, const char *path, const char *name, wn_error *err)
{
    const wn_repo *repo = user;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    bool busy = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    (void)name;
    if (fd >= 0)
        close(fd);
    if (busy)
        WN_FAIL(err, WN_ERR_INPUT, "model '%s' is being fetched: another process has '%s'",
                repo->id, path);
    return WN_OK;
}

wn_status wn_inventory_remove_all(uint64_t *n_freed, const char *cache, const wn_repo *repo,
                                  wn_error *err)
{
    wn_buf locks = WN_BUF_INIT;
    wn_repo copy = *repo;
    *n_freed = 0;
    wn_status status = wn_hub_path(&locks, err, "%s/.locks/%s", cache, repo->folder);
    if (status == WN_OK)
        status = wn_hub_each_entry(locks.ptr, check_unlocked, &copy, err);
    if (status == WN_OK)
        status = remove_model(n_freed, cache, repo, err);
    wn_buf_deinit(&locks);
    return status;
}

/* ---- checking -------------------------------------------------------------------------------- */

typedef struct checking {
    wn_verify_report *report;
    const wn_cached_model *model;
    const wn_hub_settings *settings;
} checking;

static wn_status check_digest(char hex[WN_BLOB_HEX_MAX + 1], int fd, wn_str blob, const char *path,
                              const checking *c, wn_error *err)
{
    wn_blob_digest digest = {0};
    struct stat info;
    if (fstat(fd, &info) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
    wn_status status = wn_blob_digest_begin(&digest, blob, (uint64_t)info.st_size, err);
    if (status == WN_OK)
        status = wn_blob_digest_read(&digest, fd, (uint64_t)info.st_size, path, c->settings, err);
    wn_blob_digest_end(&digest, status == WN_OK ? hex : NULL);
    if (status == WN_OK)
        c->report->n_bytes += (uint64_t)info.st_size;
    return status;
}

static wn_status check_file(void *user, const char *path, const char *name, wn_error *err)
{
    checking *c = user;
    char target[1024], hex[WN_BLOB_HEX_MAX + 1] = "";
    wn_str blob = blob_of(target, path);
    wn_file_state state = WN_FILE_UNCHECKED;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* it may be a FIFO */
    if (fd < 0 && errno != ENOENT)
        WN_FAIL(err, WN_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    if (fd < 0) {
        state = WN_FILE_MISSING;
    } else if (wn_repo_is_digest(blob)) {
        wn_status status = check_digest(hex, fd, blob, path, c, err);
        state = wn_str_equal(blob, wn_str_from(hex)) ? WN_FILE_GOOD : WN_FILE_DAMAGED;
        close(fd);
        WN_TRY(status);
    } else {
        close(fd);
    }
    c->report->n_by_state[state]++;
    c->report->found(c->report->user, c->model, name, state, hex, blob.len > 0 ? blob.ptr : "");
    return WN_OK;
}

wn_status wn_inventory_verify(wn_verify_report *report, const wn_cached_model *model,
                              const wn_hub_settings *settings, wn_error *err)
{
    checking c = {report, model, settings};
    return wn_hub_each_file(model->dir, check_file, &c, err);
}
