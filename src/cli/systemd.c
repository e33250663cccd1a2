/* See systemd.h.  Source: sd_listen_fds(3), sd_watchdog_enabled(3), systemd.exec(5). */
#define _GNU_SOURCE /* getnameinfo */
#include "cli/systemd.h"

#include "cli/options.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE        "cli/systemd"
#define LISTEN_FD_FIRST 3

/* A variable that holds for the process of a number only, in another variable. */
static unsigned long long number_for_us(const char *name, const char *pid_name)
{
    const char *value = wn_options_env(name), *pid = wn_options_env(pid_name);
    if (value == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    return strtoull(value, NULL, 10);
}

static bool is_journal(void)
{
    const char *stream = wn_options_env("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat info;
    return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &info) == 0 && info.st_dev == device && info.st_ino == inode;
}

static wn_status read_socket(wn_systemd *out, wn_error *err)
{
    unsigned long long n = number_for_us("LISTEN_FDS", "LISTEN_PID");
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (n == 0 || wn_options_env("LISTEN_PID") == NULL)
        return WN_OK;
    if (n > 1)
        WN_FAIL(err, WN_ERR_ARGUMENT, "%llu sockets are handed over, expected one", n);
    if (getsockname(LISTEN_FD_FIRST, (struct sockaddr *)&address, &size) != 0 ||
        getnameinfo((struct sockaddr *)&address, size, out->listen_host, sizeof out->listen_host,
                    NULL, 0, NI_NUMERICHOST) != 0 ||
        (address.ss_family != AF_INET && address.ss_family != AF_INET6))
        WN_FAIL(err, WN_ERR_ARGUMENT, "descriptor %d is no TCP socket to listen on",
                LISTEN_FD_FIRST);
    out->listen_fd = LISTEN_FD_FIRST;
    return WN_OK;
}

wn_status wn_systemd_read(wn_systemd *out, wn_error *err)
{
    *out = (wn_systemd){.notify_socket = wn_options_env("NOTIFY_SOCKET"),
                        .watchdog_us = number_for_us("WATCHDOG_USEC", "WATCHDOG_PID"),
                        .listen_fd = -1,
                        .journal = is_journal()};
    return read_socket(out, err);
}
