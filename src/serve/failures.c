/* See failures.h. */
#include "serve/failures.h"

#include "base/lock.h"
#include "base/mem.h"

#include <string.h>

#define WN_WHERE "serve/failures"
#define GROUPS   128

struct wn_failures {
    wn_lock lock;
    uint64_t n; /* noted so far */
    wn_failure groups[GROUPS][WN_FAILURES_OF_KEY];
    size_t next[GROUPS]; /* that is overwritten */
};

wn_status wn_failures_new(wn_failures **out, wn_error *err)
{
    wn_failures *failures = wn_mem_zalloc(1, sizeof *failures);
    if (failures == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for failures");
    wn_lock_init(&failures->lock);
    *out = failures;
    return WN_OK;
}

void wn_failures_free(wn_failures *failures)
{
    if (failures == NULL)
        return;
    wn_lock_deinit(&failures->lock);
    wn_mem_free(failures);
}

static size_t group_of(const wn_key_id *key)
{
    return (size_t)(wn_key_id_number(key) * 0x9E3779B97F4A7C15u >> 32) % GROUPS;
}

void wn_failures_add(wn_failures *failures, const wn_failure *failure)
{
    size_t group = group_of(&failure->key);
    wn_lock_enter(&failures->lock);
    wn_failure *at = &failures->groups[group][failures->next[group]];
    failures->next[group] = (failures->next[group] + 1) % WN_FAILURES_OF_KEY;
    *at = *failure;
    at->number = ++failures->n;
    wn_lock_leave(&failures->lock);
}

/* Put one among those that are there, by number; the oldest goes when there are too many. */
static size_t insert(wn_failure *out, size_t n, const wn_failure *one)
{
    size_t i = n < WN_FAILURES_SHOWN ? n : n - 1;
    if (n == WN_FAILURES_SHOWN && out[i].number > one->number)
        return n;
    for (; i > 0 && out[i - 1].number < one->number; i--)
        out[i] = out[i - 1];
    out[i] = *one;
    return WN_MIN(n + 1, (size_t)WN_FAILURES_SHOWN);
}

size_t wn_failures_list(wn_failures *failures, wn_failure *out, const wn_key_id *key)
{
    size_t n = 0, first = key != NULL ? group_of(key) : 0, last = key != NULL ? first : GROUPS - 1;
    wn_lock_enter(&failures->lock);
    for (size_t g = first; g <= last; g++) {
        for (size_t i = 0; i < WN_FAILURES_OF_KEY; i++) {
            const wn_failure *at = &failures->groups[g][i];
            if (at->number > 0 && (key == NULL || strcmp(at->key.text, key->text) == 0))
                n = insert(out, n, at);
        }
    }
    wn_lock_leave(&failures->lock);
    return n;
}
