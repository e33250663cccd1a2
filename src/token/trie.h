/* A trie over bytes whose edges live in one hash table: quick to build (no sorting, no layout),
 * eight bytes an edge, one probe a step.  Maps byte strings to ids >= 0.
 * A position in the trie is a wn_trie_node; its top bit says that a key ends there, so a walk
 * needs no second look to know.  The empty key is allowed.
 * Thread rule: shared read-only after the last put. */
#ifndef WN_TOKEN_TRIE_H
#define WN_TOKEN_TRIE_H

#include "base/defs.h"
#include "winnow.h"

typedef uint32_t wn_trie_node;
#define WN_TRIE_ROOT      0u
#define WN_TRIE_NONE      0u /* no such edge: the root is nobody's child */
#define WN_TRIE_KEY_ENDS  0x80000000u
#define WN_TRIE_NODES_MAX 0x00FFFFFFu

typedef struct wn_trie_edge {
    uint32_t from;   /* parent << 8 | byte */
    wn_trie_node to; /* WN_TRIE_NONE: the slot is free */
} wn_trie_edge;

typedef struct wn_trie {
    wn_trie_edge *edges; /* n_slots, a power of two, at most half used */
    int32_t *values;     /* [nodes_cap] */
    uint32_t n_slots, shift;
    uint32_t multiplier; /* odd and random, so that nobody can choose edges that collide */
    uint32_t n_nodes, nodes_cap;
    int32_t empty_value;     /* of the empty key; -1: none */
    wn_trie_node first[256]; /* the root's edges */
} wn_trie;

/* Make an empty trie with room for about n_nodes nodes.
 * Fails:   false when memory is short. */
bool wn_trie_init(wn_trie *trie, size_t n_nodes);
void wn_trie_deinit(wn_trie *trie);

/* Set key to value; *old (may be NULL) becomes the value it had, or -1.
 * Needs:   value >= 0.
 * Fails:   false when memory is short or there would be more than WN_TRIE_NODES_MAX nodes. */
bool wn_trie_put(wn_trie *trie, wn_str key, int32_t value, int32_t *old);

/* The node behind one more byte, or WN_TRIE_NONE. */
static inline wn_trie_node wn_trie_step(const wn_trie *trie, wn_trie_node node, unsigned char byte)
{
    node &= ~WN_TRIE_KEY_ENDS;
    if (node == WN_TRIE_ROOT)
        return trie->first[byte];
    uint32_t from = node << 8 | byte;
    for (uint32_t i = (from * trie->multiplier) >> trie->shift;;
         i = (i + 1) & (trie->n_slots - 1)) {
        const wn_trie_edge *edge = &trie->edges[i];
        if (edge->from == from)
            return edge->to;
        if (edge->to == WN_TRIE_NONE)
            return WN_TRIE_NONE;
    }
}

/* Value of the key that ends at a node with WN_TRIE_KEY_ENDS. */
static inline int32_t wn_trie_value(const wn_trie *trie, wn_trie_node node)
{
    return trie->values[node & ~WN_TRIE_KEY_ENDS];
}

/* Walk all of s from node; WN_TRIE_NONE when the path ends before.  An empty s gives node back. */
wn_trie_node wn_trie_walk(const wn_trie *trie, wn_trie_node node, wn_str s);

/* Value of key, or -1. */
int32_t wn_trie_find(const wn_trie *trie, wn_str key);

#endif
