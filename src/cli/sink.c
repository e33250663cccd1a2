/* See sink.h. */
#include "cli/sink.h"

#include "base/str.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define WN_WHERE "cli/sink"

wn_status wn_sink_write(wn_sink *sink, wn_str bytes, wn_error *err)
{
    for (size_t done = 0; done < bytes.len;) {
        ssize_t n = write(sink->fd, bytes.ptr + done, bytes.len - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd writable = {.fd = sink->fd, .events = POLLOUT};
            (void)poll(&writable, 1, -1);
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
