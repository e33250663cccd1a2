/* See check_gemm.h. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "kernel/levels.h"
#include "kernel/lowp.h"
#include "tests/support/check_gemm.h"
#include "tests/support/check_levels.h"
#include "tests/tolerance.h"

#include <math.h>

enum { GUARD_BYTES = 64 };

unsigned char *check_guarded(size_t bytes)
{
    unsigned char *p = wn_mem_aligned(bytes + GUARD_BYTES);
    assert_non_null(p);
    memset(p, CHECK_GEMM_UNSET, bytes + GUARD_BYTES);
    return p;
}

void check_guard(const unsigned char *p, size_t bytes)
{
    for (size_t i = 0; i < GUARD_BYTES; i++)
        assert_int_equal(p[bytes + i], CHECK_GEMM_UNSET);
}

float *check_random_matrix(size_t n)
{
    float *x = wn_mem_aligned(n * sizeof(float));
    assert_non_null(x);
    check_random(x, n, 1);
    return x;
}

check_matrices check_matrices_begin(const wn_gemm *gemm, const char *level, size_t m, size_t n,
                                    size_t k)
{
    check_matrices a = {.gemm = gemm, .level = level, .m = m, .n = n, .k = k};
    a.ldx = k + 3;
    a.ldy = n + 5;
    a.stride = wn_gemm_row_bytes(gemm, k);
    a.packed_bytes = wn_gemm_packed_bytes(gemm, n, k);
    a.x = check_random_matrix(m * a.ldx);
    a.w = check_random_matrix(n * k);
    a.bias = check_random_matrix(n);
    a.factor = check_random_matrix(k);
    a.y = check_random_matrix(m * a.ldy);
    a.rows = check_guarded(m * a.stride);
    a.packed = check_guarded(a.packed_bytes);
    for (size_t i = 0; i < m * a.ldy; i++)
        a.y[i] = CHECK_GEMM_BESIDE;
    return a;
}

void check_matrices_end(check_matrices *a)
{
    check_guard(a->rows, a->m * a->stride);
    check_guard(a->packed, a->packed_bytes);
    wn_mem_free(a->x);
    wn_mem_free(a->w);
    wn_mem_free(a->bias);
    wn_mem_free(a->factor);
    wn_mem_free(a->y);
    wn_mem_free(a->rows);
    wn_mem_free(a->packed);
}

void check_multiply(check_matrices *a, const float *factor, const float *bias, wn_act act)
{
    a->gemm->pack(a->packed, a->w, a->k, a->n, a->k);
    a->gemm->take_rows(a->rows, a->stride, a->x, a->ldx, factor, a->m, a->k);
    a->gemm->multiply(a->y, a->ldy, a->rows, a->stride, a->packed, bias, a->m, a->n, a->k, act);
}

/* ---- where ----------------------------------------------------------------------------------- */

static struct {
    check_gemm_fn *check;
    wn_dtype dtype;
} wanted; /* by check_one(), which check_levels() calls */

static void check_one(const wn_kernels *kernels)
{
    const wn_gemm *gemm = wanted.dtype == WN_DTYPE_I8 ? kernels->gemm_i8 : kernels->gemm_bf16;
    if (gemm != NULL)
        wanted.check(gemm, kernels->level);
}

void check_gemms(check_gemm_fn *check, wn_dtype dtype, const wn_kernels *more, size_t n)
{
    wanted.check = check;
    wanted.dtype = dtype;
    for (size_t i = 0; i < n; i++)
        check_one(&more[i]);
    check_levels(check_one);
}

/* ---- what holds for all ---------------------------------------------------------------------- */

void check_gemm_rows(const wn_gemm *gemm, const char *level)
{
    enum { M = 150, N = 45 };
    check_matrices a = check_matrices_begin(gemm, level, M, N, 403);
    float alone[N];
    check_multiply(&a, NULL, a.bias, WN_ACT_GELU);
    for (size_t i = 0; i < M; i++) {
        gemm->multiply(alone, N, a.rows + i * a.stride, a.stride, a.packed, a.bias, 1, N, a.k,
                       WN_ACT_GELU);
        assert_memory_equal(alone, a.y + i * a.ldy, sizeof alone);
    }
    check_matrices_end(&a);
}

