/* See key_index.h. */
#include "serve/key_index.h"

#include "base/mem.h"

#define SLOTS_MIN 16

bool wn_key_index_init(wn_key_index *index, size_t n)
{
    size_t n_slots = SLOTS_MIN;
    while (n_slots / 2 < n)
        n_slots *= 2;
    *index = (wn_key_index){wn_mem_zalloc(n_slots, sizeof *index->numbers),
                            wn_mem_zalloc(n_slots, sizeof *index->places), n_slots};
    if (index->numbers != NULL && index->places != NULL)
        return true;
    wn_key_index_deinit(index);
    return false;
}

void wn_key_index_deinit(wn_key_index *index)
{
    wn_mem_free(index->numbers);
    wn_mem_free(index->places);
    *index = (wn_key_index){0};
}

/* The slot that holds the number, or the free one where it belongs. */
static size_t find_slot(const wn_key_index *index, uint64_t number)
{
    size_t mask = index->n_slots - 1;
    size_t slot = (size_t)(number * 0x9E3779B97F4A7C15u >> 32) & mask;
    while (index->numbers[slot] != 0 && index->numbers[slot] != number)
        slot = (slot + 1) & mask;
    return slot;
}

void wn_key_index_add(wn_key_index *index, uint64_t number, size_t place)
{
    size_t slot = find_slot(index, number);
    index->numbers[slot] = number;
    index->places[slot] = (uint32_t)place;
}

size_t wn_key_index_find(const wn_key_index *index, uint64_t number)
{
    if (index->n_slots == 0)
        return WN_KEY_INDEX_NONE;
    size_t slot = find_slot(index, number);
    return index->numbers[slot] == 0 ? WN_KEY_INDEX_NONE : index->places[slot];
}
