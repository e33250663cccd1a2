/* See watchdog.h. */
#include "serve/watchdog.h"

bool wn_watchdog_look(wn_watchdog *dog, uint64_t done, bool has_work, uint64_t limit_ns,
                      uint64_t now_ns)
{
    if (!has_work || done != dog->done || dog->since_ns == 0) {
        dog->done = done;
        dog->since_ns = now_ns;
    }
    return now_ns - dog->since_ns > limit_ns;
}
