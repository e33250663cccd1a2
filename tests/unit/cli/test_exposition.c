/* Samples of the text that Prometheus reads. */
#include "tests/support/check.h"

#include "cli/exposition.h"

/* "name[labels]=value;" of all. */
static void expect(const char *text, const char *want)
{
    char got[512] = "";
    size_t n = 0;
    wn_str rest = wn_str_from(text);
    for (wn_sample s; wn_exposition_next(&rest, &s);)
        n += (size_t)snprintf(got + n, sizeof got - n, "%.*s[%.*s]=%g;", WN_STR_ARG(s.name),
                              WN_STR_ARG(s.labels), s.value);
    assert_string_equal(got, want);
    assert_int_equal(rest.len, 0);
}

static void samples_come_in_their_order(void **state)
{
    (void)state;
    expect("", "");
    expect("# HELP a What.\n# TYPE a counter\na 1\nb 2.5\n", "a[]=1;b[]=2.5;");
    expect("a{x=\"1\",y=\"2\"} 3\na{} 4", "a[x=\"1\",y=\"2\"]=3;a[]=4;");
    expect("wn:x_1\t7 1700000000\r\n", "wn:x_1[]=7;");
    expect("a +Inf\nb -Inf\nc NaN\nd 1e3\n", "a[]=inf;b[]=-inf;c[]=nan;d[]=1000;");
    expect(" a { x = \"1\" , } 3\n", "a[ x = \"1\" , ]=3;");
}

static void braces_and_quotes_in_a_label_are_part_of_it(void **state)
{
    (void)state;
    expect("a{x=\"}\"} 1\na{x=\"\\\"}\\\\\"} 2\n", "a[x=\"}\"]=1;a[x=\"\\\"}\\\\\"]=2;");
}

static void broken_lines_are_passed_over(void **state)
{
    (void)state;
    expect("a\na 1x\na{x} 1\na{x=\"1} 1\na{x=\"1\" 1\n{x=\"1\"} 1\n\"a\" 1\n=\nb 2\n", "b[]=2;");
    expect("a 1111111111111111111111111111111111111111111111111111111111111111111\nb 2", "b[]=2;");
    expect("a{x=\"\\", "");
}

static void labels_are_found_by_name(void **state)
{
    (void)state;
    wn_sample s;
    wn_str rest = WN_STR("a{route=\"rerank\",le=\"0.5\",e=\"\"} 1");
    assert_true(wn_exposition_next(&rest, &s));
    assert_true(wn_str_equal(wn_sample_label(&s, "le"), WN_STR("0.5")));
    assert_true(wn_str_equal(wn_sample_label(&s, "route"), WN_STR("rerank")));
    assert_int_equal(wn_sample_label(&s, "e").len, 0);
    assert_int_equal(wn_sample_label(&s, "rout").len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_come_in_their_order),
        cmocka_unit_test(braces_and_quotes_in_a_label_are_part_of_it),
        cmocka_unit_test(broken_lines_are_passed_over),
        cmocka_unit_test(labels_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
