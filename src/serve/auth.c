/* See auth.h. */
#include "serve/auth.h"

#include "base/mem.h"
#include "base/str.h"
#include "serve/route.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WN_WHERE     "serve/auth"
#define DIGEST_BYTES 32

struct wn_auth {
    uint8_t pepper[DIGEST_BYTES]; /* so that digests are of no use outside this process */
    uint8_t (*static_digests)[DIGEST_BYTES];
    size_t n_static;
    bool open;
};

static bool digest(const wn_auth *auth, uint8_t out[DIGEST_BYTES], wn_str key)
{
    unsigned n = DIGEST_BYTES;
    return HMAC(EVP_sha256(), auth->pepper, DIGEST_BYTES, (const unsigned char *)key.ptr, key.len,
                out, &n) != NULL;
}

wn_status wn_auth_new(wn_auth **out, const wn_auth_options *options, wn_error *err)
{
    wn_auth *auth = wn_mem_zalloc(1, sizeof *auth);
    if (auth == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for keys");
    wn_status status = WN_OK;
    auth->open = options->open;
    auth->n_static = options->n_static_keys;
    auth->static_digests = wn_mem_zalloc(auth->n_static, sizeof *auth->static_digests);
    if (auth->static_digests == NULL || RAND_bytes(auth->pepper, DIGEST_BYTES) != 1)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory or randomness for %zu keys", auth->n_static);
    for (size_t i = 0; i < auth->n_static; i++) {
        if (!digest(auth, auth->static_digests[i], wn_str_from(options->static_keys[i])))
            WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a digest");
    }
    *out = auth;
    auth = NULL;
out:
    wn_auth_free(auth);
    return status;
}

void wn_auth_free(wn_auth *auth)
{
    if (auth == NULL)
        return;
    OPENSSL_cleanse(auth->pepper, sizeof auth->pepper);
    wn_mem_free(auth->static_digests);
    wn_mem_free(auth);
}

/* The key that the request brings; false when it brings none. */
static bool presented_key(wn_str *out, const wn_http_request *request)
{
    static const char *const names[] = {"Authorization", "Api-Key", "X-Api-Key"};
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++) {
        if (!wn_http_find(request, names[i], out) || out->len == 0)
            continue;
        if (out->len > 7 && strncasecmp(out->ptr, "Bearer ", 7) == 0)
            *out = wn_str_slice(*out, 7, out->len);
        while (out->len > 0 && out->ptr[0] == ' ')
            *out = wn_str_slice(*out, 1, out->len);
        return true;
    }
    return false;
}

static bool is_static_key(const wn_auth *auth, wn_str key)
{
    uint8_t own[DIGEST_BYTES];
    int found = 0;
    if (!digest(auth, own, key))
        return false;
    for (size_t i = 0; i < auth->n_static; i++)
        found |= CRYPTO_memcmp(own, auth->static_digests[i], DIGEST_BYTES) == 0;
    return found != 0;
}

bool wn_auth_check(const wn_auth *auth, wn_identity *out, const wn_http_request *request,
                   unsigned scope, wn_problem *problem)
{
    wn_str key;
    *out = (wn_identity){.weight = 1};
    if (scope == WN_SCOPE_PUBLIC)
        return true;
    bool has_key = presented_key(&key, request);
    if (has_key && is_static_key(auth, key)) {
        snprintf(out->key_id, sizeof out->key_id, "static");
        out->flow = 1;
        out->scopes = WN_SCOPE_RERANK | WN_SCOPE_METRICS | WN_SCOPE_ADMIN;
        return true;
    }
    if (auth->open) {
        out->scopes = WN_SCOPE_RERANK | WN_SCOPE_METRICS;
        if ((scope & ~out->scopes) == 0)
            return true;
    }
    if (!has_key)
        wn_problem_set(problem, 401, "AUTH_MISSING_API_KEY",
                       "Authentication required. Provide your API key via the Authorization "
                       "header: 'Authorization: Bearer <api-key>'.");
    else
        wn_problem_set(problem, 401, "AUTH_INVALID_API_KEY",
                       "Invalid API key. Ask the operator of this server for a valid one.");
    return false;
}
