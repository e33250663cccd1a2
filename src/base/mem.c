/* malloc behind a few functions, so that tests can wrap the allocator at link time
 * (-Wl,--wrap=malloc,...) and fail the n-th allocation without a hook in the product. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What is larger lies in huge pages where the system has them: fewer addresses to translate, and
 * memory that spreads over all sets of the second-level cache. */
#define HUGE_PAGE ((size_t)2 << 20)

void *wn_mem_alloc(size_t n, size_t size)
{
    size_t bytes;
    if (!wn_mul_size(&bytes, n, size))
        return NULL;
    return malloc(bytes == 0 ? 1 : bytes);
}

void *wn_mem_zalloc(size_t n, size_t size)
{
    return calloc(n == 0 ? 1 : n, size == 0 ? 1 : size);
}

void *wn_mem_realloc(void *old, size_t n, size_t size)
{
    size_t bytes;
    if (!wn_mul_size(&bytes, n, size))
        return NULL;
    return realloc(old, bytes == 0 ? 1 : bytes);
}

bool wn_mem_regrow(void *items, size_t *cap, size_t need, size_t size)
{
    void *old;
    size_t more = WN_MAX(need, WN_MAX(*cap * 2, (size_t)16));
    memcpy(&old, items, sizeof old); /* whatever type of pointer it is */
    void *bigger = wn_mem_realloc(old, more, size);
    if (bigger == NULL)
        return false;
    memcpy(items, &bigger, sizeof bigger);
    *cap = more;
    return true;
}

void *wn_mem_aligned_raw(size_t size)
{
    size_t align = size < HUGE_PAGE ? WN_ALIGN : HUGE_PAGE;
    if (size > SIZE_MAX - HUGE_PAGE)
        return NULL;
    void *p = aligned_alloc(align, wn_round_up(size == 0 ? 1 : size, align));
#if defined(MADV_HUGEPAGE)
    if (p != NULL && align == HUGE_PAGE)
        (void)madvise(p, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return p;
}

void *wn_mem_aligned(size_t size)
{
    void *p = wn_mem_aligned_raw(size);
    if (p != NULL)
        memset(p, 0, size);
    return p;
}

void wn_mem_free(void *p)
{
    free(p);
}

void wn_mem_trim(void)
{
#if defined(__GLIBC__)
    (void)malloc_trim(0);
#endif
}
