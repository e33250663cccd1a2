/* Packing of the AVX-512 level.  Weights are packed once, but attention packs the keys and values
 * of every head, so this has to keep up with the products. */
#include "kernel/levels.h"
#include "kernel/avx512/vec_avx512.h"

enum { NR = 2 * LANES };

/* Transpose sixteen rows of sixteen: pairs, pairs of pairs, then quarters of the register. */
static inline void transpose(__m512 r[LANES])
{
    __m512 t[LANES];
#pragma GCC unroll 8
    for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 4) {
        r[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xEE);
        r[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    /* r[4 g + c] now holds rows 4 g..4 g + 3 of the columns c, c + 4, c + 8, c + 12. */
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        t[c] = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88);
        t[4 + c] = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xDD);
        t[8 + c] = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88);
        t[12 + c] = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xDD);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        r[c] = _mm512_shuffle_f32x4(t[c], t[8 + c], 0x88);
        r[4 + c] = _mm512_shuffle_f32x4(t[4 + c], t[12 + c], 0x88);
        r[8 + c] = _mm512_shuffle_f32x4(t[c], t[8 + c], 0xDD);
        r[12 + c] = _mm512_shuffle_f32x4(t[4 + c], t[12 + c], 0xDD);
    }
}

/* Half of a panel; rows of w from n on count as zeros. */
static void pack_half(float *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    for (size_t p = 0; p < k; p += LANES) {
        __m512 rows[LANES];
        for (size_t j = 0; j < LANES; j++)
            rows[j] = j < n ? load_first(w + j * ldw + p, k - p) : _mm512_setzero_ps();
        transpose(rows);
        for (size_t i = 0; i < LANES && p + i < k; i++)
            _mm512_store_ps(packed + (p + i) * NR, rows[i]);
    }
}

void wn_pack_f32_avx512(float *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    for (size_t j = 0; j < n; j += NR, packed += NR * k) {
        size_t left = n - j;
        pack_half(packed, w + j * ldw, ldw, left, k);
        pack_half(packed + LANES, w + (j + LANES) * ldw, ldw, left > LANES ? left - LANES : 0, k);
    }
}

void wn_pack_f32_t_avx512(float *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    for (size_t j = 0; j < n; j += NR) {
        size_t left = n - j, right = left > LANES ? left - LANES : 0;
        for (size_t p = 0; p < k; p++, packed += NR) {
            const float *row = w + p * ldw + j;
            _mm512_store_ps(packed, load_first(row, left));
            _mm512_store_ps(packed + LANES, load_first(row + LANES, right));
        }
    }
}
