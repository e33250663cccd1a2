/* Whose turn it is: shares a resource among entries by weight, newcomers first.
 * Rules.  Virtual time runs as fast as each entry is served, divided by its weight.  An entry that
 * was served less than its share joins as a newcomer: it goes before the others until it has used
 * up one quantum, which is charged to it all the same; so nobody gains by staying away.  The
 * others take turns of a quantum, the one that was served least first.  While others wait,
 * newcomers get one quantum and then at most three quarters of what is served, so that a stream of
 * them starves nobody.
 * Bound: of two entries that wait all the time, served tokens divided by weight differ by at most
 * two quanta, a row and what newcomers took.
 * Costs: wn_fair_next() O(1), the others O(log n) amortised at the most; no memory.
 * Source: Goyal, Vin, Cheng, "Start-time fair queueing", 1996; new flows first as in RFC 8290,
 * section 4.1.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_FAIR_H
#define WN_SERVE_FAIR_H

#include "base/heap.h"
#include "base/list.h"

#define WN_FAIR_WEIGHT_MAX 1000

/* A part of what takes turns; zeros and a weight to begin with. */
typedef struct wn_fair_entry {
    uint32_t weight;  /* 1..WN_FAIR_WEIGHT_MAX; may change at any time */
    bool is_new;      /* in fresh, else in old */
    uint64_t start;   /* virtual time up to which it has been served, also while it is away */
    int64_t left;     /* of its quantum */
    wn_list fresh;    /* its link */
    wn_heap_node old; /* its node; key: start when its turn began */
} wn_fair_entry;

/* Does not move in memory. */
typedef struct wn_fair {
    wn_list fresh; /* entries in the order of their coming */
    wn_heap old;
    size_t n_old; /* with those that are passed over */
    int64_t quantum;
    int64_t lead;         /* tokens that newcomers got beyond their share while others waited */
    uint64_t now, latest; /* virtual time, and the furthest start */
} wn_fair;

/* Make one without entries.
 * Needs:   quantum >= 1, in the unit that is charged. */
void wn_fair_init(wn_fair *fair, uint32_t quantum);

/* An entry that is away has something to be served. */
void wn_fair_join(wn_fair *fair, wn_fair_entry *entry);

/* An entry has nothing more. */
void wn_fair_leave(wn_fair *fair, wn_fair_entry *entry);

/* Pass over an entry for now, and put it back to its place.
 * Needs:   the last one that was passed over goes back first, and none has joined meanwhile. */
void wn_fair_skip(wn_fair *fair, wn_fair_entry *entry);
void wn_fair_restore(wn_fair *fair, wn_fair_entry *entry);

/* The entry whose turn it is; NULL: none. */
wn_fair_entry *wn_fair_next(const wn_fair *fair);

/* An entry of it has been served so much. */
void wn_fair_charge(wn_fair *fair, wn_fair_entry *entry, uint32_t cost);

#endif
