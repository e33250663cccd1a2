/* See queue.h. */
#include "base/queue.h"

void wn_queue_init(wn_queue *queue)
{
    *queue = (wn_queue){0};
    wn_lock_init(&queue->lock);
    wn_cond_init(&queue->filled);
}

void wn_queue_deinit(wn_queue *queue)
{
    wn_cond_deinit(&queue->filled);
    wn_lock_deinit(&queue->lock);
}

bool wn_queue_push(wn_queue *queue, wn_queue_item *item, int level)
{
    item->next = NULL;
    wn_lock_enter(&queue->lock);
    bool was_empty = queue->n == 0;
    if (queue->first[level] == NULL)
        queue->first[level] = item;
    else
        queue->last[level]->next = item;
    queue->last[level] = item;
    queue->n++;
    wn_cond_signal(&queue->filled);
    wn_lock_leave(&queue->lock);
    return was_empty;
}

/* The level whose turn it is.
 * Needs:   the lock; an item. */
static int next_level(const wn_queue *queue)
{
    bool from_behind = queue->n_popped % WN_QUEUE_TURNS == WN_QUEUE_TURNS - 1;
    int level = from_behind ? WN_QUEUE_LEVELS - 1 : 0;
    while (queue->first[level] == NULL)
        level += from_behind ? -1 : 1;
    return level;
}

wn_queue_item *wn_queue_pop(wn_queue *queue)
{
    wn_queue_item *item = NULL;
    wn_lock_enter(&queue->lock);
    while (queue->n == 0 && !queue->closed)
        wn_cond_wait(&queue->filled, &queue->lock);
    if (queue->n > 0) {
        int level = next_level(queue);
        item = queue->first[level];
        queue->first[level] = item->next;
        queue->n--;
        queue->n_popped++;
    }
    wn_lock_leave(&queue->lock);
    return item;
}

wn_queue_item *wn_queue_take_all(wn_queue *queue)
{
    wn_queue_item *list = NULL, **end = &list;
    wn_lock_enter(&queue->lock);
    for (int level = 0; level < WN_QUEUE_LEVELS; level++) {
        if (queue->first[level] == NULL)
            continue;
        *end = queue->first[level];
        end = &queue->last[level]->next;
        queue->first[level] = NULL;
    }
    queue->n = 0;
    wn_lock_leave(&queue->lock);
    return list;
}

void wn_queue_close(wn_queue *queue)
{
    wn_lock_enter(&queue->lock);
    queue->closed = true;
    wn_cond_broadcast(&queue->filled);
    wn_lock_leave(&queue->lock);
}
