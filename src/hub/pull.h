/* A published model into the cache: its files are listed, chosen, fetched, and only when all of
 * them are there does the revision get its snapshot.
 * Thread rule: one at a time. */
#ifndef WN_HUB_PULL_H
#define WN_HUB_PULL_H

#include "hub/hub.h"
#include "hub/repo.h"

typedef struct wn_pull_report {
    size_t n_files;
    uint64_t n_bytes;                /* of the files */
    uint64_t n_fetched;              /* of them that were not there yet */
    char gguf[WN_REPO_FILE_MAX + 1]; /* the GGUF file that was asked for; "": none or several */
} wn_pull_report;

/* Pull a model's revision; gguf_pattern NULL: its safetensors.
 * Fails:   as wn_listing_pick() and wn_fetch(); WN_ERR_IO for too little space, before anything is
 *          fetched. */
WN_MUST_USE wn_status wn_pull(wn_pull_report *out, const wn_hub_settings *settings,
                              const wn_repo *repo, const char *gguf_pattern, wn_error *err);

#endif
