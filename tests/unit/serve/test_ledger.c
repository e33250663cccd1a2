/* The ledger in memory: what is added up, what a failing store does to it, its bounds. */
#include "tests/support/check_memory_store.h"

#include "base/str.h"
#include "base/thread.h"
#include "serve/ledger.h"

static const wn_key_id alice = {"AAAA0001"}, bob = {"BBBB0001"}, nobody = {""};

typedef struct fixture {
    check_memory_store store;
    wn_ledger *ledger;
    wn_error err;
} fixture;

static int begin_test(void **state)
{
    static fixture f;
    f = (fixture){.store = check_memory_store_make()};
    *state = &f;
    return wn_ledger_new(&f.ledger, 8, &f.err) != WN_OK;
}

static int end_test(void **state)
{
    fixture *f = *state;
    wn_ledger_free(f->ledger);
    return 0;
}

static void add(fixture *f, const wn_key_id *key, int64_t minute, const char *route,
                const char *model, uint64_t tokens)
{
    const wn_usage_counts counts = {1, tokens, tokens / 2, 0};
    wn_ledger_add(f->ledger, key, minute, wn_str_from(route), wn_str_from(model), &counts);
}

static void flush(fixture *f)
{
    assert_ok(wn_ledger_flush(f->ledger, &f->store.base, NULL, &f->err), &f->err);
}

static void usage_of_the_same_minute_is_one_row(void **state)
{
    fixture *f = *state;
    const wn_usage_counts failed = {1, 0, 0, 1};
    add(f, &alice, 7, "rerank", "small", 10);
    add(f, &alice, 7, "rerank", "small", 20);
    wn_ledger_add(f->ledger, &alice, 7, WN_STR("rerank"), WN_STR("small"), &failed);
    flush(f);
    assert_int_equal(f->store.n_rows, 1);
    const wn_usage_row *row = &f->store.rows[0];
    assert_string_equal(row->key.text, "AAAA0001");
    assert_int_equal(row->minute, 7);
    assert_string_equal(row->route, "rerank");
    assert_string_equal(row->model, "small");
    assert_int_equal(row->counts.requests, 3);
    assert_int_equal(row->counts.tokens, 30);
    assert_int_equal(row->counts.cached_tokens, 15);
    assert_int_equal(row->counts.errors, 1);
}

