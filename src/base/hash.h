/* A quick hash of bytes, for tables and to tell things apart; a stranger who knows the seed can
 * make two texts meet.
 * Thread rule: any. */
#ifndef WN_BASE_HASH_H
#define WN_BASE_HASH_H

#include "base/defs.h"

/* 64 bits of n bytes at p (may be NULL when n is 0).
 * Source:  eight bytes a step, multiply and fold (the wyhash idea), finished as murmur3 does. */
uint64_t wn_hash_bytes(uint64_t seed, const void *p, size_t n);

#endif
