/* Packing of the AVX2 level.  Weights are packed once, but attention packs the keys and values
 * of every head, so this has to keep up with the products. */
#include "kernel/levels.h"
#include "kernel/avx2/vec_avx2.h"

enum { NR = 2 * LANES };

/* Transpose eight rows of eight: pairs, pairs of pairs, then halves of the register. */
static inline void transpose(__m256 r[LANES])
{
    __m256 t[LANES];
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < LANES; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    /* r[4 g + c] now holds rows 4 g..4 g + 3 of the columns c and c + 4. */
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        t[c] = _mm256_permute2f128_ps(r[c], r[4 + c], 0x20);
        t[4 + c] = _mm256_permute2f128_ps(r[c], r[4 + c], 0x31);
    }
#pragma GCC unroll 8
    for (int i = 0; i < LANES; i++)
        r[i] = t[i];
}

/* Half of a panel; rows of w from n on count as zeros. */
static void pack_half(float *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    for (size_t p = 0; p < k; p += LANES) {
        __m256 rows[LANES];
        for (size_t j = 0; j < LANES; j++)
            rows[j] = j < n ? load_first(w + j * ldw + p, k - p) : _mm256_setzero_ps();
        transpose(rows);
        for (size_t i = 0; i < LANES && p + i < k; i++)
            _mm256_store_ps(packed + (p + i) * NR, rows[i]);
    }
}

void wn_pack_f32_avx2(float *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    for (size_t j = 0; j < n; j += NR, packed += NR * k) {
        size_t left = n - j;
        pack_half(packed, w + j * ldw, ldw, left, k);
        pack_half(packed + LANES, w + (j + LANES) * ldw, ldw, left > LANES ? left - LANES : 0, k);
    }
}

void wn_pack_f32_t_avx2(float *packed, const float *w, size_t ldw, size_t n, size_t k)
{
    for (size_t j = 0; j < n; j += NR) {
        size_t left = n - j, right = left > LANES ? left - LANES : 0;
        for (size_t p = 0; p < k; p++, packed += NR) {
            const float *row = w + p * ldw + j;
            _mm256_store_ps(packed, load_first(row, left));
            _mm256_store_ps(packed + LANES, load_first(row + LANES, right));
        }
    }
}
