/* See key_cache.h.
 * The lock is held while a record is copied, never while a digest is made; a refresh builds the new
 * keys beside the old ones and swaps them. */
#include "serve/key_cache.h"

#include "base/lock.h"
#include "base/mem.h"
#include "base/str.h"
#include "serve/key_index.h"

#define WN_WHERE "serve/key_cache"

/* The keys of one refresh. */
typedef struct key_set {
    wn_key_record *records;
    size_t n;
    wn_key_index index;
} key_set;

struct wn_key_cache {
    wn_lock lock; /* over keys and refreshed_s */
    key_set keys;
    int64_t refreshed_s;
    wn_pepper pepper;
    int64_t max_age_s;
    uint64_t revision; /* of keys; 0: never refreshed */
    wn_key_record statics[WN_STATIC_KEYS_MAX];
    size_t n_statics;
};

static void key_set_deinit(key_set *keys)
{
    wn_key_index_deinit(&keys->index);
    wn_mem_free(keys->records);
    *keys = (key_set){0};
}

wn_status wn_key_cache_new(wn_key_cache **out, const wn_pepper *pepper, int64_t max_age_s,
                           wn_error *err)
{
    wn_key_cache *cache = wn_mem_zalloc(1, sizeof *cache);
    if (cache == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the keys");
    wn_lock_init(&cache->lock);
    cache->pepper = *pepper;
    cache->max_age_s = max_age_s;
    *out = cache;
    return WN_OK;
}

void wn_key_cache_free(wn_key_cache *cache)
{
    if (cache == NULL)
        return;
    key_set_deinit(&cache->keys);
    wn_lock_deinit(&cache->lock);
    wn_secret_wipe(&cache->pepper, sizeof cache->pepper);
    wn_mem_free(cache);
}

wn_status wn_key_cache_add_static(wn_key_cache *cache, wn_str text, const wn_key_record *record,
                                  wn_error *err)
{
    if (text.len == 0)
        WN_FAIL(err, WN_ERR_ARGUMENT, "a key is empty");
    if (cache->n_statics == WN_STATIC_KEYS_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "more than %d keys of any form", WN_STATIC_KEYS_MAX);
    wn_key_record known = *record;
    WN_TRY(wn_digest_make(&known.digest, &cache->pepper, text, err));
    cache->statics[cache->n_statics++] = known;
    return WN_OK;
}

/* ---- refreshing ------------------------------------------------------------------------------ */

static wn_status load(key_set *out, wn_store *store, wn_error *err)
{
    key_set keys = {0};
    WN_TRY(wn_store_list_keys(store, &keys.records, &keys.n, err));
    if (!wn_key_index_init(&keys.index, keys.n)) {
        key_set_deinit(&keys);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu keys", keys.n);
    }
    for (size_t i = 0; i < keys.n; i++)
        wn_key_index_add(&keys.index, wn_key_id_number(&keys.records[i].id), i);
    *out = keys;
    return WN_OK;
}

wn_status wn_key_cache_refresh(wn_key_cache *cache, wn_store *store, int64_t now_s,
                               bool in_any_case, wn_error *err)
{
    uint64_t revision;
    key_set old = {0};
    WN_TRY(wn_store_revision(store, &revision, err));
    bool changed = in_any_case || revision != cache->revision;
    key_set keys = {0};
    if (changed)
        WN_TRY(load(&keys, store, err));
    wn_lock_enter(&cache->lock);
    if (changed) {
        old = cache->keys;
        cache->keys = keys;
    }
    cache->refreshed_s = now_s;
    wn_lock_leave(&cache->lock);
    cache->revision = revision;
    key_set_deinit(&old);
    return WN_OK;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* The record of an id, or one of zeros, which no digest is equal to; both by the same work. */
static bool copy_record(wn_key_cache *cache, wn_key_record *out, const wn_key_id *id, int64_t now_s)
{
    static const wn_key_record nobody = {0};
    wn_lock_enter(&cache->lock);
    size_t place = wn_key_index_find(&cache->keys.index, wn_key_id_number(id));
    *out = place == WN_KEY_INDEX_NONE ? nobody : cache->keys.records[place];
    bool fresh = cache->max_age_s == 0 || now_s - cache->refreshed_s <= cache->max_age_s;
    wn_lock_leave(&cache->lock);
    return fresh;
}

static bool find_static(const wn_key_cache *cache, wn_key_record *out, const wn_digest *digest)
{
    const wn_key_record *found = NULL;
    for (size_t i = 0; i < cache->n_statics; i++)
        if (wn_digest_equal(&cache->statics[i].digest, digest))
            found = &cache->statics[i];
    if (found != NULL)
        *out = *found;
    return found != NULL;
}

static wn_key_outcome judge(const wn_key_record *record, const wn_digest *digest, int64_t now_s)
{
    bool is_new = wn_digest_equal(&record->digest, digest);
    bool is_old = wn_digest_equal(&record->old_digest, digest);
    if (!is_new && !is_old)
        return WN_KEY_UNKNOWN;
    if (record->revoked_s != 0)
        return WN_KEY_REVOKED;
    if ((record->expires_s != 0 && now_s >= record->expires_s) ||
        (!is_new && now_s >= record->old_until_s))
        return WN_KEY_EXPIRED;
    return WN_KEY_OK;
}

static wn_key_outcome find_stored(wn_key_cache *cache, wn_key_record *out, wn_str text,
                                  int64_t now_s)
{
    wn_key_id id;
    wn_str secret;
    wn_key_record record;
    wn_digest digest;
    if (!wn_key_parse(&id, &secret, text))
        return cache->n_statics == 0 ? WN_KEY_MALFORMED : WN_KEY_UNKNOWN;
    bool fresh = copy_record(cache, &record, &id, now_s);
    if (wn_digest_make(&digest, &cache->pepper, secret, NULL) != WN_OK)
        return WN_KEY_UNAVAILABLE;
    wn_key_outcome outcome = judge(&record, &digest, now_s);
    if (!fresh)
        return WN_KEY_UNAVAILABLE;
    if (outcome == WN_KEY_OK)
        *out = record;
    return outcome;
}

wn_key_outcome wn_key_cache_find(wn_key_cache *cache, wn_key_record *out, wn_str text,
                                 int64_t now_s)
{
    wn_digest digest;
    if (text.len == 0)
        return WN_KEY_MISSING;
    if (cache->n_statics > 0) {
        if (wn_digest_make(&digest, &cache->pepper, text, NULL) != WN_OK)
            return WN_KEY_UNAVAILABLE;
        if (find_static(cache, out, &digest))
            return WN_KEY_OK;
    }
    return find_stored(cache, out, text, now_s);
}

size_t wn_key_cache_count(wn_key_cache *cache)
{
    wn_lock_enter(&cache->lock);
    size_t n = cache->keys.n;
    wn_lock_leave(&cache->lock);
    return n + cache->n_statics;
}
