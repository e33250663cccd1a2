/* See screen.h.  Control sequences are those that every terminal of today has (ECMA-48, and the
 * second page of xterm). */
#define _DEFAULT_SOURCE /* TIOCGWINSZ */
#include "cli/screen.h"

#include "base/str.h"
#include "cli/signals.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WN_WHERE        "cli/screen"
#define COLUMNS_DEFAULT 80
#define LINES_DEFAULT   24
#define BEGIN           "\x1b[?1049h\x1b[?25l\x1b[2J"
#define END             "\x1b[?25h\x1b[?1049l"
#define HOME            "\x1b[H"
#define ERASE_LINE      "\x1b[K"
#define ERASE_BELOW     "\x1b[J"

wn_status wn_screen_begin(wn_screen *screen, wn_sink *out, wn_error *err)
{
    *screen = (wn_screen){.out = out};
    screen->has_keys = tcgetattr(STDIN_FILENO, &screen->before) == 0;
    if (screen->has_keys) {
        struct termios raw = screen->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* Ctrl-C is still a signal */
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* stopped, it could not give the terminal back */
        if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0)
            WN_FAIL(err, WN_ERR_IO, "cannot set the terminal up: %s", strerror(errno));
    }
    wn_status status = wn_sink_write(out, WN_STR(BEGIN), err);
    if (status != WN_OK)
        wn_screen_end(screen);
    return status;
}

void wn_screen_end(wn_screen *screen)
{
    wn_error err;
    (void)!wn_sink_write(screen->out, WN_STR(END), &err); /* who else could be told */
    if (screen->has_keys)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &screen->before);
    screen->has_keys = false;
}

void wn_screen_size(size_t *columns, size_t *lines)
{
    struct winsize size = {0};
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *columns = size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
    *lines = size.ws_row > 0 ? size.ws_row : LINES_DEFAULT;
}

/* Line by line over what is there, so that nothing flickers; no line end behind the last, which
 * would scroll. */
wn_status wn_screen_show(wn_screen *screen, wn_str picture, wn_error *err)
{
    wn_buf out = WN_BUF_INIT;
    wn_buf_push_str(&out, WN_STR(HOME));
    for (size_t i = 0; i < picture.len; i++) {
        if (picture.ptr[i] != '\n')
            wn_buf_push_byte(&out, picture.ptr[i]);
        else
            wn_buf_push_str(&out, i + 1 < picture.len ? WN_STR(ERASE_LINE "\r\n")
                                                      : WN_STR(ERASE_LINE ERASE_BELOW));
    }
    wn_status status = WN_OK;
    if (out.failed)
        status = wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "no memory for a picture");
    else
        status = wn_sink_write(screen->out, wn_buf_str(&out), err);
    wn_buf_deinit(&out);
    return status;
}

char wn_screen_wait_key(const wn_screen *screen, int timeout_ms)
{
    char key = 0;
    struct pollfd fds[] = {{.fd = wn_signals_wake_fd(), .events = POLLIN},
                           {.fd = screen->has_keys ? STDIN_FILENO : -1, .events = POLLIN}};
    if (poll(fds, WN_ARRAY_LEN(fds), timeout_ms) <= 0 || fds[1].revents == 0)
        return 0;
    return read(STDIN_FILENO, &key, 1) == 1 ? key : 0;
}
