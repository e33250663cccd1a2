/* Signals as flags.  The first SIGINT or SIGTERM is noted, and scoring or reading stops at its next
 * poll; a second SIGINT kills.  SIGPIPE and SIGXFSZ are ignored, so that writing to a closed pipe
 * or over a size limit is an error that can be told from others.  SIGBUS, a mapped file of weights
 * that was cut meanwhile, ends the program with a message.  The only state of this module is what
 * its handler writes.
 * Thread rule: main thread, before others start. */
#ifndef WN_CLI_SIGNALS_H
#define WN_CLI_SIGNALS_H

#include "base/status.h"

/* Fails:   WN_ERR_IO. */
WN_MUST_USE wn_status wn_signals_install(wn_error *err);

/* SIGINT or SIGTERM, whichever came first; 0 for none. */
int wn_signals_caught(void);

/* A descriptor that is readable once a signal was caught; -1 before wn_signals_install(). */
int wn_signals_wake_fd(void);

#endif
