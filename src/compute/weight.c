/* See weight.h.  Widening is exact for every stored type, so a packed weight is the file's value.
 * Packing goes panel by panel: beside the result only one panel of rows is ever held. */
#include "compute/weight.h"
#include "base/mem.h"

#include <string.h>

#define WN_WHERE "compute/weight"

/* Row j of the parts stacked on each other, widened. */
static void widen_row(float *dst, const wn_source *parts, size_t j)
{
    while (j >= parts->rows)
        j -= (parts++)->rows;
    size_t stride = parts->cols * wn_dtype_size(parts->dtype);
    const unsigned char *row = (const unsigned char *)parts->data + j * stride;
    wn_dtype_to_f32(dst, row, parts->dtype, parts->cols);
}

static void pack_parts(float *packed, float *panel, const wn_kernels *kernels,
                       const wn_source *parts, size_t n, size_t k)
{
    size_t nr = (size_t)kernels->gemm_f32_nr;
    for (size_t j = 0; j < n; j += nr) {
        size_t rows = WN_MIN(nr, n - j);
        for (size_t i = 0; i < rows; i++)
            widen_row(panel + i * k, parts, j + i);
        kernels->pack_f32(packed + j * k, panel, k, rows, k);
    }
}

static void widen_biases(float *bias, const wn_source *parts, const wn_source *biases,
                         size_t n_parts)
{
    for (size_t i = 0; i < n_parts; i++) {
        if (biases[i].data != NULL) {
            WN_ASSERT(biases[i].rows == 1 && biases[i].cols == parts[i].rows);
            wn_dtype_to_f32(bias, biases[i].data, biases[i].dtype, parts[i].rows);
        }
        bias += parts[i].rows;
    }
}

wn_status wn_linear_init(wn_linear *out, const wn_kernels *kernels, const wn_source *parts,
                         const wn_source *biases, size_t n_parts, wn_error *err)
{
    wn_status status = WN_OK;
    wn_linear linear = {.k = parts[0].cols};
    size_t nr = (size_t)kernels->gemm_f32_nr, n_padded = 0, n_floats = 0;
    float *panel = wn_mem_alloc(nr * sizeof(float), linear.k);
    for (size_t i = 0; i < n_parts; i++) {
        WN_ASSERT(parts[i].cols == linear.k);
        linear.n += parts[i].rows;
    }
    n_padded = wn_round_up(linear.n, nr);
    if (wn_mul_size(&n_floats, n_padded, linear.k) && n_floats < SIZE_MAX / sizeof(float)) {
        linear.bytes = n_floats * sizeof(float);
        linear.packed = wn_mem_aligned(linear.bytes);
    }
    if (biases != NULL) {
        linear.bytes += n_padded * sizeof(float);
        linear.bias = wn_mem_aligned(n_padded * sizeof(float));
    }
    if (panel == NULL || linear.packed == NULL || (biases != NULL && linear.bias == NULL))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a matrix of %zu x %zu", linear.n, linear.k);
    pack_parts(linear.packed, panel, kernels, parts, linear.n, linear.k);
    if (biases != NULL)
        widen_biases(linear.bias, parts, biases, n_parts);
    *out = linear;
out:
    wn_mem_free(panel);
    if (status != WN_OK)
        wn_linear_deinit(&linear);
    return status;
}

void wn_linear_deinit(wn_linear *linear)
{
    wn_mem_free(linear->packed);
    wn_mem_free(linear->bias);
    *linear = (wn_linear){0};
}

wn_status wn_norm_init(wn_norm *out, const wn_source *gain, const wn_source *bias, float eps,
                       wn_error *err)
{
    size_t row_bytes = gain->cols * sizeof(float);
    wn_norm norm = {.eps = eps, .n = gain->cols, .bytes = row_bytes * (bias != NULL ? 2 : 1)};
    WN_ASSERT(gain->rows == 1 && (bias == NULL || (bias->rows == 1 && bias->cols == gain->cols)));
    norm.gain = wn_mem_aligned(row_bytes);
    norm.bias = bias != NULL ? wn_mem_aligned(row_bytes) : NULL;
    if (norm.gain == NULL || (bias != NULL && norm.bias == NULL)) {
        size_t n = norm.n;
        wn_norm_deinit(&norm);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a norm of %zu values", n);
    }
    wn_dtype_to_f32(norm.gain, gain->data, gain->dtype, norm.n);
    if (bias != NULL)
        wn_dtype_to_f32(norm.bias, bias->data, bias->dtype, norm.n);
    *out = norm;
    return WN_OK;
}

void wn_norm_deinit(wn_norm *norm)
{
    wn_mem_free(norm->gain);
    wn_mem_free(norm->bias);
    *norm = (wn_norm){0};
}
