/* Patterns of a tokenizer.json, {"String": ...} or {"Regex": ...}, and finding their matches from
 * left to right.  A literal, a class of characters, a run of spaces and the split patterns of
 * well-known tokenizers have scanners of their own, on the character sets of the reference's
 * engine; any other regular expression is rewritten for PCRE2 (no JIT; match, depth and heap
 * limits), whose character classes are those of Unicode 14.
 * Thread rule: a pattern is shared read-only; a finder is one thread's. */
#ifndef WN_TOKEN_PATTERN_H
#define WN_TOKEN_PATTERN_H

#include "base/str.h"
#include "token/text.h"

#include <jansson.h>

typedef struct wn_pattern wn_pattern;

/* Build from the JSON value; path begins the error message.
 * Fails:   WN_ERR_FORMAT for a value or expression that is not well-formed, WN_ERR_UNSUPPORTED for
 *          syntax that Winnow does not have, WN_ERR_MEMORY.
 * Owns:    caller frees with wn_pattern_free(). */
WN_MUST_USE wn_status wn_pattern_parse(wn_pattern **out, const json_t *node, const char *path,
                                       wn_error *err);
void wn_pattern_free(wn_pattern *pattern);

/* Does it need a PCRE2 match block? */
bool wn_pattern_is_foreign(const wn_pattern *pattern);

/* Matching in progress. */
typedef struct wn_finder {
    const wn_pattern *pattern;
    wn_str text;
    size_t at;
    void *match; /* PCRE2 match data, when the pattern is foreign */
} wn_finder;

/* Start at byte 0 of text.  *match is the caller's PCRE2 match data, made here when it is needed
 * and NULL, kept for the next call; match itself may be NULL for a pattern that is not foreign.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    borrows pattern and text; caller frees *match with wn_finder_match_free(). */
WN_MUST_USE wn_status wn_finder_begin(wn_finder *finder, const wn_pattern *pattern, wn_str text,
                                      void **match, wn_error *err);

/* The next match that is not empty; *found false at the end.
 * Fails:   WN_ERR_LIMIT when PCRE2 needs too many steps. */
WN_MUST_USE wn_status wn_finder_next(wn_finder *finder, bool *found, wn_span *span, wn_error *err);

/* Free match data; NULL is allowed. */
void wn_finder_match_free(void *match);

#endif