void check_gemm_acts(const wn_gemm *gemm, const char *level)
{
    enum { M = 35, N = 41, LDY = N + 5, K = 45 };
    for (int act = WN_ACT_NONE; act <= WN_ACT_TANH; act++) {
        check_matrices a = check_matrices_begin(gemm, level, M, N, K);
        float plain[M * LDY];
        check_multiply(&a, NULL, a.bias, WN_ACT_NONE);
        memcpy(plain, a.y, sizeof plain);
        check_multiply(&a, NULL, a.bias, (wn_act)act);
        for (size_t i = 0; i < M; i++) {
            wn_act_f32_scalar(plain + i * LDY, plain + i * LDY, (wn_act)act, N);
            for (size_t j = 0; j < LDY; j++) {
                double want = (double)plain[i * LDY + j];
                assert_near((double)a.y[i * LDY + j], want, j < N ? TOLERANCE_ACT_ROUGH : 0);
            }
        }
        check_matrices_end(&a);
    }
}

void check_gemm_add(const wn_gemm *gemm, const char *level)
{
    for (size_t m = 1; m <= 200 && gemm->multiply_add != NULL; m += m < 40 ? 3 : 53) {
        check_matrices a = check_matrices_begin(gemm, level, m, 20 + m % 90, 1 + m * 37 % 300);
        const float *bias = m % 2 == 0 ? a.bias : NULL;
        float *want = check_random_matrix(m * a.ldy), *y = check_random_matrix(m * a.ldy);
        check_multiply(&a, NULL, bias, WN_ACT_NONE);
        for (size_t i = 0; i < m * a.ldy; i++)
            want[i] = i % a.ldy < a.n ? y[i] + a.y[i] : y[i];
        gemm->multiply_add(y, a.ldy, a.rows, a.stride, a.packed, bias, m, a.n, a.k);
        assert_memory_equal(y, want, m * a.ldy * sizeof *y);
        wn_mem_free(want);
        wn_mem_free(y);
        check_matrices_end(&a);
    }
}

void check_gemm_packing(const wn_gemm *gemm, const char *level)
{
    for (size_t n = 1; n < 70; n += 5) {
        check_matrices a = check_matrices_begin(gemm, level, 1, n, 3 + n * 11 % 140);
        float *turned = check_random_matrix(n * a.k);
        unsigned char *packed = check_guarded(a.packed_bytes);
        a.w[0] = n % 2 == 0 ? INFINITY : a.w[0];
        for (size_t j = 0; j < n; j++)
            for (size_t p = 0; p < a.k; p++)
                turned[p * n + j] = a.w[j * a.k + p];
        gemm->pack(a.packed, a.w, a.k, n, a.k);
        gemm->pack_t(packed, turned, n, n, a.k);
        assert_memory_equal(packed, a.packed, a.packed_bytes + GUARD_BYTES);
        wn_mem_free(turned);
        wn_mem_free(packed);
        check_matrices_end(&a);
    }
}

/* Softmax of scores [first, end) of k, the others 0; returns the largest. */
static double exact_shares(double *share, const float *s, double scale, size_t first, size_t end,
                           size_t k)
{
    double top = -INFINITY, sum = 0;
    for (size_t p = first; p < end; p++)
        top = fmax(top, scale * (double)s[p]);
    for (size_t p = 0; p < k; p++) {
        share[p] = p >= first && p < end ? exp(scale * (double)s[p] - top) : 0;
        sum += share[p];
    }
    for (size_t p = 0; p < k; p++)
        share[p] /= sum;
    return 1 / sum;
}

/* What one row of shares gives with the packed w of a, which has no share outside first..end: each
 * share may be off by half a step of the row or by its own error, each weight by half a step. */
