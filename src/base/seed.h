/* Numbers that nobody outside can foresee, for hash tables whose keys come from strangers.
 * Thread rule: any. */
#ifndef WN_BASE_SEED_H
#define WN_BASE_SEED_H

#include "base/defs.h"

/* 64 random bits; when the system has none to give, bits of an address and the clock. */
uint64_t wn_seed(void);

#endif
