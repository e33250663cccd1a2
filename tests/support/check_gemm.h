/* Matrix products of packed halves or bytes: random matrices with guarded memory, and what holds
 * for every such product, whatever its numbers are.
 * Thread rule: test thread only. */
#ifndef WN_TESTS_CHECK_GEMM_H
#define WN_TESTS_CHECK_GEMM_H

#include "kernel/kernel.h"

#define CHECK_GEMM_BESIDE 1234.5f /* what y holds where it is not written */

enum { CHECK_GEMM_UNSET = 0xFF }; /* bytes that are NaN as halves and as floats */

/* Unset bytes, which the caller frees with wn_mem_free(), with a guard behind them; check_guard()
 * fails the test when it is not as it was. */
unsigned char *check_guarded(size_t bytes);
void check_guard(const unsigned char *p, size_t bytes);

/* Matrices of one product; rows and packed are unset bytes with a guard behind them. */
typedef struct check_matrices {
    const wn_gemm *gemm;
    const char *level;
    size_t m, n, k, ldx, ldy, stride, packed_bytes;
    float *x, *w, *bias, *factor, *y; /* [m][ldx], [n][k], [n], [k], [m][ldy] */
    unsigned char *rows, *packed;     /* [m * stride], [packed_bytes] */
} check_matrices;

/* Owns:    caller ends it with check_matrices_end(), which fails the test when a guard is not as it
 *          was. */
check_matrices check_matrices_begin(const wn_gemm *gemm, const char *level, size_t m, size_t n,
                                    size_t k);
void check_matrices_end(check_matrices *a);

/* Pack w, take the rows of x, multiply into y; factor and bias may be NULL. */
void check_multiply(check_matrices *a, const float *factor, const float *bias, wn_act act);

/* Random floats, which the caller frees with wn_mem_free(). */
float *check_random_matrix(size_t n);

typedef void check_gemm_fn(const wn_gemm *gemm, const char *level);

/* Call check with the product of a dtype, I8 or BF16, of each of more [n] and of each level that
 * has one. */
void check_gemms(check_gemm_fn *check, wn_dtype dtype, const wn_kernels *more, size_t n);

/* A row does not depend on the number of rows; each activation is applied to what the product
 * without one is, and to nothing beside it; a product that is added to y is one and an addition; a
 * transpose is packed into the same bytes; shares of scores are their softmax up to the rounding of
 * shares and weights, and a score that is no number makes its row's outputs none. */
void check_gemm_rows(const wn_gemm *gemm, const char *level);
void check_gemm_acts(const wn_gemm *gemm, const char *level);
void check_gemm_add(const wn_gemm *gemm, const char *level);
void check_gemm_packing(const wn_gemm *gemm, const char *level);
void check_gemm_shares(const wn_gemm *gemm, const char *level);

/* Where a level takes over a product for another one: rows are what multiply() and take_rows()
 * make up to their rounding, whatever else is in the block, and nothing beside them is written; of
 * i8, a number beyond F16 makes its row none, and the smallest numbers become zeros. */
void check_gemm_taken(const wn_gemm *gemm, const char *level);

/* Where a level knows rows of bf16: a product that is rounded has the bits of multiply()'s y, and
 * beside it nothing is written; rows that are taken over or packed become the bytes that the same
 * numbers in f32 become; a number that is not finite makes its row none. */
void check_gemm_halves(const wn_gemm *gemm, const char *level);

#endif
