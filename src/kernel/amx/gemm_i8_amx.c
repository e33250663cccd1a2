/* The int8 product of the AMX level: TDPBSSD on rows and panels of the vector levels, filled up to
 * whole steps of 64 columns of x.  It takes signed bytes of both, so that rows have no offset and
 * sums begin from nothing. */
#define DEPTH_STEP 64
#define SIGNED_ROWS
#include "kernel/amx/tile_gemm.h"
#include "kernel/amx/vec_f16.h"
#include "kernel/avx512bf16/round_bf16.h"
#include "kernel/levels.h"
#include "kernel/vec_pack_i8.h"

_Static_assert((int)DEPTH_STEP == (int)TILE_BYTES, "a step is a tile of rows");
_Static_assert((int)NR == (int)BLOCK_COLUMNS, "a panel is as wide as a block");

static inline __attribute__((always_inline)) void
finish_part(const tile_product *a, const waiting_block *b, float *y, size_t r, const size_t m,
            size_t h, const size_t left, lanes_fn *f, const bool adds)
{
    const columns *c = (const columns *)(const void *)b->behind;
    const float *row_scale = b->row_scale + r;
    const int32_t *sums = b->sums->at[h][r];
    const vec scale = load_first(c->scale + h * LANES, LANES);
    const vec bias = a->bias != NULL ? load_first(a->bias + b->j + h * LANES, left) : vec_splat(0);
    const size_t ldy = a->ldy;
#pragma GCC unroll 8
    for (size_t q = 0; q < m; q++) {
        vec v = vec_of_sums(ivec_load(sums + q * LANES)) * scale;
        v = f(vec_fma(v, vec_splat(row_scale[q]), bias));
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

/* ---- rows for another product ---------------------------------------------------------------- */

/* Rows [r, r + m) of a block in 16 bits: rounded to bf16, or in F16, with the activation if that is
 * GELU. */
static inline __attribute__((always_inline)) void finish_rows(const tile_product *a,
                                                              const waiting_block *b, size_t r,
                                                              const size_t m, const wn_dtype dtype,
                                                              const bool with_gelu)
{
    const columns *c = (const columns *)(const void *)b->behind;
    const float *row_scale = b->row_scale + r;
    const int32_t *sums = b->sums->at[0][r], *others = b->sums->at[1][r];
    const size_t stride = a->taken_stride;
    unsigned char *to = a->taken + (b->i + r) * stride + b->j * sizeof(f16);
    const vec unit = vec_splat(dtype == WN_DTYPE_F16 ? 1.0f / F16_UNIT : 1.0f);
    const vec scale = load_first(c->scale, LANES) * unit;
    const vec scale_1 = load_first(c->scale + LANES, LANES) * unit;
    vec bias = vec_splat(0), bias_1 = bias;
    if (a->bias != NULL) {
        bias = load_first(a->bias + b->j, LANES) * unit;
        bias_1 = load_first(a->bias + b->j + LANES, LANES) * unit;
    }
    if (dtype == WN_DTYPE_BF16)
        ask_for_next_slice(b, to, stride, 1);
#pragma GCC unroll 8
    for (size_t q = 0; q < m; q++) {
        const vec factor = vec_splat(row_scale[q]);
        vec v = vec_of_sums(ivec_load(sums + q * LANES)) * scale;
        vec w = vec_of_sums(ivec_load(others + q * LANES)) * scale_1;
        v = vec_fma(v, factor, bias);
        w = vec_fma(w, factor, bias_1);
        if (dtype == WN_DTYPE_BF16) {
            _mm512_store_si512(to + q * stride, round_bf16(v, w));
        } else {
            vec_f16 x = f16_round(v, w);
            f16_store(to + q * stride, with_gelu ? f16_gelu(x) : x);
        }
    }
}

/* The next slice of a block in 16 bits. */
static inline __attribute__((always_inline)) void
finish_slice(const tile_product *a, waiting_block *b, const wn_dtype dtype, const bool with_gelu)
{
    size_t r = b->n_done, m = WN_MIN(b->m - r, (size_t)SLICE_ROWS);
    b->n_done = r + m;
    if (m == SLICE_ROWS)
        finish_rows(a, b, r, SLICE_ROWS, dtype, with_gelu);
    else
        finish_rows(a, b, r, m, dtype, with_gelu);
}

static __attribute__((noinline)) void finish_halves(const tile_product *a, waiting_block *b)
{
    finish_slice(a, b, WN_DTYPE_BF16, false);
}

static __attribute__((noinline)) void finish_f16(const tile_product *a, waiting_block *b)
{
    if (a->act == WN_ACT_GELU)
        finish_slice(a, b, WN_DTYPE_F16, true);
    else
        finish_slice(a, b, WN_DTYPE_F16, false);
}

/* A power of two that brings top between 1 and 2, as far as F16 has it. */
static inline float lift_of(float top)
{
    const int zero = 127; /* as an exponent is written */
    int exponent = (int)(wn_f32_bits(top) >> 23) - zero;
    uint32_t bits = (uint32_t)(zero + WN_MAX(-15, WN_MIN(-exponent, 15))) << 23;
    float lift;
    memcpy(&lift, &bits, sizeof lift);
    return lift;
}

/* A row of k numbers in F16, times lift if it is raised, times inverse as bytes in its place. */
static inline __attribute__((always_inline)) void
bytes_of_row(unsigned char *row, size_t k, float lift, f16 inverse, const bool is_raised)
{
    const vec_f16 first = f16_splat(lift), second = f16_splat((float)inverse);
    for (size_t p = 0; p < k; p += 2 * F16_LANES) {
        const unsigned char *x = row + p * sizeof(f16);
        vec_f16 lower = f16_load(x), upper = f16_load(x + sizeof(vec_f16));
        if (is_raised) {
            lower = _mm512_mul_ph(lower, first);
            upper = _mm512_mul_ph(upper, first);
        }
        ivec_store(row + p, f16_bytes(lower, upper, second));
    }
}

/* A row of k numbers in F16 becomes bytes and their scale, which take half the room.  Numbers so
 * small that the inverse of their scale is too large for F16 are raised first. */
static inline void take_row_f16(unsigned char *row, size_t k)
{
    __m512i tops = _mm512_setzero_si512();
    for (size_t p = 0; p < k; p += F16_LANES)
        tops = words_larger_size(tops, _mm512_load_si512(row + p * sizeof(f16)));
    const float top = f16_widen(words_largest(tops));
    const bool is_raised = top < I8_LIMIT / F16_MAX;
    const float lift = is_raised ? lift_of(top) : 1.0f;
    const f16 inverse = (f16)(top < INFINITY ? fminf(I8_LIMIT / (top * lift), F16_MAX) : 0);
    if (is_raised)
        bytes_of_row(row, k, lift, inverse, true);
    else
        bytes_of_row(row, k, lift, inverse, false);
    const float scale = top < INFINITY ? F16_UNIT / (lift * (float)inverse) : NAN;
    memcpy(row + k, &scale, sizeof scale);
}

/* 32 numbers of bf16 times inverse as words in order. */
static inline __m512i halves_as_words(__m512i x, vec inverse)
{
    const __m512i lower = _mm512_set1_epi32(0xFFFF);
    vec even = _mm512_castsi512_ps(_mm512_slli_epi32(x, 16));
    vec odd = _mm512_castsi512_ps(_mm512_andnot_si512(lower, x));
    __m512i first = _mm512_cvtps_epi32(even * inverse);
    __m512i second = _mm512_slli_epi32(_mm512_cvtps_epi32(odd * inverse), 16);
    return _mm512_or_si512(_mm512_and_si512(first, lower), second);
}

/* A row of k numbers in bf16 as bytes and their scale. */
static inline void take_row_halves(uint8_t *row, const unsigned char *x, size_t k)
{
    __m512i tops = _mm512_setzero_si512();
    for (size_t p = 0; p < k; p += 2 * LANES)
        tops = words_larger_size(tops, _mm512_load_si512(x + p * sizeof(uint16_t)));
    const float top = wn_bf16_widen(words_largest(tops)), scale = wn_i8_scale(top, I8_LIMIT);
    const vec inverse = vec_splat(wn_i8_inverse(top, I8_LIMIT));
    for (size_t p = 0; p < k; p += K_BLOCK, x += 2 * TILE_BYTES) {
        __m512i first = halves_as_words(_mm512_load_si512(x), inverse);
        __m512i second = halves_as_words(_mm512_load_si512(x + TILE_BYTES), inverse);
        ivec_store(row + p, words_as_bytes(first, second));
    }
    memcpy(row + k, &scale, sizeof scale);
}

static void take_halves(void *rows, size_t stride, const void *x, size_t x_stride, size_t m,
                        size_t k)
{
    for (size_t i = 0; i < m; i++)
        take_row_halves((uint8_t *)rows + i * stride, (const unsigned char *)x + i * x_stride, k);
}

/* ---- the product ----------------------------------------------------------------------------- */

static void multiply(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act)
{
    tile_product a = product_of(&wn_gemm_i8_amx, rows, stride, packed, bias, n, k, act);
    a.y = y;
    a.ldy = ldy;
    multiply_by_tiles(&a, WN_DTYPE_I8, finish, m);
}

static void multiply_add(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                         const float *bias, size_t m, size_t n, size_t k)
{
    tile_product a = product_of(&wn_gemm_i8_amx, rows, stride, packed, bias, n, k, WN_ACT_NONE);
    a.y = y;
    a.ldy = ldy;
    a.adds = true;
    multiply_by_tiles(&a, WN_DTYPE_I8, finish, m);
}

static void multiply_taken(void *taken, size_t taken_stride, const void *rows, size_t stride,
                           const void *packed, const float *bias, size_t m, size_t n, size_t k,
                           wn_act act)
{
    tile_product a = product_of(&wn_gemm_i8_amx, rows, stride, packed, bias, n, k, act);
    a.taken = taken;
    a.taken_stride = taken_stride;
    multiply_by_tiles(&a, WN_DTYPE_I8, finish_f16, m);
    for (size_t i = 0; i < m; i++)
        take_row_f16(a.taken + i * taken_stride, n);
}

static void multiply_halves(void *halves, size_t halves_stride, const void *rows, size_t stride,
                            const void *packed, const float *bias, size_t m, size_t n, size_t k)
{
    tile_product a = product_of(&wn_gemm_i8_amx, rows, stride, packed, bias, n, k, WN_ACT_NONE);
    a.taken = halves;
    a.taken_stride = halves_stride;
    multiply_by_tiles(&a, WN_DTYPE_I8, finish_halves, m);
}

const wn_gemm wn_gemm_i8_amx = {
    .dtype = WN_DTYPE_I8,
    .nr = NR,
    .mr = BLOCK_ROWS,
    .k_step = DEPTH_STEP,
    .limit = I8_LIMIT,
    .column_extra = COLUMN_EXTRA,
    .rows_least = CHUNK_ROWS,
    .pack = pack_i8,
    .pack_t = pack_i8_t,
    .pack_halves_t = pack_i8_halves_t,
    .take_rows = take_rows_i8,
    .take_halves = take_halves,
    .take_shares = take_shares_i8,
    .multiply = multiply,
    .multiply_add = multiply_add,
    .multiply_halves = multiply_halves,
    .multiply_taken = multiply_taken,
};
