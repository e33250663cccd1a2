/* See html_text.h. */
#include "base/html_text.h"

#include "base/str.h"

bool wn_html_push_text(wn_buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        const char *entity = *p == '&'   ? "&amp;"
                             : *p == '<' ? "&lt;"
                             : *p == '>' ? "&gt;"
                             : *p == '"' ? "&quot;"
                                         : NULL;
        if (entity != NULL)
            wn_buf_push_str(out, wn_str_from(entity));
        else
            wn_buf_push_byte(out, *p);
    }
    return !out->failed;
}
