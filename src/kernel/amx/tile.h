/* The tile registers of AMX: eight, each of up to 16 rows of 64 bytes.  All tile instructions are
 * here: configure, clear, load, multiply and add, store, release.  Tile numbers are literals.
 * Each is written out because gcc 12's _tile_loadconfig() tells the compiler that it reads 8 bytes
 * of the 64, and _tile_loadd() that it reads nothing: what was stored there may then come too late.
 * Where the level's flags are not on, tile_model.h has the same names in plain C.
 * Between tile_begin() and tile_end() a thread keeps its tiles, through switches too.
 * Source: Intel SDM volume 1, chapter 18.
 * Thread rule: any; a thread has tiles of its own. */
#ifndef WN_KERNEL_TILE_H
#define WN_KERNEL_TILE_H

#include "kernel/amx/tile_config.h"

#if defined(__AMX_TILE__)

typedef struct tile_set {
    tile_config config;
} tile_set;

/* Take over the configuration; all tiles become zero. */
static inline void tile_begin(const tile_set *t)
{
    __asm__ volatile("ldtilecfg %0" ::"m"(t->config));
}

/* Give the tiles back: the system then has no 8 KiB to save at a switch. */
static inline void tile_end(void)
{
    __asm__ volatile("tilerelease");
}

/* All numbers of a tile become zero. */
#define tile_zero(t, number)                                                                       \
    do {                                                                                           \
        (void)(t);                                                                                 \
        __asm__ volatile("tilezero %tmm" #number);                                                 \
    } while (0)

/* The rows of a tile from memory, stride bytes apart. */
#define tile_load(t, number, from, stride)                                                         \
    do {                                                                                           \
        (void)(t);                                                                                 \
        __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #number ::"r"(from), "r"(stride)             \
                         : "memory");                                                              \
    } while (0)

/* The same of rows that are not needed again soon: they go past the first-level cache, and what is
 * in it stays. */
#define tile_load_once(t, number, from, stride)                                                    \
    do {                                                                                           \
        (void)(t);                                                                                 \
        __asm__ volatile("tileloaddt1 (%0,%1,1), %%tmm" #number ::"r"(from), "r"(stride)           \
                         : "memory");                                                              \
    } while (0)

/* The rows of a tile to memory. */
#define tile_store(t, number, to, stride)                                                          \
    do {                                                                                           \
        (void)(t);                                                                                 \
        __asm__ volatile("tilestored %%tmm" #number ", (%0,%1,1)" ::"r"(to), "r"(stride)           \
                         : "memory");                                                              \
    } while (0)

/* sums += rows . columns: BF16 adds pairs of products in f32, I8 four products of signed bytes. */
#define tile_dot(t, dtype, sums, rows, columns)                                                    \
    do {                                                                                           \
        (void)(t);                                                                                 \
        if ((dtype) == WN_DTYPE_BF16)                                                              \
            __asm__ volatile("tdpbf16ps %tmm" #columns ", %tmm" #rows ", %tmm" #sums);             \
        else                                                                                       \
            __asm__ volatile("tdpbssd %tmm" #columns ", %tmm" #rows ", %tmm" #sums);               \
    } while (0)

#else
#include "kernel/amx/tile_model.h"
#endif

#endif
