/* Weights in the form that the ops of a level want: packed once at load, shared read-only.
 * Thread rule: shared read-only after the init functions. */
#ifndef WN_COMPUTE_WEIGHT_H
#define WN_COMPUTE_WEIGHT_H

#include "base/dtype.h"
#include "base/pool.h"
#include "base/status.h"
#include "kernel/kernel.h"

/* What is added to a matrix of k columns: scale * shares . directions, of a low rank. */
typedef struct wn_low_rank {
    const void *shares, *directions; /* [rows][rank], [rank][k], any alignment */
    wn_dtype shares_dtype, directions_dtype;
    size_t rank; /* 0: nothing is added */
    float scale;
} wn_low_rank;

/* Add row j of it to a row.
 * Source:  Hu et al. 2021, LoRA. */
void wn_low_rank_add(float *row, const wn_low_rank *added, size_t j, size_t k);

/* A tensor as it lies in a file: row-major [rows][cols], any alignment. */
typedef struct wn_source {
    const void *data;
    wn_dtype dtype;
    size_t rows, cols; /* a vector has rows 1 */
    const void
        *scale; /* of I8: [rows] f32, any alignment, what each row is multiplied by; or NULL */
    const void *factor; /* of I8: [cols] f32, any alignment, what each column is multiplied by as
                           well, in an i8 product that of x; or NULL */
    wn_low_rank added;  /* to what the others make */
    float plus;         /* of a vector: added to each value */
} wn_source;

#define WN_LINEAR_PARTS_MAX 4

/* y = x . w^T + bias */
typedef struct wn_linear {
    const wn_gemm *gemm; /* the product that the weights are packed for */
    void *packed;        /* n x k */
    float *bias;         /* [n] or NULL */
    float *factor;       /* [k] of the columns of x, in place of that of the weights; or NULL */
    size_t n, k;
    size_t bytes;  /* memory of all three */
    bool borrowed; /* packed is memory of others */
} wn_linear;

/* Matrices of keys and values by heads, in f32, for attention of single rows. */
typedef struct wn_state_weights {
    const wn_gemm *gemm;
    unsigned char *keys, *values; /* [n_heads] of key_bytes, k x head_dim, which is transposed; of
                                     value_bytes, head_dim x k; NULL: there are none */
    const float *bias;            /* [n_heads * head_dim] of values, borrowed; or NULL */
    size_t key_bytes, value_bytes, k, bytes;
} wn_state_weights;

typedef enum wn_norm_kind {
    WN_NORM_LAYER = 0, /* (z - mean z) / sqrt(var z + eps) * gain + bias */
    WN_NORM_RMS,       /* z / sqrt(mean z^2 + eps) * gain */
    WN_NORM_RMS_ONE /* the same, of a file that keeps the gain less 1; loaded it is WN_NORM_RMS */
} wn_norm_kind;

typedef struct wn_norm {
    wn_norm_kind kind;
    float *gain; /* [n] */
    float *bias; /* [n] or NULL */
    float eps;
    size_t n;
    size_t bytes; /* heap memory of gain and bias */
} wn_norm;

/* A lookup table kept in the file's own type and read row by row, straight from the mapping. */
typedef struct wn_table {
    const unsigned char *data; /* borrowed */
    wn_dtype dtype;
    size_t rows, cols;
    wn_low_rank added;
} wn_table;

/* Where the weights of a linear layer lie. */
typedef struct wn_linear_source {
    wn_source parts[WN_LINEAR_PARTS_MAX];  /* [n_parts] of equal cols, stacked by rows: query, key,
                                             value become one */
    wn_source biases[WN_LINEAR_PARTS_MAX]; /* [n_parts] rows 1, cols = the part's rows; data NULL:
                                              zeros */
    size_t n_parts;
    bool has_bias;
    wn_source input_gain, input_bias; /* of the norm whose output the layer reads; data NULL: it
                                         reads something else */
} wn_linear_source;

