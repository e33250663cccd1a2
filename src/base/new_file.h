/* A file that is there whole or not at all: bytes go to PATH.part, which becomes PATH by a rename
 * at the end.  Thread rule: one at a time. */
#ifndef WN_BASE_NEW_FILE_H
#define WN_BASE_NEW_FILE_H

#include "base/buf.h"
#include "base/status.h"

typedef struct wn_new_file {
    int fd;      /* of PATH.part; -1: none */
    wn_buf path; /* with a NUL */
    wn_buf part;
} wn_new_file;

/* Make PATH.part, which must not be there.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY.
 * Owns:    caller frees with wn_new_file_deinit(), also after a failure. */
WN_MUST_USE wn_status wn_new_file_open(wn_new_file *file, const char *path, wn_error *err);

/* Append all of it.
 * Fails:   WN_ERR_IO. */
WN_MUST_USE wn_status wn_new_file_write(wn_new_file *file, wn_str bytes, wn_error *err);

/* Force the bytes to disk, close and rename.
 * Fails:   WN_ERR_IO. */
WN_MUST_USE wn_status wn_new_file_commit(wn_new_file *file, wn_error *err);

/* Free; what was not committed is removed. */
void wn_new_file_deinit(wn_new_file *file);

#endif