static void assert_shares(const check_matrices *a, size_t row, const double *share, double top,
                          size_t first, size_t end)
{
    bool whole = a->gemm->dtype == WN_DTYPE_I8;
    double error = whole ? a->gemm->attend != NULL ? 2.4e-3 : 6e-4 : 6e-4 + 0x1p-7;
    double half =
        a->gemm->limit < 127 ? 1.5 / 127 : 0.5 / 127; /* of a step; shrunk, and rounded twice */
    for (size_t j = 0; j < a->n; j++) {
        const float *w = a->w + j * a->k;
        double want = 0, bound = 1e-5, largest = 0;
        for (size_t p = 0; p < a->k; p++)
            largest = fmax(largest, fabs((double)w[p]));
        for (size_t p = first; p < end; p++) {
            double size = fabs((double)w[p]), step = whole ? top / a->gemm->limit : 0;
            want += share[p] * (double)w[p];
            bound += size * (0.5 * step + share[p] * error) +
                     (whole ? largest * half * (share[p] + 0.5 * step) : 0);
        }
        assert_near((double)a->y[row * a->ldy + j], want, bound);
    }
}

enum { SHARE_ROWS_MAX = 19, SHARE_COLUMNS = 40, SHARE_K_MAX = 403, SHARE_LDS = SHARE_K_MAX + 5 };

static void multiply_shares(check_matrices *a, float *s, float scale, size_t first, size_t end)
{
    a->gemm->take_shares(a->rows, a->stride, s, SHARE_LDS, scale, first, end, a->m, a->k);
    a->gemm->multiply(a->y, a->ldy, a->rows, a->stride, a->packed, NULL, a->m, a->n, a->k,
                      WN_ACT_NONE);
}

void check_gemm_shares(const wn_gemm *gemm, const char *level)
{
    enum { ROWS = SHARE_ROWS_MAX, LDS = SHARE_LDS };
    double share[SHARE_K_MAX];
    float s[ROWS * LDS], before[ROWS * LDS];
    for (size_t k = 1; k <= SHARE_K_MAX && gemm->take_shares != NULL; k += k < 70 ? 1 : 37) {
        size_t first = k % 3 == 0 ? k / 5 : 0, end = k % 4 == 0 ? k - k / 7 : k;
        size_t m = 1 + k % ROWS;
        check_matrices a = check_matrices_begin(gemm, level, m, SHARE_COLUMNS, k);
        gemm->pack(a.packed, a.w, k, SHARE_COLUMNS, k);
        check_random(s, ROWS * LDS, 4);
        memcpy(before, s, sizeof before);
        multiply_shares(&a, s, 1.5f, first, end);
        for (size_t i = 0; i < m; i++) {
            double top = exact_shares(share, before + i * LDS, 1.5, first, end, k);
            assert_shares(&a, i, share, top, first, end);
        }
        for (size_t p = 0; p < ROWS * LDS; p++) /* which a rounded multiple of e^x's slope moves */
            s[p] = k % 3 == 0 ? 1931.37f : k % 3 == 1 ? 90930.7f : 5e9f;
        double top = exact_shares(share, s, 1, first, end, k);
        multiply_shares(&a, s, 1, first, end);
        assert_shares(&a, m - 1, share, top, first, end);
        check_random(s, ROWS * LDS, 4);
        s[(m - 1) * LDS + first] = NAN;
        multiply_shares(&a, s, 1.5f, first, end);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < SHARE_COLUMNS; j++)
                assert_true(isnan(a.y[i * a.ldy + j]) == (i == m - 1));
        multiply_shares(&a, s, 1.5f, k, k);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < SHARE_COLUMNS; j++)
                assert_true(a.y[i * a.ldy + j] == 0);
        check_matrices_end(&a);
    }
}

/* ---- rows for another product ---------------------------------------------------------------- */

enum { TAKEN_COLUMNS = 192 };

