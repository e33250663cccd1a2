/* Pieces of pre-tokens that were seen before, for natural text repeats its words.
 * A fixed number of slots of one cache line each; a pre-token has one place and takes it from
 * whoever was there, so nothing grows, nothing is searched and hostile text costs only misses.
 * Long pre-tokens and those of many pieces are not kept.
 * Thread rule: one at a time; belongs to an encoder. */
#ifndef WN_TOKEN_CACHE_H
#define WN_TOKEN_CACHE_H

#include "token/token_model.h"

#include <string.h>

#define WN_CACHE_SLOTS  8192u
#define WN_CACHE_KEY    34u /* bytes of a pre-token */
#define WN_CACHE_TOKENS 4u

typedef struct wn_cache_slot {
    uint32_t hash;
    uint8_t key_len; /* 0: free */
    uint8_t n_tokens;
    uint8_t start[WN_CACHE_TOKENS], end[WN_CACHE_TOKENS];
    char key[WN_CACHE_KEY];
    int32_t ids[WN_CACHE_TOKENS];
} wn_cache_slot;
_Static_assert(sizeof(wn_cache_slot) == 64, "a slot is a cache line");

static inline uint64_t wn_cache_mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)(a ^ 0xA0761D6478BD642Fu) * (b ^ 0xE7037ED1A0B428DBu);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t wn_cache_load(const char *p, size_t n)
{
    uint64_t value = 0;
    if (n >= 8) {
        memcpy(&value, p, 8);
    } else if (n >= 4) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4);
        value = (uint64_t)high << 32 | low;
    } else {
        value = (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 |
                (uint64_t)(unsigned char)p[n - 1] << 16;
    }
    return value;
}

/* Hash of a pre-token of 1 to WN_CACHE_KEY bytes. */
static inline uint32_t wn_cache_hash(wn_str word)
{
    uint64_t hash = wn_cache_load(word.ptr, word.len) ^ word.len;
    for (size_t i = 8; i < word.len; i += 8) {
        size_t at = WN_MIN(i, word.len - 8);
        hash = wn_cache_mix(hash, wn_cache_load(word.ptr + at, 8));
    }
    hash = wn_cache_mix(hash, word.len);
    return (uint32_t)(hash >> 32);
}

/* The one slot where a pre-token may be. */
static inline wn_cache_slot *wn_cache_slot_of(wn_cache_slot *slots, uint32_t hash)
{
    return &slots[hash & (WN_CACHE_SLOTS - 1)];
}

static inline bool wn_cache_hit(const wn_cache_slot *slot, wn_str word, uint32_t hash)
{
    return slot->hash == hash && slot->key_len == word.len &&
           memcmp(slot->key, word.ptr, word.len) == 0;
}

/* Keep the pieces of a pre-token if they fit.
 * Needs:   1 <= word.len <= WN_CACHE_KEY. */
void wn_cache_keep(wn_cache_slot *slot, wn_str word, uint32_t hash, const wn_token *tokens,
                   size_t n_tokens);

#endif
