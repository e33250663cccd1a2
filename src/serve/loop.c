/* See loop.h. */
#include "serve/loop.h"

#include "serve/link.h"

#define WN_WHERE "serve/loop"

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    wn_loop *loop = arg;
    wn_queue_item *next, *item = wn_queue_take_all(&loop->inbox);
    for (; item != NULL; item = next) {
        next = item->next;
        wn_link_answered((wn_exchange *)item);
    }
}

wn_status wn_loop_init(wn_loop *loop, wn_error *err)
{
    wn_queue_init(&loop->inbox);
    loop->base = event_base_new();
    if (loop->base != NULL)
        loop->wake = event_new(loop->base, -1, EV_PERSIST, on_wake, loop);
    if (loop->wake == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory or descriptor for an event loop");
    return WN_OK;
}

void wn_loop_cancel(wn_loop *loop)
{
    for (struct wn_link *link = loop->links; link != NULL; link = wn_link_next(link))
        wn_link_cancel(link);
}

void wn_loop_deinit(wn_loop *loop)
{
    on_wake(-1, 0, loop);
    while (loop->links != NULL)
        wn_link_abort(loop->links);
    if (loop->wake != NULL)
        event_free(loop->wake);
    if (loop->base != NULL)
        event_base_free(loop->base);
    wn_queue_deinit(&loop->inbox);
}

void wn_loop_accept(wn_loop *loop, evutil_socket_t fd, const char *client)
{
    wn_metrics *metrics = wn_service_metrics(loop->service);
    wn_counter_add(&metrics->connections_total, 1);
    bool full = loop->n_links >= loop->n_links_max;
    if (full)
        evutil_closesocket(fd);
    if (full || !wn_link_open(loop, fd, client))
        wn_counter_add(&metrics->connections_refused, 1);
    wn_counter_set(&metrics->connections_open, loop->n_links);
}

void wn_loop_drain(wn_loop *loop)
{
    loop->draining = true;
    struct wn_link *next;
    for (struct wn_link *link = loop->links; link != NULL; link = next) {
        next = wn_link_next(link);
        wn_link_drain(link);
    }
    if (loop->n_links == 0)
        loop->emptied(loop->owner);
}

void wn_loop_post(wn_loop *loop, wn_exchange *x)
{
    if (wn_queue_push(&loop->inbox, &x->item, 0))
        event_active(loop->wake, EV_READ, 1);
}