/* Rows that multiply_taken() makes, with a guard. */
static unsigned char *take_product(const check_matrices *a, const float *bias, wn_act act, size_t m)
{
    size_t stride = wn_gemm_halves_bytes(a->n);
    unsigned char *taken = check_guarded(m * stride);
    assert_true(wn_gemm_can_multiply_taken(a->gemm, a->n, act));
    a->gemm->multiply_taken(taken, stride, a->rows, a->stride, a->packed, bias, m, a->n, a->k, act);
    check_guard(taken, m * stride);
    return taken;
}

/* y [m][TAKEN_COLUMNS], what rows stand for: their product with ones on the diagonal. */
static void read_taken(const wn_gemm *gemm, float *y, const unsigned char *taken, size_t m)
{
    enum { N = TAKEN_COLUMNS };
    float *ones = wn_mem_zalloc((size_t)N * N, sizeof *ones);
    unsigned char *packed = check_guarded(wn_gemm_packed_bytes(gemm, N, N));
    assert_non_null(ones);
    for (size_t j = 0; j < N; j++)
        ones[j * N + j] = 1;
    gemm->pack(packed, ones, N, N, N);
    gemm->multiply(y, N, taken, wn_gemm_halves_bytes(N), packed, NULL, m, N, N, WN_ACT_NONE);
    wn_mem_free(ones);
    wn_mem_free(packed);
}

static void assert_taken(const check_matrices *a, const float *y, const float *got, wn_act act)
{
    bool whole = a->gemm->dtype == WN_DTYPE_I8;
    for (size_t i = 0; i < a->m; i++) {
        float want[TAKEN_COLUMNS], top = 0;
        wn_act_f32_scalar(want, y + i * a->ldy, act, TAKEN_COLUMNS);
        for (size_t j = 0; j < TAKEN_COLUMNS; j++)
            top = fmaxf(top, fabsf(want[j]));
        double step = whole ? (double)top / a->gemm->limit : 0;
        for (size_t j = 0; j < TAKEN_COLUMNS; j++) {
            double size = fabs((double)want[j]);
            double bound = 0.51 * step + size * (whole ? 0x1p-9 : 0x1p-7);
            bound += act == WN_ACT_NONE ? 2.5e-6 : TOLERANCE_ACT_TAKEN;
            assert_near((double)got[i * TAKEN_COLUMNS + j], (double)want[j], bound);
        }
    }
}

static void check_taken_rows(const wn_gemm *gemm, const char *level, size_t m, size_t k, wn_act act)
{
    check_matrices a = check_matrices_begin(gemm, level, m, TAKEN_COLUMNS, k);
    const float *bias = k % 2 == 0 ? a.bias : NULL;
    float *got = check_random_matrix(m * TAKEN_COLUMNS);
    size_t stride = wn_gemm_halves_bytes(TAKEN_COLUMNS);
    size_t used = wn_gemm_row_used(gemm, TAKEN_COLUMNS);
    check_multiply(&a, NULL, bias, WN_ACT_NONE);
    unsigned char *taken = take_product(&a, bias, act, m);
    read_taken(gemm, got, taken, m);
    assert_taken(&a, a.y, got, act);
    unsigned char *first = take_product(&a, bias, act, 1);
    assert_memory_equal(first, taken, used);
    a.rows += (m - 1) * a.stride;
    unsigned char *last = take_product(&a, bias, act, 1);
    assert_memory_equal(last, taken + (m - 1) * stride, used);
    a.rows -= (m - 1) * a.stride;
    wn_mem_free(first);
    wn_mem_free(last);
    wn_mem_free(taken);
    wn_mem_free(got);
    check_matrices_end(&a);
}

