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

bool wn_queue_push(wn_queue *queue, wn_queue_item *item)
{
    item->next = NULL;
    wn_lock_enter(&queue->lock);
    bool was_empty = queue->first == NULL;
    if (was_empty)
        queue->first = item;
    else
        queue->last->next = item;
    queue->last = item;
    queue->n++;
    wn_cond_signal(&queue->filled);
    wn_lock_leave(&queue->lock);
    return was_empty;
}

wn_queue_item *wn_queue_pop(wn_queue *queue)
{
    wn_lock_enter(&queue->lock);
    while (queue->first == NULL && !queue->closed)
        wn_cond_wait(&queue->filled, &queue->lock);
    wn_queue_item *item = queue->first;
    if (item != NULL) {
        queue->first = item->next;
        queue->n--;
    }
    wn_lock_leave(&queue->lock);
    return item;
}

wn_queue_item *wn_queue_take_all(wn_queue *queue)
{
    wn_lock_enter(&queue->lock);
    wn_queue_item *list = queue->first;
    queue->first = NULL;
    queue->n = 0;
    wn_lock_leave(&queue->lock);
    return list;
}

size_t wn_queue_length(wn_queue *queue)
{
    wn_lock_enter(&queue->lock);
    size_t n = queue->n;
    wn_lock_leave(&queue->lock);
    return n;
}

void wn_queue_close(wn_queue *queue)
{
    wn_lock_enter(&queue->lock);
    queue->closed = true;
    wn_cond_broadcast(&queue->filled);
    wn_lock_leave(&queue->lock);
}
