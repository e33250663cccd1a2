/* Headers of tar archives, POSIX ustar, with regular files only: other kinds of entries (links,
 * devices, folders apart) are refused when they are read, and never written.  Pure.
 * Source: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar for sizes of 8 GiB and more.
 * Thread rule: any. */
#ifndef WN_HUB_TAR_H
#define WN_HUB_TAR_H

#include "base/status.h"

#define WN_TAR_BLOCK    512
#define WN_TAR_NAME_MAX 255

typedef struct wn_tar_entry {
    char name[WN_TAR_NAME_MAX + 2];
    uint64_t size;
    bool is_folder; /* nothing of interest */
} wn_tar_entry;

/* Write the header of a file; the archive depends on its files alone, not on times and owners.
 * Fails:   WN_ERR_LIMIT when the format has no room for the name. */
WN_MUST_USE wn_status wn_tar_write_header(unsigned char block[WN_TAR_BLOCK],
                                          const wn_tar_entry *entry, wn_error *err);

/* Read a header; *is_end: it is a block of zeros, which ends the archive.
 * Fails:   WN_ERR_FORMAT, also for what is no regular file. */
WN_MUST_USE wn_status wn_tar_read_header(wn_tar_entry *entry, bool *is_end,
                                         const unsigned char block[WN_TAR_BLOCK], wn_error *err);

/* Bytes that fill the last block of a file. */
static inline size_t wn_tar_padding(uint64_t size)
{
    return (size_t)((WN_TAR_BLOCK - size % WN_TAR_BLOCK) % WN_TAR_BLOCK);
}

#endif
