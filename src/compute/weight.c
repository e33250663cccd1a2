/* See weight.h.  Widening is exact for every stored type, so a packed weight is the file's value.
 * Packing goes panel by panel: beside the result only one panel of rows is ever held. */
#include "compute/weight.h"
#include "base/mem.h"

#include <math.h>
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

static void widen_biases(float *bias, const wn_linear_source *source)
{
    for (size_t i = 0; i < source->n_parts; i++) {
        const wn_source *part = &source->parts[i], *own = &source->biases[i];
        if (own->data != NULL) {
            WN_ASSERT(own->rows == 1 && own->cols == part->rows);
            wn_dtype_to_f32(bias, own->data, own->dtype, part->rows);
        }
        bias += part->rows;
    }
}

/* factor[p] = largest magnitude of column p of the weights */
static void find_tops(float *factor, const wn_linear *linear, const wn_source *parts, float *row)
{
    memset(factor, 0, linear->k * sizeof *factor);
    for (size_t j = 0; j < linear->n; j++) {
        widen_row(row, parts, j);
        for (size_t p = 0; p < linear->k; p++)
            factor[p] = fmaxf(factor[p], fabsf(row[p]));
    }
}

/* Choose what the columns of x are multiplied by before a row gets its one scale: some channels of
 * a norm's output are far larger than the others, as their gains tell, and would leave those few
 * steps.  Half of the difference, in powers of two so that nothing is rounded, moves into the
 * weights.  Source: Xiao et al. 2023, SmoothQuant, with the gain in place of measured activations.
 */
static void choose_factor(wn_linear *linear, const wn_linear_source *source, float *panel)
{
    size_t k = linear->k;
    float *gain = panel, *bias = panel + k, *row = panel + 2 * k;
    WN_ASSERT(source->input_gain.cols == k && linear->gemm->nr >= 3);
    find_tops(linear->factor, linear, source->parts, row);
    wn_dtype_to_f32(gain, source->input_gain.data, source->input_gain.dtype, k);
    memset(bias, 0, k * sizeof *bias);
    if (source->input_bias.data != NULL)
        wn_dtype_to_f32(bias, source->input_bias.data, source->input_bias.dtype, k);
    for (size_t p = 0; p < k; p++) {
        float top = hypotf(gain[p], bias[p]), ratio = linear->factor[p] / top;
        bool usable = top > 0 && ratio > 0 && isfinite(ratio);
        linear->factor[p] = usable ? exp2f(rintf(0.5f * log2f(ratio))) : 1.0f;
    }
}

void wn_linear_pack(wn_linear *linear, const wn_linear_source *source, float *panel)
{
    const wn_gemm *gemm = linear->gemm;
    size_t nr = (size_t)gemm->nr, k = linear->k, panel_bytes = wn_gemm_panel_bytes(gemm, k);
    unsigned char *out = linear->packed;
    if (linear->factor != NULL)
        choose_factor(linear, source, panel);
    for (size_t j = 0; j < linear->n; j += nr, out += panel_bytes) {
        size_t rows = WN_MIN(nr, linear->n - j);
        for (size_t i = 0; i < rows; i++) {
            widen_row(panel + i * k, source->parts, j + i);
            for (size_t p = 0; linear->factor != NULL && p < k; p++)
                panel[i * k + p] /= linear->factor[p];
        }
        gemm->pack(out, panel, k, rows, k);
    }
    if (linear->bias != NULL)
        widen_biases(linear->bias, source);
}

static void *take(wn_linear *linear, size_t bytes, bool *ok)
{
    void *memory = wn_mem_aligned(bytes);
    linear->bytes += bytes;
    *ok = *ok && memory != NULL;
    return memory;
}

/* Memory for the packed weights, the bias and the factors of a layer of n x k.
 * Fails:   false when there is none; what there is stays in *linear. */
static bool allocate(wn_linear *linear, const wn_linear_source *source)
{
    size_t n_padded = wn_round_up(linear->n, (size_t)linear->gemm->nr), elements;
    bool ok = wn_mul_size(&elements, n_padded, linear->k + WN_ALIGN) && elements < SIZE_MAX / 16;
    if (!ok)
        return false;
    linear->packed = take(linear, wn_gemm_packed_bytes(linear->gemm, linear->n, linear->k), &ok);
    if (source->has_bias)
        linear->bias = take(linear, n_padded * sizeof(float), &ok);
    if (source->input_gain.data != NULL && linear->gemm->dtype == WN_DTYPE_I8)
        linear->factor = take(linear, linear->k * sizeof(float), &ok);
    return ok;
}

wn_status wn_linear_init(wn_linear *out, const wn_gemm *gemm, const wn_linear_source *source,
                         wn_error *err)
{
    wn_status status = WN_OK;
    wn_linear linear = {.gemm = gemm, .k = source->parts[0].cols};
    WN_ASSERT(source->n_parts <= WN_LINEAR_PARTS_MAX);
    for (size_t i = 0; i < source->n_parts; i++) {
        WN_ASSERT(source->parts[i].cols == linear.k);
        linear.n += source->parts[i].rows;
    }
    if (gemm->dtype == WN_DTYPE_I8 && linear.k > WN_GEMM_I8_K_MAX)
        WN_FAIL(err, WN_ERR_FORMAT, "a matrix of %zu x %zu, int8 products have at most %d columns",
                linear.n, linear.k, WN_GEMM_I8_K_MAX);
    float *panel = wn_mem_alloc((size_t)gemm->nr * sizeof(float), linear.k);
    if (panel == NULL || !allocate(&linear, source))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a matrix of %zu x %zu", linear.n, linear.k);
    wn_linear_pack(&linear, source, panel);
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
    wn_mem_free(linear->factor);
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
