/* The text of an API key, and what is kept of it.
 * "wn_" id "_" secret check: an id of 8 characters that names the key, a secret of 32 (190 random
 * bits), and 6 characters of CRC-32 over all before them, so that a mistyped key is told from a
 * wrong one and a scanner for leaked secrets knows one when it sees it.  All are letters and
 * digits. Kept is HMAC-SHA-256(pepper, secret): a secret of so many bits needs no slow hash, and
 * without the pepper, which lies outside the store, the digest of a stolen store proves nothing.
 * Thread rule: any. */
#ifndef WN_SERVE_KEY_H
#define WN_SERVE_KEY_H

#include "base/status.h"

#define WN_KEY_PREFIX     "wn_"
#define WN_KEY_ID_LEN     8
#define WN_KEY_SECRET_LEN 32
#define WN_KEY_CHECK_LEN  6
#define WN_KEY_TEXT_LEN   (3 + WN_KEY_ID_LEN + 1 + WN_KEY_SECRET_LEN + WN_KEY_CHECK_LEN)
#define WN_DIGEST_LEN     32
#define WN_PEPPER_LEN     32

/* Texts with a NUL. */
typedef struct wn_key_id {
    char text[WN_KEY_ID_LEN + 1];
} wn_key_id;

typedef struct wn_key_text {
    char text[WN_KEY_TEXT_LEN + 1];
} wn_key_text;

typedef struct wn_digest {
    unsigned char bytes[WN_DIGEST_LEN];
} wn_digest;

typedef struct wn_pepper {
    unsigned char bytes[WN_PEPPER_LEN];
} wn_pepper;

/* Make sure of OpenSSL before its first use: when memory is short while it initialises itself, it
 * goes on and crashes.
 * Fails:   WN_ERR_MEMORY, and then always. */
WN_MUST_USE wn_status wn_crypto_begin(wn_error *err);

/* A new id.
 * Fails:   WN_ERR_INTERNAL when the system gives no random bytes. */
WN_MUST_USE wn_status wn_key_id_make(wn_key_id *out, wn_error *err);

/* A new key of this id, with a new secret.
 * Needs:   id is of the form of one.
 * Fails:   WN_ERR_INTERNAL when the system gives no random bytes. */
WN_MUST_USE wn_status wn_key_make(wn_key_text *out, const wn_key_id *id, wn_error *err);

/* Split the text of a key.  False, and nothing is set, for what is not of this form or has a wrong
 * check. *secret points into text. */
bool wn_key_parse(wn_key_id *id, wn_str *secret, wn_str text);

/* Whether a text has the form of an id. */
bool wn_key_id_parse(wn_key_id *out, wn_str text);

/* An id as a number, the same everywhere, never 0, and without its highest bit. */
uint64_t wn_key_id_number(const wn_key_id *id);

/* HMAC-SHA-256(pepper, secret).
 * Fails:   WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_digest_make(wn_digest *out, const wn_pepper *pepper, wn_str secret,
                                     wn_error *err);

/* Whether two digests are equal, in a time that does not depend on where they differ. */
bool wn_digest_equal(const wn_digest *a, const wn_digest *b);

/* Overwrite a secret so that the compiler keeps the overwriting. */
void wn_secret_wipe(void *bytes, size_t n);

/* A new pepper.
 * Fails:   WN_ERR_INTERNAL when the system gives no random bytes. */
WN_MUST_USE wn_status wn_pepper_make(wn_pepper *out, wn_error *err);

#endif
