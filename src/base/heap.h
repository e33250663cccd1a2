/* A priority queue of items that carry their own node; the smallest key is on top, of equal ones
 * the first put.  A pairing heap: to put and to look cost O(1), to remove O(log n) amortised, no
 * memory.  Does not move in memory while it holds nodes.
 * Source:      Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", 1986; two-pass variant.
 * Thread rule: one at a time. */
#ifndef WN_BASE_HEAP_H
#define WN_BASE_HEAP_H

#include "base/defs.h"

typedef struct wn_heap_node {
    uint64_t key, turn;                         /* turn: counts the puts, for equal keys */
    struct wn_heap_node *child, *next, **place; /* place: the pointer that points here */
} wn_heap_node;

typedef struct wn_heap {
    wn_heap_node *top; /* NULL: empty */
    uint64_t n_put;
} wn_heap;

/* Needs:   node is in no heap. */
void wn_heap_put(wn_heap *heap, wn_heap_node *node, uint64_t key);

/* Put a node back to where it was among its equals: it keeps its key and turn.
 * Needs:   node was in this heap and was removed. */
void wn_heap_restore(wn_heap *heap, wn_heap_node *node);

/* Needs:   node is in this heap. */
void wn_heap_remove(wn_heap *heap, wn_heap_node *node);

#endif
