/* The pages of the playground and the dashboard: the files of web/, which are part of the program.
 * Thread rule: constant, any. */
#ifndef WN_SERVE_WEB_H
#define WN_SERVE_WEB_H

#include "base/str.h"

typedef struct wn_web_file {
    const char *name; /* below web/ */
    const char *type; /* media type */
    const char *tag;  /* weak entity tag: of the same bytes always the same */
    const char *plain, *plain_end;
    const char *small, *small_end; /* the same, compressed by gzip */
} wn_web_file;

/* The file of this name; NULL: there is none. */
const wn_web_file *wn_web_find(wn_str name);

#endif
