/* See store.h: the calls, whatever the backend. */
#include "serve/store.h"

void wn_store_close(wn_store *store)
{
    if (store != NULL)
        store->backend->close(store);
}

wn_status wn_store_add_key(wn_store *store, const wn_key_record *record, wn_error *err)
{
    return store->backend->add_key(store, record, err);
}

wn_status wn_store_find_key(wn_store *store, wn_key_record *out, bool *found, const wn_key_id *id,
                            wn_error *err)
{
    return store->backend->find_key(store, out, found, id, err);
}

wn_status wn_store_list_keys(wn_store *store, wn_key_record **out, size_t *n, wn_error *err)
{
    return store->backend->list_keys(store, out, n, err);
}

wn_status wn_store_update_key(wn_store *store, bool *found, const wn_key_record *record,
                              wn_error *err)
{
    return store->backend->update_key(store, found, record, err);
}

wn_status wn_store_revoke_key(wn_store *store, bool *found, const wn_key_id *id, int64_t now_s,
                              wn_error *err)
{
    return store->backend->revoke_key(store, found, id, now_s, err);
}

wn_status wn_store_rotate_key(wn_store *store, bool *found, const wn_key_id *id,
                              const wn_digest *digest, int64_t old_until_s, wn_error *err)
{
    return store->backend->rotate_key(store, found, id, digest, old_until_s, err);
}

wn_status wn_store_revision(wn_store *store, uint64_t *out, wn_error *err)
{
    return store->backend->revision(store, out, err);
}

wn_status wn_store_add_usage(wn_store *store, const wn_usage_batch *batch, wn_error *err)
{
    return store->backend->add_usage(store, batch, err);
}

wn_status wn_store_report(wn_store *store, wn_usage_row **out, size_t *n,
                          const wn_usage_query *query, wn_error *err)
{
    return store->backend->report(store, out, n, query, err);
}

wn_status wn_store_list_totals(wn_store *store, wn_key_total **out, size_t *n, int64_t month,
                               wn_error *err)
{
    return store->backend->list_totals(store, out, n, month, err);
}
