/* Hand-written scanners for the split patterns of well-known tokenizers.  Each gives the end of the
 * match that a regular-expression engine (first alternative that matches, greedy) finds at a place.
 * Thread rule: any; no state. */
#ifndef WN_TOKEN_SCANNER_H
#define WN_TOKEN_SCANNER_H

#include "base/str.h"

/* End of the match that begins at byte `at` < text.len, or `at` when none begins there. */
typedef size_t wn_scanner(wn_str text, size_t at);

/* The scanner of a pattern's text, or NULL. */
wn_scanner *wn_scanner_find(wn_str pattern);

#endif
