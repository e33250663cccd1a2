/* The first of equal digests: a table against a search through all of them. */
#include "tests/support/check.h"

#include "serve/digest_set.h"

enum { N = 2000 };

static wn_row_digest digests[N];

static size_t first_by_search(size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (memcmp(&digests[k], &digests[i], sizeof digests[i]) == 0)
            return k;
    }
    return i;
}

static void first_is_found_among_equals_and_neighbours(void **state)
{
    (void)state;
    wn_digest_set set = {0};
    srand(7);
    for (size_t round = 0; round < 3; round++) {
        size_t n = round == 1 ? 10 : N;
        /* Few slots to begin from, and halves that are equal: chains are long, and wrap. */
        for (size_t i = 0; i < n; i++)
            digests[i] = (wn_row_digest){{(uint64_t)(rand() % 50) * 4095, (uint64_t)(rand() % 20)}};
        assert_true(wn_digest_set_begin(&set, n));
        for (size_t i = 0; i < n; i++)
            assert_int_equal(wn_digest_set_first(&set, digests, i), first_by_search(i));
    }
    wn_digest_set_deinit(&set);
}

static void set_of_different_ones_may_be_full(void **state)
{
    (void)state;
    wn_digest_set set = {0};
    for (size_t i = 0; i < N; i++)
        digests[i] = (wn_row_digest){{UINT64_MAX, i}}; /* all begin at the last slot */
    assert_true(wn_digest_set_begin(&set, N));
    for (size_t i = 0; i < N; i++)
        assert_int_equal(wn_digest_set_first(&set, digests, i), i);
    wn_digest_set_deinit(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_is_found_among_equals_and_neighbours),
        cmocka_unit_test(set_of_different_ones_may_be_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
