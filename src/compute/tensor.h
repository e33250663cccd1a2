/* A dense row-major f32 matrix on the device that the exec runs on.  Never owns its memory.
 * Thread rule: as the exec it came from. */
#ifndef WN_COMPUTE_TENSOR_H
#define WN_COMPUTE_TENSOR_H

#include "base/defs.h"

typedef struct wn_tensor {
    float *data; /* [rows][cols], 64-byte aligned */
    size_t rows, cols;
} wn_tensor;

#endif
