/* Price tables are read or refused with their line. */
#include "tests/support/check.h"

#include "base/str.h"
#include "cli/price_file.h"

#define HEAD "currency: EUR\nmodels:\n"

static wn_prices parsed(const char *text)
{
    wn_prices prices;
    wn_error err = {0};
    assert_ok(wn_prices_parse(&prices, wn_str_from(text), "p.yaml", &err), &err);
    return prices;
}

static void refused(const char *text, const char *why)
{
    wn_prices prices;
    wn_error err;
    assert_fails(wn_prices_parse(&prices, wn_str_from(text), "p.yaml", &err), WN_ERR_FORMAT, &err,
                 why);
}

static void a_table_has_a_currency_and_prices_of_models(void **state)
{
    (void)state;
    wn_prices p = parsed("# prices\ncurrency: EUR\nissuer: A & B\nnote: 'Thanks: bye'\nmodels:\n"
                         "  a: {tokens: 0.02, cached_tokens: 0.002}\n  '*': {tokens: 12}\n");
    assert_string_equal(p.currency, "EUR");
    assert_int_equal(p.decimals, 2);
    assert_string_equal(p.issuer, "A & B");
    assert_string_equal(p.note, "Thanks: bye");
    assert_int_equal(p.n_models, 2);
    const wn_price *a = wn_prices_find(&p, "a"), *b = wn_prices_find(&p, "b");
    assert_int_equal(a->tokens, 20000);
    assert_true(a->has_cached);
    assert_int_equal(a->cached_tokens, 2000);
    assert_int_equal(b->tokens, 12000000);
    assert_false(b->has_cached);
    p = parsed("currency: JPY\ndecimals: 0\nmodels: {a: {tokens: 0.000001}}");
    assert_int_equal(p.decimals, 0);
    assert_int_equal(wn_prices_find(&p, "a")->tokens, 1);
    assert_null(wn_prices_find(&p, "b"));
}

static void mistakes_name_their_line(void **state)
{
    (void)state;
    refused("", "no price table");
    refused("- a", "no price table");
    refused("currency: EUR", "has no models");
    refused("models: {a: {tokens: 1}}", "has no currency");
    refused("currency: Euro\nmodels: {a: {tokens: 1}}", "line 1: 'currency' is 'Euro'");
    refused("currency: EUR\ndecimals: 7\n", "line 2: 'decimals' is '7', expected 0 to 6");
    refused("currency: EUR\nprice: 7\n", "line 2: 'price' is not known");
    refused(HEAD "  a: 3\n", "line 3: 'a' has no prices");
    refused(HEAD "  a: {cached_tokens: 1}\n", "line 3: 'a' has no price of tokens");
    refused(HEAD "  a: {tokens: 1, words: 2}\n", "line 3: 'words' has no price");
    refused(HEAD "  a: {tokens: 1, tokens: 2}\n", "'tokens' is given a second time");
    refused(HEAD "  a: {tokens: 1}\n  a: {tokens: 2}\n", "line 4: 'a' is given a second time");
    refused("models: [", "p.yaml line");
    refused("issuer: \"a\\nb\"\n", "line 1: 'issuer' is no text");
    refused("? [a]\n: b\n", "line 1: expected a name");
    static const char *const numbers[] = {"0,02", "-1", "1e3",          ".5",        "1.",
                                          "",     "0x", "1234567890.0", "0.0000001", "1 "};
    for (size_t i = 0; i < WN_ARRAY_LEN(numbers); i++) {
        char text[128];
        snprintf(text, sizeof text, HEAD "  a: {tokens: '%s'}\n", numbers[i]);
        refused(text, "line 3: 'tokens' is '");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_has_a_currency_and_prices_of_models),
        cmocka_unit_test(mistakes_name_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
