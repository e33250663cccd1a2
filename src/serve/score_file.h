/* Scores in a file: what a cache keeps when its process ends.  The file belongs to one model and
 * one key of digests, its last bytes are a checksum over all others, and it appears whole or not at
 * all.  Whatever is wrong with it, it is refused with the reason; nothing of it is used then.
 *     bytes        what
 *     0..7         "WNSCORES"
 *     8..11        version, 1
 *     12..15       0x01020304, for the byte order
 *     16..31       key of the digests
 *     32..95       model, NUL-padded
 *     then 20 each digest, logit as f32
 *     last 32      SHA-256 of all before
 * Numbers are in the machine's byte order.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_SCORE_FILE_H
#define WN_SERVE_SCORE_FILE_H

#include "base/buf.h"
#include "serve/row_digest.h"

#include <openssl/evp.h>
#include <stdio.h>

#define WN_SCORE_MODEL_BYTES 64 /* of a model's name, with its NUL */

/* A file that was found good; valid as long as its bytes. */
typedef struct wn_score_file {
    uint8_t key[WN_DIGEST_KEY_BYTES];
    const unsigned char *scores;
    size_t n;
} wn_score_file;

/* Check a file's bytes.
 * Fails:   WN_ERR_FORMAT for one that is torn, damaged, of another version or machine, for a logit
 *          that is no number and a digest of zeros; WN_ERR_INPUT for one of another model (names
 *          both); WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_score_file_parse(wn_score_file *out, wn_str bytes, const char *model,
                                          wn_error *err);

/* Score i.
 * Needs:   i < n. */
void wn_score_file_at(const wn_score_file *file, size_t i, wn_row_digest *digest, float *logit);

/* A file that is being written, under another name until it is whole. */
typedef struct wn_score_writer {
    const char *path; /* borrowed */
    wn_buf part;      /* path of the part */
    FILE *stream;
    EVP_MD_CTX *sum;
    int reason; /* errno of the first failure; 0: none */
} wn_score_writer;

/* Begin.  Only its owner may read the file, for the key is in it.
 * Needs:   model is shorter than WN_SCORE_MODEL_BYTES.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY.
 * Owns:    caller ends it with wn_score_writer_end(), whatever this returns; borrows path. */
WN_MUST_USE wn_status wn_score_writer_begin(wn_score_writer *writer, const char *path,
                                            const uint8_t key[WN_DIGEST_KEY_BYTES],
                                            const char *model, wn_error *err);

/* Append a score; a failure is told at the end. */
void wn_score_writer_push(wn_score_writer *writer, wn_row_digest digest, float logit);

/* With keep, make it the file at path; else, or when that fails, remove the part.
 * Needs:   keep only when wn_score_writer_begin() succeeded.
 * Fails:   WN_ERR_IO when keep and the file could not be written; it is then as it was. */
WN_MUST_USE wn_status wn_score_writer_end(wn_score_writer *writer, bool keep, wn_error *err);

#endif
