/* See hash.h. */
#include "base/hash.h"

#include <string.h>

static uint64_t fold(uint64_t a, uint64_t b)
{
    __uint128_t p = (__uint128_t)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint64_t wn_hash_bytes(uint64_t seed, const void *p, size_t n)
{
    const unsigned char *bytes = p;
    uint64_t h = seed ^ n;
    for (; n >= 8; bytes += 8, n -= 8) {
        uint64_t w;
        memcpy(&w, bytes, 8);
        h = fold(h ^ w, seed ^ 0xA0761D6478BD642Fu);
    }
    uint64_t tail = 0;
    if (n > 0)
        memcpy(&tail, bytes, n);
    h = fold(h ^ tail, seed ^ 0xE7037ED1A0B428DBu);
    h ^= h >> 33;
    h *= 0xFF51AFD7ED558CCDu;
    return h;
}
