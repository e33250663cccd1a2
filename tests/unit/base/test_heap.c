/* The heap and the list whose items carry their own links. */
#include "tests/support/check.h"

#include "base/heap.h"
#include "base/list.h"

enum { N = 300, ROUNDS = 20000 };

typedef struct item {
    char before[3]; /* the link is not the first member */
    wn_heap_node node;
    wn_list link;
    uint64_t key, turn;
    bool is_in;
} item;

/* The item that is due: smallest key, then first put. */
static item *expected_top(item *items)
{
    item *best = NULL;
    for (size_t i = 0; i < N; i++) {
        item *it = &items[i];
        if (it->is_in && (best == NULL || it->key < best->key ||
                          (it->key == best->key && it->turn < best->turn)))
            best = it;
    }
    return best;
}

static void heap_gives_the_smallest_key_then_the_first_put(void **state)
{
    (void)state;
    static item items[N];
    wn_heap heap = {0};
    uint64_t turn = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        item *it = &items[check_random_below(N)];
        item *top = expected_top(items);
        if (check_random_below(3) == 0 && top != NULL)
            it = top;
        if (it->is_in) {
            wn_heap_remove(&heap, &it->node);
            it->is_in = false;
        } else {
            it->key = check_random_below(40);
            it->turn = turn++;
            wn_heap_put(&heap, &it->node, it->key);
            it->is_in = true;
        }
        top = expected_top(items);
        if (top == NULL)
            assert_null(heap.top);
        else
            assert_ptr_equal(WN_CONTAINER_OF(heap.top, item, node), top);
    }
    for (item *top; (top = expected_top(items)) != NULL; top->is_in = false) {
        assert_ptr_equal(WN_CONTAINER_OF(heap.top, item, node), top);
        wn_heap_remove(&heap, heap.top);
    }
    assert_null(heap.top);
}

static void list_keeps_the_order_of_its_items(void **state)
{
    (void)state;
    static item items[4];
    wn_list list;
    wn_list_init(&list);
    assert_true(wn_list_is_empty(&list));
    assert_null(wn_list_first(&list));
    for (size_t i = 0; i < 4; i++)
        wn_list_push(&list, &items[i].link);
    wn_list_remove(&items[2].link);
    wn_list_remove(&items[0].link);
    wn_list_push(&list, &items[0].link);
    const size_t order[] = {1, 3, 0};
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(WN_CONTAINER_OF(wn_list_first(&list), item, link), &items[order[i]]);
        wn_list_remove(wn_list_first(&list));
    }
    assert_true(wn_list_is_empty(&list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap_gives_the_smallest_key_then_the_first_put),
        cmocka_unit_test(list_keeps_the_order_of_its_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
