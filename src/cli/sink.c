/* See sink.h. */
#include "cli/sink.h"

#include "base/str.h"
#include "cli/signals.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#define WN_WHERE "cli/sink"

#define GRACE_MS 2000 /* for a reader, once we were asked to stop */

/* Wait until fd takes at least PIPE_BUF bytes; false when a signal was caught and the reader takes
 * nothing for a while. */
static bool wait_writable(int fd)
{
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    return poll(&writable, 1, wn_signals_caught() != 0 ? GRACE_MS : -1) != 0;
}

wn_status wn_sink_write(wn_sink *sink, wn_str bytes, wn_error *err)
{
    for (size_t done = 0; done < bytes.len;) {
        size_t part = bytes.len - done;
        if (wn_signals_caught() != 0) { /* no write that could block for ever */
            part = WN_MIN(part, (size_t)PIPE_BUF);
            if (!wait_writable(sink->fd))
                WN_FAIL(err, WN_ERR_CANCELLED, "%s: stopped, nobody reads it", sink->name);
        }
        ssize_t n = write(sink->fd, bytes.ptr + done, part);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN) {
            (void)wait_writable(sink->fd);
        } else if (errno != EINTR) {
            sink->reader_gone = errno == EPIPE;
            WN_FAIL(err, WN_ERR_IO, "cannot write to %s: %s", sink->name, strerror(errno));
        }
    }
    return WN_OK;
}

wn_status wn_sink_close(wn_sink *sink, wn_error *err)
{
    int fd = sink->fd;
    sink->fd = -1;
    if (fd >= 0 && close(fd) != 0 && errno != EINTR)
        WN_FAIL(err, WN_ERR_IO, "cannot write to %s: %s", sink->name, strerror(errno));
    return WN_OK;
}
