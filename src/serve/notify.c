/* See notify.h. */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "serve/notify.h"

#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WN_WHERE  "serve/notify"
#define LINES_MAX 1024

wn_status wn_notify_open(wn_notify *out, const char *address, wn_error *err)
{
    *out = (wn_notify){.fd = -1};
    if (address == NULL)
        return WN_OK;
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    size_t n = strlen(address);
    if (n >= sizeof where.sun_path || (address[0] != '/' && address[0] != '@'))
        WN_FAIL(err, WN_ERR_IO, "the service manager's socket '%.100s' has no usable name",
                address);
    memcpy(where.sun_path, address, n);
    if (address[0] == '@')
        where.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&where, size) != 0) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        WN_FAIL(err, WN_ERR_IO, "the service manager's socket '%s': %s", address, strerror(reason));
    }
    out->fd = fd;
    return WN_OK;
}

void wn_notify_close(wn_notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
}

void wn_notify_send(const wn_notify *notify, const char *format, ...)
{
    char lines[LINES_MAX];
    if (notify->fd < 0)
        return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(lines, sizeof lines, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof lines)
        (void)send(notify->fd, lines, (size_t)n, MSG_NOSIGNAL);
}
