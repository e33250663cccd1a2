/* The tiles of tile.h in plain C, for the tests of machines without AMX.  Like the processor it
 * refuses (traps) shapes that do not fit each other and tiles that are not configured, and clears
 * what a load does not fill.  Whole numbers are exact; of bf16 the two products of a pair are added
 * one after the other.
 * Thread rule: values. */
#ifndef WN_KERNEL_TILE_MODEL_H
#define WN_KERNEL_TILE_MODEL_H

#include "base/dtype.h"
#include "kernel/amx/tile_config.h"
#include "kernel/lowp.h"

typedef struct tile_set {
    tile_config config;
    unsigned char data[N_TILES][TILE_ROWS][TILE_BYTES];
} tile_set;

static inline void tile_check(bool ok)
{
    if (!ok)
        __builtin_trap();
}

static inline void tile_begin(tile_set *t)
{
    tile_check(t->config.palette == 1);
    for (int i = 0; i < N_TILES; i++) {
        tile_check(t->config.rows[i] <= TILE_ROWS && t->config.row_bytes[i] <= TILE_BYTES);
        tile_check((t->config.rows[i] == 0) == (t->config.row_bytes[i] == 0));
    }
    memset(t->data, 0, sizeof t->data);
}

static inline void tile_end(void) {}

static inline void tile_zero(tile_set *t, int number)
{
    tile_check(t->config.row_bytes[number] > 0);
    memset(t->data[number], 0, sizeof t->data[number]);
}

static inline void tile_load(tile_set *t, int number, const void *from, size_t stride)
{
    size_t n_bytes = t->config.row_bytes[number];
    tile_check(n_bytes > 0);
    memset(t->data[number], 0, sizeof t->data[number]);
    for (size_t i = 0; i < t->config.rows[number]; i++)
        memcpy(t->data[number][i], (const unsigned char *)from + i * stride, n_bytes);
}

/* A model has no caches. */
#define tile_load_once tile_load

static inline void tile_store(const tile_set *t, int number, void *to, size_t stride)
{
    size_t n_bytes = t->config.row_bytes[number];
    tile_check(n_bytes > 0);
    for (size_t i = 0; i < t->config.rows[number]; i++)
        memcpy((unsigned char *)to + i * stride, t->data[number][i], n_bytes);
}

static inline int32_t tile_dot_bytes(int32_t sum, const unsigned char *x, const unsigned char *w)
{
    int8_t a[4], b[4];
    memcpy(a, x, sizeof a);
    memcpy(b, w, sizeof b);
    for (int i = 0; i < 4; i++)
        sum += a[i] * b[i];
    return sum;
}

static inline float tile_dot_halves(float sum, const unsigned char *x, const unsigned char *w)
{
    for (int i = 0; i < 2; i++) {
        uint16_t a, b;
        memcpy(&a, x + 2 * i, sizeof a);
        memcpy(&b, w + 2 * i, sizeof b);
        sum = fmaf(wn_bf16_widen(a), wn_bf16_widen(b), sum);
    }
    return sum;
}

static inline void tile_dot_lane(unsigned char *sum, const unsigned char *x, const unsigned char *w,
                                 wn_dtype dtype)
{
    int32_t whole;
    float real;
    memcpy(&whole, sum, sizeof whole);
    memcpy(&real, sum, sizeof real);
    whole = tile_dot_bytes(whole, x, w);
    real = tile_dot_halves(real, x, w);
    memcpy(sum, dtype == WN_DTYPE_BF16 ? (const void *)&real : &whole, sizeof whole);
}

static inline void tile_dot(tile_set *t, wn_dtype dtype, int sums, int rows, int columns)
{
    const tile_config *c = &t->config;
    size_t depth = c->row_bytes[rows] / 4u, n = c->row_bytes[sums] / 4u;
    tile_check(n > 0 && c->rows[sums] == c->rows[rows] && c->rows[columns] == depth);
    tile_check(c->row_bytes[columns] == c->row_bytes[sums]);
    for (size_t i = 0; i < c->rows[sums]; i++) {
        for (size_t j = 0; j < n; j++) {
            for (size_t p = 0; p < depth; p++)
                tile_dot_lane(&t->data[sums][i][4 * j], &t->data[rows][i][4 * p],
                              &t->data[columns][p][4 * j], dtype);
        }
    }
}

#endif
