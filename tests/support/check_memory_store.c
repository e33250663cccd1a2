/* See check_memory_store.h. */
#include "tests/support/check_memory_store.h"

#include "base/mem.h"

#define WN_WHERE "tests/store"

static check_memory_store *own(wn_store *store, wn_error *err)
{
    check_memory_store *s = (check_memory_store *)(void *)store;
    if (s->failure != WN_OK)
        wn_error_set(err, s->failure, WN_WHERE, "the store was told to fail");
    return s;
}

static wn_status list_keys(wn_store *store, wn_key_record **out, size_t *n, wn_error *err)
{
    check_memory_store *s = own(store, err);
    if (s->failure != WN_OK)
        return s->failure;
    s->n_listed++;
    *n = s->n_keys;
    *out = wn_mem_alloc(s->n_keys, sizeof **out);
    if (*out == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory");
    memcpy(*out, s->keys, s->n_keys * sizeof **out);
    return WN_OK;
}

static wn_status revision(wn_store *store, uint64_t *out, wn_error *err)
{
    check_memory_store *s = own(store, err);
    *out = s->revision;
    return s->failure;
}

static wn_status add_usage(wn_store *store, const wn_usage_batch *batch, wn_error *err)
{
    check_memory_store *s = own(store, err);
    s->n_batches++;
    s->instance = batch->instance;
    s->sequence = batch->sequence;
    s->n_rows = WN_MIN(batch->n_rows, (size_t)CHECK_STORE_ROWS);
    memcpy(s->rows, batch->rows, s->n_rows * sizeof *s->rows);
    return s->failure;
}

static wn_status list_totals(wn_store *store, wn_key_total **out, size_t *n, int64_t month,
                             wn_error *err)
{
    check_memory_store *s = own(store, err);
    if (s->failure != WN_OK)
        return s->failure;
    s->month = month;
    *n = s->n_totals;
    *out = wn_mem_alloc(s->n_totals, sizeof **out);
    if (*out == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory");
    memcpy(*out, s->totals, s->n_totals * sizeof **out);
    return WN_OK;
}

static const wn_store_backend backend = {
    .list_keys = list_keys,
    .revision = revision,
    .add_usage = add_usage,
    .list_totals = list_totals,
};

check_memory_store check_memory_store_make(void)
{
    return (check_memory_store){.base = {&backend}, .revision = 1};
}
