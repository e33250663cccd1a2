/* mem: growing arrays keep their items, double their room and survive a size that wraps. */
#include "tests/support/check.h"

#include "base/mem.h"

static void growing_keeps_items_and_doubles_the_room(void **state)
{
    (void)state;
    int32_t *items = NULL;
    size_t cap = 0, n_moves = 0;
    for (int32_t i = 0; i < 100000; i++) {
        size_t before = cap;
        assert_true(wn_mem_grow(&items, &cap, (size_t)i + 1, sizeof *items));
        assert_true(cap > (size_t)i && (cap == before || cap >= 2 * before));
        n_moves += cap != before;
        items[i] = i;
    }
    for (int32_t i = 0; i < 100000; i++)
        assert_int_equal(items[i], i);
    assert_true(n_moves < 20);
    wn_mem_free(items);
}

static void growing_to_a_size_that_wraps_leaves_the_array_alone(void **state)
{
    (void)state;
    int32_t *items = NULL, *before;
    size_t cap = 0;
    assert_true(wn_mem_grow(&items, &cap, 1000, sizeof *items));
    assert_int_equal(cap, 1000);
    items[999] = 7;
    before = items;
    assert_false(wn_mem_grow(&items, &cap, SIZE_MAX / 2, sizeof *items));
    assert_ptr_equal(items, before);
    assert_int_equal(cap, 1000);
    assert_int_equal(items[999], 7);
    wn_mem_free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growing_keeps_items_and_doubles_the_room),
        cmocka_unit_test(growing_to_a_size_that_wraps_leaves_the_array_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
