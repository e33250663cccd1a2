/* Open addressing with linear probing; load kept at or below one half. */
#include "base/map.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/seed.h"

#include <string.h>

static uint32_t hash_key(uint64_t seed, wn_str key)
{
    return (uint32_t)(wn_hash_bytes(seed, key.ptr, key.len) >> 32);
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
    uint32_t hash = hash_key(map->seed, key);
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
    const wn_map_slot *slot = find_slot(map, key, hash_key(map->seed, key));
    return slot->used ? slot->value : fallback;
}

void wn_map_deinit(wn_map *map)
{
    wn_mem_free(map->slots);
    *map = (wn_map)WN_MAP_INIT;
}
