/* Notices that somebody who has work gets nothing done.  Pure: it is shown how much was done so far
 * and told the time.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_WATCHDOG_H
#define WN_SERVE_WATCHDOG_H

#include "base/defs.h"

typedef struct wn_watchdog {
    uint64_t done;
    uint64_t since_ns; /* when it last had no work, or more was done than before */
} wn_watchdog;

/* Look again, as often as once a second or so; zeros are a start.  Returns whether there has been
 * work for longer than limit_ns with nothing done. */
bool wn_watchdog_look(wn_watchdog *dog, uint64_t done, bool has_work, uint64_t limit_ns,
                      uint64_t now_ns);

#endif
