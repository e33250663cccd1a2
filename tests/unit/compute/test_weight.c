/* Weights: parts of any stored type are stacked, widened exactly and packed. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "compute/weight.h"
#include "kernel/lowp.h"

#include <math.h>

static float packed_at(const wn_linear *w, const wn_kernels *kernels, size_t j, size_t p)
{
    size_t nr = (size_t)kernels->gemm_f32->nr;
    return ((const float *)w->packed)[j / nr * w->k * nr + p * nr + j % nr];
}

static void parts_of_every_type_are_stacked_by_rows(void **state)
{
    (void)state;
    /* 1.5 and -2 as F32, F16, BF16; 3 and -7 as I8 */
    const float f32[2] = {1.5f, -2.0f};
    const uint16_t f16[2] = {0x3E00, 0xC000}, bf16[2] = {0x3FC0, 0xC000};
    const int8_t i8[2] = {3, -7};
    const wn_linear_source source = {.parts = {{f32, WN_DTYPE_F32, .rows = 1, .cols = 2},
                                               {f16, WN_DTYPE_F16, .rows = 1, .cols = 2},
                                               {bf16, WN_DTYPE_BF16, .rows = 1, .cols = 2},
                                               {i8, WN_DTYPE_I8, .rows = 1, .cols = 2}},
                                     .biases = {{f32, WN_DTYPE_F32, .rows = 1, .cols = 1},
                                                {NULL, WN_DTYPE_F32, .rows = 0, .cols = 0},
                                                {bf16, WN_DTYPE_BF16, .rows = 1, .cols = 1},
                                                {f16, WN_DTYPE_F16, .rows = 1, .cols = 1}},
                                     .n_parts = 4,
                                     .has_bias = true};
    const float want[4][2] = {{1.5f, -2}, {1.5f, -2}, {1.5f, -2}, {3, -7}};
    const float want_bias[4] = {1.5f, 0, 1.5f, 1.5f};
    size_t n;
    const char *reason, *const *names = wn_kernels_levels(&n);
    for (size_t l = 0; l < n; l++) {
        const wn_kernels *kernels = wn_kernels_get(names[l], &reason);
        wn_linear w;
        wn_error err;
        if (kernels == NULL)
            continue;
        assert_ok(wn_linear_init(&w, kernels->gemm_f32, &source, NULL, &err), &err);
        assert_int_equal(w.n, 4);
        assert_int_equal(w.k, 2);
        for (size_t j = 0; j < 4; j++) {
            assert_true(packed_at(&w, kernels, j, 0) == want[j][0]);
            assert_true(packed_at(&w, kernels, j, 1) == want[j][1]);
            assert_true(w.bias[j] == want_bias[j]);
        }
        size_t padded = wn_round_up(4, (size_t)kernels->gemm_f32->nr);
        assert_int_equal(w.bytes, padded * (2 + 1) * sizeof(float));
        wn_linear_deinit(&w);
        assert_null(w.packed);
    }
}

static void what_is_added_is_of_low_rank(void **state)
{
    (void)state;
    enum { N = 3, K = 300, RANK = 2 };
    float w[N * K], shares[N * RANK] = {1, 0.5f, -2, 0, 0, 4}, directions[RANK * K];
    uint16_t narrow[RANK * K]; /* BF16 of the same */
    for (size_t i = 0; i < N * K; i++)
        w[i] = (float)i;
    for (size_t i = 0; i < RANK * K; i++) {
        directions[i] = (float)(i % 64);
        uint32_t bits;
        memcpy(&bits, &directions[i], sizeof bits);
        narrow[i] = (uint16_t)(bits >> 16);
    }
    const char *reason;
    const wn_kernels *kernels = wn_kernels_get("scalar", &reason);
    for (int variant = 0; variant < 2; variant++) {
        const wn_low_rank added = {.shares = shares,
                                   .directions = variant == 0 ? (const void *)directions : narrow,
                                   .shares_dtype = WN_DTYPE_F32,
                                   .directions_dtype = variant == 0 ? WN_DTYPE_F32 : WN_DTYPE_BF16,
                                   .rank = RANK,
                                   .scale = 0.25f};
        const wn_linear_source source = {
            .parts = {{w, WN_DTYPE_F32, .rows = N, .cols = K, .added = added}}, .n_parts = 1};
        wn_linear linear;
        wn_error err;
        assert_ok(wn_linear_init(&linear, kernels->gemm_f32, &source, NULL, &err), &err);
        for (size_t j = 0; j < N; j++) {
            for (size_t p = 0; p < K; p++) {
                float sum =
                    shares[j * RANK] * directions[p] + shares[j * RANK + 1] * directions[K + p];
                assert_true(packed_at(&linear, kernels, j, p) == w[j * K + p] + 0.25f * sum);
            }
        }
        wn_linear_deinit(&linear);
    }
}

