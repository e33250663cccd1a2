/* See weight.h.  Widening is exact for every stored type, so a packed weight is the file's value;
 * of I8 with scales it is rounded once, and an i8 product quantises that to the same bytes again.
 * Packing goes panel by panel: beside the result each thread holds only one panel of rows. */
#include "compute/weight.h"
#include "base/mem.h"
#include "kernel/lowp.h"

#include <math.h>
#include <string.h>

#define WN_WHERE "compute/weight"

/* Rows whose magnitudes one item of work looks at. */
#define TOPS_ROWS 32

static float f32_at(const void *values, size_t i)
{
    float value;
    memcpy(&value, (const unsigned char *)values + i * sizeof value, sizeof value);
    return value;
}

void wn_low_rank_add(float *row, const wn_low_rank *added, size_t j, size_t k)
{
    float part[128], share;
    const unsigned char *shares = added->shares, *directions = added->directions;
    size_t share_size = wn_dtype_size(added->shares_dtype);
    size_t size = wn_dtype_size(added->directions_dtype);
    for (size_t r = 0; r < added->rank; r++) {
        wn_dtype_to_f32(&share, shares + (j * added->rank + r) * share_size, added->shares_dtype,
                        1);
        for (size_t at = 0, n; at < k; at += n) {
            n = WN_MIN(k - at, WN_ARRAY_LEN(part));
            wn_dtype_to_f32(part, directions + (r * k + at) * size, added->directions_dtype, n);
            for (size_t p = 0; p < n; p++)
                row[at + p] += added->scale * share * part[p];
        }
    }
}

/* Row j of the parts stacked on each other, widened, with or without the factor of its columns. */
static void widen_row(float *dst, const wn_source *parts, size_t j, bool with_factor)
{
    while (j >= parts->rows)
        j -= (parts++)->rows;
    size_t k = parts->cols, stride = wn_dtype_bytes(parts->dtype, k);
    const unsigned char *row = (const unsigned char *)parts->data + j * stride;
    wn_dtype_to_f32(dst, row, parts->dtype, k);
    float scale = parts->scale != NULL ? f32_at(parts->scale, j) : 1.0f;
    for (size_t p = 0; parts->scale != NULL && p < k; p++)
        dst[p] *= scale;
    for (size_t p = 0; with_factor && parts->factor != NULL && p < k; p++)
        dst[p] *= f32_at(parts->factor, p);
    wn_low_rank_add(dst, &parts->added, j, k);
}

/* Are all parts I8 with scales, nothing added, and of one factor?  An i8 product then takes them as
 * they are. */
