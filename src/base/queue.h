/* A queue between threads, of items that carry their own link, so that passing one allocates
 * nothing.  It has levels: items of a lower one are taken first, and within a level those that came
 * first; but every WN_QUEUE_TURNS-th is of the highest level that has any, so that none starves.
 * How many items there can be is for their maker to bound.
 * Thread rule: any. */
#ifndef WN_BASE_QUEUE_H
#define WN_BASE_QUEUE_H

#include "base/lock.h"

/* The first member of what is queued; in one queue at a time. */
typedef struct wn_queue_item {
    struct wn_queue_item *next;
} wn_queue_item;

#define WN_QUEUE_LEVELS 3
#define WN_QUEUE_TURNS  16

typedef struct wn_queue {
    wn_lock lock;
    wn_cond filled;
    wn_queue_item *first[WN_QUEUE_LEVELS], *last[WN_QUEUE_LEVELS];
    size_t n, n_popped;
    bool closed;
} wn_queue;

/* Make a queue without items. */
void wn_queue_init(wn_queue *queue);

/* Needs:   nobody waits in it. */
void wn_queue_deinit(wn_queue *queue);

/* Append an item to a level; also to a closed queue, whose takers take the rest.
 * Needs:   0 <= level < WN_QUEUE_LEVELS.
 * Returns whether the queue was empty. */
bool wn_queue_push(wn_queue *queue, wn_queue_item *item, int level);

/* Take the next item, waiting for one; NULL when the queue is closed and empty. */
wn_queue_item *wn_queue_pop(wn_queue *queue);

/* Take all items as a list linked by next; NULL when there is none.  Does not wait. */
wn_queue_item *wn_queue_take_all(wn_queue *queue);

/* From now on wn_queue_pop() does not wait. */
void wn_queue_close(wn_queue *queue);

#endif
