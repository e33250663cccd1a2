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

/* Make room for `need` items of `size` bytes in a growing array: items is the address of its
 * pointer, *cap the room it has, which at least doubles, so that n pushes cost n in all.
 * Fails:   false when memory is short; the array is as it was. */
bool wn_mem_regrow(void *items, size_t *cap, size_t need, size_t size);
static inline bool wn_mem_grow(void *items, size_t *cap, size_t need, size_t size)
{
    return need <= *cap || wn_mem_regrow(items, cap, need, size);
}

/* size bytes aligned to WN_ALIGN, cleared.
 * Owns:    caller frees with wn_mem_free(). */
void *wn_mem_aligned(size_t size) __attribute__((warn_unused_result));

/* The same, not cleared.
 * Owns:    caller frees with wn_mem_free(). */
void *wn_mem_aligned_raw(size_t size) __attribute__((warn_unused_result));

/* Free what the functions above returned; NULL is allowed. */
void wn_mem_free(void *p);

/* Give memory that was freed back to the system, where the C library keeps it. */
void wn_mem_trim(void);

#endif
