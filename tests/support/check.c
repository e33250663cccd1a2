/* See check.h. */
#include "tests/support/check.h"

#include <unistd.h>

uint64_t check_random_bits(void)
{
    static uint64_t state = 0x9E3779B97F4A7C15u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

size_t check_random_below(size_t n)
{
    return (size_t)(check_random_bits() % n);
}

const char *check_shared(const char *path)
{
    static char full[4096];
    const char *root = getenv("WINNOW_SHARED");
    snprintf(full, sizeof full, "%s/%s", root != NULL ? root : "../shared", path);
    return access(full, R_OK) == 0 ? full : NULL;
}
