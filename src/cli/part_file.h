/* An output file that is there whole or not at all: lines go to FILE.part, which becomes FILE by a
 * rename at the end.  A run that was interrupted, even by a power cut, leaves whole lines and at
 * most one torn one, so the next run can go on behind them.  FILE.part is locked against a second
 * writer, whose failure leaves it alone.
 * Thread rule: one at a time. */
#ifndef WN_CLI_PART_FILE_H
#define WN_CLI_PART_FILE_H

#include "base/buf.h"
#include "cli/sink.h"

/* Error lines begin so, which is how a resumed run knows of those before it. */
#define WN_ERROR_LINE_START "{\"error\":"

typedef struct wn_part_file {
    const char *path; /* borrowed */
    wn_buf part_path;
    uint64_t n_lines;  /* whole lines found by a resumed run */
    uint64_t n_errors; /* those of them that are error lines */
    bool is_done;      /* a resumed run found FILE itself: nothing is left to do */
    bool is_ours;      /* FILE.part is open, locked and not yet renamed */
} wn_part_file;

/* Open path.part and make it the sink; with resume, keep its whole lines and drop a torn one.
 * Fails:   WN_ERR_IO, also when another process writes it; WN_ERR_MEMORY.
 * Owns:    caller frees with wn_part_file_deinit(), also after a failure; borrows path. */
WN_MUST_USE wn_status wn_part_file_open(wn_part_file *file, wn_sink *sink, const char *path,
                                        bool resume, wn_error *err);

/* Force the bytes to disk, close the sink and rename.
 * Fails:   WN_ERR_IO. */
WN_MUST_USE wn_status wn_part_file_commit(wn_part_file *file, wn_sink *sink, wn_error *err);

/* Close the sink and free.  What was not committed stays as FILE.part when it can be resumed, else
 * it is removed.
 * Fails:   WN_ERR_IO when bytes that stay could not be written; the memory is freed anyway. */
WN_MUST_USE wn_status wn_part_file_deinit(wn_part_file *file, wn_sink *sink, bool can_resume,
                                          wn_error *err);

#endif
