/* The parameters of a query, one by one. */
#include "tests/support/check.h"

#include "serve/http_request.h"

/* "name|value;" of all. */
static void expect(const char *query, const char *want)
{
    char got[256] = "";
    size_t n = 0;
    wn_str rest = wn_str_from(query);
    wn_buf name = WN_BUF_INIT, value = WN_BUF_INIT;
    while (wn_http_next_parameter(&rest, &name, &value))
        n += (size_t)snprintf(got + n, sizeof got - n, "%.*s|%.*s;", WN_STR_ARG(wn_buf_str(&name)),
                              WN_STR_ARG(wn_buf_str(&value)));
    assert_string_equal(got, want);
    assert_int_equal(rest.len, 0);
    wn_buf_deinit(&name);
    wn_buf_deinit(&value);
}

static void parameters_come_in_their_order(void **state)
{
    (void)state;
    expect("", "");
    expect("a=1", "a|1;");
    expect("a=1&b=2&a=3", "a|1;b|2;a|3;");
    expect("a", "a|;");
    expect("a=&=b&", "a|;|b;");
    expect("&&a=b=c&&", "a|b=c;");
}

static void parameters_are_decoded(void **state)
{
    (void)state;
    expect("from=2026%2D11&by=day%2cmodel", "from|2026-11;by|day,model;");
    expect("a+b=c+%2B", "a b|c +;");
    expect("a=%c3%BC", "a|\xc3\xbc;");
    expect("a%3db%26=1", "a=b&|1;");
}

static void a_percent_sign_that_begins_nothing_stays(void **state)
{
    (void)state;
    expect("a=%&b=%4&c=%4g&d=%zz&e=100%", "a|%;b|%4;c|%4g;d|%zz;e|100%;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_come_in_their_order),
        cmocka_unit_test(parameters_are_decoded),
        cmocka_unit_test(a_percent_sign_that_begins_nothing_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
