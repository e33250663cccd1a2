/* See ledger.h.  Two tables change places: one gathers under the lock, the other is written. */
#include "serve/ledger.h"

#include "base/lock.h"
#include "base/mem.h"
#include "base/seed.h"
#include "base/str.h"

#define WN_WHERE "serve/ledger"

typedef struct table {
    wn_usage_row *rows; /* [n_rows_max] */
    size_t n;
    uint32_t *slots; /* [n_slots]: index of a row + 1; 0: free */
} table;

struct wn_ledger {
    wn_lock lock; /* over gathering, n_lost */
    table gathering, writing;
    size_t n_rows_max, n_slots;  /* n_slots: a power of two, at least twice the rows */
    uint64_t instance, sequence; /* of the batch in writing */
    uint64_t n_lost;
};

static bool table_init(table *t, size_t n_rows, size_t n_slots)
{
    t->rows = wn_mem_alloc(n_rows, sizeof *t->rows);
    t->slots = wn_mem_zalloc(n_slots, sizeof *t->slots);
    return t->rows != NULL && t->slots != NULL;
}

static void table_deinit(table *t)
{
    wn_mem_free(t->rows);
    wn_mem_free(t->slots);
}

wn_status wn_ledger_new(wn_ledger **out, size_t n_rows, wn_error *err)
{
    wn_ledger *ledger = wn_mem_zalloc(1, sizeof *ledger);
    if (ledger == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for usage");
    wn_lock_init(&ledger->lock);
    ledger->instance = wn_seed();
    ledger->n_rows_max = n_rows;
    ledger->n_slots = 2;
    while (ledger->n_slots / 2 < n_rows)
        ledger->n_slots *= 2;
    if (!table_init(&ledger->gathering, n_rows, ledger->n_slots) ||
        !table_init(&ledger->writing, n_rows, ledger->n_slots)) {
        wn_ledger_free(ledger);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu rows of usage", n_rows);
    }
    *out = ledger;
    return WN_OK;
}

void wn_ledger_free(wn_ledger *ledger)
{
    if (ledger == NULL)
        return;
    table_deinit(&ledger->gathering);
    table_deinit(&ledger->writing);
    wn_lock_deinit(&ledger->lock);
    wn_mem_free(ledger);
}

/* ---- gathering ------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u; /* FNV-1a */
    return hash;
}

static uint64_t hash_of(const wn_usage_row *row)
{
    uint64_t hash = wn_key_id_number(&row->key) ^ (uint64_t)row->minute * 0x9E3779B97F4A7C15u;
    hash = mix(mix(hash, row->route), row->model);
    return hash ^ hash >> 32;
}

static bool is_same(const wn_usage_row *a, const wn_usage_row *b)
{
    return a->minute == b->minute && strcmp(a->key.text, b->key.text) == 0 &&
           strcmp(a->route, b->route) == 0 && strcmp(a->model, b->model) == 0;
}

/* The row that counts what `row` names, a new one if there is none; NULL without room. */
static wn_usage_row *find_or_make(wn_ledger *ledger, const wn_usage_row *row)
{
    table *t = &ledger->gathering;
    size_t mask = ledger->n_slots - 1, slot = (size_t)hash_of(row) & mask;
    for (; t->slots[slot] != 0; slot = (slot + 1) & mask)
        if (is_same(&t->rows[t->slots[slot] - 1], row))
            return &t->rows[t->slots[slot] - 1];
    if (t->n == ledger->n_rows_max)
        return NULL;
    t->rows[t->n] = *row;
    t->slots[slot] = (uint32_t)++t->n;
    return &t->rows[t->n - 1];
}

static void copy_name(char *out, size_t size, wn_str name)
{
    size_t n = WN_MIN(name.len, size - 1);
    if (n > 0)
        memcpy(out, name.ptr, n);
    out[n] = '\0';
}

void wn_ledger_add(wn_ledger *ledger, const wn_key_id *key, int64_t minute, wn_str route,
                   wn_str model, const wn_usage_counts *counts)
{
    wn_usage_row row = {.key = *key, .minute = minute};
    copy_name(row.route, sizeof row.route, route);
    copy_name(row.model, sizeof row.model, model);
    wn_lock_enter(&ledger->lock);
    wn_usage_row *at = find_or_make(ledger, &row);
    if (at != NULL) {
        at->counts.requests += counts->requests;
        at->counts.tokens += counts->tokens;
        at->counts.cached_tokens += counts->cached_tokens;
        at->counts.errors += counts->errors;
    } else {
        ledger->n_lost += counts->requests;
    }
    wn_lock_leave(&ledger->lock);
}

uint64_t wn_ledger_n_lost(wn_ledger *ledger)
{
    wn_lock_enter(&ledger->lock);
    uint64_t n = ledger->n_lost;
    wn_lock_leave(&ledger->lock);
    return n;
}

static uint64_t n_requests(const table *t)
{
    uint64_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        n += t->rows[i].counts.requests + t->rows[i].counts.errors;
    return n;
}

uint64_t wn_ledger_n_waiting(wn_ledger *ledger)
{
    wn_lock_enter(&ledger->lock);
    uint64_t n = n_requests(&ledger->gathering) + n_requests(&ledger->writing);
    wn_lock_leave(&ledger->lock);
    return n;
}

/* ---- writing --------------------------------------------------------------------------------- */

wn_status wn_ledger_flush(wn_ledger *ledger, wn_store *store, wn_quota *quota, wn_error *err)
{
    table *writing = &ledger->writing;
    if (writing->n == 0) {
        wn_lock_enter(&ledger->lock);
        table gathered = ledger->gathering;
        ledger->gathering = *writing;
        wn_lock_leave(&ledger->lock);
        *writing = gathered;
        ledger->sequence++;
    }
    if (writing->n == 0)
        return WN_OK;
    wn_usage_batch batch = {ledger->instance, ledger->sequence, writing->rows, writing->n};
    WN_TRY(wn_store_add_usage(store, &batch, err));
    if (quota != NULL)
        wn_quota_settle(quota, writing->rows, writing->n);
    writing->n = 0;
    memset(writing->slots, 0, ledger->n_slots * sizeof *writing->slots);
    return WN_OK;
}
