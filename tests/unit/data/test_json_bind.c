/* json_bind: what is refused with which line and byte, and how fields are checked and collected. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "base/str.h"
#include "data/json_bind.h"

static wn_error err;

static void refuses(wn_str text, wn_status status, const char *message)
{
    json_t *json = NULL;
    assert_fails(wn_json_parse(&json, text, "f.json", &err), status, &err, message);
    assert_null(json);
}

static json_t *parse(const char *text)
{
    json_t *json = NULL;
    assert_ok(wn_json_parse(&json, wn_str_from(text), "f.json", &err), &err);
    return json;
}

static void damaged_documents_are_refused_with_line_and_byte(void **state)
{
    (void)state;
    refuses(WN_STR(""), WN_ERR_FORMAT, "f.json: line 1, byte 0: ");
    refuses((wn_str){NULL, 0}, WN_ERR_FORMAT, "f.json: line 1, byte 0: ");
    refuses(WN_STR("{\"a\": 1,\n \"a\": 2}"), WN_ERR_FORMAT, "f.json: line 2, byte 13: duplicate");
    refuses(WN_STR("{} x"), WN_ERR_FORMAT, "line 1, byte 4: end of file expected");
    refuses(WN_STR("{}\n{}"), WN_ERR_FORMAT, "line 2, byte 4: end of file expected");
    refuses(WN_STR("{}\0"), WN_ERR_FORMAT, "line 1, byte 2: NUL byte");
    refuses(WN_STR("{\n\"a\0b\": 1}"), WN_ERR_FORMAT, "line 2, byte 4: NUL byte");
    refuses(WN_STR("{\"a\\u0000b\": 1}"), WN_ERR_FORMAT, "NUL");
    refuses(WN_STR("{\"a\": \"\xC3(\"}"), WN_ERR_FORMAT, "line 1, byte ");
    refuses(WN_STR("{\"\xED\xA0\x80\": 1}"), WN_ERR_FORMAT, "line 1, byte ");
    refuses(WN_STR("{\"a\": \"\\ud800\"}"), WN_ERR_FORMAT, "line 1, byte ");
    refuses(WN_STR("{\"a\": \"\x01\"}"), WN_ERR_FORMAT, "control character");
    refuses(WN_STR("{\"a\": 01}"), WN_ERR_FORMAT, "line 1, byte ");
    refuses(WN_STR("{\"a\": 1e400}"), WN_ERR_FORMAT, "real number overflow");
    refuses(WN_STR("{\"a\": NaN}"), WN_ERR_FORMAT, "line 1, byte ");
    refuses(WN_STR("{\"a\": 1,}"), WN_ERR_FORMAT, "line 1, byte ");
    refuses(WN_STR("{\"a\": \"\\"), WN_ERR_FORMAT, "line 1, byte ");
    refuses(WN_STR("3"), WN_ERR_FORMAT, "'[' or '{' expected");
}

static void depth_is_limited_before_anything_recurses(void **state)
{
    (void)state;
    enum { DEEP = 1000000 };
    char *text = wn_mem_alloc(DEEP, 1);
    memset(text, '[', DEEP);
    refuses((wn_str){text, DEEP}, WN_ERR_LIMIT, "line 1, byte 64: nested deeper than 64 levels");
    for (size_t depth = 64; depth <= 65; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        json_t *json = NULL;
        wn_status status = wn_json_parse(&json, (wn_str){text, 2 * depth}, "f.json", &err);
        assert_int_equal(status, depth == 64 ? WN_OK : WN_ERR_LIMIT);
        json_decref(json);
    }
    wn_mem_free(text);
    json_decref(parse(
        "[\"\\\\\", \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"\"]"));
}

static void strings_keep_nul_and_all_of_unicode(void **state)
{
    (void)state;
    json_t *json = parse("{\"a\": \"x\\u0000y\\ud83d\\ude00\"}");
    const json_t *a = json_object_get(json, "a");
    assert_int_equal(json_string_length(a), 7);
    assert_memory_equal(json_string_value(a), "x\0y\xF0\x9F\x98\x80", 7);
    json_decref(json);
}

static void integers_beyond_64_bits_become_reals(void **state)
{
    (void)state;
    json_t *json =
        parse("{\"big\": 1000000000000000019884624838656, \"small\": 512, \"half\": 1.5}");
    wn_binder b;
    wn_binder_init(&b, json, "f.json");
    int64_t small;
    double big;
    wn_bind_int(&b, "small", &small, 1, 1000, 0);
    wn_bind_double(&b, "big", &big, 0, 1e31, 0);
    assert_int_equal(small, 512);
    assert_true(big == 1000000000000000019884624838656.0);
    wn_bind_int(&b, "big", &small, 1, INT64_MAX, 7);
    assert_int_equal(small, 7);
    wn_bind_int(&b, "half", &small, 1, 1000, 8);
    assert_int_equal(small, 8);
    assert_fails(wn_binder_end(&b, &err), WN_ERR_FORMAT, &err,
                 "f.json: field 'big': is 1e+30, expected an integer 1..");
    json_decref(json);
}

static void integers_of_64_bits_stay_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool integer;
    } cases[] = {
        {"[9223372036854775807]", true},     {"[9223372036854775808]", false},
        {"[-9223372036854775808]", true},    {"[-9223372036854775809]", false},
        {"[10000000000000000000]", false},   {"[\"10000000000000000000\", 1]", true},
        {"[0.10000000000000000000]", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json = parse(cases[i].text);
        const json_t *last = json_array_get(json, json_array_size(json) - 1);
        assert_int_equal(json_is_integer(last), cases[i].integer);
        json_decref(json);
    }
}

static void missing_and_null_fields_take_the_fallback(void **state)
{
    (void)state;
    json_t *json = parse("{\"null\": null}");
    const char *keys[] = {"null", "missing"};
    wn_binder b;
    wn_binder_init(&b, json, "f.json");
    for (size_t i = 0; i < 2; i++) {
        int64_t number;
        double real;
        bool flag;
        const char *text;
        wn_bind_int(&b, keys[i], &number, 0, 9, 5);
        wn_bind_double(&b, keys[i], &real, 0, 9, 2.5);
        wn_bind_bool(&b, keys[i], &flag, true);
        wn_bind_string(&b, keys[i], &text, "x");
        assert_int_equal(number, 5);
        assert_true(real == 2.5 && flag);
        assert_string_equal(text, "x");
    }
    assert_ok(wn_binder_end(&b, &err), &err);
    json_decref(json);
}

static void all_mistakes_are_collected_and_fallbacks_stored(void **state)
{
    (void)state;
    json_t *json =
        parse("{\"i\": 3, \"t\": \"3\", \"d\": 0, \"b\": 1, \"s\": \"a\\u0000\", \"o\": {}}");
    wn_binder b;
    wn_binder_init(&b, json, "config.json");
    int64_t i, t, r;
    double d;
    bool flag;
    const char *s, *o;
    wn_bind_int(&b, "i", &i, 1, 2, 1);
    wn_bind_int(&b, "t", &t, 1, 2, 1);
    wn_bind_int_required(&b, "r", &r, 1, 9);
    wn_bind_double(&b, "d", &d, 1e-12, 1, 0.5);
    wn_bind_bool(&b, "b", &flag, true);
    wn_bind_string(&b, "s", &s, "fallback");
    wn_bind_string(&b, "o", &o, "fallback");
    wn_binder_note(&b, "the %s", "end");
    assert_int_equal(b.n_mistakes, 8);
    assert_true(i == 1 && t == 1 && d == 0.5 && flag);
    assert_string_equal(s, "fallback");
    assert_fails(
        wn_binder_end(&b, &err), WN_ERR_FORMAT, &err,
        "config.json: field 'i': is 3, expected 1..2; field 't': is a string, expected an "
        "integer; field 'r': is missing, expected 1..9; field 'd': is 0, expected 1e-12..1; "
        "field 'b': is an integer, expected true or false; field 's': contains a NUL; "
        "field 'o': is an object, expected a string; the end");
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_documents_are_refused_with_line_and_byte),
        cmocka_unit_test(depth_is_limited_before_anything_recurses),
        cmocka_unit_test(strings_keep_nul_and_all_of_unicode),
        cmocka_unit_test(integers_beyond_64_bits_become_reals),
        cmocka_unit_test(integers_of_64_bits_stay_integers),
        cmocka_unit_test(missing_and_null_fields_take_the_fallback),
        cmocka_unit_test(all_mistakes_are_collected_and_fallbacks_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
