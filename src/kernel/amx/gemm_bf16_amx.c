/* The bf16 product of the AMX level: TDPBF16PS on panels of the AVX512-BF16 level, filled up to
 * whole steps of 32 columns of x.  An element is one chain of pairs over k in rising order.  In
 * whole panels, where no act follows, it begins with the bias; else this is added at its end. */
#include "kernel/amx/tile_gemm.h"
#include "kernel/avx512bf16/vec_bf16.h"
#include "kernel/levels.h"

enum { K_STEP = TILE_BYTES / sizeof(uint16_t) };
_Static_assert((int)NR == (int)BLOCK_COLUMNS, "a panel is as wide as a block");

static void pack(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_bf16(packed, w, ldw, n, k, wn_round_up(k, K_STEP));
}

static void pack_t(void *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    pack_bf16_t(packed, w, ldw, n, k, wn_round_up(k, K_STEP));
}

static void pack_halves_t(void *packed, const void *w, size_t stride, size_t n, size_t k)
{
    pack_halves_bf16_t(packed, w, stride, n, k, wn_round_up(k, K_STEP));
}

static void take_rows(void *rows, size_t stride, const float *x, size_t ldx, const float *factor,
                      size_t m, size_t k)
{
    take_rows_bf16(rows, stride, x, ldx, factor, m, k, wn_round_up(k, K_STEP));
}

static void take_shares(void *rows, size_t stride, float *s, size_t lds, float scale, size_t first,
                        size_t end, size_t m, size_t k)
{
    take_shares_bf16(rows, stride, s, lds, scale, first, end, m, k, wn_round_up(k, K_STEP));
}

static inline __attribute__((always_inline)) void
finish_part(const tile_product *a, const waiting_block *b, float *y, size_t r, const size_t m,
            size_t h, const size_t left, lanes_fn *f, const bool adds)
{
    const float *sums = (const float *)(const void *)b->sums->at[h][r];
    const bool waits = a->bias != NULL && !begins_with_bias(a, WN_DTYPE_BF16, b->j);
    const vec bias = waits ? load_first(a->bias + b->j + h * LANES, left) : vec_splat(0);
    const size_t ldy = a->ldy;
#pragma GCC unroll 8
    for (size_t q = 0; q < m; q++) {
        vec v = f(load_first(sums + q * LANES, LANES) + bias);
        if (adds)
            v += load_first(y + q * ldy, left);
        store_first(y + q * ldy, v, left);
    }
}

static __attribute__((noinline)) void finish_rest(const tile_product *a, waiting_block *b)
{
    finish_any(a, b, finish_part);
}

static __attribute__((noinline)) void finish(const tile_product *a, waiting_block *b)
{
    if (!finish_whole(a, b, finish_part))
        finish_rest(a, b);
}

/* Rows [r, r + m) of a block as halves. */
static inline __attribute__((always_inline)) void finish_rows_halves(const tile_product *a,
                                                                     const waiting_block *b,
                                                                     size_t r, const size_t m,
                                                                     const bool with_gelu)
{
    const float *sums = (const float *)(const void *)b->sums->at[0][r];
    const float *others = (const float *)(const void *)b->sums->at[1][r];
    const bool waits = with_gelu && a->bias != NULL; /* else the sums began with it */
    const vec bias = waits ? load_first(a->bias + b->j, LANES) : vec_splat(0);
    const vec bias_1 = waits ? load_first(a->bias + b->j + LANES, LANES) : bias;
    const size_t stride = a->taken_stride;
    unsigned char *to = a->taken + (b->i + r) * stride + b->j * sizeof(uint16_t);
    if (!with_gelu)
        ask_for_next_slice(b, to, stride, 1);
#pragma GCC unroll 8
    for (size_t q = 0; q < m; q++) {
        vec v = load_first(sums + q * LANES, LANES);
        vec w = load_first(others + q * LANES, LANES);
        if (with_gelu) {
            v = gelu_rough_lanes(v + bias);
            w = gelu_rough_lanes(w + bias_1);
        }
        _mm512_store_si512(to + q * stride, round_bf16(v, w));
    }
}

/* The next slice of a block as halves. */
static __attribute__((noinline)) void finish_halves(const tile_product *a, waiting_block *b)
{
    size_t r = b->n_done, m = WN_MIN(b->m - r, (size_t)SLICE_ROWS);
    b->n_done = r + m;
    if (m == SLICE_ROWS && a->act == WN_ACT_GELU)
        finish_rows_halves(a, b, r, SLICE_ROWS, true);
    else if (m == SLICE_ROWS)
        finish_rows_halves(a, b, r, SLICE_ROWS, false);
    else
        finish_rows_halves(a, b, r, m, a->act == WN_ACT_GELU);
}

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    tile_product a = product_of(&wn_gemm_bf16_amx, rows, stride, packed, bias, n, k, act);
    a.y = y;
    a.ldy = ldy;
    multiply_by_tiles(&a, WN_DTYPE_BF16, finish, m);
}

static void multiply_add(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                         const float *bias, size_t m, size_t n, size_t k)
{
    tile_product a = product_of(&wn_gemm_bf16_amx, rows, stride, packed, bias, n, k, WN_ACT_NONE);
    a.y = y;
    a.ldy = ldy;
    a.adds = true;
    multiply_by_tiles(&a, WN_DTYPE_BF16, finish, m);
}

static void multiply_taken(void *taken, size_t taken_stride, const void *rows, size_t stride,
                           const void *packed, const float *bias, size_t m, size_t n, size_t k,
                           wn_act act)
{
    tile_product a = product_of(&wn_gemm_bf16_amx, rows, stride, packed, bias, n, k, act);
    a.taken = taken;
    a.taken_stride = taken_stride;
    multiply_by_tiles(&a, WN_DTYPE_BF16, finish_halves, m);
}

static void multiply_halves(void *halves, size_t halves_stride, const void *rows, size_t stride,
                            const void *packed, const float *bias, size_t m, size_t n, size_t k)
{
    multiply_taken(halves, halves_stride, rows, stride, packed, bias, m, n, k, WN_ACT_NONE);
}

const wn_gemm wn_gemm_bf16_amx = {
    .dtype = WN_DTYPE_BF16,
    .nr = NR,
    .mr = BLOCK_ROWS,
    .k_step = K_STEP,
    .rows_least = CHUNK_ROWS,
    .pack = pack,
    .pack_t = pack_t,
    .pack_halves = pack_halves_bf16,
    .pack_halves_t = pack_halves_t,
    .take_rows = take_rows,
    .take_shares = take_shares,
    .multiply = multiply,
    .multiply_add = multiply_add,
    .multiply_halves = multiply_halves,
    .multiply_taken = multiply_taken,
};
