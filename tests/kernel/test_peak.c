/* The loops that a machine's peak is measured by: which one bounds a product, and that they do what
 * they are asked. */
#include "tests/support/check.h"

#include "base/clock.h"
#include "kernel/kernel.h"
#include "kernel/peak.h"

static void every_product_but_a_scalar_one_has_a_bound(void **state)
{
    static const wn_dtype dtypes[] = {WN_DTYPE_F32, WN_DTYPE_BF16, WN_DTYPE_I8};
    size_t n;
    const char *reason, *const *names = wn_kernels_levels(&n);
    (void)state;
    for (size_t i = 1; i < n; i++) {
        const wn_kernels *kernels = wn_kernels_get(names[i], &reason);
        for (size_t d = 0; kernels != NULL && d < WN_ARRAY_LEN(dtypes); d++)
            if (wn_kernels_gemm(kernels, dtypes[d]) != NULL && !wn_peak_of(names[i], dtypes[d]))
                fail_msg("level %s has no peak of %s", names[i], wn_dtype_name(dtypes[d]));
    }
    assert_null(wn_peak_of("scalar", WN_DTYPE_F32));
    assert_null(wn_peak_of("avx1024", WN_DTYPE_F32));
}

/* A level without a loop of its own for a dtype has that of the next below, never one above. */
static void a_bound_is_of_the_level_or_below(void **state)
{
    size_t n, own = 0;
    const wn_peak *peaks = wn_peaks(&n);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        for (wn_dtype dtype = WN_DTYPE_F32; dtype < WN_DTYPE_OTHER; dtype++) {
            const wn_peak *found = wn_peak_of(peaks[i].level, dtype);
            if (found == NULL)
                continue;
            assert_true(found->dtype == dtype && wn_peak_runs(found));
            bool is_own = strcmp(found->level, peaks[i].level) == 0;
            assert_true(is_own || found < &peaks[i]);
            own += is_own;
        }
        if (wn_peak_runs(&peaks[i]))
            assert_string_equal(wn_peak_of(peaks[i].level, peaks[i].dtype)->level, peaks[i].level);
    }
    assert_true(own > 0 || n == 0 || !wn_peak_runs(&peaks[0]));
}

static uint64_t loop_ns(const wn_peak *peak, uint64_t turns)
{
    uint64_t start_ns = wn_clock_thread_ns();
    peak->run(turns);
    return wn_clock_thread_ns() - start_ns;
}

/* Not a time but that there is one: a loop that a compiler has emptied, or that does not count its
 * turns, takes the same for one as for 512 times as many. Between that and 512 lies more than a
 * neighbour on the same core can take away. */
static void a_loop_runs_its_turns(void **state)
{
    enum { FEW = 1 << 10, MANY = FEW * 512, TRIES = 5 };
    size_t n;
    const wn_peak *peaks = wn_peaks(&n);
    bool is_emulated = getenv("WINNOW_TEST_EMULATED") != NULL; /* then times say nothing */
    (void)state;
    for (size_t i = 0; i < n; i++) {
        if (!wn_peak_runs(&peaks[i]))
            continue;
        peaks[i].run(1);
        if (is_emulated)
            continue;
        uint64_t few_ns = UINT64_MAX, many_ns = UINT64_MAX;
        for (int k = 0; k < TRIES; k++) {
            few_ns = WN_MIN(few_ns, loop_ns(&peaks[i], FEW));
            many_ns = WN_MIN(many_ns, loop_ns(&peaks[i], MANY));
        }
        if (many_ns / 16 < few_ns)
            fail_msg("%s: %d turns took %.3f ms, %d turns %.3f ms", peaks[i].instructions, FEW,
                     (double)few_ns * 1e-6, MANY, (double)many_ns * 1e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_product_but_a_scalar_one_has_a_bound),
        cmocka_unit_test(a_bound_is_of_the_level_or_below),
        cmocka_unit_test(a_loop_runs_its_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
