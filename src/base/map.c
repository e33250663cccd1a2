/* Open addressing with linear probing; load kept at or below one half.
 * Hash: eight bytes a step, multiply and fold (the wyhash idea), finished with murmur3's mixer. */
#include "base/map.h"
#include "base/mem.h"
#include "base/seed.h"

#include <string.h>

static uint64_t fold(uint64_t a, uint64_t b)
{
    __uint128_t p = (__uint128_t)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint32_t hash_bytes(uint64_t seed, const char *p, size_t n)
{
    uint64_t h = seed ^ n;
    while (n >= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        h = fold(h ^ w, seed ^ 0xA0761D6478BD642Fu);
        p += 8;
        n -= 8;
    }
    uint64_t tail = 0;
    if (n > 0)
        memcpy(&tail, p, n);
    h = fold(h ^ tail, seed ^ 0xE7037ED1A0B428DBu);
    h ^= h >> 33;
    h *= 0xFF51AFD7ED558CCDu;
    return (uint32_t)(h >> 32);
}

/* The slot that holds the key, or the free one where it belongs. */
static wn_map_slot *find_slot(const wn_map *map, wn_str key, uint32_t hash)
{
    size_t mask = map->n_slots - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        wn_map_slot *slot = &map->slots[i];
        if (!slot->used)
            return slot;
        if (slot->hash == hash && slot->len == key.len &&
            (key.len == 0 || memcmp(slot->ptr, key.ptr, key.len) == 0))
            return slot;
    }
}

bool wn_map_reserve(wn_map *map, size_t n)
{
    size_t n_slots = WN_MAX(map->n_slots, (size_t)16);
    while (n_slots / 2 < n) {
        if (n_slots > SIZE_MAX / 4)
            return false;
        n_slots *= 2;
    }
    if (n_slots == map->n_slots)
        return true;
    wn_map bigger = {wn_mem_zalloc(n_slots, sizeof(wn_map_slot)), n_slots, map->count,
                     map->n_slots == 0 ? wn_seed() : map->seed};
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < map->n_slots; i++) {
        const wn_map_slot *old = &map->slots[i];
        if (old->used)
            *find_slot(&bigger, (wn_str){old->ptr, old->len}, old->hash) = *old;
    }
    wn_mem_free(map->slots);
    *map = bigger;
    return true;
}

bool wn_map_put(wn_map *map, wn_str key, int32_t value, bool *replaced)
{
    if (key.len > WN_MAP_KEY_MAX || !wn_map_reserve(map, map->count + 1))
        return false;
    uint32_t hash = hash_bytes(map->seed, key.ptr, key.len);
    wn_map_slot *slot = find_slot(map, key, hash);
    if (replaced != NULL)
        *replaced = slot->used;
    if (!slot->used) {
        *slot = (wn_map_slot){key.ptr, (uint32_t)key.len, hash, value, true};
        map->count++;
    } else {
        slot->value = value;
    }
    return true;
}

int32_t wn_map_get(const wn_map *map, wn_str key, int32_t fallback)
{
    if (map->count == 0)
        return fallback;
    const wn_map_slot *slot = find_slot(map, key, hash_bytes(map->seed, key.ptr, key.len));
    return slot->used ? slot->value : fallback;
}

void wn_map_deinit(wn_map *map)
{
    wn_mem_free(map->slots);
    *map = (wn_map)WN_MAP_INIT;
}
