/* See trie.h.  Open addressing with linear probing over (parent, byte), load at most one half.
 * Nodes are numbered in order of creation from 1; node 0 is the root. */
#include "token/trie.h"
#include "base/mem.h"
#include "base/seed.h"

#include <string.h>

#define SLOTS_MIN 64u

/* A new table of n_slots with the old edges in it. */
static bool set_slots(wn_trie *trie, uint32_t n_slots)
{
    wn_trie_edge *edges = wn_mem_zalloc(n_slots, sizeof *edges);
    if (edges == NULL)
        return false;
    uint32_t shift = 32;
    for (uint32_t n = n_slots; n > 1; n /= 2)
        shift--;
    for (uint32_t i = 0; i < trie->n_slots; i++) {
        wn_trie_edge edge = trie->edges[i];
        if (edge.to == WN_TRIE_NONE)
            continue;
        uint32_t slot = (edge.from * trie->multiplier) >> shift;
        while (edges[slot].to != WN_TRIE_NONE)
            slot = (slot + 1) & (n_slots - 1);
        edges[slot] = edge;
    }
    wn_mem_free(trie->edges);
    trie->edges = edges;
    trie->n_slots = n_slots;
    trie->shift = shift;
    return true;
}

static bool set_nodes_cap(wn_trie *trie, uint32_t cap)
{
    int32_t *values = wn_mem_realloc(trie->values, cap, sizeof *values);
    if (values == NULL)
        return false;
    trie->values = values;
    trie->nodes_cap = cap;
    return true;
}

bool wn_trie_init(wn_trie *trie, size_t n_nodes)
{
    *trie = (wn_trie){.n_nodes = 1, .empty_value = -1, .multiplier = (uint32_t)wn_seed() | 1};
    uint32_t want = (uint32_t)WN_MIN(n_nodes, (size_t)WN_TRIE_NODES_MAX);
    uint32_t n_slots = SLOTS_MIN;
    while (n_slots / 2 < want)
        n_slots *= 2;
    return set_nodes_cap(trie, WN_MAX(want, SLOTS_MIN / 2)) && set_slots(trie, n_slots);
}

void wn_trie_deinit(wn_trie *trie)
{
    wn_mem_free(trie->edges);
    wn_mem_free(trie->values);
    *trie = (wn_trie){0};
}

/* Make sure that `more` nodes can be added without moving anything. */
static bool reserve(wn_trie *trie, size_t more)
{
    if (more > WN_TRIE_NODES_MAX - trie->n_nodes)
        return false;
    uint32_t need = trie->n_nodes + (uint32_t)more, n_slots = trie->n_slots;
    while (n_slots / 2 < need)
        n_slots *= 2;
    return (n_slots == trie->n_slots || set_slots(trie, n_slots)) &&
           (need <= trie->nodes_cap || set_nodes_cap(trie, WN_MAX(need, trie->nodes_cap * 2)));
}

/* Where the edge (node, byte) keeps its target; the edge is made when it is missing. */
static wn_trie_node *edge_of(wn_trie *trie, wn_trie_node node, unsigned char byte)
{
    wn_trie_node *to = &trie->first[byte];
    if (node != WN_TRIE_ROOT) {
        uint32_t from = node << 8 | byte;
        uint32_t i = (from * trie->multiplier) >> trie->shift;
        while (trie->edges[i].to != WN_TRIE_NONE && trie->edges[i].from != from)
            i = (i + 1) & (trie->n_slots - 1);
        trie->edges[i].from = from;
        to = &trie->edges[i].to;
    }
    if (*to == WN_TRIE_NONE)
        *to = trie->n_nodes++;
    return to;
}

bool wn_trie_put(wn_trie *trie, wn_str key, int32_t value, int32_t *old)
{
    WN_ASSERT(value >= 0);
    if (!reserve(trie, key.len))
        return false;
    if (key.len == 0) {
        if (old != NULL)
            *old = trie->empty_value;
        trie->empty_value = value;
        return true;
    }
    wn_trie_node node = WN_TRIE_ROOT;
    wn_trie_node *to = NULL;
    for (size_t i = 0; i < key.len; i++) {
        to = edge_of(trie, node, (unsigned char)key.ptr[i]);
        node = *to & ~WN_TRIE_KEY_ENDS;
    }
    if (old != NULL)
        *old = (*to & WN_TRIE_KEY_ENDS) != 0 ? trie->values[node] : -1;
    *to |= WN_TRIE_KEY_ENDS;
    trie->values[node] = value;
    return true;
}

wn_trie_node wn_trie_walk(const wn_trie *trie, wn_trie_node node, wn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        node = wn_trie_step(trie, node, (unsigned char)s.ptr[i]);
        if (node == WN_TRIE_NONE)
            break;
    }
    return node;
}

int32_t wn_trie_find(const wn_trie *trie, wn_str key)
{
    if (key.len == 0)
        return trie->empty_value;
    wn_trie_node node = wn_trie_walk(trie, WN_TRIE_ROOT, key);
    return (node & WN_TRIE_KEY_ENDS) != 0 ? wn_trie_value(trie, node) : -1;
}
