/* See seed.h. */
#define _GNU_SOURCE
#include "base/seed.h"
#include "base/clock.h"

#include <errno.h>
#include <sys/random.h>

uint64_t wn_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed)
        return seed;
    return (wn_clock_ns() ^ (uint64_t)(uintptr_t)&seed) * 0x9E3779B97F4A7C15u;
}

bool wn_random_bytes(void *out, size_t n)
{
    unsigned char *at = out;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}
