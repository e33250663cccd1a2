/* The fork-join pool: every item once, nothing before or after the call, pools independent. */
#include "tests/support/check.h"

#include "base/pool.h"

#include <stdatomic.h>

typedef struct sums {
    _Atomic int hits[1000];
    _Atomic int worker_out_of_range;
    int32_t n_threads;
} sums;

static void count_hit(void *arg, size_t item, int32_t worker)
{
    sums *s = arg;
    atomic_fetch_add(&s->hits[item], 1);
    if (worker < 0 || worker >= s->n_threads)
        atomic_fetch_add(&s->worker_out_of_range, 1);
}

static void pool_runs_every_item_once(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 5; n_threads++) {
        wn_pool *pool = NULL;
        wn_error err;
        assert_ok(wn_pool_new(&pool, n_threads, &err), &err);
        assert_int_equal(wn_pool_n_threads(pool), n_threads);
        for (size_t n_items = 0; n_items <= 1000; n_items = n_items * 3 + 1) {
            static sums s;
            memset(&s, 0, sizeof s);
            s.n_threads = n_threads;
            for (int turn = 1; turn <= 20; turn++) {
                wn_pool_run(pool, n_items, count_hit, &s);
                for (size_t i = 0; i < 1000; i++)
                    assert_int_equal(s.hits[i], i < n_items ? turn : 0);
            }
            assert_int_equal(s.worker_out_of_range, 0);
        }
        wn_pool_free(pool);
    }
}

static void null_pool_runs_on_the_caller(void **state)
{
    (void)state;
    static sums s;
    s.n_threads = 1;
    wn_pool_run(NULL, 10, count_hit, &s);
    assert_int_equal(s.hits[9], 1);
    assert_int_equal(s.worker_out_of_range, 0);
    wn_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_runs_every_item_once),
        cmocka_unit_test(null_pool_runs_on_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
