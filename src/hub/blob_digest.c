/* See blob_digest.h. */
#include "hub/blob_digest.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#define WN_WHERE   "hub/digest"
#define READ_BYTES ((size_t)1 << 20)

static wn_status fail(wn_error *err)
{
    WN_FAIL(err, WN_ERR_MEMORY, "no memory for a checksum");
}

wn_status wn_blob_digest_begin(wn_blob_digest *digest, wn_str like, uint64_t n, wn_error *err)
{
    bool is_sha256 = like.len == WN_BLOB_HEX_MAX;
    char head[32]; /* of a blob in git */
    int len = snprintf(head, sizeof head, "blob %llu", (unsigned long long)n) + 1;
    digest->context = EVP_MD_CTX_new();
    if (digest->context == NULL ||
        EVP_DigestInit_ex(digest->context, is_sha256 ? EVP_sha256() : EVP_sha1(), NULL) != 1 ||
        (!is_sha256 && EVP_DigestUpdate(digest->context, head, (size_t)len) != 1))
        return fail(err);
    return WN_OK;
}

wn_status wn_blob_digest_add(wn_blob_digest *digest, const void *bytes, size_t n, wn_error *err)
{
    return EVP_DigestUpdate(digest->context, bytes, n) == 1 ? WN_OK : fail(err);
}

void wn_blob_digest_end(wn_blob_digest *digest, char hex[WN_BLOB_HEX_MAX + 1])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (hex != NULL) {
        (void)EVP_DigestFinal_ex(digest->context, bytes, &n);
        for (unsigned i = 0; i < n; i++)
            snprintf(hex + (size_t)2 * i, 3, "%02x", bytes[i]);
    }
    EVP_MD_CTX_free(digest->context);
    digest->context = NULL;
}

wn_status wn_blob_digest_read(wn_blob_digest *digest, int fd, uint64_t n, const char *path,
                              const wn_hub_settings *settings, wn_error *err)
{
    char *bytes = wn_mem_alloc(READ_BYTES, 1);
    if (bytes == NULL)
        return fail(err);
    wn_status status = WN_OK;
    while (n > 0) {
        if (settings->should_stop(settings->user))
            WN_FAIL_OUT(err, WN_ERR_CANCELLED, "stopped while '%s' was read", path);
        ssize_t got = read(fd, bytes, (size_t)WN_MIN(n, (uint64_t)READ_BYTES));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            WN_FAIL_OUT(err, WN_ERR_IO, "cannot read '%s': %s", path,
                        got < 0 ? strerror(errno) : "it ended too early");
        WN_TRY_OUT(wn_blob_digest_add(digest, bytes, (size_t)got, err));
        n -= (uint64_t)got;
    }
out:
    wn_mem_free(bytes);
    return status;
}
