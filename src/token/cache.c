/* See cache.h. */
#include "token/cache.h"

void wn_cache_keep(wn_cache_slot *slot, wn_str word, uint32_t hash, const wn_token *tokens,
                   size_t n_tokens)
{
    WN_ASSERT(word.len >= 1 && word.len <= WN_CACHE_KEY);
    if (n_tokens > WN_CACHE_TOKENS)
        return;
    slot->hash = hash;
    slot->key_len = (uint8_t)word.len;
    slot->n_tokens = (uint8_t)n_tokens;
    memcpy(slot->key, word.ptr, word.len);
    for (size_t i = 0; i < n_tokens; i++) {
        slot->ids[i] = tokens[i].id;
        slot->start[i] = (uint8_t)tokens[i].start;
        slot->end[i] = (uint8_t)tokens[i].end;
    }
}
