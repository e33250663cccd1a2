/* See fair.h. */
#include "serve/fair.h"

#define TIME_SHIFT 14 /* virtual time of one token at weight 1: 2^14, far over the largest weight */
#define OLD_SHARE  3  /* a token of the others makes up for so many of newcomers */

void wn_fair_init(wn_fair *fair, uint32_t quantum)
{
    WN_ASSERT(quantum >= 1);
    *fair = (wn_fair){.quantum = quantum};
    wn_list_init(&fair->fresh);
}

static void put_old(wn_fair *fair, wn_fair_entry *entry)
{
    wn_heap_put(&fair->old, &entry->old, entry->start);
    fair->n_old++;
}

void wn_fair_join(wn_fair *fair, wn_fair_entry *entry)
{
    WN_ASSERT(entry->weight >= 1 && entry->weight <= WN_FAIR_WEIGHT_MAX);
    if (wn_list_is_empty(&fair->fresh) && fair->n_old == 0) /* nobody waits for what was owed */
        fair->now = fair->latest;
    entry->is_new = entry->start <= fair->now;
    entry->start = WN_MAX(entry->start, fair->now);
    entry->left = fair->quantum;
    if (entry->is_new)
        wn_list_push(&fair->fresh, &entry->fresh);
    else
        put_old(fair, entry);
}

void wn_fair_skip(wn_fair *fair, wn_fair_entry *entry)
{
    if (entry->is_new)
        wn_list_remove(&entry->fresh);
    else
        wn_heap_remove(&fair->old, &entry->old);
}

void wn_fair_restore(wn_fair *fair, wn_fair_entry *entry)
{
    if (entry->is_new)
        wn_list_push_front(&fair->fresh, &entry->fresh);
    else
        wn_heap_restore(&fair->old, &entry->old);
}

void wn_fair_leave(wn_fair *fair, wn_fair_entry *entry)
{
    wn_fair_skip(fair, entry);
    fair->n_old -= !entry->is_new;
}

wn_fair_entry *wn_fair_next(const wn_fair *fair)
{
    wn_list *first = wn_list_first(&fair->fresh);
    wn_heap_node *top = fair->old.top;
    if (first != NULL && (top == NULL || fair->lead < fair->quantum))
        return WN_CONTAINER_OF(first, wn_fair_entry, fresh);
    return top == NULL ? NULL : WN_CONTAINER_OF(top, wn_fair_entry, old);
}

void wn_fair_charge(wn_fair *fair, wn_fair_entry *entry, uint32_t cost)
{
    if (entry->is_new) {
        fair->lead = fair->n_old == 0 ? 0 : fair->lead + cost;
    } else {
        fair->lead = WN_MAX(fair->lead - OLD_SHARE * (int64_t)cost, (int64_t)0);
        fair->now = WN_MAX(fair->now, entry->start);
    }
    entry->left -= cost;
    entry->start += ((uint64_t)cost << TIME_SHIFT) / entry->weight;
    fair->latest = WN_MAX(fair->latest, entry->start);
    if (entry->left > 0)
        return;
    wn_fair_leave(fair, entry);
    entry->is_new = false;
    entry->left = fair->quantum;
    put_old(fair, entry);
}
