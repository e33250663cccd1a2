/* Windows over long documents against the published rule, written out as its own loop. */
#include "tests/support/check.h"

#include "rank/chunk.h"

/* The reference: for P = window, o = min(overlap, P / 4); slides the last window back. */
static size_t reference_windows(size_t starts[], size_t ends[], size_t n, size_t window,
                                size_t overlap)
{
    size_t o = overlap < window / 4 ? overlap : window / 4, count = 0;
    if (n <= window) {
        starts[0] = 0;
        ends[0] = n;
        return 1;
    }
    for (size_t start = 0; start < n;) {
        size_t end = start + window;
        starts[count] = end >= n ? n - window : start;
        ends[count++] = end >= n ? n : end;
        start = end < n ? end - o : end;
    }
    return count;
}

static void chunk_follows_the_reference_loop_for_all_small_sizes(void **state)
{
    (void)state;
    size_t starts[400], ends[400];
    for (size_t window = 1; window <= 40; window++) {
        for (size_t overlap = 0; overlap <= 12; overlap++) {
            for (size_t n = 0; n <= 200; n++) {
                wn_chunks c = wn_chunks_make(n, window, overlap);
                size_t count = reference_windows(starts, ends, n, window, overlap);
                assert_int_equal(wn_chunks_count(&c), count);
                for (size_t i = 0; i < count; i++) {
                    size_t start, end;
                    wn_chunks_at(&c, &start, &end, i);
                    assert_int_equal(start, starts[i]);
                    assert_int_equal(end, ends[i]);
                }
            }
        }
    }
}

static void chunk_covers_every_token_with_full_windows(void **state)
{
    (void)state;
    for (size_t n = 101; n < 5000; n += 37) {
        wn_chunks c = wn_chunks_make(n, 100, 20);
        size_t covered = 0;
        for (size_t i = 0; i < wn_chunks_count(&c); i++) {
            size_t start, end;
            wn_chunks_at(&c, &start, &end, i);
            assert_true(start <= covered && end > covered);
            assert_int_equal(end - start, 100);
            covered = end;
        }
        assert_int_equal(covered, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunk_follows_the_reference_loop_for_all_small_sizes),
        cmocka_unit_test(chunk_covers_every_token_with_full_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
