/* Unicode normalization forms on a text (UAX #15), with the reference's tables of about Unicode 11.
 * Quick check first: a text that is in the form already is not copied.
 * Canonical ordering is a stable sort, so 100,000 marks on one letter cost no more than their
 * number.
 * Thread rule: any; no state. */
#ifndef WN_TOKEN_NORMALIZE_FORM_H
#define WN_TOKEN_NORMALIZE_FORM_H

#include "token/text.h"

typedef enum wn_form { WN_FORM_NFC = 0, WN_FORM_NFKC, WN_FORM_NFD, WN_FORM_NFKD } wn_form;

/* Bring *text into the form; *spare is scratch.
 * Fails:   WN_ERR_MEMORY, WN_ERR_LIMIT when the result is over WN_TEXT_BYTES_MAX. */
WN_MUST_USE wn_status wn_form_run(wn_form form, wn_text *text, wn_text *spare, wn_error *err);

#endif