static void parts_cross_the_borders_of_panels(void **state)
{
    (void)state;
    enum { A = 45, B = 7, C = 61, K = 19 };
    float a[A * K], b[B * K], c[C * K];
    for (size_t i = 0; i < A * K; i++)
        a[i] = (float)i;
    for (size_t i = 0; i < B * K; i++)
        b[i] = 10000 + (float)i;
    for (size_t i = 0; i < C * K; i++)
        c[i] = 20000 + (float)i;
    const wn_linear_source source = {.parts = {{a, WN_DTYPE_F32, .rows = A, .cols = K},
                                               {b, WN_DTYPE_F32, .rows = B, .cols = K},
                                               {c, WN_DTYPE_F32, .rows = C, .cols = K}},
                                     .n_parts = 3};
    const char *reason;
    const wn_kernels *kernels = wn_kernels_get(NULL, &reason);
    wn_linear w;
    wn_error err;
    assert_ok(wn_linear_init(&w, kernels->gemm_f32, &source, NULL, &err), &err);
    assert_int_equal(w.n, A + B + C);
    assert_null(w.bias);
    for (size_t j = 0; j < w.n; j++) {
        const float *row = j < A ? a + j * K : j < A + B ? b + (j - A) * K : c + (j - A - B) * K;
        for (size_t p = 0; p < K; p++)
            assert_true(packed_at(&w, kernels, j, p) == row[p]);
    }
    wn_linear_deinit(&w);
}

/* Two parts of 4 x 6, the norm that is before them, and what they are as I8. */
enum { ROWS = 4, COLS = 6 };
typedef struct quantized {
    float w[2][ROWS * COLS], gain[COLS], factor[COLS], scale[2][ROWS];
    int8_t q[2][ROWS * COLS];
    wn_linear_source plain, stored;
} quantized;

static void quantize(quantized *m)
{
    float scratch[3 * COLS];
    m->plain = m->stored = (wn_linear_source){.n_parts = 2};
    for (size_t i = 0; i < 2; i++)
        for (size_t p = 0; p < ROWS * COLS; p++)
            m->w[i][p] = sinf((float)(p * p + 40 * i)) * (p % COLS == 2 ? 1 / 64.0f : 1);
    for (size_t p = 0; p < COLS; p++)
        m->gain[p] = p == 2 ? 20 : 0.25f;
    m->plain.input_gain = m->stored.input_gain =
        (wn_source){.data = m->gain, .dtype = WN_DTYPE_F32, .rows = 1, .cols = COLS};
    for (size_t i = 0; i < 2; i++)
        m->plain.parts[i] =
            (wn_source){.data = m->w[i], .dtype = WN_DTYPE_F32, .rows = ROWS, .cols = COLS};
    assert_true(wn_linear_choose_factor(m->factor, &m->plain, NULL, scratch));
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < ROWS; j++)
            m->scale[i][j] = wn_source_quantize_row(m->q[i] + j * COLS, &m->plain.parts[i], j,
                                                    m->factor, scratch);
        m->stored.parts[i] = (wn_source){.data = m->q[i],
                                         .dtype = WN_DTYPE_I8,
                                         .rows = ROWS,
                                         .cols = COLS,
                                         .scale = m->scale[i],
                                         .factor = m->factor};
    }
}

