/* See score_cache.h.  Places are sets of eight; a digest has one set, told by its first half, which
 * nobody can choose without the key. */
#include "serve/score_cache.h"

#include "base/file.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/seed.h"
#include "base/str.h"
#include "serve/score_file.h"

#include <math.h>
#include <string.h>

#define WN_WHERE "serve/score_cache"
#define WAYS     8
#define PARTS    16 /* locks */

typedef struct place {
    wn_row_digest digest; /* zeros: free */
    float logit;
    uint32_t used; /* the part's clock when it was last asked for */
} place;

typedef struct set {
    place places[WAYS];
} set;

/* Sets i, i + PARTS, i + 2 PARTS, ... and their lock. */
typedef struct part {
    wn_lock lock;
    uint32_t clock; /* counts what was asked; ages are differences, so it may wrap */
    uint64_t evictions, n_scores;
} part;

struct wn_score_cache {
    wn_score_cache_options options;
    uint8_t key[WN_DIGEST_KEY_BYTES];
    set *sets;
    size_t n_sets;
    part parts[PARTS];
};

/* ---- places ---------------------------------------------------------------------------------- */

static bool is_free(const place *p)
{
    return p->digest.half[0] == 0 && p->digest.half[1] == 0;
}

static size_t set_of(const wn_score_cache *cache, wn_row_digest digest)
{
    return (size_t)(((__uint128_t)digest.half[0] * cache->n_sets) >> 64);
}

/* The place of a digest; else a free one, else the one that was not asked for longest. */
static place *find_place(set *s, wn_row_digest digest, uint32_t clock)
{
    place *best = &s->places[0];
    for (size_t i = 0; i < WAYS; i++) {
        place *p = &s->places[i];
        if (memcmp(&p->digest, &digest, sizeof digest) == 0)
            return p;
        if (!is_free(best) && (is_free(p) || clock - p->used > clock - best->used))
            best = p;
    }
    return best;
}

static bool find_one(wn_score_cache *cache, wn_row_digest digest, float *logit)
{
    size_t i = set_of(cache, digest);
    part *own = &cache->parts[i % PARTS];
    wn_lock_enter(&own->lock);
    place *p = find_place(&cache->sets[i], digest, ++own->clock);
    bool known = !is_free(p) && memcmp(&p->digest, &digest, sizeof digest) == 0;
    if (known) {
        p->used = own->clock;
        *logit = p->logit;
    }
    wn_lock_leave(&own->lock);
    return known;
}

static void add_one(wn_score_cache *cache, wn_row_digest digest, float logit)
{
    size_t i = set_of(cache, digest);
    part *own = &cache->parts[i % PARTS];
    wn_lock_enter(&own->lock);
    place *p = find_place(&cache->sets[i], digest, ++own->clock);
    own->n_scores += is_free(p);
    own->evictions += !is_free(p) && memcmp(&p->digest, &digest, sizeof digest) != 0;
    *p = (place){digest, logit, own->clock};
    wn_lock_leave(&own->lock);
}

size_t wn_score_cache_find(wn_score_cache *cache, const wn_row_digest *digests, float *logits,
                           size_t n)
{
    size_t n_known = 0;
    for (size_t i = 0; i < n; i++) {
        logits[i] = NAN;
        n_known += find_one(cache, digests[i], &logits[i]);
    }
    return n_known;
}

void wn_score_cache_add(wn_score_cache *cache, const wn_row_digest *digests, const float *logits,
                        size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (isfinite(logits[i]))
            add_one(cache, digests[i], logits[i]);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Take what a file holds, its key too.
 * Fails:   whatever is wrong with it. */
static wn_status load(wn_score_cache *cache, wn_error *err)
{
    wn_file_map map;
    wn_score_file file;
    WN_TRY(wn_file_map_open(&map, cache->options.path, err));
    const wn_str bytes = {(const char *)map.ptr, map.len};
    wn_status status = wn_score_file_parse(&file, bytes, cache->options.model, err);
    if (status == WN_OK) {
        memcpy(cache->key, file.key, sizeof cache->key);
        for (size_t i = 0; i < file.n; i++) {
            wn_row_digest digest;
            float logit;
            wn_score_file_at(&file, i, &digest, &logit);
            add_one(cache, digest, logit);
        }
        for (size_t i = 0; i < PARTS; i++)
            cache->parts[i].evictions = 0;
    }
    wn_file_unmap(&map);
    return status == WN_OK ? WN_OK : wn_error_prefix(err, status, "'%s'", cache->options.path);
}

wn_status wn_score_cache_open(wn_score_cache **out, const wn_score_cache_options *options,
                              wn_error *ignored, wn_error *err)
{
    WN_ASSERT(strlen(options->model) < WN_SCORE_MODEL_BYTES);
    wn_score_cache *cache = wn_mem_zalloc(1, sizeof *cache);
    wn_status status;
    *ignored = (wn_error){0};
    if (cache == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a score cache");
    cache->options = *options;
    for (size_t i = 0; i < PARTS; i++)
        wn_lock_init(&cache->parts[i].lock);
    cache->n_sets = WN_MAX(options->max_bytes / sizeof(set), (size_t)PARTS);
    cache->sets = wn_mem_zalloc(cache->n_sets, sizeof *cache->sets);
    if (cache->sets == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a score cache of %zu bytes",
                    options->max_bytes);
    if (!wn_random_bytes(cache->key, sizeof cache->key))
        WN_FAIL_OUT(err, WN_ERR_INTERNAL, "no random bytes for the key of a score cache");
    if (options->path != NULL && wn_file_exists(options->path))
        (void)!load(cache, ignored);
    *out = cache;
    return WN_OK;
out:
    wn_score_cache_free(cache);
    return status;
}

void wn_score_cache_free(wn_score_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < PARTS; i++)
        wn_lock_deinit(&cache->parts[i].lock);
    wn_mem_free(cache->sets);
    wn_mem_free(cache);
}

const uint8_t *wn_score_cache_key(const wn_score_cache *cache)
{
    return cache->key;
}

wn_status wn_score_cache_save(wn_score_cache *cache, wn_error *err)
{
    wn_score_writer writer;
    wn_status status =
        wn_score_writer_begin(&writer, cache->options.path, cache->key, cache->options.model, err);
    for (size_t i = 0; status == WN_OK && i < cache->n_sets; i++) {
        part *own = &cache->parts[i % PARTS];
        wn_lock_enter(&own->lock);
        set copy = cache->sets[i];
        wn_lock_leave(&own->lock);
        for (size_t k = 0; k < WAYS; k++) {
            if (!is_free(&copy.places[k]))
                wn_score_writer_push(&writer, copy.places[k].digest, copy.places[k].logit);
        }
    }
    wn_status ended = wn_score_writer_end(&writer, status == WN_OK, err);
    return status != WN_OK ? status : ended;
}

wn_score_cache_stats wn_score_cache_look(wn_score_cache *cache)
{
    wn_score_cache_stats stats = {.n_places = cache->n_sets * WAYS,
                                  .n_bytes = cache->n_sets * sizeof(set)};
    for (size_t i = 0; i < PARTS; i++) {
        part *own = &cache->parts[i];
        wn_lock_enter(&own->lock);
        stats.evictions += own->evictions;
        stats.n_scores += own->n_scores;
        wn_lock_leave(&own->lock);
    }
    return stats;
}
