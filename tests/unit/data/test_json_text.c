/* JSON as text: escapes, numbers that read back, values found in a text. */
#include "tests/support/check.h"

#include "base/str.h"
#include "data/json_text.h"
#include "data/json_bind.h"

#include <math.h>

static void expect(wn_buf *out, const char *want)
{
    wn_buf_push_byte(out, '\0');
    assert_false(out->failed);
    assert_string_equal(out->ptr, want);
    wn_buf_deinit(out);
}

static void json_text_escapes_quotes_and_control_characters(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    wn_json_push_string(&out, WN_STR("a\"b\\c\n\t\r\x01\x1f\x7f"));
    expect(&out, "\"a\\\"b\\\\c\\n\\t\\r\\u0001\\u001f\\u007f\"");
    wn_json_push_string(&out, WN_STR("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0\xc3\x9b"));
    expect(&out, "\"\\u0080\\u009b\\u009f\xc2\xa0\xc3\x9b\"");
    wn_json_push_string(&out, (wn_str){NULL, 0});
    expect(&out, "\"\"");
    wn_json_push_cell(&out, WN_STR("a\"b\\c\td"));
    expect(&out, "a\"b\\\\c\\td");
    wn_json_push_string(&out, (wn_str){"a\0b", 3});
    expect(&out, "\"a\\u0000b\"");
}

static void json_text_compacts_outside_of_strings_only(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    wn_json_push_compact(&out, WN_STR(" { \"a b\" : [ 1.50 ,\n\t\"\\\" \\\\\" , null ] }\r\n"));
    expect(&out, "{\"a b\":[1.50,\"\\\" \\\\\",null]}");
    wn_json_push_compact(&out, WN_STR("\"x\x7f\xc2\x9b\""));
    expect(&out, "\"x\\u007f\\u009b\"");
}

static void json_text_numbers_have_a_point_or_an_exponent(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    wn_json_push_float(&out, 3);
    wn_json_push_float(&out, -0.0f);
    expect(&out, "3.0-0.0");
    wn_json_push_float(&out, 0.1f);
    expect(&out, "0.1");
    wn_json_push_double(&out, 1e300);
    expect(&out, "1e+300");
    wn_json_push_double(&out, 0.1 + 0.2);
    expect(&out, "0.30000000000000004");
}

/* A fixed sequence of 64 bits (SplitMix64). */
static uint64_t next_bits(uint64_t *at)
{
    uint64_t z = (*at += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void json_text_numbers_read_back_as_the_same_bits(void **state)
{
    (void)state;
    uint64_t at = 1;
    wn_buf out = WN_BUF_INIT;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = next_bits(&at);
        uint32_t half = (uint32_t)bits;
        double wide;
        float narrow;
        memcpy(&wide, &bits, sizeof wide);
        memcpy(&narrow, &half, sizeof narrow);
        wn_buf_clear(&out);
        if (isfinite(wide)) {
            wn_json_push_double(&out, wide);
            wn_buf_push_byte(&out, '\0');
            double back = strtod(out.ptr, NULL);
            assert_memory_equal(&back, &wide, sizeof wide);
        }
        wn_buf_clear(&out);
        if (isfinite(narrow)) {
            wn_json_push_float(&out, narrow);
            wn_buf_push_byte(&out, '\0');
            float back = strtof(out.ptr, NULL);
            assert_memory_equal(&back, &narrow, sizeof narrow);
        }
    }
    wn_buf_deinit(&out);
}

/* All values of a container, joined by bars. */
static void expect_values(const char *container, const char *want)
{
    wn_buf out = WN_BUF_INIT;
    wn_str value;
    wn_json_walk walk = wn_json_walk_begin(wn_str_from(container));
    while (wn_json_walk_next(&walk, &value)) {
        wn_buf_push_str(&out, value);
        wn_buf_push_byte(&out, '|');
    }
    expect(&out, want);
}

static void json_text_walk_gives_values_as_they_are_written(void **state)
{
    (void)state;
    expect_values("[]", "");
    expect_values(" { } ", "");
    expect_values("[1,-2.50e3,true]", "1|-2.50e3|true|");
    expect_values("[ \"a,]\" , [1,[2]] ,{\"b\":\"}\"} ]", "\"a,]\"|[1,[2]]|{\"b\":\"}\"}|");
    expect_values("{\"a\":1,\n\"b:,\" : \"x\\\"y\" , \"c\":{}}", "1|\"x\\\"y\"|{}|");
    expect_values("[\"\\\\\",\"\\\\\\\"\"]", "\"\\\\\"|\"\\\\\\\"\"|");
}

static void json_text_walk_has_the_order_of_the_parser(void **state)
{
    (void)state;
    wn_str text = WN_STR("{\"z\": 0, \"a\": 1, \"m\": 2, \"\\u0062\": 3, \"10\": 4, \"9\": 5}");
    wn_error err;
    json_t *json = NULL;
    assert_ok(wn_json_parse(&json, text, "t", &err), &err);
    wn_json_walk walk = wn_json_walk_begin(text);
    const char *name;
    json_t *value;
    wn_str source;
    int n = 0;
    json_object_foreach(json, name, value)
    {
        assert_true(wn_json_walk_next(&walk, &source));
        assert_int_equal(source.ptr[0] - '0', json_integer_value(value));
        n++;
    }
    assert_int_equal(n, 6);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_text_escapes_quotes_and_control_characters),
        cmocka_unit_test(json_text_compacts_outside_of_strings_only),
        cmocka_unit_test(json_text_numbers_have_a_point_or_an_exponent),
        cmocka_unit_test(json_text_numbers_read_back_as_the_same_bits),
        cmocka_unit_test(json_text_walk_gives_values_as_they_are_written),
        cmocka_unit_test(json_text_walk_has_the_order_of_the_parser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
