/* A whole terminal for one picture after another: its second page, without cursor, keys read one
 * by one.  What it was comes back with wn_screen_end().
 * Thread rule: main thread. */
#ifndef WN_CLI_SCREEN_H
#define WN_CLI_SCREEN_H

#include "base/buf.h"
#include "cli/sink.h"

#include <termios.h>

typedef struct wn_screen {
    wn_sink *out;
    struct termios before;
    bool has_keys; /* standard input is a terminal too */
} wn_screen;

/* Take the terminal over.
 * Fails:   WN_ERR_IO. */
WN_MUST_USE wn_status wn_screen_begin(wn_screen *screen, wn_sink *out, wn_error *err);

/* Give it back as it was. */
void wn_screen_end(wn_screen *screen);

/* How large it is now. */
void wn_screen_size(size_t *columns, size_t *lines);

/* Show a picture of lines in place of the one before.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_screen_show(wn_screen *screen, wn_str picture, wn_error *err);

/* Wait so long for a key; 0: none came, or a signal did. */
char wn_screen_wait_key(const wn_screen *screen, int timeout_ms);

#endif