static void an_i8_product_takes_stored_bytes_scales_and_factor_as_they_are(void **state)
{
    (void)state;
    quantized m;
    size_t n_levels, n_tried = 0;
    const char *reason, *const *names = wn_kernels_levels(&n_levels);
    quantize(&m);
    assert_true(m.factor[2] < m.factor[1]); /* there is something to move */
    for (size_t l = 0; l < n_levels; l++) {
        const wn_kernels *kernels = wn_kernels_get(names[l], &reason);
        wn_linear plain, stored;
        wn_error err;
        if (kernels == NULL || kernels->gemm_i8 == NULL)
            continue;
        assert_ok(wn_linear_init(&plain, kernels->gemm_i8, &m.plain, NULL, &err), &err);
        assert_ok(wn_linear_init(&stored, kernels->gemm_i8, &m.stored, NULL, &err), &err);
        assert_int_equal(plain.bytes, stored.bytes);
        assert_memory_equal(plain.factor, stored.factor, COLS * sizeof(float));
        assert_memory_equal(plain.packed, stored.packed,
                            wn_gemm_packed_bytes(kernels->gemm_i8, plain.n, plain.k));
        wn_linear_deinit(&plain);
        wn_linear_deinit(&stored);
        n_tried++;
    }
    assert_true(n_tried > 0);
}

static void other_products_take_bytes_times_scale_times_factor(void **state)
{
    (void)state;
    quantized m;
    const char *reason;
    const wn_kernels *kernels = wn_kernels_get("scalar", &reason);
    wn_linear w;
    wn_error err;
    quantize(&m);
    assert_ok(wn_linear_init(&w, kernels->gemm_f32, &m.stored, NULL, &err), &err);
    assert_null(w.factor);
    for (size_t j = 0; j < 2 * ROWS; j++) {
        for (size_t p = 0; p < COLS; p++) {
            float q = m.q[j / ROWS][j % ROWS * COLS + p], scale = m.scale[j / ROWS][j % ROWS];
            float x = packed_at(&w, kernels, j, p);
            assert_true(x == q * scale * m.factor[p]);
            assert_true(fabsf(x - m.w[j / ROWS][j % ROWS * COLS + p]) <=
                        0.501f * scale * m.factor[p]);
        }
    }
    wn_linear_deinit(&w);
}

/* One factor holds for all rows of x: where parts differ, a new one is chosen for all. */
static void parts_of_different_factors_are_quantized_anew(void **state)
{
    (void)state;
    quantized m;
    const char *reason;
    const wn_kernels *kernels = wn_kernels_get("scalar", &reason);
    float twice[COLS];
    wn_linear w;
    wn_error err;
    quantize(&m);
    for (size_t p = 0; p < COLS; p++)
        twice[p] = 2 * m.factor[p];
    m.stored.parts[1].factor = twice;
    assert_ok(wn_linear_init(&w, kernels->gemm_i8, &m.stored, NULL, &err), &err);
    assert_non_null(w.factor);
    assert_true(memcmp(w.factor, twice, sizeof twice) != 0);
    wn_linear_deinit(&w);
    m.stored.parts[0].factor = m.stored.parts[1].factor = NULL; /* none is one as well */
    assert_ok(wn_linear_init(&w, kernels->gemm_i8, &m.stored, NULL, &err), &err);
    assert_null(w.factor);
    wn_linear_deinit(&w);
}

/* Three parts of 45, 7 and 61 rows, as F32 or BF16, with or without a norm before them. */
enum { TALL = 45 + 7 + 61, WIDE = 67 };
typedef struct tall {
    float f32[TALL * WIDE], gain[WIDE];
    uint16_t bf16[TALL * WIDE];
} tall;

