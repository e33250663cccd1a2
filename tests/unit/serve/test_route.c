/* Which route a request has. */
#include "tests/support/check.h"

#include "base/str.h"
#include "serve/route.h"

static wn_route_match find(wn_http_method method, const char *path)
{
    const wn_http_request request = {.method = method, .path = wn_str_from(path)};
    return wn_route_find(&request);
}

static void assert_rest(wn_http_method method, const char *path, const char *route,
                        const char *rest)
{
    wn_route_match match = find(method, path);
    if (match.route == NULL)
        fail_msg("%s has no route", path);
    assert_string_equal(match.route->path, route);
    assert_int_equal(match.rest.len, strlen(rest));
    if (match.rest.len > 0)
        assert_memory_equal(match.rest.ptr, rest, match.rest.len);
}

static void a_path_is_served_as_it_is_and_with_one_slash_behind(void **state)
{
    (void)state;
    assert_rest(WN_HTTP_POST, "/v1/rerank", "/v1/rerank", "");
    assert_rest(WN_HTTP_POST, "/v1/rerank/", "/v1/rerank", "");
    assert_rest(WN_HTTP_HEAD, "/health", "/health", "");
    assert_rest(WN_HTTP_GET, "/", "/", "");
    assert_null(find(WN_HTTP_POST, "/v1/rerank//").route);
    assert_null(find(WN_HTTP_POST, "/V1/rerank").route);
    assert_null(find(WN_HTTP_GET, "").route);
}

static void an_argument_stands_at_the_end_or_within(void **state)
{
    (void)state;
    assert_rest(WN_HTTP_GET, "/v1/models/a/b", "/v1/models/...", "a/b");
    assert_rest(WN_HTTP_GET, "/v1/admin/keys", "/v1/admin/keys", "");
    assert_rest(WN_HTTP_GET, "/v1/admin/keys/x", "/v1/admin/keys/...", "x");
    assert_rest(WN_HTTP_POST, "/v1/admin/keys/x/rotate", "/v1/admin/keys/.../rotate", "x");
    assert_rest(WN_HTTP_DELETE, "/v1/admin/keys/x/rotate", "/v1/admin/keys/...", "x/rotate");
    assert_rest(WN_HTTP_GET, "/v1/models/", "/v1/models", "");
    static const char *const none[] = {"/v1/admin/keys/rotate", "/v1/admin/keys//rotate",
                                       "/v1/admin/keys/x/rotate/", "/v1/admin/keys/x"};
    for (size_t i = 0; i < WN_ARRAY_LEN(none); i++)
        if (find(WN_HTTP_POST, none[i]).route != NULL)
            fail_msg("POST %s is served", none[i]);
}

static void a_path_with_another_method_tells_which_it_has(void **state)
{
    (void)state;
    wn_route_match match = find(WN_HTTP_PUT, "/v1/admin/keys/x");
    assert_null(match.route);
    assert_true(match.path_exists);
    assert_string_equal(match.allow, "GET, HEAD, PATCH, DELETE");
    match = find(WN_HTTP_OTHER, "/v1/admin/models");
    assert_string_equal(match.allow, "GET, HEAD, POST");
    assert_false(find(WN_HTTP_GET, "/v1/admin").path_exists);
}

static void every_administration_needs_its_scope_and_a_worker(void **state)
{
    (void)state;
    size_t n, n_admin = 0;
    const wn_route *routes = wn_routes(&n);
    for (size_t i = 0; i < n; i++) {
        bool admin = wn_str_starts(wn_str_from(routes[i].path), WN_STR("/v1/admin"));
        assert_true(!admin || (routes[i].scope == WN_SCOPE_ADMIN && routes[i].on_worker));
        n_admin += admin;
    }
    assert_in_range(n_admin, 10, n - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_served_as_it_is_and_with_one_slash_behind),
        cmocka_unit_test(an_argument_stands_at_the_end_or_within),
        cmocka_unit_test(a_path_with_another_method_tells_which_it_has),
        cmocka_unit_test(every_administration_needs_its_scope_and_a_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
