/* Model cards: a README.md whose front matter, between two lines of "---", says what a model is in
 * "key: value" lines.  Only words are read of it; all else counts as not said.
 * Source: the Hugging Face hub's model cards.  Thread rule: any. */
#ifndef WN_DATA_CARD_H
#define WN_DATA_CARD_H

#include "base/status.h"

#define WN_CARD_WORD_MAX 63 /* bytes */

/* Find the word behind a key ("license:") of the front matter, also where it is a list of one;
 * false when there is none. */
bool wn_card_find(char out[WN_CARD_WORD_MAX + 1], wn_str card, wn_str key);

/* Keep a value that is a word; false for another. */
bool wn_card_keep(char out[WN_CARD_WORD_MAX + 1], wn_str value);

/* Whether a text has a word of ASCII letters anywhere, in either case. */
bool wn_card_mentions(wn_str card, const char *word);

#endif
