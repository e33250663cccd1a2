/* Numbers that nobody outside can foresee: for hash tables whose keys come from strangers, and for
 * secrets.  They come from the kernel, which needs no memory of ours for them.
 * Thread rule: any. */
#ifndef WN_BASE_SEED_H
#define WN_BASE_SEED_H

#include "base/defs.h"

/* 64 random bits; when the system has none to give, bits of an address and the clock. */
uint64_t wn_seed(void);

/* n random bytes, good enough for secrets; false when the system has none to give. */
bool wn_random_bytes(void *out, size_t n);

#endif
