/* See vector_cache.h.  Entries are chained in a hash table and linked by age, the youngest last.
 * An entry of the running batch has its number, is younger than all others, and stays. */
#include "serve/vector_cache.h"

#include "base/counter.h"
#include "base/list.h"
#include "base/mem.h"

#include <string.h>

#define WN_WHERE     "serve/vector_cache"
#define BUCKETS_MIN  64
#define BUCKETS_MAX  (1 << 20)
#define BUCKET_BYTES 16384 /* about what an entry takes */

typedef struct entry {
    wn_list age; /* first */
    struct entry *next;
    wn_row_digest digest;
    uint64_t made, used; /* batches */
    size_t n_bytes;      /* with this head */
    _Alignas(16) unsigned char data[];
} entry;

struct wn_vector_cache {
    uint64_t max_bytes, batch;
    wn_list ages;
    entry **buckets;
    size_t n_buckets;
    wn_counter n_rows, n_bytes, evictions; /* read by others */
};

wn_status wn_vector_cache_new(wn_vector_cache **out, uint64_t max_bytes, wn_error *err)
{
    wn_vector_cache *cache = wn_mem_zalloc(1, sizeof *cache);
    size_t n_buckets = BUCKETS_MIN;
    while (n_buckets < BUCKETS_MAX && n_buckets < max_bytes / BUCKET_BYTES)
        n_buckets *= 2;
    entry **buckets = wn_mem_zalloc(n_buckets, sizeof *buckets);
    if (cache == NULL || buckets == NULL) {
        wn_mem_free(cache);
        wn_mem_free(buckets);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a cache of document vectors");
    }
    cache->max_bytes = max_bytes;
    cache->buckets = buckets;
    cache->n_buckets = n_buckets;
    wn_list_init(&cache->ages);
    *out = cache;
    return WN_OK;
}

void wn_vector_cache_free(wn_vector_cache *cache)
{
    if (cache == NULL)
        return;
    while (!wn_list_is_empty(&cache->ages)) {
        wn_list *oldest = wn_list_first(&cache->ages);
        wn_list_remove(oldest);
        wn_mem_free(oldest);
    }
    wn_mem_free(cache->buckets);
    wn_mem_free(cache);
}

static entry **bucket_of(const wn_vector_cache *cache, wn_row_digest digest)
{
    return &cache->buckets[digest.half[0] & (cache->n_buckets - 1)];
}

static entry *find(const wn_vector_cache *cache, wn_row_digest digest)
{
    entry *e = *bucket_of(cache, digest);
    while (e != NULL && memcmp(&e->digest, &digest, sizeof digest) != 0)
        e = e->next;
    return e;
}

void *wn_vector_cache_find(wn_vector_cache *cache, wn_row_digest digest)
{
    entry *e = find(cache, digest);
    if (e == NULL || e->made == cache->batch)
        return NULL;
    e->used = cache->batch;
    wn_list_remove(&e->age);
    wn_list_push(&cache->ages, &e->age);
    return e->data;
}

static void evict(wn_vector_cache *cache, entry *e)
{
    entry **at = bucket_of(cache, e->digest);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    wn_list_remove(&e->age);
    wn_counter_subtract(&cache->n_bytes, e->n_bytes);
    wn_counter_subtract(&cache->n_rows, 1);
    wn_counter_add(&cache->evictions, 1);
    wn_mem_free(e);
}

/* Make room; false when what is left is in use. */
static bool make_room(wn_vector_cache *cache, size_t n_bytes)
{
    if (n_bytes > cache->max_bytes)
        return false;
    while (wn_counter_get(&cache->n_bytes) > cache->max_bytes - n_bytes) {
        entry *oldest = WN_CONTAINER_OF(wn_list_first(&cache->ages), entry, age);
        if (oldest->used == cache->batch)
            return false;
        evict(cache, oldest);
    }
    return true;
}

void *wn_vector_cache_reserve(wn_vector_cache *cache, wn_row_digest digest, size_t n_bytes)
{
    size_t n = sizeof(entry) + n_bytes;
    if (find(cache, digest) != NULL || !make_room(cache, n))
        return NULL;
    entry *e = wn_mem_alloc(n, 1), **bucket = bucket_of(cache, digest);
    if (e == NULL)
        return NULL;
    *e = (entry){.next = *bucket,
                 .digest = digest,
                 .made = cache->batch,
                 .used = cache->batch,
                 .n_bytes = n};
    *bucket = e;
    wn_list_init(&e->age);
    wn_list_push(&cache->ages, &e->age);
    wn_counter_add(&cache->n_bytes, n);
    wn_counter_add(&cache->n_rows, 1);
    return e->data;
}

void wn_vector_cache_end_batch(wn_vector_cache *cache)
{
    cache->batch++;
}

wn_vector_cache_stats wn_vector_cache_look(const wn_vector_cache *cache)
{
    return (wn_vector_cache_stats){
        .n_rows = wn_counter_get(&cache->n_rows),
        .n_bytes = wn_counter_get(&cache->n_bytes),
        .max_bytes = cache->max_bytes,
        .evictions = wn_counter_get(&cache->evictions),
    };
}