static wn_linear_source tall_source(tall *m, wn_dtype dtype, bool has_norm)
{
    static const size_t rows[] = {45, 7, 61};
    wn_linear_source source = {.n_parts = 3};
    size_t first = 0;
    for (size_t i = 0; i < TALL * WIDE; i++) {
        m->f32[i] = sinf((float)i) * (i % WIDE == 2 ? 1 / 64.0f : 1);
        m->bf16[i] = (uint16_t)(0x3F00 + i % 200);
    }
    for (size_t p = 0; p < WIDE; p++)
        m->gain[p] = p % 5 == 2 ? 20 : 0.25f;
    for (size_t i = 0; i < 3; first += rows[i++])
        source.parts[i] =
            (wn_source){.data = dtype == WN_DTYPE_F32 ? (const void *)(m->f32 + first * WIDE)
                                                      : (const void *)(m->bf16 + first * WIDE),
                        .dtype = dtype,
                        .rows = rows[i],
                        .cols = WIDE};
    if (has_norm)
        source.input_gain =
            (wn_source){.data = m->gain, .dtype = WN_DTYPE_F32, .rows = 1, .cols = WIDE};
    return source;
}

/* Pack by one thread, then by n_threads over bytes that are all set: each is written again. */
static void check_threads(const wn_gemm *gemm, const wn_linear_source *source, int32_t n_threads)
{
    wn_linear one, many;
    wn_pool *pool = NULL;
    wn_error err;
    assert_ok(wn_pool_new(&pool, n_threads, &err), &err);
    assert_ok(wn_linear_init(&one, gemm, source, NULL, &err), &err);
    assert_ok(wn_linear_init(&many, gemm, source, pool, &err), &err);
    size_t bytes = wn_gemm_packed_bytes(gemm, one.n, one.k);
    assert_memory_equal(one.packed, many.packed, bytes);
    assert_int_equal(one.factor == NULL, many.factor == NULL);
    if (one.factor != NULL)
        assert_memory_equal(one.factor, many.factor, WIDE * sizeof(float));
    float *scratch = wn_mem_alloc(wn_linear_scratch(gemm, WIDE, pool), sizeof *scratch);
    memset(many.packed, 0xA5, bytes);
    memset(scratch, 0xA5, wn_linear_scratch(gemm, WIDE, pool) * sizeof *scratch);
    wn_linear_pack(&many, source, pool, scratch);
    assert_memory_equal(one.packed, many.packed, bytes);
    wn_mem_free(scratch);
    wn_linear_deinit(&one);
    wn_linear_deinit(&many);
    wn_pool_free(pool);
}

static void any_number_of_threads_packs_the_same_bytes(void **state)
{
    (void)state;
    static tall m;
    size_t n_levels, n_tried = 0;
    const char *reason, *const *names = wn_kernels_levels(&n_levels);
    for (size_t l = 0; l < n_levels; l++) {
        const wn_kernels *kernels = wn_kernels_get(names[l], &reason);
        for (wn_dtype dtype = WN_DTYPE_F32; kernels != NULL && dtype <= WN_DTYPE_I8; dtype++) {
            const wn_gemm *gemm = wn_kernels_gemm(kernels, dtype);
            for (int turn = 0; gemm != NULL && turn < 4; turn++) {
                wn_dtype stored = turn % 2 == 0 ? WN_DTYPE_F32 : WN_DTYPE_BF16;
                const wn_linear_source source = tall_source(&m, stored, turn >= 2);
                for (int32_t n_threads = 1; n_threads <= 5; n_threads += 2, n_tried++)
                    check_threads(gemm, &source, n_threads);
            }
        }
    }
    assert_true(n_tried > 0);
}