/* Rows of which one number, by the bias, is value; the others are zero. */
static void check_taken_value(const wn_gemm *gemm, const char *level, float value, float want)
{
    enum { M = 3, K = 70 };
    float got[M * TAKEN_COLUMNS];
    check_matrices a = check_matrices_begin(gemm, level, M, TAKEN_COLUMNS, K);
    memset(a.w, 0, TAKEN_COLUMNS * K * sizeof *a.w);
    memset(a.bias, 0, TAKEN_COLUMNS * sizeof *a.bias);
    a.bias[37] = value;
    check_multiply(&a, NULL, a.bias, WN_ACT_NONE);
    unsigned char *taken = take_product(&a, a.bias, WN_ACT_NONE, M);
    read_taken(gemm, got, taken, M);
    for (size_t i = 0; i < M; i++) {
        float at = got[i * TAKEN_COLUMNS + 37];
        if (isnan(want))
            assert_true(isnan(at));
        else
            assert_near((double)at, (double)want, 1e-2 * fabs((double)want));
    }
    wn_mem_free(taken);
    check_matrices_end(&a);
}

void check_gemm_taken(const wn_gemm *gemm, const char *level)
{
    if (gemm->multiply_taken == NULL)
        return;
    for (size_t m = 1; m <= 300; m += m < 20 ? 3 : 47)
        check_taken_rows(gemm, level, m, 1 + m * 29 % 203, m % 3 == 0 ? WN_ACT_NONE : WN_ACT_GELU);
    check_taken_rows(gemm, level, 70, 1536, WN_ACT_GELU);
    check_taken_value(gemm, level, -3e-3f, -3e-3f);
    check_taken_value(gemm, level, 1e-4f, 1e-4f);
    check_taken_value(gemm, level, 4e6f, 4e6f);
    check_taken_value(gemm, level, NAN, NAN);
    if (gemm->dtype == WN_DTYPE_I8) {
        check_taken_value(gemm, level, 5e6f, NAN);
        check_taken_value(gemm, level, 1e-6f, 0);
    }
    assert_false(wn_gemm_can_multiply_taken(gemm, TAKEN_COLUMNS + 1, WN_ACT_GELU));
    assert_false(wn_gemm_can_multiply_taken(gemm, TAKEN_COLUMNS, WN_ACT_TANH));
}

/* ---- rows of bf16 ---------------------------------------------------------------------------- */

/* m rows of n random halves, of stride bytes, and the floats that they are, [m][n]; rows may begin
 * with what is no plain number. */
static uint16_t *random_halves(float *wide, size_t m, size_t n, size_t stride)
{
    static const float special[] = {0, NAN, INFINITY, -INFINITY, 0x1p-120f};
    uint16_t *halves = (uint16_t *)(void *)check_guarded(m * stride);
    check_random(wide, m * n, 1);
    for (size_t i = 0; i < m; i++) {
        if (i % 8 == 3)
            wide[i * n] = special[i / 8 % WN_ARRAY_LEN(special)];
        for (size_t j = 0; j < n; j++) {
            uint16_t *half = &halves[i * stride / sizeof *halves + j];
            *half = wn_bf16_round(i % 8 == 5 ? 0 : wide[i * n + j]);
            wide[i * n + j] = wn_bf16_widen(*half);
        }
    }
    return halves;
}

/* A product rounded, beside which nothing is written. */
static void check_rounded(const wn_gemm *gemm, const char *level, size_t m, size_t n, size_t k)
{
    check_matrices a = check_matrices_begin(gemm, level, m, n, k);
    const float *bias = m % 2 == 0 ? a.bias : NULL;
    size_t stride = wn_round_up(n * sizeof(uint16_t), WN_ALIGN) + WN_ALIGN;
    unsigned char *halves = check_guarded(m * stride);
    check_multiply(&a, NULL, bias, WN_ACT_NONE);
    gemm->multiply_halves(halves, stride, a.rows, a.stride, a.packed, bias, m, n, k);
    for (size_t i = 0; i < m; i++) {
        const uint16_t *row = (const uint16_t *)(const void *)(halves + i * stride);
        for (size_t j = 0; j < stride / sizeof *row; j++)
            assert_int_equal(row[j], j < n ? wn_bf16_round(a.y[i * a.ldy + j]) : UINT16_MAX);
    }
    check_guard(halves, m * stride);
    wn_mem_free(halves);
    check_matrices_end(&a);
}

