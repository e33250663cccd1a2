/* What lies in the cache: models by revision, with what they take; removing and checking them.
 * Thread rule: one at a time. */
#ifndef WN_HUB_INVENTORY_H
#define WN_HUB_INVENTORY_H

#include "base/arena.h"
#include "data/license.h"
#include "hub/hub_cache.h"

/* One revision of a model. */
typedef struct wn_cached_model {
    wn_repo repo;
    char commit[WN_COMMIT_LEN + 1];
    const char *refs; /* branches and tags at that commit, "main, v2"; "": none */
    const char *dir;  /* its snapshot */
    uint64_t size;
    size_t n_files;
    int64_t last_used_s;              /* Unix seconds, the latest of its files */
    char license[WN_LICENSE_MAX + 1]; /* "": none is named */
} wn_cached_model;

typedef struct wn_inventory {
    wn_cached_model *models; /* [n_models] by name, then commit */
    size_t n_models;
    size_t cap;
    wn_arena arena;
    wn_buf unfinished; /* "a/b, c/d": models without a revision, of which a pull left something */
} wn_inventory;

/* Look at all models, or with `only` at one: with has_revision at that revision of it.
 * Fails:   WN_ERR_IO, WN_ERR_LIMIT, WN_ERR_MEMORY; WN_ERR_INPUT when `only` is not there.
 * Owns:    caller frees with wn_inventory_deinit(), also after a failure. */
WN_MUST_USE wn_status wn_inventory_read(wn_inventory *out, const char *cache, const wn_repo *only,
                                        bool has_revision, wn_error *err);
void wn_inventory_deinit(wn_inventory *inventory);

/* The licence that a model's folder or GGUF file names for its weights; "": none.  Where a GGUF
 * file names none, the card beside it may.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_inventory_read_license(char out[WN_LICENSE_MAX + 1], const char *path,
                                                wn_error *err);

/* Remove one revision: its snapshot, the refs to it, the blobs that no other revision has; with
 * its last revision the model goes.  Where it is named by one of several refs to it, only that one
 * is removed; NULL: not by a ref.  *n_freed: bytes of what was removed.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_inventory_remove(uint64_t *n_freed, const char *cache,
                                          const wn_cached_model *model, const char *ref,
                                          wn_error *err);

/* Bytes of all that the cache has of a model, with what pulls that are not finished have left; 0 of
 * one that it does not know.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_inventory_measure(uint64_t *n_bytes, const char *cache,
                                           const wn_repo *repo, wn_error *err);

/* Remove a model: all of its revisions, and what pulls that are not finished have left.
 * Fails:   WN_ERR_INPUT while another process fetches some of it; WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_inventory_remove_all(uint64_t *n_freed, const char *cache,
                                              const wn_repo *repo, wn_error *err);

typedef enum wn_file_state {
    WN_FILE_GOOD = 0,
    WN_FILE_DAMAGED,
    WN_FILE_MISSING,
    WN_FILE_UNCHECKED /* no digest is known of it */
} wn_file_state;

typedef struct wn_verify_report {
    void (*found)(void *user, const wn_cached_model *model, const char *file, wn_file_state state,
                  const char *got, const char *want); /* got and want: of one that is damaged */
    void *user;
    size_t n_by_state[4];
    uint64_t n_bytes; /* of those that were read */
} wn_verify_report;

/* Compute the checksum of every file of a model's revision again.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY, WN_ERR_CANCELLED. */
WN_MUST_USE wn_status wn_inventory_verify(wn_verify_report *report, const wn_cached_model *model,
                                          const wn_hub_settings *settings, wn_error *err);

#endif
