/* Text in HTML: nothing of it is read as markup. */
#include "tests/support/check.h"

#include "base/html_text.h"

static void markup_is_shown_not_read(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_html_push_text(&out, "a <b> & \"c\" \xc3\xa9 'd'"));
    assert_true(wn_html_push_text(&out, ""));
    wn_buf_push_byte(&out, '\0');
    assert_string_equal(out.ptr, "a &lt;b&gt; &amp; &quot;c&quot; \xc3\xa9 'd'");
    wn_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(markup_is_shown_not_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
