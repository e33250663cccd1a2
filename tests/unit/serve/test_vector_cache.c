/* Vectors that are kept: bounded, the longest unasked go first, nothing of a running batch goes. */
#include "tests/support/check.h"

#include "serve/vector_cache.h"

enum { BYTES = 1000, N = 300 };

static wn_error err;

static wn_row_digest digest_of(uint64_t i)
{
    return (wn_row_digest){{i % 7, i}}; /* many share a chain */
}

static wn_vector_cache *cache_of(uint64_t max_bytes)
{
    wn_vector_cache *cache;
    assert_ok(wn_vector_cache_new(&cache, max_bytes, &err), &err);
    return cache;
}

static bool add(wn_vector_cache *cache, uint64_t i)
{
    unsigned char *room = wn_vector_cache_reserve(cache, digest_of(i), BYTES);
    if (room != NULL)
        memset(room, (int)(i % 251), BYTES);
    return room != NULL;
}

static bool has(wn_vector_cache *cache, uint64_t i)
{
    const unsigned char *kept = wn_vector_cache_find(cache, digest_of(i));
    for (size_t k = 0; kept != NULL && k < BYTES; k++)
        assert_int_equal(kept[k], i % 251);
    return kept != NULL;
}

static void what_was_reserved_is_found_in_later_batches(void **state)
{
    (void)state;
    wn_vector_cache *cache = cache_of(1 << 20);
    assert_true(add(cache, 1) && add(cache, 8) && add(cache, 2));
    assert_false(has(cache, 1)); /* it may not be filled yet */
    assert_false(add(cache, 1)); /* nor is it wanted twice */
    wn_vector_cache_end_batch(cache);
    assert_true(has(cache, 1) && has(cache, 8) && has(cache, 2));
    assert_false(has(cache, 9));
    assert_int_equal(wn_vector_cache_look(cache).n_rows, 3);
    assert_int_equal(wn_vector_cache_look(cache).evictions, 0);
    wn_vector_cache_free(cache);
}

static void memory_is_bounded_and_the_longest_unasked_goes(void **state)
{
    (void)state;
    wn_vector_cache *cache = cache_of(20000);
    for (uint64_t i = 0; i < N; i++) {
        assert_int_equal(has(cache, 0), i > 0); /* asked for all the time */
        assert_true(add(cache, i));
        assert_in_range(wn_vector_cache_look(cache).n_bytes, BYTES, 20000);
        wn_vector_cache_end_batch(cache);
    }
    wn_vector_cache_stats stats = wn_vector_cache_look(cache);
    assert_in_range(stats.n_rows, 16, 20);
    assert_int_equal(stats.evictions, N - stats.n_rows);
    assert_true(has(cache, 0));
    for (uint64_t i = N - stats.n_rows + 1; i < N; i++)
        assert_true(has(cache, i));
    assert_false(has(cache, N - stats.n_rows));
    wn_vector_cache_free(cache);
}

static void batch_keeps_what_it_has_found(void **state)
{
    (void)state;
    wn_vector_cache *cache = cache_of(5000);
    uint64_t n = 0;
    while (add(cache, n))
        n++;
    assert_in_range(n, 3, 4); /* all in use: no room */
    wn_vector_cache_end_batch(cache);
    assert_true(has(cache, 0) && has(cache, 1));
    uint64_t more = 100;
    while (add(cache, more))
        more++;
    assert_int_equal(more - 100, n - 2);
    assert_true(has(cache, 0) && has(cache, 1));
    wn_vector_cache_free(cache);
}

static void too_large_is_not_kept(void **state)
{
    (void)state;
    wn_vector_cache *cache = cache_of(500);
    assert_false(add(cache, 1));
    assert_null(wn_vector_cache_reserve(cache, digest_of(2), SIZE_MAX / 2));
    assert_int_equal(wn_vector_cache_look(cache).n_rows, 0);
    wn_vector_cache_free(cache);
    wn_vector_cache_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_reserved_is_found_in_later_batches),
        cmocka_unit_test(memory_is_bounded_and_the_longest_unasked_goes),
        cmocka_unit_test(batch_keeps_what_it_has_found),
        cmocka_unit_test(too_large_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
