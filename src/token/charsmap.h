/* The precompiled charsmap of SentencePiece models, read as the crate reads it (spm_precompiled):
 * a Darts-clone double array of byte strings and a blob of replacements.
 * The file is untrusted: every leaf is checked once at parse, every step of a search for its range.
 * Thread rule: shared read-only after parse. */
#ifndef WN_TOKEN_CHARSMAP_H
#define WN_TOKEN_CHARSMAP_H

#include "base/status.h"

typedef struct wn_charsmap wn_charsmap;

/* Build from the base64 text of "precompiled_charsmap"; path begins the error message.
 * Fails:   WN_ERR_FORMAT for base64 that is not strict, a size that does not fit, a blob that is
 *          not UTF-8, a leaf outside of the array or of the blob; WN_ERR_MEMORY.
 * Owns:    caller frees with wn_charsmap_free(). */
WN_MUST_USE wn_status wn_charsmap_parse(wn_charsmap **out, wn_str base64, const char *path,
                                        wn_error *err);
void wn_charsmap_free(wn_charsmap *map);

/* The replacement of the shortest key that text[0..len) begins with, len > 0.
 * Returns false when there is none; *to points into the map. */
bool wn_charsmap_find(const wn_charsmap *map, wn_str *to, const char *text, size_t len);

/* Whether a character of one byte stays as it is. */
bool wn_charsmap_keeps_ascii(const wn_charsmap *map, unsigned char byte);

#endif
