/* What a row is, in 128 bits: a keyed hash over all that decides its score.  Two rows of one engine
 * with equal digests have equal scores; that two others meet has a chance of 2^-128, and whoever
 * does not know the key cannot look for them.
 * Source:  SipHash-2-4 with 128 bits, Aumasson & Bernstein 2012, as in OpenSSL.
 * Thread rule: a digester is used by one thread at a time. */
#ifndef WN_SERVE_ROW_DIGEST_H
#define WN_SERVE_ROW_DIGEST_H

#include "base/status.h"

#define WN_DIGEST_KEY_BYTES 16

typedef struct wn_row_digest {
    uint64_t half[2];
} wn_row_digest;

typedef struct wn_row_digester wn_row_digester;

/* Make a digester with a key.
 * Fails:   WN_ERR_MEMORY; WN_ERR_UNSUPPORTED when OpenSSL has no SipHash.
 * Owns:    caller frees *out with wn_row_digester_free(). */
WN_MUST_USE wn_status wn_row_digester_new(wn_row_digester **out,
                                          const uint8_t key[WN_DIGEST_KEY_BYTES], wn_error *err);

/* Free; NULL is allowed. */
void wn_row_digester_free(wn_row_digester *digester);

/* Digests of all rows of a job.  Rows of different scopes are never equal.
 * Shapes:  out [wn_job_n_rows(job)].
 * Fails:   WN_ERR_MEMORY, also for what OpenSSL could not do. */
WN_MUST_USE wn_status wn_row_digester_run(wn_row_digester *digester, uint64_t scope,
                                          const wn_job *job, wn_row_digest *out, wn_error *err);

/* Digests of the rows without the query: equal ones have equal vectors in a model that reads
 * documents for themselves, and none equals one of wn_row_digester_run().
 * Shapes:  out [wn_job_n_rows(job)].
 * Fails:   as wn_row_digester_run(). */
WN_MUST_USE wn_status wn_row_digester_run_documents(wn_row_digester *digester, uint64_t scope,
                                                    const wn_job *job, wn_row_digest *out,
                                                    wn_error *err);

#endif
