/* Bump allocation for things that die together: an engine's tables, a job's tokens.
 * Blocks double from 4 KiB to 1 MiB; larger requests get a block of their own.  Under ASan each
 * object lies between poisoned gaps.  Thread rule: one at a time. */
#ifndef WN_BASE_ARENA_H
#define WN_BASE_ARENA_H

#include "base/defs.h"
#include "winnow.h"

typedef struct wn_arena_block wn_arena_block;

typedef struct wn_arena {
    wn_arena_block *blocks;
    size_t next_size;
    size_t total_bytes; /* of all blocks */
} wn_arena;

#define WN_ARENA_INIT {0}

/* n * size bytes of zero, aligned to 16; NULL when memory is short or n * size wraps.
 * Owns:    the arena. */
void *wn_arena_alloc(wn_arena *arena, size_t n, size_t size) __attribute__((warn_unused_result));

/* A copy of s with a NUL behind it; ptr is NULL when memory is short. */
wn_str wn_arena_str(wn_arena *arena, wn_str s);

/* Free all; the arena is empty and usable again. */
void wn_arena_deinit(wn_arena *arena);

#endif
