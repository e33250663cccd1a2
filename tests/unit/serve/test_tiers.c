/* Tiers: the published table, a key's own limits, and the numbers the limiter counts by. */
#include "tests/support/check.h"

#include "serve/tiers.h"

static void the_table_is_the_published_one(void **state)
{
    (void)state;
    static const struct {
        const char *tier;
        wn_product product;
        uint64_t requests, tokens;
    } rows[] = {
        {"key", WN_PRODUCT_RERANK, 500, 1000000},  {"premium", WN_PRODUCT_RERANK, 2000, 5000000},
        {"key", WN_PRODUCT_CLASSIFY, 200, 500000}, {"premium", WN_PRODUCT_CLASSIFY, 1000, 3000000},
        {"key", WN_PRODUCT_TRAIN, 20, 200000},     {"premium", WN_PRODUCT_TRAIN, 60, 1000000},
        {"none", WN_PRODUCT_SEGMENT, 20, 0},       {"key", WN_PRODUCT_SEGMENT, 200, 0},
        {"premium", WN_PRODUCT_SEGMENT, 1000, 0},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(rows); i++) {
        wn_limits limits = wn_tier_limits(rows[i].tier, rows[i].product, NULL);
        assert_true(wn_tier_allows(rows[i].tier, rows[i].product));
        assert_int_equal(limits.per_minute[WN_RATE_REQUESTS], rows[i].requests);
        assert_int_equal(limits.per_minute[WN_RATE_TOKENS], rows[i].tokens);
        assert_int_equal(limits.burst_s, 60);
        assert_int_equal(limits.concurrency, 0);
    }
}

static void without_a_key_only_segmenting_is_allowed(void **state)
{
    (void)state;
    for (wn_product product = 0; product < WN_PRODUCT_COUNT; product++)
        assert_int_equal(wn_tier_allows(WN_TIER_NONE, product), product == WN_PRODUCT_SEGMENT);
}

static void tiers_are_known_by_name(void **state)
{
    (void)state;
    assert_true(wn_tier_exists("none"));
    assert_true(wn_tier_exists("key"));
    assert_true(wn_tier_exists("premium"));
    assert_false(wn_tier_exists("gold"));
    assert_string_equal(wn_tier_name(0), "none");
    assert_string_equal(wn_tier_name(1), "key");
    assert_string_equal(wn_tier_name(2), "premium");
    assert_null(wn_tier_name(3));
    assert_int_equal(wn_tier_limits("gold", WN_PRODUCT_RERANK, NULL).per_minute[0], 500);
    assert_true(wn_tier_allows("gold", WN_PRODUCT_RERANK));
}

static void limits_of_the_key_itself_come_first(void **state)
{
    (void)state;
    wn_key_limits own = wn_key_record_default().limits;
    wn_limits limits = wn_tier_limits("key", WN_PRODUCT_RERANK, &own);
    assert_int_equal(limits.per_minute[WN_RATE_REQUESTS], 500);
    assert_int_equal(limits.per_minute[WN_RATE_TOKENS], 1000000);
    assert_int_equal(limits.burst_s, 60);
    assert_int_equal(limits.concurrency, 0);
    own.requests_per_minute = 0;
    own.tokens_per_minute = 7;
    own.burst_s = 0;
    own.concurrency = 3;
    limits = wn_tier_limits("key", WN_PRODUCT_RERANK, &own);
    assert_int_equal(limits.per_minute[WN_RATE_REQUESTS], 0);
    assert_int_equal(limits.per_minute[WN_RATE_TOKENS], 7);
    assert_int_equal(limits.burst_s, 0);
    assert_int_equal(limits.concurrency, 3);
}

static void a_key_has_another_number_for_each_product(void **state)
{
    (void)state;
    static const wn_key_id ids[] = {{"AAAAAAAA"}, {"AAAAAAAB"}, {"zzzzzzzz"}, {"00000000"}};
    enum { N = WN_ARRAY_LEN(ids) * WN_PRODUCT_COUNT };
    uint64_t numbers[N];
    size_t n = 0;
    for (size_t i = 0; i < WN_ARRAY_LEN(ids); i++)
        for (wn_product product = 0; product < WN_PRODUCT_COUNT; product++)
            numbers[n++] = wn_limit_number_of_key(&ids[i], product);
    for (size_t i = 0; i < N; i++) {
        assert_true(numbers[i] >> 63 == 0 && numbers[i] != 0);
        for (size_t k = 0; k < i; k++)
            assert_true(numbers[i] != numbers[k]);
    }
}

static uint64_t number(const char *address)
{
    return wn_limit_number_of_address(address, 42, WN_PRODUCT_RERANK);
}

static void an_address_counts_by_its_host_or_its_network(void **state)
{
    (void)state;
    assert_true(number("192.0.2.1") == number("192.0.2.1"));
    assert_true(number("192.0.2.1") != number("192.0.2.2"));
    assert_true(number("192.0.2.1") == number("::ffff:192.0.2.1"));
    assert_true(number("2001:db8:1:2::1") == number("2001:db8:1:2:ffff::"));
    assert_true(number("2001:db8:1:2::1") != number("2001:db8:1:3::1"));
    assert_true(number("no address") == number(""));
    assert_true(number("192.0.2.1") >> 63 == 1);
    assert_true(number("192.0.2.1") !=
                wn_limit_number_of_address("192.0.2.1", 43, WN_PRODUCT_RERANK));
    assert_true(number("192.0.2.1") !=
                wn_limit_number_of_address("192.0.2.1", 42, WN_PRODUCT_SEGMENT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_the_published_one),
        cmocka_unit_test(without_a_key_only_segmenting_is_allowed),
        cmocka_unit_test(tiers_are_known_by_name),
        cmocka_unit_test(limits_of_the_key_itself_come_first),
        cmocka_unit_test(a_key_has_another_number_for_each_product),
        cmocka_unit_test(an_address_counts_by_its_host_or_its_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
