/* A directory that is filled with files, or left as it was: missing or empty.
 * Thread rule: one at a time. */
#ifndef WN_BASE_NEW_DIR_H
#define WN_BASE_NEW_DIR_H

#include "base/buf.h"
#include "base/status.h"

typedef struct wn_new_dir {
    const char *path; /* borrowed */
    bool was_missing;
    wn_buf made; /* paths of what was made in it, in order, each with a NUL */
} wn_new_dir;

/* Make the directory; one that is there must be empty.
 * Fails:   WN_ERR_ARGUMENT when it is not empty or no directory, WN_ERR_IO, WN_ERR_MEMORY.
 * Owns:    caller frees with wn_new_dir_deinit(), also after a failure; borrows path until then. */
WN_MUST_USE wn_status wn_new_dir_open(wn_new_dir *dir, const char *path, wn_error *err);

/* Write a file; name is "FILE", or "FOLDER/FILE" with a folder that no other file lies in.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_new_dir_write(wn_new_dir *dir, const char *name, wn_str bytes,
                                       wn_error *err);

/* Free; unless all is kept, remove what was made. */
void wn_new_dir_deinit(wn_new_dir *dir, bool keep);

#endif
