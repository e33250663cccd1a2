/* Sentences and words of a text, for telling which part of it matters.  Compact rules in the spirit
 * of UAX #29, without lists of abbreviations: a sentence ends
 *   - behind a run of . ! ? and their kin in other scripts, and the quotes and brackets that close
 *     behind it, when white space or the end follows; behind ideographic ones at once;
 *   - not when the next letter is a small one, nor behind a dot after a single letter ("J. Doe");
 *   - at the end of a line.
 * A word is a run of word characters, an apostrophe between two of them included, or one
 * ideograph.
 * Needs UTF-8.  Pure functions.  Thread rule: any. */
#ifndef WN_DATA_SEGMENT_H
#define WN_DATA_SEGMENT_H

#include "winnow.h"

typedef struct wn_segment {
    size_t start, end; /* bytes */
} wn_segment;

/* Sentences in order, without white space around them; when there are over `most`, neighbours are
 * put together.  Returns their number.
 * Shapes:  out [most]; most >= 1. */
size_t wn_segment_sentences(wn_segment *out, size_t most, wn_str text);

/* Words likewise; those put together include what is between them. */
size_t wn_segment_words(wn_segment *out, size_t most, wn_str text);

#endif