static void rows_differ_by_key_minute_route_and_model(void **state)
{
    fixture *f = *state;
    add(f, &alice, 7, "rerank", "small", 1);
    add(f, &bob, 7, "rerank", "small", 2);
    add(f, &nobody, 7, "rerank", "small", 4);
    add(f, &alice, 8, "rerank", "small", 8);
    add(f, &alice, 7, "embed", "small", 16);
    add(f, &alice, 7, "rerank", "large", 32);
    flush(f);
    assert_int_equal(f->store.n_rows, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(f->store.rows[i].counts.tokens, 1 << i);
}

static void nothing_gathered_is_nothing_written(void **state)
{
    fixture *f = *state;
    flush(f);
    add(f, &alice, 7, "rerank", "small", 1);
    flush(f);
    flush(f);
    assert_int_equal(f->store.n_batches, 1);
}

static void what_no_store_has_yet_is_known(void **state)
{
    fixture *f = *state;
    assert_int_equal(wn_ledger_n_waiting(f->ledger), 0);
    add(f, &alice, 7, "rerank", "small", 1);
    f->store.failure = WN_ERR_IO;
    assert_fails(wn_ledger_flush(f->ledger, &f->store.base, NULL, &f->err), WN_ERR_IO, &f->err,
                 "told to fail");
    add(f, &alice, 7, "rerank", "small", 1);
    assert_int_equal(wn_ledger_n_waiting(f->ledger), 2);
    f->store.failure = WN_OK;
    flush(f);
    assert_int_equal(wn_ledger_n_waiting(f->ledger), 1);
    flush(f);
    assert_int_equal(wn_ledger_n_waiting(f->ledger), 0);
}

static void batches_are_numbered_upwards(void **state)
{
    fixture *f = *state;
    uint64_t last = 0, instance = 0;
    for (int i = 0; i < 5; i++) {
        add(f, &alice, 7, "rerank", "small", 1);
        flush(f);
        assert_true(f->store.sequence > last);
        assert_true(i == 0 || f->store.instance == instance);
        assert_int_equal(f->store.n_rows, 1);
        assert_int_equal(f->store.rows[0].counts.tokens, 1);
        last = f->store.sequence;
        instance = f->store.instance;
    }
}

static void a_batch_that_failed_is_written_again_as_it_was(void **state)
{
    fixture *f = *state;
    f->store.failure = WN_ERR_IO;
    add(f, &alice, 7, "rerank", "small", 1);
    assert_fails(wn_ledger_flush(f->ledger, &f->store.base, NULL, &f->err), WN_ERR_IO, &f->err,
                 "told to fail");
    uint64_t sequence = f->store.sequence;
    add(f, &alice, 7, "rerank", "small", 2);
    assert_int_equal(wn_ledger_flush(f->ledger, &f->store.base, NULL, &f->err), WN_ERR_IO);
    assert_int_equal(f->store.sequence, sequence);
    assert_int_equal(f->store.rows[0].counts.tokens, 1);
    f->store.failure = WN_OK;
    flush(f);
    assert_int_equal(f->store.sequence, sequence);
    assert_int_equal(f->store.rows[0].counts.tokens, 1);
    flush(f);
    assert_true(f->store.sequence > sequence);
    assert_int_equal(f->store.rows[0].counts.tokens, 2);
}

static void what_finds_no_room_is_counted_as_lost(void **state)
{
    fixture *f = *state;
    for (int minute = 1; minute <= 10; minute++)
        add(f, &alice, minute, "rerank", "small", 1);
    add(f, &alice, 3, "rerank", "small", 1);
    assert_int_equal(wn_ledger_n_lost(f->ledger), 2);
    flush(f);
    assert_int_equal(f->store.n_rows, 8);
    assert_int_equal(f->store.rows[2].counts.tokens, 2);
    add(f, &alice, 9, "rerank", "small", 1);
    assert_int_equal(wn_ledger_n_lost(f->ledger), 2);
}

static void names_too_long_are_cut(void **state)
{
    fixture *f = *state;
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    add(f, &alice, 7, name, name, 1);
    wn_ledger_add(f->ledger, &alice, 7, (wn_str){NULL, 0}, (wn_str){NULL, 0},
                  &(wn_usage_counts){.requests = 1});
    flush(f);
    assert_int_equal(strlen(f->store.rows[0].route), WN_ROUTE_NAME_MAX);
    assert_int_equal(strlen(f->store.rows[0].model), WN_MODEL_NAME_MAX);
    assert_string_equal(f->store.rows[1].route, "");
}

static void quotas_learn_what_was_written_and_only_then(void **state)
{
    fixture *f = *state;
    wn_quota *quota = NULL;
    wn_key_record record = wn_key_record_default();
    record.id = alice;
    record.limits.prepaid_tokens = 100;
    f->store.totals[0] = (wn_key_total){.key = alice};
    f->store.n_totals = 1;
    assert_ok(wn_quota_new(&quota, &f->err), &f->err);
    assert_ok(wn_quota_refresh(quota, &f->store.base, 0, &f->err), &f->err);
    assert_int_equal(wn_quota_charge(quota, &record, 60, 0), WN_QUOTA_OK);
    add(f, &alice, 0, "rerank", "small", 60);
    f->store.failure = WN_ERR_IO;
    assert_int_equal(wn_ledger_flush(f->ledger, &f->store.base, quota, &f->err), WN_ERR_IO);
    f->store.failure = WN_OK;
    assert_ok(wn_quota_refresh(quota, &f->store.base, 0, &f->err), &f->err);
    assert_int_equal(wn_quota_charge(quota, &record, 41, 0), WN_QUOTA_PREPAID);
    assert_ok(wn_ledger_flush(f->ledger, &f->store.base, quota, &f->err), &f->err);
    assert_int_equal(wn_quota_charge(quota, &record, 41, 0), WN_QUOTA_PREPAID);
    f->store.totals[0].all_tokens = 60;
    assert_ok(wn_quota_refresh(quota, &f->store.base, 0, &f->err), &f->err);
    assert_int_equal(wn_quota_charge(quota, &record, 41, 0), WN_QUOTA_PREPAID);
    assert_int_equal(wn_quota_charge(quota, &record, 40, 0), WN_QUOTA_OK);
    wn_quota_free(quota);
}

enum { N_THREADS = 3, N_ADDS = 20000 };

static void add_often(void *arg)
{
    for (int i = 0; i < N_ADDS; i++)
        add(arg, i % 2 == 0 ? &alice : &bob, i % 3, "rerank", "small", 1);
}

static void nothing_is_lost_between_threads(void **state)
{
    fixture *f = *state;
    wn_thread *threads[N_THREADS];
    uint64_t sum = 0;
    for (int i = 0; i < N_THREADS; i++)
        assert_ok(wn_thread_start(&threads[i], "add", add_often, f, &f->err), &f->err);
    for (int i = 0; i < N_THREADS; i++) {
        flush(f);
        for (size_t k = 0; k < f->store.n_rows; k++)
            sum += f->store.rows[k].counts.tokens;
        f->store.n_rows = 0;
        wn_thread_join(threads[i]);
    }
    flush(f);
    for (size_t k = 0; k < f->store.n_rows; k++)
        sum += f->store.rows[k].counts.tokens;
    assert_int_equal(sum, N_THREADS * N_ADDS);
}

int main(void)
{
#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(usage_of_the_same_minute_is_one_row),
        LEDGER_TEST(rows_differ_by_key_minute_route_and_model),
        LEDGER_TEST(nothing_gathered_is_nothing_written),
        LEDGER_TEST(what_no_store_has_yet_is_known),
        LEDGER_TEST(batches_are_numbered_upwards),
        LEDGER_TEST(a_batch_that_failed_is_written_again_as_it_was),
        LEDGER_TEST(what_finds_no_room_is_counted_as_lost),
        LEDGER_TEST(names_too_long_are_cut),
        LEDGER_TEST(quotas_learn_what_was_written_and_only_then),
        LEDGER_TEST(nothing_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
