/* Attention of one head at once, on every level that has it and by emulation: it must give the bits
 * of its three steps for every size, write nothing beside y, and leave to the steps what it cannot
 * count. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "kernel/kernel.h"
#include "kernel/lowp.h"
#include "tests/support/check_gemm.h"
#include "tests/support/check_levels.h"

#include <math.h>

#if defined(__x86_64__)
extern const wn_gemm wn_gemm_bf16_amx_emulated, wn_gemm_i8_amx_emulated;
static const wn_kernels emulated = {.level = "emulated amx",
                                    .gemm_i8 = &wn_gemm_i8_amx_emulated,
                                    .gemm_i8_scores = &wn_gemm_bf16_amx_emulated};
#endif

static void check_everywhere(check_level_fn *check)
{
#if defined(__x86_64__)
    check(&emulated);
#endif
    check_levels(check);
}

/* A head of m rows and n keys: columns [0, dim) of a row are a query or key, [dim, 2 dim) a value.
 */
typedef struct head {
    const wn_gemm *scores, *values;
    const char *level;
    wn_attend a;
    size_t stride, y_bytes, space_bytes; /* of a row; of y and of the space */
    uint16_t *rows;                      /* [max(m, n)] */
    unsigned char *packed_keys, *packed_values, *y, *want, *space;
} head;

static uint16_t *number_at(const head *h, size_t row, size_t column)
{
    return h->rows + row * h->stride / sizeof *h->rows + column;
}

static head head_begin(const wn_kernels *kernels, size_t m, size_t n, size_t dim)
{
    size_t n_rows = WN_MAX(m, n);
    head h = {.scores = kernels->gemm_i8_scores,
              .values = kernels->gemm_i8,
              .level = kernels->level,
              .stride = wn_round_up(2 * dim * sizeof(uint16_t), WN_ALIGN) + WN_ALIGN,
              .space_bytes = wn_attend_space(n)};
    h.rows = wn_mem_aligned(n_rows * h.stride);
    assert_non_null(h.rows);
    for (size_t i = 0; i < n_rows; i++) {
        float row[2 * WN_ATTEND_DIM_MAX];
        check_random(row, 2 * dim, 1);
        for (size_t j = 0; j < 2 * dim; j++)
            *number_at(&h, i, j) = wn_bf16_round(row[j]);
    }
    h.y_bytes = m * h.stride;
    h.packed_keys = check_guarded(wn_gemm_packed_bytes(h.scores, n, dim));
    h.packed_values = check_guarded(wn_gemm_packed_bytes(h.values, dim, n));
    h.y = check_guarded(h.y_bytes);
    h.want = check_guarded(h.y_bytes);
    h.space = check_guarded(h.space_bytes);
    h.a = (wn_attend){.m = m,
                      .n = n,
                      .dim = dim,
                      .q = h.rows,
                      .keys = h.packed_keys,
                      .values = h.packed_values,
                      .y = h.y,
                      .q_stride = h.stride,
                      .y_stride = h.stride,
                      .scale = 1.5f,
                      .space = h.space};
    return h;
}

static void head_end(head *h)
{
    unsigned char *const all[] = {h->packed_keys, h->packed_values, h->y, h->want, h->space};
    check_guard(h->y, h->y_bytes);
    check_guard(h->space, h->space_bytes);
    for (size_t i = 0; i < WN_ARRAY_LEN(all); i++)
        wn_mem_free(all[i]);
    wn_mem_free(h->rows);
}

static bool attend(const head *h)
{
    h->scores->pack_halves(h->packed_keys, h->rows, h->stride, h->a.n, h->a.dim);
    h->values->pack_halves_t(h->packed_values, h->rows + h->a.dim, h->stride, h->a.dim, h->a.n);
    return h->values->attend(&h->a);
}

