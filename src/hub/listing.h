/* The files of a model's revision as the hub lists them, and which of them are fetched.
 * The list comes from a stranger: names stay inside their folder, digests are digests.  Pure.
 * Source: huggingface_hub 2.4, HfApi.model_info(files_metadata=True).  Thread rule: any. */
#ifndef WN_HUB_LISTING_H
#define WN_HUB_LISTING_H

#include "base/arena.h"
#include "hub/blob_digest.h"
#include "hub/hub_cache.h"

#define WN_LISTING_FILES_MAX 100000
#define WN_LISTING_BYTES_MAX ((size_t)64 << 20)

typedef struct wn_listed_file {
    const char *name;
    uint64_t size;                  /* UINT64_MAX: not told */
    char blob[WN_BLOB_HEX_MAX + 1]; /* "": not told */
    bool wanted;
} wn_listed_file;

typedef struct wn_listing {
    char commit[WN_COMMIT_LEN + 1];
    wn_listed_file *files;
    size_t n_files;
    wn_arena arena;
} wn_listing;

/* Read the hub's JSON; no file is wanted yet.
 * Fails:   WN_ERR_FORMAT, WN_ERR_LIMIT, WN_ERR_MEMORY.
 * Owns:    caller frees with wn_listing_deinit(), also after a failure. */
WN_MUST_USE wn_status wn_listing_parse(wn_listing *out, wn_str json, const wn_repo *repo,
                                       wn_error *err);
void wn_listing_deinit(wn_listing *listing);

/* Mark what a model needs: its configuration, tokenizer, card, licence and safetensors; with a
 * pattern (as of a shell) the GGUF files that match it in place of the safetensors.
 * Fails:   WN_ERR_UNSUPPORTED when there are no such weights: says what there is, and what to do;
 *          WN_ERR_INPUT when nothing matches the pattern. */
WN_MUST_USE wn_status wn_listing_pick(wn_listing *listing, const wn_repo *repo,
                                      const char *gguf_pattern, wn_error *err);

/* Whether a file's name says that reading it may run any program: pickles of Python. */
bool wn_listing_is_pickle(wn_str name);

#endif
