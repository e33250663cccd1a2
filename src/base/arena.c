/* See arena.h.  A block is a header and its bytes in one allocation. */
#include "base/arena.h"
#include "base/mem.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define WN_ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WN_ARENA_ASAN 1
#endif
#endif
#ifdef WN_ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#define GAP            16
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define GAP            0
#endif

#define BLOCK_MIN 4096u
#define BLOCK_MAX (1024u * 1024u)

struct wn_arena_block {
    wn_arena_block *next;
    size_t used, size;
    _Alignas(16) unsigned char bytes[];
};

static wn_arena_block *add_block(wn_arena *arena, size_t need)
{
    size_t size = arena->next_size == 0 ? BLOCK_MIN : arena->next_size;
    if (size < BLOCK_MAX)
        arena->next_size = size * 2;
    size = WN_MAX(size, need);
    wn_arena_block *block = wn_mem_zalloc(1, sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    POISON(block->bytes, size);
    /* A block of its own for one large object goes behind the current one, which stays usable. */
    if (arena->blocks != NULL && size == need && need > BLOCK_MAX) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    arena->total_bytes += sizeof *block + size;
    return block;
}

void *wn_arena_alloc(wn_arena *arena, size_t n, size_t size)
{
    size_t bytes;
    if (!wn_mul_size(&bytes, n, size) || bytes > SIZE_MAX / 2)
        return NULL;
    size_t need = wn_round_up(bytes == 0 ? 1 : bytes, 16) + GAP;
    wn_arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < need) {
        block = add_block(arena, need);
        if (block == NULL)
            return NULL;
    }
    void *p = block->bytes + block->used;
    block->used += need;
    UNPOISON(p, bytes);
    return p;
}

wn_str wn_arena_str(wn_arena *arena, wn_str s)
{
    char *copy = wn_arena_alloc(arena, s.len + 1, 1);
    if (copy == NULL)
        return (wn_str){NULL, 0};
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return (wn_str){copy, s.len};
}

void wn_arena_deinit(wn_arena *arena)
{
    wn_arena_block *block = arena->blocks;
    while (block != NULL) {
        wn_arena_block *next = block->next;
        UNPOISON(block->bytes, block->size);
        wn_mem_free(block);
        block = next;
    }
    *arena = (wn_arena)WN_ARENA_INIT;
}