/* What the three steps make of the packed head. */
static void attend_by_steps(const head *h)
{
    const wn_attend *a = &h->a;
    size_t lds = a->n + 3, stride = wn_gemm_row_bytes(h->values, a->n);
    float *scores = wn_mem_aligned(a->m * lds * sizeof *scores);
    unsigned char *shares = wn_mem_aligned(a->m * stride);
    assert_non_null(scores);
    assert_non_null(shares);
    h->scores->multiply(scores, lds, a->q, a->q_stride, a->keys, NULL, a->m, a->n, a->dim,
                        WN_ACT_NONE);
    h->values->take_shares(shares, stride, scores, lds, a->scale, 0, a->n, a->m, a->n);
    h->values->multiply_halves(h->want, a->y_stride, shares, stride, a->values, NULL, a->m, a->dim,
                               a->n);
    wn_mem_free(scores);
    wn_mem_free(shares);
}

static void check_head(const wn_kernels *kernels, size_t m, size_t n, size_t dim)
{
    head h = head_begin(kernels, m, n, dim);
    assert_true(attend(&h));
    attend_by_steps(&h);
    for (size_t i = 0; i < h.y_bytes; i++)
        if (h.y[i] != h.want[i])
            fail_msg("%s m=%zu n=%zu dim=%zu: byte %zu of row %zu is %02x, expected %02x", h.level,
                     m, n, dim, i % h.stride, i / h.stride, h.y[i], h.want[i]);
    head_end(&h);
}

static bool has_attend(const wn_kernels *kernels)
{
    return kernels->gemm_i8 != NULL && kernels->gemm_i8->attend != NULL;
}

static void check_sizes(const wn_kernels *kernels)
{
    if (!has_attend(kernels))
        return;
    for (size_t n = 1; n <= 400; n += n < 140 ? 1 : 29)
        check_head(kernels, WN_ATTEND_ROWS + n * 7 % 50, n, 32 * (1 + n / 3 % 4));
    for (size_t m = WN_ATTEND_ROWS; m <= 70; m++)
        check_head(kernels, m, 64 * (1 + m % 3), 32 * (1 + m % 4));
    check_head(kernels, 256, 256, 64);
}

static void attend_has_the_bits_of_its_three_steps(void **state)
{
    (void)state;
    check_everywhere(check_sizes);
}

/* One number of a head, or its scale, makes scores that words do not count. */
static void check_refused(const wn_kernels *kernels)
{
    static const float values[] = {NAN, INFINITY, -INFINITY, 3e38f};
    enum { M = 40, N = 150, DIM = 64 };
    if (!has_attend(kernels))
        return;
    for (size_t v = 0; v < WN_ARRAY_LEN(values); v++) {
        for (size_t row = 0; row < N; row += 37) { /* a query and a key, or a key alone */
            head h = head_begin(kernels, M, N, DIM);
            *number_at(&h, row, 5) = wn_bf16_round(values[v]);
            assert_false(attend(&h));
            head_end(&h);
        }
    }
    for (float scale = 1e3f; scale < 1e30f; scale *= 1e3f) {
        head h = head_begin(kernels, M, N, DIM);
        h.a.scale = scale;
        assert_false(attend(&h));
        head_end(&h);
    }
}

/* A query that is left to the steps changes no other row. */
static void check_beside_refused(const wn_kernels *kernels)
{
    enum { M = 64, N = 130, DIM = 32, ROW = 20 };
    if (!has_attend(kernels))
        return;
    head h = head_begin(kernels, M, N, DIM);
    assert_true(attend(&h));
    *number_at(&h, ROW, 3) = wn_bf16_round(3e30f);
    assert_false(h.values->attend(&h.a));
    attend_by_steps(&h);
    *number_at(&h, ROW, 3) = wn_bf16_round(1);
    assert_true(h.values->attend(&h.a));
    for (size_t i = 0; i < h.y_bytes; i++)
        if (i / h.stride != ROW)
            assert_int_equal(h.y[i], h.want[i]);
    head_end(&h);
}

static void a_row_that_attend_leaves_changes_no_other(void **state)
{
    (void)state;
    check_everywhere(check_beside_refused);
}

static void attend_leaves_scores_that_it_cannot_count(void **state)
{
    (void)state;
    check_everywhere(check_refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attend_has_the_bits_of_its_three_steps),
        cmocka_unit_test(attend_leaves_scores_that_it_cannot_count),
        cmocka_unit_test(a_row_that_attend_leaves_changes_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
