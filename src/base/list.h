/* A doubly linked list of items that carry their own link: joining and leaving cost a few stores
 * and no memory.  WN_CONTAINER_OF() leads from the link to the item.
 * Thread rule: one at a time. */
#ifndef WN_BASE_LIST_H
#define WN_BASE_LIST_H

#include "base/defs.h"

/* A link of an item, or the list itself, which closes the ring. */
typedef struct wn_list {
    struct wn_list *prev, *next;
} wn_list;

static inline void wn_list_init(wn_list *list)
{
    list->prev = list->next = list;
}

static inline bool wn_list_is_empty(const wn_list *list)
{
    return list->next == list;
}

/* Put an item's link at the end. */
static inline void wn_list_push(wn_list *list, wn_list *link)
{
    link->prev = list->prev;
    link->next = list;
    list->prev->next = link;
    list->prev = link;
}

/* Put an item's link at the beginning. */
static inline void wn_list_push_front(wn_list *list, wn_list *link)
{
    wn_list_push(list->next, link);
}

/* Take an item out of the list that it is in. */
static inline void wn_list_remove(wn_list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
}

/* The first link; NULL: none. */
static inline wn_list *wn_list_first(const wn_list *list)
{
    return wn_list_is_empty(list) ? NULL : list->next;
}

#endif
