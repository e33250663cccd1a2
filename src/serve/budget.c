/* See budget.h. */
#include "serve/budget.h"

void wn_budget_init(wn_budget *budget, uint64_t limit)
{
    *budget = (wn_budget){.limit = limit};
    wn_lock_init(&budget->lock);
}

void wn_budget_deinit(wn_budget *budget)
{
    wn_lock_deinit(&budget->lock);
}

void wn_budget_set_limit(wn_budget *budget, uint64_t limit)
{
    wn_lock_enter(&budget->lock);
    budget->limit = limit;
    wn_lock_leave(&budget->lock);
}

bool wn_budget_take(wn_budget *budget, uint64_t n)
{
    wn_lock_enter(&budget->lock);
    bool ok = budget->used <= budget->limit && n <= budget->limit - budget->used;
    if (ok) {
        budget->used += n;
        budget->peak = WN_MAX(budget->peak, budget->used);
    }
    wn_lock_leave(&budget->lock);
    return ok;
}

void wn_budget_give(wn_budget *budget, uint64_t n)
{
    wn_lock_enter(&budget->lock);
    WN_ASSERT(n <= budget->used);
    budget->used -= n;
    wn_lock_leave(&budget->lock);
}

bool wn_budget_lend(wn_budget *budget, uint64_t n, uint64_t least)
{
    wn_lock_enter(&budget->lock);
    uint64_t keep = WN_MAX(least, budget->used);
    bool ok = keep <= budget->limit && n <= budget->limit - keep;
    if (ok)
        budget->limit -= n;
    wn_lock_leave(&budget->lock);
    return ok;
}

void wn_budget_return(wn_budget *budget, uint64_t n)
{
    wn_lock_enter(&budget->lock);
    budget->limit += n;
    wn_lock_leave(&budget->lock);
}

void wn_budget_look(wn_budget *budget, uint64_t *used, uint64_t *peak, uint64_t *limit)
{
    wn_lock_enter(&budget->lock);
    *used = budget->used;
    *peak = budget->peak;
    *limit = budget->limit;
    wn_lock_leave(&budget->lock);
}
