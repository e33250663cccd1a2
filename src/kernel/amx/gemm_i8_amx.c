/* The int8 product of the AMX level: TDPBSSD on rows and panels of the vector levels, filled up to
 * whole steps of 64 columns of x.  It takes signed bytes of both, so that rows have no offset and
 * sums begin from nothing. */
#define DEPTH_STEP 64
#define SIGNED_ROWS
#include "kernel/amx/tile_attend.h"
#include "kernel/levels.h"
#include "kernel/vec_pack_i8.h"

_Static_assert((int)DEPTH_STEP == (int)TILE_BYTES, "a step is a tile of rows");
_Static_assert((int)NR == (int)BLOCK_COLUMNS, "a panel is as wide as a block");

/* ---- rows for another product ---------------------------------------------------------------- */

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
    if (act == WN_ACT_GELU)
        multiply_by_tiles(&a, WN_DTYPE_I8, ROW_OF_Y_GELU, m);
    else
        multiply_by_tiles(&a, WN_DTYPE_I8, ROW_OF_Y, m);
}

static void multiply_add(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                         const float *bias, size_t m, size_t n, size_t k)
{
    tile_product a = product_of(&wn_gemm_i8_amx, rows, stride, packed, bias, n, k, WN_ACT_NONE);
    a.y = y;
    a.ldy = ldy;
    multiply_by_tiles(&a, WN_DTYPE_I8, ROW_ADDED, m);
}

static void multiply_taken(void *taken, size_t taken_stride, const void *rows, size_t stride,
                           const void *packed, const float *bias, size_t m, size_t n, size_t k,
                           wn_act act)
{
    tile_product a = product_of(&wn_gemm_i8_amx, rows, stride, packed, bias, n, k, act);
    a.taken = taken;
    a.taken_stride = taken_stride;
    if (act == WN_ACT_GELU)
        multiply_by_tiles(&a, WN_DTYPE_I8, ROW_F16_GELU, m);
    else
        multiply_by_tiles(&a, WN_DTYPE_I8, ROW_F16, m);
    for (size_t i = 0; i < m; i++)
        take_row_f16(a.taken + i * taken_stride, n);
}

static void multiply_halves(void *halves, size_t halves_stride, const void *rows, size_t stride,
                            const void *packed, const float *bias, size_t m, size_t n, size_t k)
{
    tile_product a = product_of(&wn_gemm_i8_amx, rows, stride, packed, bias, n, k, WN_ACT_NONE);
    a.taken = halves;
    a.taken_stride = halves_stride;
    multiply_by_tiles(&a, WN_DTYPE_I8, ROW_HALVES, m);
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
    .take_shares = take_shares_f16,
    .attend = attend_by_tiles,
    .multiply = multiply,
    .multiply_add = multiply_add,
    .multiply_halves = multiply_halves,
    .multiply_taken = multiply_taken,
};
