/* The cache of the Hugging Face hub, as its own tools lay it out, so that either finds what the
 * other has fetched:
 *
 *   models--ORG--NAME/blobs/DIGEST                the bytes of a file
 *   models--ORG--NAME/refs/REVISION               the commit that a branch or tag was at
 *   models--ORG--NAME/snapshots/COMMIT/FILE       a link to ../../blobs/DIGEST
 *   .locks/models--ORG--NAME/DIGEST.lock          held by who fetches the blob
 *
 * Whatever gets a name here is whole: it is made under another name and renamed.
 * Thread rule: any; processes may share a cache. */
#ifndef WN_HUB_HUB_CACHE_H
#define WN_HUB_HUB_CACHE_H

#include "hub/hub.h"
#include "hub/repo.h"

#define WN_CACHE_REF_BYTES_MAX 256
#define WN_COMMIT_LEN          40

/* The commit that the cache knows for a revision, or the revision itself when it is one, or the one
 * snapshot whose commit begins with it, 7 digits or more; "" when it knows none.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_cache_read_ref(char commit[WN_COMMIT_LEN + 1], const char *cache,
                                        const wn_repo *repo, wn_error *err);

/* Remember the commit of a revision; for a commit there is nothing to remember.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_cache_write_ref(const char *cache, const wn_repo *repo, const char *commit,
                                         wn_error *err);

/* What a model in a folder is loaded from: the folder, or where it lacks config.json or safetensors
 * and has one GGUF file, also in a folder of its own, that file.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_cache_choose(wn_buf *out, const char *dir, wn_error *err);

/* What a model's revision is loaded from, as wn_cache_choose(); *found is false when the cache has
 * none.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_cache_find(wn_buf *out, bool *found, const char *cache,
                                    const wn_repo *repo, wn_error *err);

/* Let FILE of a snapshot be a blob, in place of whatever it was.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_cache_link(const char *cache, const wn_repo *repo, const char *commit,
                                    const char *file, const char *blob, wn_error *err);

/* Wait until nobody else fetches a blob and keep others from it; *fd is what holds it.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY, WN_ERR_CANCELLED.
 * Owns:    caller gives it back with wn_cache_unlock(). */
WN_MUST_USE wn_status wn_cache_lock(int *fd, const wn_hub_settings *settings, const wn_repo *repo,
                                    const char *blob, wn_error *err);
void wn_cache_unlock(int fd);

#endif
