/* A hash map from byte strings to int32: vocabularies, tensor names, option names.
 * Keys are borrowed, so they must outlive the map.  Built once, then read by many.
 * The hash is keyed with a seed of its own, so that nobody can choose keys that collide; at most
 * half of the slots are used, so a few probes a key.
 * Thread rule: shared read-only after the last put. */
#ifndef WN_BASE_MAP_H
#define WN_BASE_MAP_H

#include "base/defs.h"
#include "winnow.h"

typedef struct wn_map_slot {
    const char *ptr;
    uint32_t len;
    uint32_t hash;
    int32_t value;
    bool used;
} wn_map_slot;

typedef struct wn_map {
    wn_map_slot *slots;
    size_t n_slots; /* a power of two, or 0 */
    size_t count;
    uint64_t seed;
} wn_map;

#define WN_MAP_INIT                                                                                \
    {                                                                                              \
        0                                                                                          \
    }
#define WN_MAP_KEY_MAX UINT32_MAX

/* Make room for n keys in all.
 * Fails:   false when memory is short. */
bool wn_map_reserve(wn_map *map, size_t n);

/* Set key to value; a key that was there is overwritten and *replaced (may be NULL) set.
 * Fails:   false when memory is short or the key is longer than WN_MAP_KEY_MAX.
 * Owns:    borrows key.ptr until wn_map_deinit(). */
bool wn_map_put(wn_map *map, wn_str key, int32_t value, bool *replaced);

/* Value of key, or fallback. */
int32_t wn_map_get(const wn_map *map, wn_str key, int32_t fallback);

/* Free the memory; the map is empty and usable again. */
void wn_map_deinit(wn_map *map);

#endif
