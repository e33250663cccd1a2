/* The digest that a blob of the cache is named by: SHA-256 of the bytes for files that the hub
 * keeps as large ones, else the SHA-1 that git gives them.  Which of the two it is shows by the
 * length of the name.
 * Thread rule: one at a time. */
#ifndef WN_HUB_BLOB_DIGEST_H
#define WN_HUB_BLOB_DIGEST_H

#include "hub/hub.h"

typedef struct wn_blob_digest {
    struct evp_md_ctx_st *context;
} wn_blob_digest;

#define WN_BLOB_HEX_MAX 64

/* Begin over a blob of n bytes whose name is `like`.
 * Needs:   wn_repo_is_digest(like).
 * Fails:   WN_ERR_MEMORY.
 * Owns:    caller ends with wn_blob_digest_end(), also after a failure. */
WN_MUST_USE wn_status wn_blob_digest_begin(wn_blob_digest *digest, wn_str like, uint64_t n,
                                           wn_error *err);

/* Add bytes.
 * Fails:   WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_blob_digest_add(wn_blob_digest *digest, const void *bytes, size_t n,
                                         wn_error *err);

/* The digest in hexadecimal, with a NUL; hex may be NULL.  Frees. */
void wn_blob_digest_end(wn_blob_digest *digest, char hex[WN_BLOB_HEX_MAX + 1]);

/* The digest of the first n bytes of an open file; `like` is its blob's name.
 * Fails:   WN_ERR_IO, also when the file is shorter; WN_ERR_MEMORY, WN_ERR_CANCELLED. */
WN_MUST_USE wn_status wn_blob_digest_read(wn_blob_digest *digest, int fd, uint64_t n,
                                          const char *path, const wn_hub_settings *settings,
                                          wn_error *err);

#endif
