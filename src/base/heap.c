/* See heap.h.  Every node knows the pointer that leads to it, the heap's, its parent's or its left
 * sibling's, so that cutting it out needs no search. */
#include "base/heap.h"

static bool is_before(const wn_heap_node *a, const wn_heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->turn < b->turn;
}

static void link_at(wn_heap_node **place, wn_heap_node *node)
{
    *place = node;
    if (node != NULL)
        node->place = place;
}

/* One heap of two roots without siblings; either may be NULL. */
static wn_heap_node *meld(wn_heap_node *a, wn_heap_node *b)
{
    if (a == NULL || b == NULL)
        return a == NULL ? b : a;
    wn_heap_node *top = is_before(a, b) ? a : b, *below = top == a ? b : a;
    link_at(&below->next, top->child);
    link_at(&top->child, below);
    return top;
}

/* Take the first of a row of siblings. */
static wn_heap_node *pop(wn_heap_node **row)
{
    wn_heap_node *first = *row;
    if (first != NULL) {
        *row = first->next;
        first->next = NULL;
    }
    return first;
}

/* One heap of a row of siblings: in pairs from the left, then all from the right. */
static wn_heap_node *meld_all(wn_heap_node *row)
{
    wn_heap_node *pairs = NULL, *all = NULL;
    while (row != NULL) {
        wn_heap_node *a = pop(&row), *b = pop(&row), *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs != NULL)
        all = meld(all, pop(&pairs));
    return all;
}

void wn_heap_restore(wn_heap *heap, wn_heap_node *node)
{
    node->child = node->next = NULL;
    link_at(&heap->top, meld(heap->top, node));
}

void wn_heap_put(wn_heap *heap, wn_heap_node *node, uint64_t key)
{
    node->key = key;
    node->turn = heap->n_put++;
    wn_heap_restore(heap, node);
}

void wn_heap_remove(wn_heap *heap, wn_heap_node *node)
{
    link_at(node->place, node->next);
    node->next = NULL;
    link_at(&heap->top, meld(heap->top, meld_all(node->child)));
}
