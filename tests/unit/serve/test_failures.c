/* The latest failures of a key are kept, in room that does not grow, whatever others do. */
#include "tests/support/check.h"

#include "serve/failures.h"

static wn_failures *failures;

static int begin_test(void **state)
{
    wn_error err;
    (void)state;
    return wn_failures_new(&failures, &err) != WN_OK;
}

static int end_test(void **state)
{
    (void)state;
    wn_failures_free(failures);
    return 0;
}

static wn_key_id id_of(unsigned number)
{
    wn_key_id id;
    snprintf(id.text, sizeof id.text, "K%07u", number);
    return id;
}

static void add(unsigned key, int32_t status)
{
    wn_failure failure = {.key = id_of(key),
                          .at_s = 1000 + status,
                          .route = "rerank",
                          .code = "X",
                          .status = status,
                          .request_id = "r"};
    wn_failures_add(failures, &failure);
}

static size_t list(wn_failure *out, unsigned key)
{
    wn_key_id id = id_of(key);
    return wn_failures_list(failures, out, &id);
}

static void a_key_has_its_own_newest_first(void **state)
{
    (void)state;
    wn_failure out[WN_FAILURES_SHOWN];
    assert_int_equal(list(out, 1), 0);
    add(1, 400);
    add(2, 500);
    add(1, 422);
    assert_int_equal(list(out, 1), 2);
    assert_int_equal(out[0].status, 422);
    assert_int_equal(out[0].at_s, 1422);
    assert_int_equal(out[1].status, 400);
    assert_string_equal(out[1].code, "X");
    assert_int_equal(list(out, 2), 1);
    assert_int_equal(list(out, 3), 0);
}

static void the_oldest_of_a_key_go_first(void **state)
{
    (void)state;
    wn_failure out[WN_FAILURES_SHOWN];
    for (int32_t i = 0; i < 3 * WN_FAILURES_OF_KEY + 5; i++)
        add(1, 400 + i);
    assert_int_equal(list(out, 1), WN_FAILURES_OF_KEY);
    for (int32_t i = 0; i < WN_FAILURES_OF_KEY; i++)
        assert_int_equal(out[i].status, 400 + 3 * WN_FAILURES_OF_KEY + 4 - i);
}

static void all_of_them_are_the_newest_of_every_key(void **state)
{
    (void)state;
    wn_failure out[WN_FAILURES_SHOWN];
    for (int32_t i = 0; i < 3 * WN_FAILURES_SHOWN; i++)
        add((unsigned)i, i);
    assert_int_equal(wn_failures_list(failures, out, NULL), WN_FAILURES_SHOWN);
    for (int32_t i = 0; i < WN_FAILURES_SHOWN; i++)
        assert_int_equal(out[i].status, 3 * WN_FAILURES_SHOWN - 1 - i);
}

static void a_noisy_key_leaves_most_others_what_they_have(void **state)
{
    (void)state;
    wn_failure out[WN_FAILURES_SHOWN];
    size_t n_left = 0;
    for (unsigned i = 1; i <= 100; i++)
        add(i, 400);
    for (int i = 0; i < 10000; i++)
        add(0, 429);
    for (unsigned i = 1; i <= 100; i++)
        n_left += list(out, i);
    assert_in_range(n_left, 90, 100);
}

static void without_a_key_is_a_key_of_its_own(void **state)
{
    (void)state;
    wn_failure out[WN_FAILURES_SHOWN], failure = {.route = "score", .status = 503};
    wn_key_id none = {{0}};
    wn_failures_add(failures, &failure);
    add(1, 400);
    assert_int_equal(wn_failures_list(failures, out, &none), 1);
    assert_string_equal(out[0].route, "score");
    assert_null(out[0].code);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_has_its_own_newest_first),
        TEST(the_oldest_of_a_key_go_first),
        TEST(all_of_them_are_the_newest_of_every_key),
        TEST(a_noisy_key_leaves_most_others_what_they_have),
        TEST(without_a_key_is_a_key_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
