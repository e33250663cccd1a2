/* Who asks: the key that came with a request, or nobody.
 * Thread rule: a value. */
#ifndef WN_SERVE_IDENTITY_H
#define WN_SERVE_IDENTITY_H

#include "base/defs.h"

typedef struct wn_identity {
    char key_id[16]; /* empty: no key */
    uint64_t flow;   /* of the scheduler */
    uint32_t weight;
    unsigned scopes;
} wn_identity;

#endif
