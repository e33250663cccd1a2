/* What standard output and standard error are, text as a terminal may show it, and progress.
 * Pure functions append to a buffer; wn_terminal_init() and wn_progress_*() look at the world.
 * Thread rule: any; a wn_progress one at a time. */
#ifndef WN_CLI_TERMINAL_H
#define WN_CLI_TERMINAL_H

#include "base/buf.h"

#define WN_COLUMNS_UNLIMITED SIZE_MAX
#define WN_BAR_CELLS_MAX     64

typedef struct wn_terminal {
    size_t out_columns; /* of standard output; unlimited when it is no terminal */
    size_t err_columns;
    bool out_is_tty, err_is_tty;
    bool colour;   /* standard output and error may be coloured where they are terminals */
    bool progress; /* a progress bar may be drawn on standard error */
} wn_terminal;

/* Look at the descriptors and at NO_COLOR, CI, TERM, COLUMNS. */
void wn_terminal_init(wn_terminal *terminal, bool quiet);

/* Columns that a text takes, as wn_terminal_push_text() shows it. */
size_t wn_terminal_text_columns(wn_str text);

/* Append text on one line and in at most so many columns; what does not fit is cut and ends in an
 * ellipsis.  White space of any kind becomes one space, other control characters and bytes that
 * are not UTF-8 U+FFFD; marks that change the direction of writing are left out. */
bool wn_terminal_push_text(wn_buf *out, wn_str text, size_t columns);

/* Append a bar of so many cells, filled in eighths; fraction outside 0..1 is clamped.
 * Needs:   cells <= WN_BAR_CELLS_MAX. */
bool wn_terminal_push_bar(wn_buf *out, double fraction, size_t cells);

/* Work that may take long: nothing is drawn in the first second. */
typedef struct wn_progress {
    bool enabled, drawn, colour;
    bool lines; /* where nothing is drawn, a line every ten seconds */
    size_t columns;
    const char *noun; /* "documents"; borrowed; NULL: they are bytes, shown with their rate */
    size_t n_first;   /* that were done when it began */
    uint64_t start_ns, last_ns;
} wn_progress;

/* Append one line of progress without its line end; total 0: not known.
 * Needs:   columns >= 2. */
bool wn_progress_push_line(wn_buf *out, const wn_progress *progress, uint64_t elapsed_ns,
                           size_t done, size_t total);

/* Begin; update as often as wanted; end, which erases what was drawn and may be called twice. */
void wn_progress_begin(wn_progress *progress, const wn_terminal *terminal, const char *noun);
void wn_progress_update(wn_progress *progress, size_t done, size_t total);
void wn_progress_end(wn_progress *progress);

#endif
