/* Numbers of keys and their places. */
#include "tests/support/check.h"

#include "serve/key_index.h"

static void an_index_of_zeros_finds_nothing(void **state)
{
    (void)state;
    wn_key_index index = {0};
    assert_true(wn_key_index_find(&index, 1) == WN_KEY_INDEX_NONE);
    wn_key_index_deinit(&index);
}

static void every_number_is_found_in_its_place_and_no_other_is(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 8, 9, 1000};
    for (size_t k = 0; k < WN_ARRAY_LEN(sizes); k++) {
        wn_key_index index;
        size_t n = sizes[k];
        assert_true(wn_key_index_init(&index, n));
        for (size_t i = 0; i < n; i++)
            wn_key_index_add(&index, 2 * i + 2, n - i);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(wn_key_index_find(&index, 2 * i + 2), n - i);
            assert_true(wn_key_index_find(&index, 2 * i + 1) == WN_KEY_INDEX_NONE);
        }
        wn_key_index_deinit(&index);
    }
}

/* Numbers whose hashes have the same low bits lie in each other's way. */
static void numbers_that_collide_are_told_apart(void **state)
{
    (void)state;
    wn_key_index index;
    assert_true(wn_key_index_init(&index, 8));
    for (uint64_t i = 1; i <= 8; i++)
        wn_key_index_add(&index, i << 36, (size_t)i);
    for (uint64_t i = 1; i <= 8; i++)
        assert_int_equal(wn_key_index_find(&index, i << 36), i);
    assert_true(wn_key_index_find(&index, (uint64_t)9 << 36) == WN_KEY_INDEX_NONE);
    wn_key_index_deinit(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_of_zeros_finds_nothing),
        cmocka_unit_test(every_number_is_found_in_its_place_and_no_other_is),
        cmocka_unit_test(numbers_that_collide_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