/* Take memory for a linear layer and pack its weights for a product, panels side by side on the
 * threads of a pool (NULL: one); the bytes are the same for any.
 * Fails:   WN_ERR_MEMORY; WN_ERR_FORMAT when an i8 product cannot have so many columns.
 * Owns:    caller frees with wn_linear_deinit(); neither source nor pool are kept. */
WN_MUST_USE wn_status wn_linear_init(wn_linear *out, const wn_gemm *gemm,
                                     const wn_linear_source *source, wn_pool *pool, wn_error *err);

/* The same in memory of wn_linear_packed_bytes(), which is lent and stays the caller's; NULL: its
 * own. */
WN_MUST_USE wn_status wn_linear_init_at(wn_linear *out, void *packed, const wn_gemm *gemm,
                                        const wn_linear_source *source, wn_pool *pool,
                                        wn_error *err);

/* Bytes of packed weights, a multiple of WN_ALIGN; SIZE_MAX when they wrap. */
size_t wn_linear_packed_bytes(const wn_gemm *gemm, const wn_linear_source *source);

/* Widen and pack a source of the same shape in the place of the weights that are there.
 * Shapes:  scratch [wn_linear_scratch()]. */
void wn_linear_pack(wn_linear *linear, const wn_linear_source *source, wn_pool *pool,
                    float *scratch);

/* Floats of scratch that packing weights of k columns takes. */
size_t wn_linear_scratch(const wn_gemm *gemm, size_t k, const wn_pool *pool);
void wn_linear_deinit(wn_linear *linear);

/* Widen and pack keys and values for an f32 product, of a source that was packed as qkv: queries,
 * keys and values of n_heads each.  They are rounded as an i8 product rounds them.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees with wn_state_weights_deinit(); the bias stays with qkv. */
WN_MUST_USE wn_status wn_state_weights_init(wn_state_weights *out, const wn_gemm *gemm,
                                            const wn_linear *qkv, const wn_linear_source *source,
                                            size_t n_heads, size_t head_dim, wn_error *err);
void wn_state_weights_deinit(wn_state_weights *weights);

/* Choose the factor that an i8 product has for weights that are not I8 yet.
 * Shapes:  factor [k]; scratch [2 x the pool's threads][k].
 * Returns: false when the layer reads no norm: it then has none. */
bool wn_linear_choose_factor(float *factor, const wn_linear_source *source, wn_pool *pool,
                             float *scratch);

/* Row j of a matrix, divided by factor, as an i8 product quantises it: q[p] is about row[p] /
 * scale.
 * Shapes:  q [cols]; factor [cols] or NULL; row [cols], scratch.
 * Returns: the scale: 0 when all are 0, NaN when one is infinite or NaN. */
float wn_source_quantize_row(int8_t *q, const wn_source *matrix, size_t j, const float *factor,
                             float *row);

/* Widen gain and bias (NULL: none; RMSNorm has none). */
WN_MUST_USE wn_status wn_norm_init(wn_norm *out, wn_norm_kind kind, const wn_source *gain,
                                   const wn_source *bias, float eps, wn_error *err);
void wn_norm_deinit(wn_norm *norm);

/* Rotary positions: the cosine and sine of each place and pair.  Pair j of a head is the elements
 * j and dim / 2 + j of its first dim. */
typedef struct wn_rotary {
    float *cos, *sin; /* [n_positions][dim / 2] */
    size_t n_positions, dim;
    size_t bytes; /* heap memory of both */
} wn_rotary;

/* Pair j turns by base^(-2 j / dim) / divisor a place.
 * Needs:   dim even, at least 2.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    caller frees with wn_rotary_deinit(). */
WN_MUST_USE wn_status wn_rotary_init(wn_rotary *out, double base, double divisor, size_t dim,
                                     size_t n_positions, wn_error *err);
void wn_rotary_deinit(wn_rotary *rotary);

#endif
