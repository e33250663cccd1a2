/* See key.h.
 * Source: GitHub's token format (prefix, base62, CRC-32 in base62, padded) for the shape; RFC 2104
 * for HMAC; CRC-32 as in zlib (polynomial EDB88320, reflected). */
#include "serve/key.h"

#include "base/seed.h"
#include "base/str.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define WN_WHERE "serve/key"

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
#define BASE (sizeof alphabet - 1)

enum {
    ID_AT = sizeof WN_KEY_PREFIX - 1,
    SECRET_AT = ID_AT + WN_KEY_ID_LEN + 1,
    CHECK_AT = SECRET_AT + WN_KEY_SECRET_LEN
};
_Static_assert(CHECK_AT + WN_KEY_CHECK_LEN == WN_KEY_TEXT_LEN, "the parts make the whole");

/* Takes the same time whatever the characters are, as all that looks at a presented secret. */
static bool is_base62(const char *p, size_t n)
{
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned c = (unsigned char)p[i];
        bad |= (c - '0' > 9) & ((c | 0x20) - 'a' > 25);
    }
    return bad == 0;
}

static wn_status random_bytes(unsigned char *out, size_t n, wn_error *err)
{
    if (!wn_random_bytes(out, n))
        WN_FAIL(err, WN_ERR_INTERNAL, "the system gave no %zu random bytes", n);
    return WN_OK;
}

/* n random characters, each as likely as any other: bytes that would favour some are thrown
 * away. */
static wn_status random_text(char *out, size_t n, wn_error *err)
{
    unsigned char pool[64];
    size_t used = sizeof pool;
    for (size_t i = 0; i < n;) {
        if (used == sizeof pool) {
            WN_TRY(random_bytes(pool, sizeof pool, err));
            used = 0;
        }
        unsigned char byte = pool[used++];
        if (byte < 256 / BASE * BASE)
            out[i++] = alphabet[byte % BASE];
    }
    wn_secret_wipe(pool, sizeof pool);
    return WN_OK;
}

static uint32_t crc32_of(const char *p, size_t n)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        crc ^= (unsigned char)p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

/* The check of the first CHECK_AT bytes of a key. */
static void make_check(char out[WN_KEY_CHECK_LEN], const char *text)
{
    uint32_t crc = crc32_of(text, CHECK_AT);
    for (size_t i = WN_KEY_CHECK_LEN; i-- > 0; crc /= BASE)
        out[i] = alphabet[crc % BASE];
}

wn_status wn_key_id_make(wn_key_id *out, wn_error *err)
{
    wn_key_id id = {0};
    WN_TRY(random_text(id.text, WN_KEY_ID_LEN, err));
    *out = id;
    return WN_OK;
}

wn_status wn_key_make(wn_key_text *out, const wn_key_id *id, wn_error *err)
{
    wn_key_text key = {WN_KEY_PREFIX};
    memcpy(key.text + ID_AT, id->text, WN_KEY_ID_LEN);
    key.text[SECRET_AT - 1] = '_';
    WN_TRY(random_text(key.text + SECRET_AT, WN_KEY_SECRET_LEN, err));
    make_check(key.text + CHECK_AT, key.text);
    *out = key;
    return WN_OK;
}

bool wn_key_id_parse(wn_key_id *out, wn_str text)
{
    if (text.len != WN_KEY_ID_LEN || !is_base62(text.ptr, text.len))
        return false;
    *out = (wn_key_id){0};
    memcpy(out->text, text.ptr, text.len);
    return true;
}

bool wn_key_parse(wn_key_id *id, wn_str *secret, wn_str text)
{
    char check[WN_KEY_CHECK_LEN];
    if (text.len != WN_KEY_TEXT_LEN || !wn_str_starts(text, WN_STR(WN_KEY_PREFIX)) ||
        text.ptr[SECRET_AT - 1] != '_' || !is_base62(text.ptr + SECRET_AT, WN_KEY_SECRET_LEN))
        return false;
    make_check(check, text.ptr);
    if (memcmp(check, text.ptr + CHECK_AT, sizeof check) != 0 ||
        !wn_key_id_parse(id, (wn_str){text.ptr + ID_AT, WN_KEY_ID_LEN}))
        return false;
    *secret = (wn_str){text.ptr + SECRET_AT, WN_KEY_SECRET_LEN};
    return true;
}

uint64_t wn_key_id_number(const wn_key_id *id)
{
    uint64_t number = 0;
    for (size_t i = 0; i < WN_KEY_ID_LEN; i++)
        number = number << 8 | (unsigned char)id->text[i];
    return number;
}

wn_status wn_crypto_begin(wn_error *err)
{
    if (OSSL_LIB_CTX_get0_global_default() == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for OpenSSL to begin");
    return WN_OK;
}

wn_status wn_digest_make(wn_digest *out, const wn_pepper *pepper, wn_str secret, wn_error *err)
{
    wn_digest digest;
    WN_TRY(wn_crypto_begin(err));
    const unsigned char *bytes = (const unsigned char *)(secret.len == 0 ? "" : secret.ptr);
    if (HMAC(EVP_sha256(), pepper->bytes, WN_PEPPER_LEN, bytes, secret.len, digest.bytes, NULL) ==
        NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the digest of a key");
    *out = digest;
    return WN_OK;
}

bool wn_digest_equal(const wn_digest *a, const wn_digest *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, WN_DIGEST_LEN) == 0;
}

void wn_secret_wipe(void *bytes, size_t n)
{
    OPENSSL_cleanse(bytes, n);
}

wn_status wn_pepper_make(wn_pepper *out, wn_error *err)
{
    wn_pepper pepper;
    WN_TRY(random_bytes(pepper.bytes, sizeof pepper.bytes, err));
    *out = pepper;
    return WN_OK;
}