static bool is_quantized(const wn_linear_source *source)
{
    const wn_source *parts = source->parts;
    const void *factor = parts[0].factor;
    for (size_t i = 0; i < source->n_parts; i++) {
        const void *own = parts[i].factor;
        if (parts[i].scale == NULL || parts[i].added.rank > 0 ||
            (own == NULL) != (factor == NULL) ||
            (own != NULL && memcmp(own, factor, parts[i].cols * sizeof(float)) != 0))
            return false;
    }
    return true;
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

static size_t count_rows(const wn_linear_source *source)
{
    size_t n = 0;
    for (size_t i = 0; i < source->n_parts; i++)
        n += source->parts[i].rows;
    return n;
}

/* tops[p] = the larger one of it and the magnitudes of column p in n rows; a NaN is none. */
static void raise_tops(float *tops, const float *rows, size_t n, size_t k)
{
    for (; n > 0; n--, rows += k) {
        for (size_t p = 0; p < k; p++) {
            float size = fabsf(rows[p]);
            tops[p] = size > tops[p] ? size : tops[p];
        }
    }
}

/* Finding the largest magnitudes of columns: each worker has those of the rows that it saw. */
typedef struct tops_search {
    const wn_linear_source *source;
    float *scratch; /* [workers][2][k]: tops, a row */
    size_t n, k;
} tops_search;

static void search_rows(void *arg, size_t item, int32_t worker)
{
    const tops_search *s = arg;
    float *tops = s->scratch + (size_t)worker * 2 * s->k, *row = tops + s->k;
    size_t end = WN_MIN(s->n, (item + 1) * TOPS_ROWS);
    for (size_t j = item * TOPS_ROWS; j < end; j++) {
        widen_row(row, s->source->parts, j, true);
        raise_tops(tops, row, 1, s->k);
    }
}

/* factor[p] = largest magnitude of column p of the weights */
static void find_tops(float *factor, const wn_linear_source *source, wn_pool *pool, float *scratch)
{
    size_t k = source->parts[0].cols, n_workers = (size_t)wn_pool_n_threads(pool);
    tops_search s = {source, scratch, count_rows(source), k};
    memset(scratch, 0, n_workers * 2 * k * sizeof *scratch);
    memset(factor, 0, k * sizeof *factor);
    wn_pool_run(pool, (s.n + TOPS_ROWS - 1) / TOPS_ROWS, search_rows, &s);
    for (size_t i = 0; i < n_workers; i++)
        raise_tops(factor, scratch + i * 2 * k, 1, k);
}

static void widen_vector(float *out, const wn_source *vector)
{
    wn_dtype_to_f32(out, vector->data, vector->dtype, vector->cols);
    for (size_t i = 0; vector->plus != 0 && i < vector->cols; i++)
        out[i] += vector->plus;
}

/* What the columns of x are multiplied by before a row gets its one scale: some channels of
 * a norm's output are far larger than the others, as their gains tell, and would leave those few
 * steps.  Half of the difference, in powers of two so that nothing is rounded, moves into the
 * weights.  Source: Xiao et al. 2023, SmoothQuant, with the gain in place of measured activations.
 */
bool wn_linear_choose_factor(float *factor, const wn_linear_source *source, wn_pool *pool,
                             float *scratch)
{
    size_t k = source->parts[0].cols;
    float *gain = scratch, *bias = scratch + k;
    if (source->input_gain.data == NULL)
        return false;
    WN_ASSERT(source->input_gain.cols == k);
    find_tops(factor, source, pool, scratch);
    widen_vector(gain, &source->input_gain);
    memset(bias, 0, k * sizeof *bias);
    if (source->input_bias.data != NULL)
        widen_vector(bias, &source->input_bias);
    for (size_t p = 0; p < k; p++) {
        float top = hypotf(gain[p], bias[p]), ratio = factor[p] / top;
        bool usable = top > 0 && ratio > 0 && isfinite(ratio);
        factor[p] = usable ? exp2f(rintf(0.5f * log2f(ratio))) : 1.0f;
    }
    return true;
}

float wn_source_quantize_row(int8_t *q, const wn_source *matrix, size_t j, const float *factor,
                             float *row)
{
    float top = 0;
    bool finite = true;
    widen_row(row, matrix, j, true);
    for (size_t p = 0; p < matrix->cols; p++) {
        row[p] = factor != NULL ? row[p] / factor[p] : row[p];
        top = fmaxf(top, fabsf(row[p]));
        finite = finite && isfinite(row[p]);
    }
    top = finite ? top : NAN;
    float inverse = wn_i8_inverse(top, WN_I8_LIMIT);
    for (size_t p = 0; p < matrix->cols; p++)
        q[p] = inverse > 0 ? (int8_t)rintf(row[p] * inverse) : 0;
    return wn_i8_scale(top, WN_I8_LIMIT);
}

/* Packing of one layer.  What columns are divided by are powers of two, so that multiplying by
 * their inverse is exact. */
typedef struct packing {
    const wn_linear *linear;
    const wn_linear_source *source;
    float *panels;        /* [workers][nr][k] */
    const float *inverse; /* [k] or NULL */
    bool as_stored;
} packing;

static void pack_panel(void *arg, size_t item, int32_t worker)
{
    const packing *p = arg;
    const wn_gemm *gemm = p->linear->gemm;
    size_t nr = (size_t)gemm->nr, k = p->linear->k, j = item * nr;
    size_t rows = WN_MIN(nr, p->linear->n - j);
    float *panel = p->panels + (size_t)worker * nr * k;
    for (size_t i = 0; i < rows; i++) {
        float *row = panel + i * k;
        widen_row(row, p->source->parts, j + i, !p->as_stored);
        for (size_t c = 0; p->inverse != NULL && c < k; c++)
            row[c] *= p->inverse[c];
    }
    gemm->pack((unsigned char *)p->linear->packed + item * wn_gemm_panel_bytes(gemm, k), panel, k,
               rows, k);
}

size_t wn_linear_scratch(const wn_gemm *gemm, size_t k, const wn_pool *pool)
{
    return ((size_t)wn_pool_n_threads(pool) * (size_t)gemm->nr + 1) * k;
}

void wn_linear_pack(wn_linear *linear, const wn_linear_source *source, wn_pool *pool,
                    float *scratch)
{
    const wn_gemm *gemm = linear->gemm;
    size_t nr = (size_t)gemm->nr, k = linear->k;
    bool as_stored = gemm->dtype == WN_DTYPE_I8 && is_quantized(source);
    packing p = {linear, source, scratch + k, NULL, as_stored};
    WN_ASSERT(linear->factor == NULL || gemm->nr >= 2);
    if (linear->factor != NULL && as_stored) {
        memcpy(linear->factor, source->parts[0].factor, k * sizeof(float));
    } else if (linear->factor != NULL) {
        (void)wn_linear_choose_factor(linear->factor, source, pool, scratch);
        for (size_t c = 0; c < k; c++)
            scratch[c] = 1 / linear->factor[c];
        p.inverse = scratch;
    }
    wn_pool_run(pool, (linear->n + nr - 1) / nr, pack_panel, &p);
    if (linear->bias != NULL)
        widen_biases(linear->bias, source);
}

/* Count what was taken; *ok becomes false when there was no memory. */
static void *took(void *memory, wn_linear *linear, size_t bytes, bool *ok)
{
    linear->bytes += bytes;
    *ok = *ok && memory != NULL;
    return memory;
}

static void *take(wn_linear *linear, size_t bytes, bool *ok)
{
    return took(wn_mem_aligned(bytes), linear, bytes, ok);
}

/* Memory for the packed weights, the bias and the factors of a layer of n x k.
 * Fails:   false when there is none; what there is stays in *linear. */
static bool allocate(wn_linear *linear, void *packed, const wn_linear_source *source)
{
    size_t n_padded = wn_round_up(linear->n, (size_t)linear->gemm->nr);
    size_t packed_bytes = wn_linear_packed_bytes(linear->gemm, source);
    bool ok = packed_bytes != SIZE_MAX;
    if (!ok)
        return false;
    linear->borrowed = packed != NULL;
    packed = linear->borrowed ? packed : wn_mem_aligned_raw(packed_bytes);
    linear->packed = took(packed, linear, packed_bytes, &ok);
    if (source->has_bias)
        linear->bias = take(linear, n_padded * sizeof(float), &ok);
    const void *factor = is_quantized(source) ? source->parts[0].factor : source->input_gain.data;
    if (factor != NULL && linear->gemm->dtype == WN_DTYPE_I8)
        linear->factor = take(linear, linear->k * sizeof(float), &ok);
    return ok;
}

size_t wn_linear_packed_bytes(const wn_gemm *gemm, const wn_linear_source *source)
{
    size_t n = count_rows(source), k = source->parts[0].cols, elements;
    size_t n_padded = wn_round_up(n, (size_t)gemm->nr);
    if (!wn_mul_size(&elements, n_padded, k + WN_ALIGN) || elements >= SIZE_MAX / 16)
        return SIZE_MAX;
    return wn_round_up(wn_gemm_packed_bytes(gemm, n, k), WN_ALIGN);
}

wn_status wn_linear_init(wn_linear *out, const wn_gemm *gemm, const wn_linear_source *source,
                         wn_pool *pool, wn_error *err)
{
    return wn_linear_init_at(out, NULL, gemm, source, pool, err);
}

wn_status wn_linear_init_at(wn_linear *out, void *packed, const wn_gemm *gemm,
                            const wn_linear_source *source, wn_pool *pool, wn_error *err)
{
    wn_status status = WN_OK;
    wn_linear linear = {.gemm = gemm, .n = count_rows(source), .k = source->parts[0].cols};
    WN_ASSERT(source->n_parts <= WN_LINEAR_PARTS_MAX);
    for (size_t i = 0; i < source->n_parts; i++)
        WN_ASSERT(source->parts[i].cols == linear.k);
    if (gemm->dtype == WN_DTYPE_I8 && linear.k > WN_GEMM_I8_K_MAX)
        WN_FAIL(err, WN_ERR_FORMAT, "a matrix of %zu x %zu, int8 products have at most %d columns",
                linear.n, linear.k, WN_GEMM_I8_K_MAX);
    float *scratch = wn_mem_aligned_raw(wn_linear_scratch(gemm, linear.k, pool) * sizeof(float));
    if (scratch == NULL || !allocate(&linear, packed, source))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a matrix of %zu x %zu", linear.n, linear.k);
    wn_linear_pack(&linear, source, pool, scratch);
    *out = linear;
out:
    wn_mem_free(scratch);
    if (status != WN_OK)
        wn_linear_deinit(&linear);
    return status;
}

void wn_linear_deinit(wn_linear *linear)
{
    if (!linear->borrowed)
        wn_mem_free(linear->packed);
    wn_mem_free(linear->bias);
    wn_mem_free(linear->factor);
    *linear = (wn_linear){0};
}

/* Row j of the parts, rounded to 8 bits as an i8 product of linear would have it.
 * Shapes:  row [k]; q [k], scratch. */
static void widen_packed_row(float *row, const wn_linear *linear, const wn_linear_source *source,
                             size_t j, int8_t *q)
{
    const wn_source *part = source->parts;
    if (linear->gemm->dtype != WN_DTYPE_I8 || is_quantized(source)) {
        widen_row(row, part, j, true);
        return;
    }
    while (j >= part->rows)
        j -= (part++)->rows;
    float scale = wn_source_quantize_row(q, part, j, linear->factor, row);
    for (size_t c = 0; c < linear->k; c++) {
        row[c] = (float)q[c] * scale;
        row[c] *= linear->factor != NULL ? linear->factor[c] : 1.0f;
    }
}

wn_status wn_state_weights_init(wn_state_weights *out, const wn_gemm *gemm, const wn_linear *qkv,
                                const wn_linear_source *source, size_t n_heads, size_t head_dim,
                                wn_error *err)
{
    size_t k = qkv->k, n = n_heads * head_dim;
    wn_state_weights w = {.gemm = gemm, .k = k};
    w.key_bytes = wn_round_up(wn_gemm_packed_bytes(gemm, k, head_dim), WN_ALIGN);
    w.value_bytes = wn_round_up(wn_gemm_packed_bytes(gemm, head_dim, k), WN_ALIGN);
    w.bytes = n_heads * (w.key_bytes + w.value_bytes);
    w.keys = wn_mem_aligned_raw(n_heads * w.key_bytes);
    w.values = wn_mem_aligned_raw(n_heads * w.value_bytes);
    w.bias = qkv->bias != NULL ? qkv->bias + 2 * n : NULL;
    float *rows = wn_mem_alloc(head_dim * k, sizeof *rows);
    int8_t *bytes = wn_mem_alloc(k, sizeof *bytes);
    *out = w;
    if (w.keys == NULL || w.values == NULL || rows == NULL || bytes == NULL) {
        wn_mem_free(rows);
        wn_mem_free(bytes);
        wn_state_weights_deinit(out);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu heads of %zu x %zu", n_heads, head_dim, k);
    }
    WN_ASSERT(qkv->n == 3 * n);
    for (size_t h = 0; h < n_heads; h++) {
        for (size_t i = 0; i < head_dim; i++)
            widen_packed_row(rows + i * k, qkv, source, n + h * head_dim + i, bytes);
        gemm->pack_t(w.keys + h * w.key_bytes, rows, k, k, head_dim);
        for (size_t i = 0; i < head_dim; i++)
            widen_packed_row(rows + i * k, qkv, source, 2 * n + h * head_dim + i, bytes);
        gemm->pack(w.values + h * w.value_bytes, rows, k, head_dim, k);
    }
    wn_mem_free(rows);
    wn_mem_free(bytes);
    return WN_OK;
}

void wn_state_weights_deinit(wn_state_weights *weights)
{
    wn_mem_free(weights->keys);
    wn_mem_free(weights->values);
    *weights = (wn_state_weights){0};
}

wn_status wn_norm_init(wn_norm *out, wn_norm_kind kind, const wn_source *gain,
                       const wn_source *bias, float eps, wn_error *err)
{
    size_t row_bytes = gain->cols * sizeof(float);
    wn_norm norm = {.kind = kind == WN_NORM_LAYER ? kind : WN_NORM_RMS,
                    .eps = eps,
                    .n = gain->cols,
                    .bytes = row_bytes * (bias != NULL ? 2 : 1)};
    WN_ASSERT(kind == WN_NORM_LAYER || bias == NULL);
    WN_ASSERT(gain->rows == 1 && (bias == NULL || (bias->rows == 1 && bias->cols == gain->cols)));
    norm.gain = wn_mem_aligned(row_bytes);
    norm.bias = bias != NULL ? wn_mem_aligned(row_bytes) : NULL;
    if (norm.gain == NULL || (bias != NULL && norm.bias == NULL)) {
        size_t n = norm.n;
        wn_norm_deinit(&norm);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a norm of %zu values", n);
    }
    widen_vector(norm.gain, gain);
    if (bias != NULL)
        widen_vector(norm.bias, bias);
    *out = norm;
    return WN_OK;
}

void wn_norm_deinit(wn_norm *norm)
{
    wn_mem_free(norm->gain);
    wn_mem_free(norm->bias);
    *norm = (wn_norm){0};
}

/* Speed and angle are rounded to f32, as the reference computes them; the cosine is that of the
 * rounded angle. */
wn_status wn_rotary_init(wn_rotary *out, double base, double divisor, size_t dim,
                         size_t n_positions, wn_error *err)
{
    size_t half = dim / 2, n = n_positions * half;
    wn_rotary rotary = {.n_positions = n_positions, .dim = dim, .bytes = 2 * n * sizeof(float)};
    WN_ASSERT(half > 0 && dim % 2 == 0);
    rotary.cos = wn_mem_alloc(n, sizeof(float));
    rotary.sin = wn_mem_alloc(n, sizeof(float));
    if (rotary.cos == NULL || rotary.sin == NULL) {
        wn_rotary_deinit(&rotary);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for rotary positions of %zu places", n_positions);
    }
    for (size_t j = 0; j < half; j++) {
        float speed = (float)(pow(base, -2.0 * (double)j / (double)dim) / divisor);
        for (size_t i = 0; i < n_positions; i++) {
            float angle = (float)i * speed;
            rotary.cos[i * half + j] = (float)cos((double)angle);
            rotary.sin[i * half + j] = (float)sin((double)angle);
        }
    }
    *out = rotary;
    return WN_OK;
}

void wn_rotary_deinit(wn_rotary *rotary)
{
    wn_mem_free(rotary->cos);
    wn_mem_free(rotary->sin);
    *rotary = (wn_rotary){0};
}
