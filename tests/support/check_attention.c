/* See check_attention.h. */
#include "tests/support/check.h"
#include "tests/support/check_attention.h"

#include <math.h>

#define KEYS_MAX 1024

void check_attention_row(double *out, const wn_tensor *qkv, const wn_attention *a, size_t first,
                         size_t n_keys, size_t row, size_t head)
{
    size_t d = a->head_dim, width = a->n_heads * d;
    const float *base = qkv->data + first * qkv->cols + head * d, *q = base + row * qkv->cols;
    double weights[KEYS_MAX], top = -INFINITY, sum = 0;
    assert_true(n_keys <= KEYS_MAX && qkv->cols == 3 * width);
    for (size_t j = 0; j < n_keys; j++) {
        const float *k = base + j * qkv->cols + width;
        weights[j] = 0;
        for (size_t p = 0; p < d; p++)
            weights[j] += (double)q[p] * (double)k[p] * (double)a->scale;
        top = fmax(top, weights[j]);
    }
    for (size_t j = 0; j < n_keys; j++)
        sum += weights[j] = exp(weights[j] - top);
    for (size_t p = 0; p < d; p++) {
        out[p] = 0;
        for (size_t j = 0; j < n_keys; j++)
            out[p] += weights[j] / sum * (double)base[j * qkv->cols + 2 * width + p];
    }
}
