/* The API's description as a page. */
#include "tests/support/check.h"

#include "serve/openapi.h"
#include "serve/route.h"

#include <stdio.h>

static bool tells(const wn_buf *page, const wn_dialect *dialect, const char *whose)
{
    char want[256];
    snprintf(want, sizeof want, "<h3>%s</h3><p>For %s.</p><table>", dialect->name, whose);
    return strstr(page->ptr, want) != NULL;
}

static void the_page_tells_apis_on_one_path_apart(void **state)
{
    (void)state;
    size_t n, n_told = 0;
    const wn_route *routes = wn_routes(&n);
    wn_buf page = WN_BUF_INIT;
    assert_true(wn_openapi_push_page(&page) && wn_buf_push_byte(&page, '\0'));
    for (size_t i = 0; i < n; i++) {
        const wn_dialect *const *at = routes[i].dialects;
        for (; at != NULL && (*at)->speaks != NULL; at++, n_told++) {
            if ((*at)->told_by == NULL || !tells(&page, *at, (*at)->told_by))
                fail_msg("the page does not say what %s is told by", (*at)->name);
        }
        if (at == NULL)
            continue;
        assert_null((*at)->told_by);
        if (at != routes[i].dialects)
            assert_true(tells(&page, *at, "all others"));
    }
    assert_in_range(n_told, 8, 100);
    wn_buf_deinit(&page);
}

static void a_path_with_one_api_says_nothing_of_others(void **state)
{
    (void)state;
    wn_buf page = WN_BUF_INIT;
    assert_true(wn_openapi_push_page(&page) && wn_buf_push_byte(&page, '\0'));
    assert_non_null(strstr(page.ptr, "<h3>cohere-v2</h3><table>"));
    assert_non_null(strstr(page.ptr, "<h3>new key</h3><table>"));
    wn_buf_deinit(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_tells_apis_on_one_path_apart),
        cmocka_unit_test(a_path_with_one_api_says_nothing_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
