/* Expressions of Oniguruma as PCRE2 must read them, and those that are refused.  That the sets and
 * matches are the reference's is shown by the golden tokenizers "regex-*". */
#include "tests/support/check.h"

#include "base/str.h"
#include "token/dialect.h"

static wn_status rewrite(wn_buf *out, const char *source, wn_error *err)
{
    wn_buf_clear(out);
    return wn_dialect_rewrite(out, wn_str_from(source), "pre_tokenizer.pattern", err);
}

static void what_means_the_same_is_copied(void **state)
{
    (void)state;
    static const char *const same[] = {"a|b",
                                       "(?:x)(?=y)(?!z)(?<=a)(?<!b)(?>c)",
                                       "(?i:'s|'t)",
                                       "a*b+c?d*?e+?f??g*+h++i?+",
                                       "[^a-z-]+",
                                       "\\p{L}\\p{^Lu}\\P{N}[\\p{M}]",
                                       "a{2}b{2,}c{2,3}d{2,3}?",
                                       "\\.\\[\\]",
                                       "^a$",
                                       "\\n\\t\\x{41}",
                                       "(?i)a",
                                       "[\\]\\\\]",
                                       "\xc3\xa9[\xe4\xb8\x80-\xe9\xbe\xa5]"};
    wn_buf out = WN_BUF_INIT;
    wn_error err;
    for (size_t i = 0; i < WN_ARRAY_LEN(same); i++) {
        assert_ok(rewrite(&out, same[i], &err), &err);
        if (!wn_str_equal(wn_buf_str(&out), wn_str_from(same[i])))
            fail_msg("'%s' became '%.*s'", same[i], (int)out.len, out.ptr);
    }
    wn_buf_deinit(&out);
}

static void what_means_something_else_is_rewritten(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"\\s[\\s]\\S", "\\p{White_Space}[\\p{White_Space}]\\P{White_Space}"},
        {"\\d[\\D]", "\\p{Nd}[\\P{Nd}]"},
        {"\\h", "[0-9a-fA-F]"},
        {"[\\h_]", "[0-9a-fA-F_]"},
        {"\\v", "\\x0B"},
        {"[\\b]", "[\\x08]"},
        {"\\p{Han}\\p{^Greek}", "\\p{sc:Han}\\p{^sc:Greek}"},
        {"\\u00e9", "\\x{00e9}"},
        {"a{,2}", "a{0,2}"},
        {"a{,}b{x}c{", "a\\{,}b\\{x}c\\{"},
    };
    wn_buf out = WN_BUF_INIT;
    wn_error err;
    for (size_t i = 0; i < WN_ARRAY_LEN(pairs); i++) {
        assert_ok(rewrite(&out, pairs[i][0], &err), &err);
        if (!wn_str_equal(wn_buf_str(&out), wn_str_from(pairs[i][1])))
            fail_msg("'%s' became '%.*s'", pairs[i][0], (int)out.len, out.ptr);
    }
    wn_buf_deinit(&out);
}

static void syntax_of_another_meaning_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const refused[][2] = {
        {"a\\R", "'\\R' at byte 1"}, {"\\X", "'\\X'"},        {"\\K", "'\\K'"},
        {"(a)\\1", "'\\1'"},         {"[\\W]", "'\\W'"},      {"[a[bc]]", "'[b'"},
        {"[[:alpha:]]", "'[:'"},     {"[a&&b]", "'&&'"},      {"[]a]", "']a'"},
        {"(?<n>a)", "'(?<n'"},       {"(?m:a)", "'(?m:'"},    {"a(?i)b", "'(?i)'"},
        {"(?#note)", "'(?#n'"},      {"a{1,2}+", "'{1,2}+'"}, {"a{2}?", "'{2}?'"},
        {"\\pL", "'\\pL'"},          {"\\p{L1}", "'\\p{L1'"}, {"\\p{}", "'\\p{}'"},
    };
    wn_buf out = WN_BUF_INIT;
    wn_error err;
    for (size_t i = 0; i < WN_ARRAY_LEN(refused); i++)
        assert_fails(rewrite(&out, refused[i][0], &err), WN_ERR_UNSUPPORTED, &err, refused[i][1]);
    assert_fails(rewrite(&out, "a\\", &err), WN_ERR_FORMAT, &err, "ends with '\\'");
    wn_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_means_the_same_is_copied),
        cmocka_unit_test(what_means_something_else_is_rewritten),
        cmocka_unit_test(syntax_of_another_meaning_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
