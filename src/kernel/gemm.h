/* Matrix products y = act(x . w^T + bias) with packed weights, one a compute dtype.  Weights are
 * packed once; rows of x are first taken over into the form that the product reads: copied, rounded
 * or quantised.  Both forms are a level's own; outside only their sizes are known.
 *   f32   x and w as they are.  An element is one chain of fused multiply-adds over k in rising
 *         order that starts from 0, so all levels give the same bits.
 *   bf16  x and w rounded to the nearest bf16, ties to even; products are added up in f32, in a
 *         fixed order that is the level's own.
 *   i8    q = nearest(x / s) with s = max |x| / limit, one s a row; w likewise with limit 127, one
 *         s a column; where limit is 63, some columns are shrunk (wn_i8_shrink() in lowp.h).  The
 *         sum of products is exact, then y = fma(sum * s_w, s_x, bias).  Levels of equal limit give
 *         the same bits of a product, but where one is taken over for the next.
 * Invariant: the value of a row depends on that row's inputs alone, never on m or on its position.
 * Thread rule: constant, any. */
#ifndef WN_KERNEL_GEMM_H
#define WN_KERNEL_GEMM_H

#include "base/dtype.h"

/* Activation in the epilogue of a linear layer. */
typedef enum wn_act {
    WN_ACT_NONE = 0,
    WN_ACT_GELU,      /* 0.5 x (1 + erf(x / sqrt 2)) */
    WN_ACT_GELU_TANH, /* 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
    WN_ACT_RELU,
    WN_ACT_SILU,
    WN_ACT_TANH
} wn_act;

/* Columns of i8 products: a sum of so many products of bytes cannot wrap. */
#define WN_GEMM_I8_K_MAX 65536

/* What attend() takes: rows at least, and the widest head. */
enum { WN_ATTEND_ROWS = 16, WN_ATTEND_DIM_MAX = 128 };

/* Attention of rows of one head that see all of its keys. */
typedef struct wn_attend {
    size_t m, n, dim;   /* rows, keys, columns of the head */
    const void *q;      /* [m][dim] of bf16, q_stride bytes apart */
    const void *keys;   /* [n][dim] as the level's bf16 product packs them */
    const void *values; /* [n][dim] as pack_t() does */
    void *y;            /* [m][dim] of bf16, y_stride bytes apart */
    size_t q_stride, y_stride;
    float scale;
    void *space; /* of wn_attend_space(n) bytes */
} wn_attend;

typedef struct wn_gemm {
    wn_dtype dtype;       /* F32, BF16 or I8 */
    int32_t nr;           /* columns of a panel */
    int32_t mr;           /* rows that one call handles best; any m is allowed */
    int32_t k_step;       /* rows and panels are filled up with zeros to a multiple of it */
    int32_t limit;        /* i8: the largest quantised activation, 127 or 63; else 0 */
    int32_t column_extra; /* bytes a panel holds for each column beside its elements */
    int32_t rows_least;   /* of a call, below which weights from the third-level cache come too
                             late; 0: any will do */

    /* Pack w [n][k] (row stride ldw, in elements) into panels of nr columns, the last one filled up
     * with zeros; packed holds wn_gemm_packed_bytes().  f32: element (j, p) lies at
     * (j / nr) * k * nr + p * nr + j % nr.
     * Needs:   packed 64-byte aligned; n, k >= 1; i8: k <= WN_GEMM_I8_K_MAX. */
    void (*pack)(void *packed, const float *w, size_t ldw, size_t n, size_t k);

    /* Pack the transpose: w is given as [k][n] with row stride ldw. */
    void (*pack_t)(void *packed, const float *w, size_t ldw, size_t n, size_t k);

    /* pack() and pack_t() of w that is rows of bf16, [n] or [k] of stride bytes.  NULL: the level
     * has no shorter way; only bf16 products have the former.
     * Needs:   k, or n, a multiple of 32; w and stride 64-byte aligned. */
    void (*pack_halves)(void *packed, const void *w, size_t stride, size_t n, size_t k);
    void (*pack_halves_t)(void *packed, const void *w, size_t stride, size_t n, size_t k);

    /* Take over rows x [m][k] (row stride ldx, in elements), each column times its factor [k]
     * (NULL: as they are); rows [m] of stride bytes, at least wn_gemm_row_bytes().  A bf16 row is
     * its halves, so that columns from a multiple of 32 on may be taken over by themselves.
     * Needs:   rows and stride 64-byte aligned. */
    void (*take_rows)(void *rows, size_t stride, const float *x, size_t ldx, const float *factor,
                      size_t m, size_t k);

    /* take_rows() of x that is rows of bf16, of x_stride bytes.  A bf16 product reads them where
     * they are; else NULL: the level has no shorter way.
     * Needs:   k a multiple of k_step; rows, x and strides 64-byte aligned. */
    void (*take_halves)(void *rows, size_t stride, const void *x, size_t x_stride, size_t m,
                        size_t k);

    /* Take over softmax(scale * s) of the columns [first, end) of m rows of k scores, whose other
     * columns have no share.  NULL: softmax_f32() and take_rows() do the same in two steps.
     * Shapes:  rows and stride as of take_rows(); s [m][k] of row stride lds, undefined afterwards.
     * Needs:   scale > 0.
     * Error:   as if e^x had one of 4e-4, or 2.2e-3 where i8 has attend(), beside what is lost by
     *          rounding; of the sum by which i8 divides, shares below 2^-15 of the largest may be
     *          left out. */
    void (*take_shares)(void *rows, size_t stride, float *s, size_t lds, float scale, size_t first,
                        size_t end, size_t m, size_t k);

    /* y = softmax(scale * q . keys^T) . values, bit by bit as multiply() of the bf16 product,
     * take_shares() and multiply_halves() make it.  NULL: the level has no shorter way.
     * Needs:   m >= WN_ATTEND_ROWS; 1 <= n <= WN_GEMM_I8_K_MAX; dim a multiple of 32, at most
     *          WN_ATTEND_DIM_MAX; scale > 0; all pointers and strides 64-byte aligned; no overlap
     *          of y with the inputs.
     * Returns: false where scores are no numbers, or too large or too far apart for the shorter
     *          way; y is undefined then, and the three steps are left to the caller. */
    bool (*attend)(const wn_attend *a);

    /* y = act(rows . w^T + bias).
     * Shapes:  rows [m] as of take_rows(), stride in bytes; f32 also reads any x [m][k] in place,
     *          and i8 the first wn_gemm_row_used() bytes of each row, wherever they were copied to;
     *          packed of n x k; bias [n] or NULL; y [m][n] row stride ldy, in elements.
     * Needs:   m, n, k >= 1; no overlap of y with the inputs. */
    void (*multiply)(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                     const float *bias, size_t m, size_t n, size_t k, wn_act act);

    /* y += rows . w^T + bias, with the bits of multiply() and an addition.  NULL: nothing would be
     * saved by it.
     * Shapes:  as of multiply(). */
    void (*multiply_add)(float *y, size_t ldy, const void *rows, size_t stride, const void *packed,
                         const float *bias, size_t m, size_t n, size_t k);

    /* Round rows . w^T + bias to bf16, bit by bit what take_rows() of a bf16 product makes of
     * multiply()'s y.  NULL: nothing would be saved by it.
     * Shapes:  halves [m] of halves_stride bytes; else as of multiply().
     * Needs:   n a multiple of nr; halves and stride 64-byte aligned. */
    void (*multiply_halves)(void *halves, size_t halves_stride, const void *rows, size_t stride,
                            const void *packed, const float *bias, size_t m, size_t n, size_t k);

    /* Take over act(rows . w^T + bias) for another product of the dtype, whose k is n: what
     * multiply() and take_rows() do, but y is never in memory as f32.  NULL: the level has no
     * shorter way.  An i8 product rounds y / 64 to F16, so that a row with more than 4e6 becomes
     * NaN, and numbers below 2e-6 become 0.
     * Shapes:  taken [m] of taken_stride bytes, at least wn_gemm_halves_bytes(), else as of
     *          take_rows().
     * Needs:   wn_gemm_can_multiply_taken(); else as of take_rows() and multiply().
     * Error:   of an activation 1e-3, beside what is lost by rounding. */
    void (*multiply_taken)(void *taken, size_t taken_stride, const void *rows, size_t stride,
                           const void *packed, const float *bias, size_t m, size_t n, size_t k,
                           wn_act act);
} wn_gemm;

/* Bytes that attend() needs beside its matrices: scores and shares of two times its least rows, in
 * odd numbers of cache lines. */
static inline size_t wn_attend_space(size_t n)
{
    size_t scores = n * sizeof(float) + 3 * WN_ALIGN, shares = n + 2 * WN_ALIGN;
    return wn_round_up(2 * WN_ATTEND_ROWS * (scores + shares), WN_ALIGN);
}

/* k filled up. */
static inline size_t wn_gemm_depth(const wn_gemm *gemm, size_t k)
{
    return wn_round_up(k, (size_t)gemm->k_step);
}

/* Whether multiply_taken() can be called for n columns and an activation. */
static inline bool wn_gemm_can_multiply_taken(const wn_gemm *gemm, size_t n, wn_act act)
{
    return gemm->multiply_taken != NULL && n % (size_t)gemm->nr == 0 &&
           n % (size_t)gemm->k_step == 0 && (act == WN_ACT_NONE || act == WN_ACT_GELU);
}

/* Bytes of one panel. */
static inline size_t wn_gemm_panel_bytes(const wn_gemm *gemm, size_t k)
{
    size_t column = wn_gemm_depth(gemm, k) * wn_dtype_size(gemm->dtype);
    return (size_t)gemm->nr * (column + (size_t)gemm->column_extra);
}

/* Bytes of packed weights. */
static inline size_t wn_gemm_packed_bytes(const wn_gemm *gemm, size_t n, size_t k)
{
    size_t nr = (size_t)gemm->nr;
    return (n + nr - 1) / nr * wn_gemm_panel_bytes(gemm, k);
}

/* Bytes of a row that are read.  An i8 row ends with its scale. */
static inline size_t wn_gemm_row_used(const wn_gemm *gemm, size_t k)
{
    size_t bytes = wn_gemm_depth(gemm, k) * wn_dtype_size(gemm->dtype);
    return bytes + (gemm->dtype == WN_DTYPE_I8 ? sizeof(float) : 0);
}

/* Bytes from one row to the next: an odd number of cache lines, so that the rows of a tile spread
 * over all sets of the first-level cache. */
static inline size_t wn_gemm_row_bytes(const wn_gemm *gemm, size_t k)
{
    return ((wn_gemm_row_used(gemm, k) + WN_ALIGN - 1) / WN_ALIGN | 1) * WN_ALIGN;
}

/* The same of rows of n numbers of 16 bits, which those of multiply_taken() are on their way. */
static inline size_t wn_gemm_halves_bytes(size_t n)
{
    return ((n * sizeof(uint16_t) + WN_ALIGN - 1) / WN_ALIGN | 1) * WN_ALIGN;
}

#endif
