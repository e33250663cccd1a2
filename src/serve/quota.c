/* See quota.h. */
#include "serve/quota.h"

#include "base/date.h"
#include "base/lock.h"
#include "base/mem.h"
#include "serve/key_index.h"

#define WN_WHERE "serve/quota"

/* Tokens used: what the store had at the last refresh or has got since, and what it will get. */
typedef struct tally {
    uint64_t stored, charged;
} tally;

typedef struct entry {
    uint64_t number; /* of the key */
    int64_t month;   /* that `of_month` counts */
    tally of_month, of_all;
} entry;

typedef struct entries {
    entry *items;
    size_t n;
    wn_key_index index;
} entries;

struct wn_quota {
    wn_lock lock;
    entries entries;
};

static void entries_deinit(entries *e)
{
    wn_key_index_deinit(&e->index);
    wn_mem_free(e->items);
    *e = (entries){0};
}

static entry *find(const entries *e, const wn_key_id *id)
{
    size_t place = wn_key_index_find(&e->index, wn_key_id_number(id));
    return place == WN_KEY_INDEX_NONE ? NULL : &e->items[place];
}

wn_status wn_quota_new(wn_quota **out, wn_error *err)
{
    wn_quota *quota = wn_mem_zalloc(1, sizeof *quota);
    if (quota == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for quotas");
    wn_lock_init(&quota->lock);
    *out = quota;
    return WN_OK;
}

void wn_quota_free(wn_quota *quota)
{
    if (quota == NULL)
        return;
    entries_deinit(&quota->entries);
    wn_lock_deinit(&quota->lock);
    wn_mem_free(quota);
}

/* ---- the store's side ------------------------------------------------------------------------ */

static bool make_entries(entries *out, const wn_key_total *totals, size_t n, int64_t month)
{
    *out = (entries){.items = wn_mem_alloc(n, sizeof(entry)), .n = n};
    if (out->items == NULL || !wn_key_index_init(&out->index, n)) {
        entries_deinit(out);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        out->items[i] = (entry){.number = wn_key_id_number(&totals[i].key),
                                .month = month,
                                .of_month.stored = totals[i].month_tokens,
                                .of_all.stored = totals[i].all_tokens};
        wn_key_index_add(&out->index, out->items[i].number, i);
    }
    return true;
}

/* What the store will get yet is known only here. */
static void carry_charges(entries *to, const entries *from)
{
    for (size_t i = 0; i < to->n; i++) {
        entry *own = &to->items[i];
        size_t place = wn_key_index_find(&from->index, own->number);
        if (place == WN_KEY_INDEX_NONE)
            continue;
        const entry *old = &from->items[place];
        own->of_all.charged = old->of_all.charged;
        if (old->month == own->month)
            own->of_month.charged = old->of_month.charged;
    }
}

wn_status wn_quota_refresh(wn_quota *quota, wn_store *store, int64_t now_s, wn_error *err)
{
    wn_key_total *totals;
    size_t n;
    entries made, old;
    int64_t month = wn_month_of_s(now_s);
    WN_TRY(wn_store_list_totals(store, &totals, &n, month, err));
    bool ok = make_entries(&made, totals, n, month);
    wn_mem_free(totals);
    if (!ok)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu quotas", n);
    wn_lock_enter(&quota->lock);
    old = quota->entries;
    carry_charges(&made, &old);
    quota->entries = made;
    wn_lock_leave(&quota->lock);
    entries_deinit(&old);
    return WN_OK;
}

static void settle_tally(tally *t, uint64_t tokens)
{
    t->stored += tokens;
    t->charged -= WN_MIN(t->charged, tokens);
}

void wn_quota_settle(wn_quota *quota, const wn_usage_row *rows, size_t n)
{
    wn_lock_enter(&quota->lock);
    for (size_t i = 0; i < n; i++) {
        entry *e = find(&quota->entries, &rows[i].key);
        if (e == NULL)
            continue;
        settle_tally(&e->of_all, rows[i].counts.tokens);
        if (wn_month_of_s(rows[i].minute * 60) == e->month)
            settle_tally(&e->of_month, rows[i].counts.tokens);
    }
    wn_lock_leave(&quota->lock);
}

/* ---- the requests' side ---------------------------------------------------------------------- */

static bool allows(int64_t limit, const tally *t, uint64_t tokens)
{
    return limit == WN_UNSET || t->stored + t->charged + tokens <= (uint64_t)limit;
}

static wn_quota_outcome charge_entry(entry *e, const wn_key_limits *limits, uint64_t tokens,
                                     int64_t month)
{
    if (month > e->month) {
        e->month = month;
        e->of_month = (tally){0};
    }
    if (!allows(limits->prepaid_tokens, &e->of_all, tokens))
        return WN_QUOTA_PREPAID;
    if (!allows(limits->monthly_tokens, &e->of_month, tokens))
        return WN_QUOTA_MONTH;
    e->of_all.charged += tokens;
    if (month == e->month) /* one that began before the month did is not of it */
        e->of_month.charged += tokens;
    return WN_QUOTA_OK;
}

wn_quota_outcome wn_quota_charge(wn_quota *quota, const wn_key_record *record, uint64_t tokens,
                                 int64_t now_s)
{
    const wn_key_limits *limits = &record->limits;
    if (limits->monthly_tokens == WN_UNSET && limits->prepaid_tokens == WN_UNSET)
        return WN_QUOTA_OK;
    wn_lock_enter(&quota->lock);
    entry *e = find(&quota->entries, &record->id);
    wn_quota_outcome outcome =
        e == NULL ? WN_QUOTA_PREPAID : charge_entry(e, limits, tokens, wn_month_of_s(now_s));
    wn_lock_leave(&quota->lock);
    return outcome;
}

void wn_quota_refund(wn_quota *quota, const wn_key_record *record, uint64_t tokens, int64_t now_s)
{
    wn_lock_enter(&quota->lock);
    entry *e = find(&quota->entries, &record->id);
    if (e != NULL) {
        e->of_all.charged -= WN_MIN(e->of_all.charged, tokens);
        if (wn_month_of_s(now_s) == e->month)
            e->of_month.charged -= WN_MIN(e->of_month.charged, tokens);
    }
    wn_lock_leave(&quota->lock);
}

bool wn_quota_look(wn_quota *quota, const wn_key_record *record, int64_t now_s, wn_quota_use *out)
{
    wn_lock_enter(&quota->lock);
    const entry *e = find(&quota->entries, &record->id);
    *out = (wn_quota_use){0};
    if (e != NULL)
        out->all_tokens = e->of_all.stored + e->of_all.charged;
    if (e != NULL && wn_month_of_s(now_s) == e->month)
        out->month_tokens = e->of_month.stored + e->of_month.charged;
    wn_lock_leave(&quota->lock);
    return e != NULL;
}
