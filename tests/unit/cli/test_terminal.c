/* What a terminal is shown: text on one line and in its columns, bars, counts, progress. */
#include "tests/support/check.h"

#include "base/str.h"
#include "cli/terminal.h"

#include <math.h>

static void expect_text(const char *text, size_t columns, const char *want)
{
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_terminal_push_text(&out, wn_str_from(text), columns));
    if (columns != WN_COLUMNS_UNLIMITED)
        assert_true(wn_terminal_text_columns(wn_buf_str(&out)) <= columns);
    wn_buf_push_byte(&out, '\0');
    assert_string_equal(out.ptr, want);
    wn_buf_deinit(&out);
}

static void terminal_cuts_text_at_its_columns(void **state)
{
    (void)state;
    expect_text("abcdef", 6, "abcdef");
    expect_text("abcdefg", 6, "abcde…");
    expect_text("abc", 1, "…");
    expect_text("abc", 0, "");
    expect_text("", 5, "");
}

static void terminal_counts_wide_and_combining_characters(void **state)
{
    (void)state;
    assert_int_equal(wn_terminal_text_columns(WN_STR("漢字")), 4);
    assert_int_equal(wn_terminal_text_columns(WN_STR("e\xcc\x81")), 1);
    expect_text("漢字漢", 6, "漢字漢");
    expect_text("漢字漢", 5, "漢字…");
    expect_text("漢字漢", 4, "漢…");
    expect_text("e\xcc\x81"
                "e\xcc\x81"
                "e",
                2, "e\xcc\x81…");
}

static void terminal_shows_no_control_characters(void **state)
{
    (void)state;
    expect_text("a\tb\nc\r\nd", WN_COLUMNS_UNLIMITED, "a b c  d");
    expect_text("\x1b[31m\x07\x7f", WN_COLUMNS_UNLIMITED,
                "\xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbd");
    expect_text("\xc2\x9b"
                "1m\xc2\x85x",
                WN_COLUMNS_UNLIMITED,
                "\xef\xbf\xbd"
                "1m x");
    expect_text("a\xe2\x80\xae"
                "b\xe2\x81\xa6"
                "c",
                WN_COLUMNS_UNLIMITED, "abc");
    expect_text("a\xff"
                "b\xe2\x82",
                WN_COLUMNS_UNLIMITED,
                "a\xef\xbf\xbd"
                "b\xef\xbf\xbd\xef\xbf\xbd");
}

static void terminal_bar_is_filled_in_eighths(void **state)
{
    (void)state;
    static const struct {
        double fraction;
        const char *want;
    } cases[] = {{0, "    "},  {1, "████"}, {0.5, "██  "}, {0.28125, "█▏  "},
                 {-3, "    "}, {7, "████"}, {NAN, "    "}};
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_buf out = WN_BUF_INIT;
        assert_true(wn_terminal_push_bar(&out, cases[i].fraction, 4));
        assert_int_equal(wn_terminal_text_columns(wn_buf_str(&out)), 4);
        wn_buf_push_byte(&out, '\0');
        assert_string_equal(out.ptr, cases[i].want);
        wn_buf_deinit(&out);
    }
}

static void expect_progress(size_t columns, uint64_t seconds, size_t done, size_t total,
                            const char *want)
{
    wn_progress progress = {.columns = columns, .noun = "documents"};
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_progress_push_line(&out, &progress, seconds * 1000000000u, done, total));
    assert_true(wn_terminal_text_columns(wn_buf_str(&out)) < columns);
    wn_buf_push_byte(&out, '\0');
    assert_string_equal(out.ptr, want);
    wn_buf_deinit(&out);
}

static void progress_tells_what_is_left(void **state)
{
    (void)state;
    expect_progress(80, 10, 250, 1000,
                    " ━━━━━━━━────────────────────────  250 of 1,000 documents, 30 s left");
    expect_progress(80, 100, 1, 100,
                    " ────────────────────────────────  1 of 100 documents, 2 h 45 min left");
    expect_progress(80, 90, 50, 100,
                    " ━━━━━━━━━━━━━━━━────────────────  50 of 100 documents, 1 min 30 s left");
    expect_progress(80, 5, 0, 100, " ────────────────────────────────  0 of 100 documents");
    expect_progress(80, 4, 1000, 0, " 1,000 documents, 250 a second");
}

static void progress_of_bytes_has_sizes_and_a_rate(void **state)
{
    (void)state;
    wn_progress progress = {.columns = 80, .n_first = 10 << 20};
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_progress_push_line(&out, &progress, 10000000000u, 30 << 20, (size_t)2 << 30));
    wn_buf_push_byte(&out, '\0');
    assert_string_equal(out.ptr, " ──────────────────────────────  30 MiB of 2.0 GiB, 2.0 MiB/s, "
                                 "16 min 49 s left");
    wn_buf_deinit(&out);
}

static void progress_fits_into_narrow_terminals(void **state)
{
    (void)state;
    expect_progress(48, 10, 250, 1000, " ━━━────────  250 of 1,000 documents, 30 s left");
    expect_progress(40, 10, 250, 1000, " 250 of 1,000 documents, 30 s left");
    expect_progress(20, 10, 250, 1000, " 250 of 1,000 docu…");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terminal_cuts_text_at_its_columns),
        cmocka_unit_test(terminal_counts_wide_and_combining_characters),
        cmocka_unit_test(terminal_shows_no_control_characters),
        cmocka_unit_test(terminal_bar_is_filled_in_eighths),
        cmocka_unit_test(progress_tells_what_is_left),
        cmocka_unit_test(progress_of_bytes_has_sizes_and_a_rate),
        cmocka_unit_test(progress_fits_into_narrow_terminals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
