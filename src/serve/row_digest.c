/* See row_digest.h.  The hashed bytes are the scope and two lengths, then the ids and types of
 * the query's own sequence, then those of the row. */
#include "serve/row_digest.h"

#include "base/mem.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#define WN_WHERE "serve/row_digest"

struct wn_row_digester {
    EVP_MAC *mac;
    EVP_MAC_CTX *context;
    uint8_t key[WN_DIGEST_KEY_BYTES];
    int32_t *query, *row; /* ids, then types */
    size_t query_cap, row_cap;
};

wn_status wn_row_digester_new(wn_row_digester **out, const uint8_t key[WN_DIGEST_KEY_BYTES],
                              wn_error *err)
{
    wn_row_digester *d = wn_mem_zalloc(1, sizeof *d);
    size_t size = sizeof(wn_row_digest);
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                 OSSL_PARAM_construct_end()};
    wn_status status;
    if (d == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a digester");
    memcpy(d->key, key, sizeof d->key);
    d->mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    if (d->mac == NULL)
        WN_FAIL_OUT(err, WN_ERR_UNSUPPORTED, "OpenSSL has no SIPHASH");
    d->context = EVP_MAC_CTX_new(d->mac);
    if (d->context == NULL || EVP_MAC_CTX_set_params(d->context, params) != 1)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "OpenSSL makes no SIPHASH of %zu bytes", size);
    *out = d;
    return WN_OK;
out:
    wn_row_digester_free(d);
    return status;
}

void wn_row_digester_free(wn_row_digester *d)
{
    if (d == NULL)
        return;
    EVP_MAC_CTX_free(d->context);
    EVP_MAC_free(d->mac);
    wn_mem_free(d->query);
    wn_mem_free(d->row);
    wn_mem_free(d);
}

static bool hash(wn_row_digester *d, wn_row_digest *out, uint64_t scope, size_t n_query,
                 size_t n_row)
{
    const uint64_t head[3] = {scope, n_query, n_row};
    uint8_t bytes[sizeof *out];
    size_t n = 0;
    bool done =
        EVP_MAC_init(d->context, d->key, sizeof d->key, NULL) == 1 &&
        EVP_MAC_update(d->context, (const uint8_t *)head, sizeof head) == 1 &&
        EVP_MAC_update(d->context, (const uint8_t *)d->query, 2 * n_query * sizeof *d->query) ==
            1 &&
        EVP_MAC_update(d->context, (const uint8_t *)d->row, 2 * n_row * sizeof *d->row) == 1 &&
        EVP_MAC_final(d->context, bytes, &n, sizeof bytes) == 1 && n == sizeof bytes;
    if (done)
        memcpy(out, bytes, sizeof *out);
    return done;
}

/* Digests of all rows, behind a query of n_query tokens that lies in d->query. */
static wn_status hash_rows(wn_row_digester *d, uint64_t scope, const wn_job *job, size_t n_query,
                           wn_row_digest *out, wn_error *err)
{
    for (size_t i = 0; i < wn_job_n_rows(job); i++) {
        size_t n = wn_job_row_tokens(job, i);
        if (!wn_mem_grow(&d->row, &d->row_cap, 2 * n, sizeof *d->row))
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for a row of %zu tokens", n);
        wn_job_row_ids(job, i, d->row, d->row + n);
        if (!hash(d, &out[i], scope, n_query, n))
            WN_FAIL(err, WN_ERR_MEMORY, "OpenSSL could not hash a row of %zu tokens", n);
    }
    return WN_OK;
}

wn_status wn_row_digester_run(wn_row_digester *d, uint64_t scope, const wn_job *job,
                              wn_row_digest *out, wn_error *err)
{
    size_t n_query = (size_t)wn_job_usage(job).query_tokens;
    if (!wn_mem_grow(&d->query, &d->query_cap, 2 * n_query, sizeof *d->query))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a query of %zu tokens", n_query);
    wn_job_query_ids(job, d->query, d->query + n_query);
    return hash_rows(d, scope, job, n_query, out, err);
}

wn_status wn_row_digester_run_documents(wn_row_digester *d, uint64_t scope, const wn_job *job,
                                        wn_row_digest *out, wn_error *err)
{
    return hash_rows(d, scope, job, 0, out, err);
}
