/* See web.h.  The table comes from tools/make_web.py. */
#include "serve/web.h"

extern const wn_web_file wn_web_files[];

const wn_web_file *wn_web_find(wn_str name)
{
    for (const wn_web_file *f = wn_web_files; f->name != NULL; f++) {
        if (wn_str_equal(name, wn_str_from(f->name)))
            return f;
    }
    return NULL;
}
