/* The files of models/default, embedded in the library by tools/make_builtin.py.
 * Thread rule: any; read-only data. */
#ifndef WN_RANK_BUILTIN_H
#define WN_RANK_BUILTIN_H

#include "winnow.h"

/* Bytes of an embedded file, such as "config.json"; ptr NULL when it is not embedded. */
wn_str wn_builtin_file(const char *name);

#endif
