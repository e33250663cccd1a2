/* One blob from the hub into the cache.
 *
 * It grows as DIGEST.incomplete, always a beginning of the file without a gap, so that whatever
 * ends the process leaves what the next one, or another tool, can go on from.  Parts that arrive
 * early wait in memory, at most WN_FETCH_PART_BYTES for each connection.  The checksum is computed
 * as the bytes are written; only a blob whose checksum is its name gets that name.
 * Thread rule: one at a time. */
#ifndef WN_HUB_FETCH_H
#define WN_HUB_FETCH_H

#include "hub/hub_client.h"

#define WN_FETCH_PART_BYTES ((uint64_t)8 << 20)

typedef struct wn_fetch_order {
    const wn_repo *repo;
    const char *commit;
    const char *file;
    const char *blob; /* its digest */
    uint64_t size;
    uint64_t n_before, n_in_all; /* bytes of all files, for progress */
} wn_fetch_order;

/* Fetch it, unless the cache has it.
 * Fails:   as wn_hub_refuse(); WN_ERR_FORMAT for a wrong checksum, after which nothing is left;
 *          WN_ERR_IO, WN_ERR_MEMORY, WN_ERR_CANCELLED. */
WN_MUST_USE wn_status wn_fetch(wn_hub_client *client, const wn_fetch_order *order, wn_error *err);

#endif