/* Rows [m][k] of halves taken over and, as weights, packed: the bytes of what they are in f32. */
static void check_halves_read(const wn_gemm *gemm, size_t m, size_t k)
{
    size_t stride = wn_gemm_row_bytes(gemm, k), x_stride = wn_round_up(2 * k, WN_ALIGN) + WN_ALIGN;
    size_t bytes = wn_gemm_packed_bytes(gemm, m, k), bytes_t = wn_gemm_packed_bytes(gemm, k, m);
    float *wide = check_random_matrix(m * k);
    uint16_t *x = random_halves(wide, m, k, x_stride);
    unsigned char *rows = check_guarded(m * stride), *want_rows = check_guarded(m * stride);
    unsigned char *packed = check_guarded(bytes), *want = check_guarded(bytes);
    unsigned char *packed_t = check_guarded(bytes_t), *want_t = check_guarded(bytes_t);
    gemm->take_rows(want_rows, stride, wide, k, NULL, m, k);
    gemm->pack(want, wide, k, m, k);
    gemm->pack_t(want_t, wide, k, k, m);
    if (gemm->take_halves != NULL) {
        gemm->take_halves(rows, stride, x, x_stride, m, k);
        for (size_t i = 0; i < m; i++) /* a NaN has many forms */
            if (!isnan(wide[i * k]) && !isinf(wide[i * k]))
                assert_memory_equal(rows + i * stride, want_rows + i * stride,
                                    wn_gemm_row_used(gemm, k));
    }
    if (gemm->pack_halves != NULL) {
        gemm->pack_halves(packed, x, x_stride, m, k);
        assert_memory_equal(packed, want, bytes + GUARD_BYTES);
    }
    if (gemm->pack_halves_t != NULL) {
        gemm->pack_halves_t(packed_t, x, x_stride, k, m);
        assert_memory_equal(packed_t, want_t, bytes_t + GUARD_BYTES);
    }
    check_guard(rows, m * stride);
    unsigned char *const all[] = {rows, want_rows, packed, want, packed_t, want_t};
    for (size_t i = 0; i < WN_ARRAY_LEN(all); i++)
        wn_mem_free(all[i]);
    wn_mem_free(wide);
    wn_mem_free(x);
}

/* A row that is not finite as take_halves() leaves it. */
static void check_halves_not_finite(const wn_gemm *gemm)
{
    enum { K = 64 };
    static const float values[] = {NAN, INFINITY, -INFINITY};
    for (size_t v = 0; v < WN_ARRAY_LEN(values); v++) {
        _Alignas(WN_ALIGN) uint16_t x[K] = {0};
        unsigned char *row = check_guarded(wn_gemm_row_bytes(gemm, K));
        float scale;
        x[v * 31] = wn_bf16_round(values[v]);
        gemm->take_halves(row, wn_gemm_row_bytes(gemm, K), x, sizeof x, 1, K);
        memcpy(&scale, row + wn_gemm_depth(gemm, K), sizeof scale);
        assert_true(isnan(scale));
        wn_mem_free(row);
    }
}

void check_gemm_halves(const wn_gemm *gemm, const char *level)
{
    for (size_t m = 1; m <= 300 && gemm->multiply_halves != NULL; m += m < 20 ? 3 : 47) {
        check_rounded(gemm, level, m, (1 + m % 4) * (size_t)gemm->nr, 1 + m * 29 % 203);
        check_rounded(gemm, level, m, (size_t)gemm->nr, 1536);
    }
    for (size_t m = 1; m <= 130; m += m < 40 ? 3 : 30)
        check_halves_read(gemm, m, (1 + m % 5) * 64);
    if (gemm->take_halves != NULL)
        check_halves_not_finite(gemm);
}
