/* The only place that calls malloc.  Every function returns NULL on failure and never aborts.
 * Sizes are given as count and size of one, multiplied with a check.  Thread rule: any. */
#ifndef WN_BASE_MEM_H
#define WN_BASE_MEM_H

#include "base/defs.h"

/* n * size bytes, not cleared; NULL when it fails or n * size wraps.
 * Owns:    caller frees with wn_mem_free(). */
void *wn_mem_alloc(size_t n, size_t size) __attribute__((warn_unused_result));

/* n * size bytes of zero. */
void *wn_mem_zalloc(size_t n, size_t size) __attribute__((warn_unused_result));

/* Grow or shrink; old stays valid when NULL is returned. */
void *wn_mem_realloc(void *old, size_t n, size_t size) __attribute__((warn_unused_result));

/* size bytes aligned to WN_ALIGN, cleared.
 * Owns:    caller frees with wn_mem_free(). */
void *wn_mem_aligned(size_t size) __attribute__((warn_unused_result));

/* Free what the functions above returned; NULL is allowed. */
void wn_mem_free(void *p);

#endif
