/* Text in a page of HTML.
 * Thread rule: any. */
#ifndef WN_BASE_HTML_TEXT_H
#define WN_BASE_HTML_TEXT_H

#include "base/buf.h"

/* Append a text so that it stands for itself, also in a quoted attribute; false when memory is
 * short.
 * Source:  WHATWG HTML, section 13.1.4, "Character references". */
bool wn_html_push_text(wn_buf *out, const char *text);

#endif
