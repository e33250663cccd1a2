/* Regular expressions of tokenizer.json are Oniguruma's, in Ruby's syntax; PCRE2 reads some of it
 * otherwise.  An expression is rewritten so that PCRE2 means the same, or refused by name.
 * Thread rule: any; no state. */
#ifndef WN_TOKEN_DIALECT_H
#define WN_TOKEN_DIALECT_H

#include "base/buf.h"
#include "base/status.h"

/* Append to out what PCRE2 (with UTF, UCP and MULTILINE) must be given for the expression.
 * Needs:   UTF-8 source.
 * Fails:   WN_ERR_UNSUPPORTED for syntax whose meaning would differ, WN_ERR_FORMAT for an
 *          expression that ends early, WN_ERR_MEMORY; path begins the message.
 * Source:  Oniguruma doc/RE and doc/SYNTAX.md; character sets as measured in the reference. */
WN_MUST_USE wn_status wn_dialect_rewrite(wn_buf *out, wn_str source, const char *path,
                                         wn_error *err);

#endif
