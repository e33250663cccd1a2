/* Lists in the values of fields. */
#include "tests/support/check.h"

#include "serve/http_request.h"

/* Each item in brackets. */
static void expect(const char *list, const char *want)
{
    char got[256] = "";
    size_t n = 0;
    wn_str rest = wn_str_from(list), item;
    while (wn_http_next_item(&rest, &item))
        n += (size_t)snprintf(got + n, sizeof got - n, "[%.*s]", WN_STR_ARG(item));
    assert_string_equal(got, want);
    assert_int_equal(rest.len, 0);
}

static void items_come_without_the_blanks_around_them(void **state)
{
    (void)state;
    expect("", "");
    expect("a", "[a]");
    expect("a,b", "[a][b]");
    expect(" a b\t, \tc ", "[a b][c]");
    expect(",a,,b", "[][a][][b]");
    expect("a,", "[a]");
    expect(" ", "[]");
}

static void trimming_takes_blanks_from_both_ends_only(void **state)
{
    (void)state;
    assert_true(wn_str_equal(wn_http_trim(WN_STR(" \t a\t b \t")), WN_STR("a\t b")));
    assert_int_equal(wn_http_trim(WN_STR("\t  ")).len, 0);
    assert_int_equal(wn_http_trim((wn_str){0}).len, 0);
    assert_true(wn_str_equal(wn_http_trim(WN_STR("\na\r")), WN_STR("\na\r")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_without_the_blanks_around_them),
        cmocka_unit_test(trimming_takes_blanks_from_both_ends_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
