/* Names of models and files that come from strangers. */
#include "tests/support/check.h"

#include "base/str.h"
#include "hub/repo.h"

static void names_are_read(void **state)
{
    (void)state;
    wn_repo repo;
    assert_true(wn_repo_parse(&repo, WN_STR("BAAI/bge-reranker-v2-m3")));
    assert_string_equal(repo.id, "BAAI/bge-reranker-v2-m3");
    assert_string_equal(repo.folder, "models--BAAI--bge-reranker-v2-m3");
    assert_string_equal(repo.revision, "main");
    assert_true(wn_repo_parse(&repo, WN_STR("a/b_1.5@refs/pr/12")));
    assert_string_equal(repo.id, "a/b_1.5");
    assert_string_equal(repo.revision, "refs/pr/12");
    assert_true(wn_repo_parse_folder(&repo, WN_STR("models--a--b-c")));
    assert_string_equal(repo.id, "a/b-c");
}

static void what_is_no_name_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",        "a",          "/",           "a/",       "/b",         "a/b/c", "../b",
        "a/..",    "a/b--c",     "a..c/b",      "-a/b",     "a/b-",       ".a/b",  "a/b.",
        "a/b@",    "a/b@..",     "a/b@/x",      "a/b@x/",   "a/b@x/../y", "a b/c", "a/b\n",
        "a/b@x y", "\xc3\xa9/b", "a/b@.hidden", "a/b@x//y",
    };
    wn_repo repo;
    for (size_t i = 0; i < WN_ARRAY_LEN(wrong); i++)
        if (wn_repo_parse(&repo, wn_str_from(wrong[i])))
            fail_msg("'%s' is read as '%s'", wrong[i], repo.id);
    char longest[2 * WN_REPO_PART_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[WN_REPO_PART_MAX] = '/';
    assert_true(wn_repo_parse(&repo, (wn_str){longest, 2 * WN_REPO_PART_MAX + 1}));
    assert_false(wn_repo_parse(&repo, (wn_str){longest, 2 * WN_REPO_PART_MAX + 2}));
    static const char *const folders[] = {"models--a", "models--a--", "models----b",
                                          "datasets--a--b", "models--a--b--c"};
    for (size_t i = 0; i < WN_ARRAY_LEN(folders); i++)
        assert_false(wn_repo_parse_folder(&repo, wn_str_from(folders[i])));
}

static void files_stay_in_their_folder(void **state)
{
    (void)state;
    static const char *const right[] = {"config.json", "1_Pooling/config.json", "a b.txt",
                                        "\xe6\xa8\xa1.json", "a..b"};
    static const char *const wrong[] = {"",     "/etc/passwd", "../x",        "a/../x",
                                        "a//b", "a/",          ".git/config", "a/.b",
                                        "a\\b", "a\nb",        "a\x7f",       "."};
    for (size_t i = 0; i < WN_ARRAY_LEN(right); i++)
        assert_true(wn_repo_is_file(wn_str_from(right[i])));
    for (size_t i = 0; i < WN_ARRAY_LEN(wrong); i++)
        if (wn_repo_is_file(wn_str_from(wrong[i])))
            fail_msg("'%s' is a file", wrong[i]);
    assert_false(wn_repo_is_file((wn_str){"a\0b", 3}));
}

static void digests_and_commits_are_hexadecimal(void **state)
{
    (void)state;
    const char *hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    assert_true(wn_repo_is_commit((wn_str){hex, 40}));
    assert_false(wn_repo_is_commit((wn_str){hex, 39}));
    assert_false(wn_repo_is_commit(WN_STR("0123456789ABCDEF0123456789ABCDEF01234567")));
    assert_true(wn_repo_is_digest((wn_str){hex, 40}));
    assert_true(wn_repo_is_digest((wn_str){hex, 64}));
    assert_false(wn_repo_is_digest((wn_str){hex, 63}));
}

static void parts_of_urls_are_escaped(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_repo_push_url(&out, WN_STR("a b/c?d#e%\xc3\xa9"), true));
    assert_true(wn_repo_push_url(&out, WN_STR("|x/y"), false));
    assert_int_equal(out.len, strlen("a%20b/c%3Fd%23e%25%C3%A9%7Cx%2Fy"));
    assert_memory_equal(out.ptr, "a%20b/c%3Fd%23e%25%C3%A9%7Cx%2Fy", out.len);
    wn_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(files_stay_in_their_folder),
        cmocka_unit_test(digests_and_commits_are_hexadecimal),
        cmocka_unit_test(parts_of_urls_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
