/* What every part of hub/ shares: the settings of a fetch, and paths.
 * hub/ keeps published models in the cache that Hugging Face's own tools use, and fetches what is
 * missing there.  It never reads the environment, asks or prints: the program does.
 * Source: huggingface_hub 2.4, "Understand caching" and file_download.py.  Thread rule: any. */
#ifndef WN_HUB_HUB_H
#define WN_HUB_HUB_H

#include "base/buf.h"
#include "base/status.h"

typedef struct wn_hub_settings {
    const char *cache;          /* the folder that models--ORG--NAME folders lie in */
    const char *endpoint;       /* "https://huggingface.co", without a slash at its end */
    const char *shown_endpoint; /* the same without a user and password, for messages */
    const char *token;          /* shown to the endpoint and to nobody else; NULL: none */
    const char *ca_file;        /* PEM, whom to trust; NULL: whom the system trusts */
    int32_t timeout_s;          /* without a byte */
    int32_t n_retries;          /* in a row, each without progress */
    int32_t n_connections; /* 1..WN_HUB_CONNECTIONS_MAX, to fetch parts of a file side by side */
    bool (*should_stop)(void *user);
    void (*progress)(void *user, uint64_t n_done, uint64_t n_bytes); /* of all files, often */
    void (*note)(void *user, const char *text); /* why it takes longer: one line */
    void *user;
} wn_hub_settings;

#define WN_HUB_CONNECTIONS_MAX 16

/* A path, printed and ended by a NUL, in place of what *out held.
 * Fails:   WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_hub_path(wn_buf *out, wn_error *err, const char *format, ...)
    WN_PRINTF(3, 4);

/* Make the folders above a file; those that are there are fine.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_hub_make_parents(const char *path, wn_error *err);

/* Remove a folder and all that is below it; links are removed, not followed.
 * Fails:   WN_ERR_IO when something stays, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_hub_remove_tree(const char *path, wn_error *err);

/* Put a small file in place of what is at path, whole or not at all.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_hub_write_file(const char *path, wn_str bytes, wn_error *err);

/* Call visit for each entry of a folder, in the order of names, except "." and ".."; a folder that
 * is not there has none.
 * Fails:   as visit; WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_hub_each_entry(const char *folder,
                                        wn_status (*visit)(void *user, const char *path,
                                                           const char *name, wn_error *err),
                                        void *user, wn_error *err);

/* Call visit for each file and link below a folder, in the order of names; name is its path from
 * there on.  Links are not followed; a folder that is not there has none.
 * Fails:   as visit; WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_hub_each_file(const char *folder,
                                       wn_status (*visit)(void *user, const char *path,
                                                          const char *name, wn_error *err),
                                       void *user, wn_error *err);

/* There must be n bytes of room on the file system of a folder that exists.
 * Fails:   WN_ERR_IO, which says how much is needed and how much there is. */
WN_MUST_USE wn_status wn_hub_check_room(const char *folder, uint64_t n, wn_error *err);

#endif
