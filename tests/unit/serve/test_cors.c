/* Pages of other origins: only those that are listed, and what a browser asks first. */
#include "tests/support/check.h"

#include "base/str.h"
#include "serve/cors.h"

static const char *fields_for(wn_reply *reply, const char *origins, wn_http_method method,
                              const char *origin, bool asks)
{
    wn_http_field fields[2] = {{WN_STR("Host"), WN_STR("a")}, {WN_STR("Host"), WN_STR("a")}};
    if (origin != NULL)
        fields[0] = (wn_http_field){WN_STR("origin"), wn_str_from(origin)};
    if (asks)
        fields[1] = (wn_http_field){WN_STR("Access-Control-Request-Method"), WN_STR("POST")};
    const wn_http_request request = {.method = method, .fields = fields, .n_fields = 2};
    wn_reply_deinit(reply);
    assert_int_equal(wn_cors_is_preflight(&request),
                     method == WN_HTTP_OPTIONS && asks && origin != NULL);
    assert_true(wn_cors_push(reply, &request, wn_str_from(origins)));
    wn_buf_push_byte(&reply->fields, '\0');
    return reply->fields.ptr;
}

static bool contains(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void only_listed_origins_get_fields(void **state)
{
    (void)state;
    static const char list[] = "https://a.example, http://b.example:81";
    wn_reply reply = {0};
    const char *f = fields_for(&reply, "", WN_HTTP_POST, "https://a.example", false);
    assert_string_equal(f, "");
    f = fields_for(&reply, list, WN_HTTP_POST, "https://a.example", false);
    assert_true(contains(f, "Access-Control-Allow-Origin: https://a.example\r\n"));
    assert_true(contains(f, "Vary: Origin\r\n") && contains(f, "Access-Control-Expose-Headers: "));
    assert_false(contains(f, "Access-Control-Allow-Methods"));
    f = fields_for(&reply, list, WN_HTTP_GET, "http://b.example:81", false);
    assert_true(contains(f, "Access-Control-Allow-Origin: http://b.example:81\r\n"));
    static const char *const others[] = {"https://b.example:81",   "http://b.example",  "null",
                                         "https://a.example.evil", "https://A.example", ""};
    for (size_t i = 0; i < WN_ARRAY_LEN(others); i++) {
        f = fields_for(&reply, list, WN_HTTP_POST, others[i], true);
        assert_string_equal(f, "Vary: Origin\r\n");
    }
    f = fields_for(&reply, list, WN_HTTP_POST, NULL, false);
    assert_string_equal(f, "Vary: Origin\r\n");
    f = fields_for(&reply, "*", WN_HTTP_POST, "null", false);
    assert_true(contains(f, "Access-Control-Allow-Origin: *\r\n") && !contains(f, "Vary"));
    wn_reply_deinit(&reply);
}

static void question_before_is_answered(void **state)
{
    (void)state;
    wn_reply reply = {0};
    const char *f = fields_for(&reply, "*", WN_HTTP_OPTIONS, "https://a.example", true);
    assert_true(contains(f, "Access-Control-Allow-Methods: GET, POST") &&
                contains(f, "Access-Control-Allow-Headers: Authorization, Content-Type") &&
                contains(f, "Access-Control-Max-Age: 7200\r\n"));
    f = fields_for(&reply, "*", WN_HTTP_OPTIONS, "https://a.example", false);
    assert_false(contains(f, "Max-Age"));
    f = fields_for(&reply, "https://b.example", WN_HTTP_OPTIONS, "https://a.example", true);
    assert_string_equal(f, "Vary: Origin\r\n");
    wn_reply_deinit(&reply);
}

static void list_that_cannot_be_meant_is_refused(void **state)
{
    (void)state;
    static const char *const good[] = {"*", "https://a", "http://a:1,app://b ,https://[::1]:8"};
    static const char *const bad[] = {"a.example",   "https://",    "https://a/",
                                      "://a",        "https://a,*", "https://*.a",
                                      "https://a b", "https:/a",    "https://a,,http://b"};
    wn_str wrong;
    for (size_t i = 0; i < WN_ARRAY_LEN(good); i++)
        assert_true(wn_cors_is_valid(wn_str_from(good[i]), &wrong));
    for (size_t i = 0; i < WN_ARRAY_LEN(bad); i++) {
        if (wn_cors_is_valid(wn_str_from(bad[i]), &wrong))
            fail_msg("'%s' is taken for a list of origins", bad[i]);
    }
    assert_false(wn_cors_is_valid(WN_STR("https://a, b"), &wrong));
    assert_true(wn_str_equal(wrong, WN_STR("b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_listed_origins_get_fields),
        cmocka_unit_test(question_before_is_answered),
        cmocka_unit_test(list_that_cannot_be_meant_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
