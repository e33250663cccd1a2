/* A dense row-major f32 matrix on the device that the exec runs on.  Never owns its memory.
 * Thread rule: as the exec it came from. */
#ifndef WN_COMPUTE_TENSOR_H
#define WN_COMPUTE_TENSOR_H

#include "base/defs.h"

typedef struct wn_tensor {
    float *data; /* [rows][cols]; of a whole tensor 64-byte aligned */
    size_t rows, cols;
} wn_tensor;

/* Rows [first, first + n). */
static inline wn_tensor wn_tensor_rows(const wn_tensor *x, size_t first, size_t n)
{
    WN_ASSERT(first <= x->rows && n <= x->rows - first);
    return (wn_tensor){x->data + first * x->cols, n, x->cols};
}

#endif
