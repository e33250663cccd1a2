/* See signals.h. */
#define _GNU_SOURCE /* pipe2 */
#include "cli/signals.h"

#include "base/str.h"
#include "cli/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define WN_WHERE "cli/signals"

static volatile sig_atomic_t caught_signal;
static int wake_pipe[2] = {-1, -1};

static void catch_signal(int number)
{
    int saved = errno;
    if (caught_signal == 0)
        caught_signal = number;
    ssize_t written = write(wake_pipe[1], "!", 1);
    (void)written; /* a full pipe is readable too */
    errno = saved;
}

static void end_at_bus_error(int number)
{
    static const char message[] =
        "winnow: a file was cut or could not be read while it was in use\n";
    (void)number;
    ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
    (void)written;
    _exit(WN_EXIT_FAILURE);
}

static bool install(int number, void (*handler)(int), unsigned flags)
{
    struct sigaction before, action = {.sa_handler = handler, .sa_flags = (int)flags};
    if (sigaction(number, NULL, &before) != 0)
        return false;
    if (before.sa_handler == SIG_IGN)
        return true; /* nohup, a shell's background job: whoever started us does not want it */
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, NULL) == 0;
}

wn_status wn_signals_install(wn_error *err)
{
    if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot make a pipe: %s", strerror(errno));
    if (!install(SIGPIPE, SIG_IGN, 0) || !install(SIGXFSZ, SIG_IGN, 0) ||
        !install(SIGBUS, end_at_bus_error, 0) || !install(SIGTERM, catch_signal, 0) ||
        !install(SIGINT, catch_signal, SA_RESETHAND))
        WN_FAIL(err, WN_ERR_IO, "cannot catch signals: %s", strerror(errno));
    return WN_OK;
}

int wn_signals_caught(void)
{
    return caught_signal;
}

int wn_signals_wake_fd(void)
{
    return wake_pipe[0];
}