/* Quantising what was quantised gives the same scale, for every fraction that a top can have. */
/* Largest error of an i8 product of x with w, beside the largest exact sum. */
static double product_error(const wn_gemm *gemm, const wn_linear_source *source, const float *x,
                            const float *w, size_t n, size_t k)
{
    wn_linear linear;
    wn_error err;
    double worst = 0, largest = 0;
    float *y = wn_mem_alloc(n, sizeof *y);
    size_t stride = wn_gemm_row_bytes(gemm, k);
    void *row = wn_mem_aligned(stride);
    assert_true(y != NULL && row != NULL);
    assert_ok(wn_linear_init(&linear, gemm, source, NULL, &err), &err);
    gemm->take_rows(row, stride, x, k, linear.factor, 1, k);
    gemm->multiply(y, n, row, stride, linear.packed, NULL, 1, n, k, WN_ACT_NONE);
    for (size_t j = 0; j < n; j++) {
        double sum = 0;
        for (size_t p = 0; p < k; p++)
            sum += (double)x[p] * (double)w[j * k + p];
        worst = fmax(worst, fabs((double)y[j] - sum));
        largest = fmax(largest, fabs(sum));
    }
    wn_linear_deinit(&linear);
    wn_mem_free(row);
    wn_mem_free(y);
    return worst / largest;
}

/* One channel of a norm's output is 80 times the others, and its weights are small. */
static void what_a_norm_magnifies_is_smoothed_before_it_is_quantized(void **state)
{
    (void)state;
    enum { N = 24, K = 96, OUTLIER = 17 };
    float w[N * K], x[K], gain[K];
    size_t n_levels;
    const char *reason, *const *names = wn_kernels_levels(&n_levels);
    for (size_t p = 0; p < K; p++) {
        gain[p] = p == OUTLIER ? 80 : 1;
        x[p] = gain[p] * sinf((float)(3 * p * p));
        for (size_t j = 0; j < N; j++)
            w[j * K + p] = cosf((float)(5 * j * p + p)) / gain[p];
    }
    const wn_source weights = {.data = w, .dtype = WN_DTYPE_F32, .rows = N, .cols = K};
    const wn_linear_source plain = {.parts = {weights}, .n_parts = 1};
    wn_linear_source smooth = plain;
    smooth.input_gain = (wn_source){.data = gain, .dtype = WN_DTYPE_F32, .rows = 1, .cols = K};
    for (size_t l = 0; l < n_levels; l++) {
        const wn_kernels *kernels = wn_kernels_get(names[l], &reason);
        if (kernels == NULL || kernels->gemm_i8 == NULL)
            continue;
        double without = product_error(kernels->gemm_i8, &plain, x, w, N, K);
        double with = product_error(kernels->gemm_i8, &smooth, x, w, N, K);
        printf("# %s: error %.4f without, %.4f with the gain\n", names[l], without, with);
        assert_true(with < without / 4);
    }
}

static void scales_come_back(void **state)
{
    (void)state;
    for (uint32_t fraction = 0; fraction < 1u << 23; fraction++) {
        uint32_t bits = 0x3F800000u | fraction;
        float top;
        memcpy(&top, &bits, sizeof top);
        float scale = wn_i8_scale(top, WN_I8_LIMIT);
        if (wn_i8_scale(WN_I8_LIMIT * scale, WN_I8_LIMIT) != scale)
            fail_msg("top %a: scale %a does not come back", (double)top, (double)scale);
    }
}

static void rows_of_zeros_and_of_no_numbers_are_told(void **state)
{
    (void)state;
    const float w[4][2] = {{0, 0}, {NAN, 1}, {1, INFINITY}, {-3, 1}};
    const wn_source matrix = {.data = w, .dtype = WN_DTYPE_F32, .rows = 4, .cols = 2};
    float row[2];
    int8_t q[2];
    assert_true(wn_source_quantize_row(q, &matrix, 0, NULL, row) == 0);
    assert_true(q[0] == 0 && q[1] == 0);
    assert_true(isnan(wn_source_quantize_row(q, &matrix, 1, NULL, row)));
    assert_true(isnan(wn_source_quantize_row(q, &matrix, 2, NULL, row)));
    assert_true(wn_source_quantize_row(q, &matrix, 3, NULL, row) == 3 / 127.0f);
    assert_true(q[0] == -127 && q[1] == 42);
}

