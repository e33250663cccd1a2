/* Files as read-only mappings or as whole buffers.  Errors name the path and the system's reason.
 * A mapped file must not shrink while it is mapped.  Thread rule: any; a mapping is read-only. */
#ifndef WN_BASE_FILE_H
#define WN_BASE_FILE_H

#include "base/buf.h"
#include "base/status.h"

typedef struct wn_file_map {
    const unsigned char *ptr; /* page aligned; not NULL, also for an empty file */
    size_t len;
} wn_file_map;

/* Map a regular file read-only.
 * Fails:   WN_ERR_IO when it cannot be opened, is not a regular file, or cannot be mapped.
 * Owns:    caller unmaps with wn_file_unmap(). */
WN_MUST_USE wn_status wn_file_map_open(wn_file_map *out, const char *path, wn_error *err);

/* Let go of the pages of len bytes from ptr on, and of those that reading them has brought along:
 * they stay in the system's page cache, other processes keep theirs, and what is read again comes
 * from there.
 * Thread rule: any, also while others read. */
void wn_file_map_release(const wn_file_map *map, const unsigned char *ptr, size_t len);

/* Unmap; a map of zeros is allowed. */
void wn_file_unmap(wn_file_map *map);

/* Read a regular file of at most max_bytes into *out, replacing its content.
 * Fails:   WN_ERR_IO as above, WN_ERR_LIMIT when it is larger, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_file_read(wn_buf *out, const char *path, size_t max_bytes, wn_error *err);

/* Whether path is there: a file, a folder, a link to nothing, or what cannot be looked at; only a
 * name that does not exist is not. */
bool wn_file_exists(const char *path);

/* "dir/name" with a NUL, into *out, replacing its content.
 * Fails:   false when memory is short. */
bool wn_file_join(wn_buf *out, const char *dir, const char *name);

#endif
