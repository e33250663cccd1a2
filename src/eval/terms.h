/* The words of a text as the BM25 yardstick counts them: NFKC, lower case, then runs of letters,
 * marks and numbers.  Scripts written without blanks (Han, kana, Thai, Lao, Khmer, Burmese,
 * Tibetan) give pairs of neighbouring characters instead. Thread rule: any. */
#ifndef WN_EVAL_TERMS_H
#define WN_EVAL_TERMS_H

#include "base/buf.h"
#include "base/status.h"

/* Append each term of the text to *out, a line feed behind each; no term contains one.
 * Fails:   WN_ERR_INPUT for text that is not UTF-8, WN_ERR_MEMORY; *out may have grown. */
WN_MUST_USE wn_status wn_terms_push(wn_buf *out, wn_str text, wn_error *err);

/* Take the first term off *rest; false when there is none left. */
bool wn_terms_next(wn_str *term, wn_str *rest);

#endif
