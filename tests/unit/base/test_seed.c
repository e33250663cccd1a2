/* Random numbers: there, whole, and never the same. */
#include "tests/support/check.h"

#include "base/seed.h"

static void random_bytes_fill_all_and_differ(void **state)
{
    (void)state;
    enum { N = 1000 }; /* more than the kernel gives without a pause */
    unsigned char a[N + 1] = {0}, b[N] = {0};
    unsigned seen[256] = {0}, n_seen = 0;
    assert_true(wn_random_bytes(a, N) && wn_random_bytes(b, N) && wn_random_bytes(b, 0));
    assert_memory_not_equal(a, b, N);
    assert_int_equal(a[N], 0);
    for (size_t i = 0; i < N; i++)
        n_seen += seen[a[i]]++ == 0;
    assert_in_range(n_seen, 200, 256); /* 251 are expected, 200 are 15 standard deviations less */
    assert_memory_not_equal(a + N - 32, (unsigned char[32]){0}, 32);
}

static void seeds_differ(void **state)
{
    (void)state;
    assert_int_not_equal(wn_seed(), wn_seed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bytes_fill_all_and_differ),
        cmocka_unit_test(seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
