/* Where results go: a descriptor that is written to whole, unbuffered by us.
 * Thread rule: one at a time. */
#ifndef WN_CLI_SINK_H
#define WN_CLI_SINK_H

#include "base/status.h"

typedef struct wn_sink {
    int fd;
    const char *name; /* for messages; borrowed */
    bool reader_gone; /* the other end of the pipe was closed */
} wn_sink;

/* Write all of it.
 * Fails:   WN_ERR_IO; also when the reader has gone, which sets reader_gone. */
WN_MUST_USE wn_status wn_sink_write(wn_sink *sink, wn_str bytes, wn_error *err);

/* Close the descriptor; some file systems tell only now that writing failed.
 * Fails:   WN_ERR_IO. */
WN_MUST_USE wn_status wn_sink_close(wn_sink *sink, wn_error *err);

#endif
