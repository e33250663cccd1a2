/* A dense row-major f32 matrix on the device that the exec runs on, or rows of bf16 in the place of
 * one, which few ops know.  Never owns its memory.
 * Thread rule: as the exec it came from. */
#ifndef WN_COMPUTE_TENSOR_H
#define WN_COMPUTE_TENSOR_H

#include "kernel/gemm.h"

typedef struct wn_tensor {
    float *data; /* [rows][cols]; of a whole tensor 64-byte aligned */
    size_t rows, cols;
    bool halves; /* of bf16; see wn_exec_keep_queries() */
} wn_tensor;

static inline wn_tensor wn_tensor_of(float *data, size_t rows, size_t cols)
{
    return (wn_tensor){.data = data, .rows = rows, .cols = cols};
}

/* Bytes of a number, and from one row to the next; those of bf16 lie as products read them. */
static inline size_t wn_tensor_number_bytes(const wn_tensor *x)
{
    return x->halves ? sizeof(uint16_t) : sizeof *x->data;
}

static inline size_t wn_tensor_stride(const wn_tensor *x)
{
    return x->halves ? wn_gemm_halves_bytes(x->cols) : x->cols * sizeof *x->data;
}

/* Rows [first, first + n). */
static inline wn_tensor wn_tensor_rows(const wn_tensor *x, size_t first, size_t n)
{
    WN_ASSERT(first <= x->rows && n <= x->rows - first);
    wn_tensor rows = *x;
    rows.data += first * (wn_tensor_stride(x) / sizeof *x->data);
    rows.rows = n;
    return rows;
}

#endif