static void norms_are_widened(void **state)
{
    (void)state;
    const uint16_t gain[3] = {0x3C00, 0x4000, 0x3800}; /* 1, 2, 0.5 as F16 */
    const float bias[3] = {-1, 0, 1};
    const wn_source g = {gain, WN_DTYPE_F16, .rows = 1, .cols = 3},
                    b = {bias, WN_DTYPE_F32, .rows = 1, .cols = 3};
    wn_norm norm;
    wn_error err;
    assert_ok(wn_norm_init(&norm, WN_NORM_LAYER, &g, NULL, 1e-5f, &err), &err);
    assert_null(norm.bias);
    assert_true(norm.gain[0] == 1 && norm.gain[1] == 2 && norm.gain[2] == 0.5f);
    wn_norm_deinit(&norm);
    assert_ok(wn_norm_init(&norm, WN_NORM_LAYER, &g, &b, 1e-5f, &err), &err);
    assert_true(norm.bias[0] == -1 && norm.bias[2] == 1 && norm.eps == 1e-5f && norm.n == 3);
    wn_norm_deinit(&norm);
    const wn_source less = {gain, WN_DTYPE_F16, .rows = 1, .cols = 3, .plus = 1};
    assert_ok(wn_norm_init(&norm, WN_NORM_RMS_ONE, &less, NULL, 1e-6f, &err), &err);
    assert_true(norm.gain[0] == 2 && norm.gain[1] == 3 && norm.gain[2] == 1.5f);
    assert_int_equal(norm.kind, WN_NORM_RMS);
    wn_norm_deinit(&norm);
}

/* The factors of an i8 product are those of the gain itself, however the file keeps it. */
static void gains_kept_less_one_give_the_same_factors(void **state)
{
    (void)state;
    enum { N = 4, K = 32 };
    float w[N * K], whole[K], less[K], factors[2][K], scratch[2 * K];
    for (size_t p = 0; p < K; p++) {
        whole[p] = p == 5 ? 64 : 0.25f * (float)(1 + p % 3);
        less[p] = whole[p] - 1;
        for (size_t j = 0; j < N; j++)
            w[j * K + p] = cosf((float)(3 * j + p));
    }
    for (size_t i = 0; i < 2; i++) {
        const wn_linear_source source = {
            .parts = {{.data = w, .dtype = WN_DTYPE_F32, .rows = N, .cols = K}},
            .n_parts = 1,
            .input_gain = {.data = i == 0 ? whole : less,
                           .dtype = WN_DTYPE_F32,
                           .rows = 1,
                           .cols = K,
                           .plus = i == 0 ? 0 : 1}};
        assert_true(wn_linear_choose_factor(factors[i], &source, NULL, scratch));
    }
    assert_memory_equal(factors[0], factors[1], sizeof factors[0]);
    assert_true(factors[0][5] < factors[0][0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_every_type_are_stacked_by_rows),
        cmocka_unit_test(what_is_added_is_of_low_rank),
        cmocka_unit_test(parts_cross_the_borders_of_panels),
        cmocka_unit_test(an_i8_product_takes_stored_bytes_scales_and_factor_as_they_are),
        cmocka_unit_test(other_products_take_bytes_times_scale_times_factor),
        cmocka_unit_test(parts_of_different_factors_are_quantized_anew),
        cmocka_unit_test(what_a_norm_magnifies_is_smoothed_before_it_is_quantized),
        cmocka_unit_test(any_number_of_threads_packs_the_same_bytes),
        cmocka_unit_test(scales_come_back),
        cmocka_unit_test(rows_of_zeros_and_of_no_numbers_are_told),
        cmocka_unit_test(norms_are_widened),
        cmocka_unit_test(gains_kept_less_one_give_the_same_factors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
