/* See seed.h. */
#define _GNU_SOURCE
#include "base/seed.h"
#include "base/clock.h"

#include <sys/random.h>

uint64_t wn_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed)
        return seed;
    return (wn_clock_ns() ^ (uint64_t)(uintptr_t)&seed) * 0x9E3779B97F4A7C15u;
}
