/* The queue between threads: order, closing, and nothing lost when many push and pop at once. */
#include "tests/support/check.h"

#include "base/clock.h"
#include "base/queue.h"
#include "base/thread.h"

typedef struct item {
    wn_queue_item link;
    int value;
    bool taken;
} item;

static void queue_gives_items_in_order(void **state)
{
    (void)state;
    wn_queue queue;
    wn_queue_init(&queue);
    item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
    assert_true(wn_queue_push(&queue, &items[0].link, 0));
    assert_false(wn_queue_push(&queue, &items[1].link, 0));
    assert_false(wn_queue_push(&queue, &items[2].link, 0));
    assert_ptr_equal(wn_queue_pop(&queue), &items[0].link);
    wn_queue_item *rest = wn_queue_take_all(&queue);
    assert_ptr_equal(rest, &items[1].link);
    assert_ptr_equal(rest->next, &items[2].link);
    assert_null(rest->next->next);
    assert_null(wn_queue_take_all(&queue));
    assert_true(wn_queue_push(&queue, &items[0].link, 0));
    wn_queue_deinit(&queue);
}

static void queue_closed_gives_the_rest_and_then_null(void **state)
{
    (void)state;
    wn_queue queue;
    wn_queue_init(&queue);
    item one = {.value = 1};
    wn_queue_push(&queue, &one.link, 0);
    wn_queue_close(&queue);
    assert_ptr_equal(wn_queue_pop(&queue), &one.link);
    assert_null(wn_queue_pop(&queue));
    wn_queue_deinit(&queue);
}

static void queue_takes_lower_levels_first_and_starves_none(void **state)
{
    (void)state;
    enum { N = 40 };
    item low[N] = {0}, high = {.value = 1}, middle = {.value = 2};
    wn_queue queue;
    wn_queue_init(&queue);
    wn_queue_push(&queue, &high.link, 2);
    for (int i = 0; i < N; i++)
        wn_queue_push(&queue, &low[i].link, 0);
    wn_queue_push(&queue, &middle.link, 1);
    for (int i = 0; i < WN_QUEUE_TURNS - 1; i++)
        assert_ptr_equal(wn_queue_pop(&queue), &low[i].link);
    assert_ptr_equal(wn_queue_pop(&queue), &high.link);
    wn_queue_item *rest = wn_queue_take_all(&queue);
    for (int i = WN_QUEUE_TURNS - 1; i < N; i++, rest = rest->next)
        assert_ptr_equal(rest, &low[i].link);
    assert_ptr_equal(rest, &middle.link);
    assert_null(rest->next);
    wn_queue_deinit(&queue);
}

enum { N_THREADS = 3, N_ITEMS = 2000 };
static item many[N_THREADS * N_ITEMS];

typedef struct side {
    wn_queue *queue;
    item *items;
    int n_taken;
} side;

static void push_all(void *arg)
{
    side *own = arg;
    for (int i = 0; i < N_ITEMS; i++)
        wn_queue_push(own->queue, &own->items[i].link, 0);
}

static void pop_all(void *arg)
{
    side *own = arg;
    for (item *i; (i = (item *)wn_queue_pop(own->queue)) != NULL; own->n_taken++) {
        if (i->taken)
            abort();
        i->taken = true;
    }
}

static void queue_loses_and_doubles_nothing_between_threads(void **state)
{
    (void)state;
    wn_queue queue;
    wn_queue_init(&queue);
    wn_error err;
    side sides[2][N_THREADS] = {0};
    wn_thread *threads[2][N_THREADS];
    for (int i = 0; i < N_THREADS; i++) {
        sides[0][i] = (side){.queue = &queue, .items = many + i * N_ITEMS};
        sides[1][i] = (side){.queue = &queue};
        assert_ok(wn_thread_start(&threads[1][i], "pop", pop_all, &sides[1][i], &err), &err);
        assert_ok(wn_thread_start(&threads[0][i], "push", push_all, &sides[0][i], &err), &err);
    }
    for (int i = 0; i < N_THREADS; i++)
        wn_thread_join(threads[0][i]);
    wn_queue_close(&queue);
    int n = 0;
    for (int i = 0; i < N_THREADS; i++) {
        wn_thread_join(threads[1][i]);
        n += sides[1][i].n_taken;
    }
    assert_int_equal(n, N_THREADS * N_ITEMS);
    wn_queue_deinit(&queue);
}

static void cond_wait_ends_at_its_deadline(void **state)
{
    (void)state;
    wn_lock lock;
    wn_cond cond;
    wn_lock_init(&lock);
    wn_cond_init(&cond);
    uint64_t until = wn_clock_ns() + 2000000;
    wn_lock_enter(&lock);
    while (wn_cond_wait_until(&cond, &lock, until))
        ;
    assert_true(wn_clock_ns() >= until);
    wn_lock_leave(&lock);
    wn_cond_deinit(&cond);
    wn_lock_deinit(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_gives_items_in_order),
        cmocka_unit_test(queue_takes_lower_levels_first_and_starves_none),
        cmocka_unit_test(queue_closed_gives_the_rest_and_then_null),
        cmocka_unit_test(queue_loses_and_doubles_nothing_between_threads),
        cmocka_unit_test(cond_wait_ends_at_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
