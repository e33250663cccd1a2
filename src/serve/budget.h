/* A number of bytes that all requests together may hold.  What a request is about to need is taken
 * first and given back at its end, so memory has a ceiling that no client can raise.
 * Thread rule: any. */
#ifndef WN_SERVE_BUDGET_H
#define WN_SERVE_BUDGET_H

#include "base/lock.h"

typedef struct wn_budget {
    wn_lock lock;
    uint64_t limit, used, peak; /* bytes */
} wn_budget;

/* Make a budget with nothing used. */
void wn_budget_init(wn_budget *budget, uint64_t limit);
void wn_budget_deinit(wn_budget *budget);

/* Change the limit; what is in use stays. */
void wn_budget_set_limit(wn_budget *budget, uint64_t limit);

/* Take n bytes; false, and nothing is taken, when they are not there. */
bool wn_budget_take(wn_budget *budget, uint64_t n);

/* Give n bytes back. */
void wn_budget_give(wn_budget *budget, uint64_t n);

/* Lower the limit by n bytes, for something that is no request; false, and nothing changes, when
 * less than `least` or than what is in use would be left.  And raise it by n again. */
bool wn_budget_lend(wn_budget *budget, uint64_t n, uint64_t least);
void wn_budget_return(wn_budget *budget, uint64_t n);

/* What is in use, what was at most, and the limit. */
void wn_budget_look(wn_budget *budget, uint64_t *used, uint64_t *peak, uint64_t *limit);

#endif
