/* The kernel table: plain loops over plain pointers, one function pointer each, filled upward from
 * the scalar reference by each instruction-set level (init_LEVEL.c lists what that level has).
 * A kernel allocates nothing, starts no thread, knows no model.  It may read to the padded end of
 * packed memory, never write past n.
 * Invariant: the value of a row depends on that row's inputs alone, never on m or on its position
 * in a block, so a score has the same bits in any batch.  Each sum has one fixed order.
 * Thread rule: a table is shared read-only; kernels may run on any thread. */
#ifndef WN_KERNEL_KERNEL_H
#define WN_KERNEL_KERNEL_H

#include "kernel/gemm.h"

/* Terms of scores that depend on how far a key is from its query, by buckets of distances. */
typedef struct wn_relative_terms {
    const float *by_query; /* [rows][buckets] row stride ldq (0: one row for all); or NULL */
    const float *by_key;   /* [buckets][keys] row stride ldk; or NULL */
    size_t ldq, ldk;
    const int32_t *bucket; /* of key j and row i it is bucket[j - i] */
} wn_relative_terms;

typedef struct wn_kernels {
    const char *level; /* "scalar", "avx2", "avx512" */

    /* Products; NULL where this level has none that is faster than another dtype's. */
    const wn_gemm *gemm_f32; /* never NULL */
    const wn_gemm *gemm_bf16, *gemm_i8;

    /* The product of queries and keys beside gemm_i8 where another dtype's is faster, which has
     * nothing to scale; NULL: gemm_i8. */
    const wn_gemm *gemm_i8_scores;

    /* y = (z - mean z) / sqrt(var z + eps) * gain + bias with z = x + residual; var is over n.
     * Shapes:  x, y [m][n] stride n, residual [m][n] or NULL, gain [n], bias [n] or NULL.
     * Needs:   y may be x or residual.
     * Error:   |y - exact| <= TOLERANCE_NORM (tests/tolerance.h), n >= 4, |gain|, |bias| <= 2. */
    void (*norm_f32)(float *y, const float *x, const float *residual, const float *gain,
                     const float *bias, float eps, size_t m, size_t n);

    /* y = z / sqrt(mean z^2 + eps) * gain with z = x + residual: RMSNorm.
     * Shapes:  x, y [m][n] stride n, residual [m][n] or NULL, gain [n].
     * Needs:   y may be x or residual.
     * Error:   |y - exact| <= TOLERANCE_NORM (tests/tolerance.h), |gain| <= 2. */
    void (*rms_norm_f32)(float *y, const float *x, const float *residual, const float *gain,
                         float eps, size_t m, size_t n);

    /* Rows of softmax(scale * s), in place.
     * Shapes:  s [m][n] row stride ld.
     * Needs:   scale > 0.
     * Error:   |y - exact| <= TOLERANCE_SOFTMAX(exact, max |scale * s|) (tests/tolerance.h). */
    void (*softmax_f32)(float *s, size_t ld, float scale, size_t m, size_t n);

    /* y = act(x), n elements; y may be x.
     * Error:   |y - exact| <= TOLERANCE_ACT(exact) (tests/tolerance.h); none and relu are exact. */
    void (*act_f32)(float *y, const float *x, wn_act act, size_t n);

    /* y = act(gate) * up, n elements; y may be gate or up.
     * Error:   |y - exact| <= TOLERANCE_ACT(act(gate)) * |up| (tests/tolerance.h). */
    void (*gate_f32)(float *y, const float *gate, const float *up, wn_act act, size_t n);

    /* Turn the pairs (x[j], x[half + j]) by angles: x[j] cos[j] - x[half + j] sin[j] and
     * x[half + j] cos[j] + x[j] sin[j], in place.
     * Shapes:  x [m][2 half] row stride ldx; cos, sin [half].
     * Error:   |y - exact| <= TOLERANCE_TURN * (|x[j]| + |x[half + j]|) (tests/tolerance.h). */
    void (*turn_f32)(float *x, size_t ldx, const float *cos, const float *sin, size_t m,
                     size_t half);

    /* s[i][j] = s[i][j] * scale - slope * |first + i - j|, in place: ALiBi's bias.
     * Shapes:  s [m][n] row stride ld.
     * Error:   two roundings. */
    void (*alibi_f32)(float *s, size_t ld, float scale, float slope, size_t first, size_t m,
                      size_t n);

    /* s[i][j] = (s[i][j] + by_query[i][b]) + by_key[b][j] with b = bucket[j - i], in place.
     * Shapes:  s [m][n] row stride ld.
     * Needs:   buckets * ldk < 2^31.
     * Error:   two roundings. */
    void (*add_relative_f32)(float *s, size_t ld, const wn_relative_terms *t, size_t m, size_t n);

    /* y += row, where row has n elements of F32, F16 or BF16, of any alignment. */
    void (*add_row)(float *y, const void *row, wn_dtype dtype, size_t n);

    /* Each row divided by max(its euclidean length, 1e-12); y may be x.
     * Shapes:  x, y [m][n].
     * Error:   |y - exact| <= TOLERANCE_UNIT (tests/tolerance.h). */
    void (*normalize_f32)(float *y, const float *x, size_t m, size_t n);

    /* best[j] = max(best[j], x[i][j]) over the rows i with keep[i].
     * Shapes:  best [n], x [m][n] row stride ldx, keep [m] of 0 and 1, or NULL (all). */
    void (*max_rows)(float *best, const float *x, size_t ldx, const uint8_t *keep, size_t m,
                     size_t n);
} wn_kernels;

/* The product of a compute dtype; NULL when the level has none. */
static inline const wn_gemm *wn_kernels_gemm(const wn_kernels *kernels, wn_dtype dtype)
{
    return dtype == WN_DTYPE_I8     ? kernels->gemm_i8
           : dtype == WN_DTYPE_BF16 ? kernels->gemm_bf16
                                    : kernels->gemm_f32;
}

/* The product of queries and keys in a model whose layers have this one. */
static inline const wn_gemm *wn_kernels_scores_gemm(const wn_kernels *kernels, const wn_gemm *gemm)
{
    bool has_other = gemm == kernels->gemm_i8 && kernels->gemm_i8_scores != NULL;
    return has_other ? kernels->gemm_i8_scores : gemm;
}

/* The product that reads vectors kept as F32 or I8: the level's, or the scalar one of a level that
 * has none for I8.  Never NULL. */
const wn_gemm *wn_kernels_vector_gemm(const wn_kernels *kernels, wn_dtype dtype);

#define WN_LEVELS_MAX 16

/* The table of a level by name, or of the best level that this machine runs for NULL.
 * NULL when the name is unknown or the machine lacks the level; *reason, a static text, says why.
 * For a level that is returned, *reason says why no higher one was chosen ("" for the highest). */
const wn_kernels *wn_kernels_get(const char *level, const char **reason);

/* Names of all levels that this build knows, lowest first; *n is set. */
const char *const *wn_kernels_levels(size_t *n);

#endif
