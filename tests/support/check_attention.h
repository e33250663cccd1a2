/* Attention in double, row by row.  Thread rule: test thread only. */
#ifndef WN_TESTS_CHECK_ATTENTION_H
#define WN_TESTS_CHECK_ATTENTION_H

#include "compute/ops.h"

/* The vectors of a->relative in plain rows. */
typedef struct check_places {
    const float *keys, *queries; /* [n_heads][n_buckets][head_dim]; or NULL */
} check_places;

/* One head of one row of a sequence that begins at token first and has n_keys keys; zeros when the
 * row sees none of them.
 * Shapes:  out [head_dim], qkv as ops->attention takes it; places of a->relative, else NULL. */
void check_attention_row(double *out, const wn_tensor *qkv, const wn_attention *a, size_t first,
                         size_t n_keys, size_t row, size_t head, const check_places *places);

#endif
