/* See digest_set.h.  Linear probing at half load; a digest is its own hash. */
#include "serve/digest_set.h"

#include "base/mem.h"

#include <string.h>

bool wn_digest_set_begin(wn_digest_set *set, size_t n)
{
    size_t n_slots = 8;
    while (n_slots < 2 * n)
        n_slots *= 2;
    if (!wn_mem_grow(&set->slots, &set->cap, n_slots, sizeof *set->slots))
        return false;
    set->n_slots = n_slots;
    memset(set->slots, 0, n_slots * sizeof *set->slots);
    return true;
}

void wn_digest_set_deinit(wn_digest_set *set)
{
    wn_mem_free(set->slots);
    *set = (wn_digest_set){0};
}

size_t wn_digest_set_first(wn_digest_set *set, const wn_row_digest *digests, size_t i)
{
    size_t mask = set->n_slots - 1, slot = digests[i].half[0] & mask;
    for (; set->slots[slot] != 0; slot = (slot + 1) & mask) {
        size_t first = set->slots[slot] - 1;
        if (memcmp(&digests[first], &digests[i], sizeof *digests) == 0)
            return first;
    }
    set->slots[slot] = (uint32_t)i + 1;
    return i;
}
