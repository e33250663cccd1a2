/* One pass over a text that changes it in places: what stays is copied in long runs, and a text
 * that needs no change is not copied at all.  Begin, then skip/put from left to right, then finish.
 * Thread rule: one at a time. */
#ifndef WN_TOKEN_EDIT_H
#define WN_TOKEN_EDIT_H

#include "token/text.h"

typedef struct wn_edit {
    wn_text *text, *out;
    size_t copied; /* bytes of text that are dealt with */
    bool touched;  /* out is in use */
    bool too_long; /* the result is over text->limit */
} wn_edit;

/* Start at byte 0 of text; spare takes the result.
 * Owns:    borrows both until wn_edit_finish(). */
void wn_edit_begin(wn_edit *edit, wn_text *text, wn_text *spare);

/* Copy up to byte from, then pass over [from, to) of the old text. */
void wn_edit_skip(wn_edit *edit, size_t from, size_t to);

/* Put n new bytes at this place; they come from where byte `like` of the old text came from. */
void wn_edit_put(wn_edit *edit, const char *bytes, size_t n, size_t like);

/* Copy the rest and swap the result into text.
 * Fails:   WN_ERR_MEMORY, WN_ERR_LIMIT when the result is over text->limit. */
WN_MUST_USE wn_status wn_edit_finish(wn_edit *edit, wn_error *err);

#endif
