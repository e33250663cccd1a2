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

static void pack_parts(void *packed, float *panel, const wn_gemm *gemm, const wn_source *parts,
                       size_t n, size_t k)
{
    size_t nr = (size_t)gemm->nr, panel_bytes = wn_gemm_panel_bytes(gemm, k);
    unsigned char *out = packed;
    for (size_t j = 0; j < n; j += nr, out += panel_bytes) {
        size_t rows = WN_MIN(nr, n - j);
        for (size_t i = 0; i < rows; i++)
            widen_row(panel + i * k, parts, j + i);
        gemm->pack(out, panel, k, rows, k);
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

/* Memory for the packed weights and the bias of a linear layer of n x k.
 * Fails:   false when there is none; what there is stays in *linear. */
static bool allocate(wn_linear *linear, bool with_bias)
{
    size_t n_padded = wn_round_up(linear->n, (size_t)linear->gemm->nr), elements;
    size_t widest = linear->k + WN_ALIGN;
    if (!wn_mul_size(&elements, n_padded, widest) || elements > SIZE_MAX / 16)
        return false;
    linear->bytes = wn_gemm_packed_bytes(linear->gemm, linear->n, linear->k);
    linear->packed = wn_mem_aligned(linear->bytes);
    if (with_bias) {
        linear->bytes += n_padded * sizeof(float);
        linear->bias = wn_mem_aligned(n_padded * sizeof(float));
    }
    return linear->packed != NULL && (!with_bias || linear->bias != NULL);
}

wn_status wn_linear_init(wn_linear *out, const wn_gemm *gemm, const wn_source *parts,
                         const wn_source *biases, size_t n_parts, wn_error *err)
{
    wn_status status = WN_OK;
    wn_linear linear = {.gemm = gemm, .k = parts[0].cols};
    for (size_t i = 0; i < n_parts; i++) {
        WN_ASSERT(parts[i].cols == linear.k);
        linear.n += parts[i].rows;
    }
    if (gemm->dtype == WN_DTYPE_I8 && linear.k > WN_GEMM_I8_K_MAX)
        WN_FAIL(err, WN_ERR_FORMAT, "a matrix of %zu x %zu, int8 products have at most %d columns",
                linear.n, linear.k, WN_GEMM_I8_K_MAX);
    float *panel = wn_mem_alloc((size_t)gemm->nr * sizeof(float), linear.k);
    if (panel == NULL || !allocate(&linear, biases != NULL))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a matrix of %zu x %zu", linear.n, linear.k);
    pack_parts(linear.packed, panel, gemm, parts, linear.n, linear.k);
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
