/* The folder of reports: which names, which files, in which order, and what is left out. */
#define _GNU_SOURCE /* mkdtemp, nftw */
#include "tests/support/check.h"

#include "base/str.h"
#include "serve/report_dir.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/winnow-reports-XXXXXX";
static char dir[128];
static wn_report_file files[WN_REPORTS_MAX];
static wn_error err;

static const char *at(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void put(const char *name, const char *text, long modified_s)
{
    const struct timespec times[2] = {{.tv_sec = modified_s}, {.tv_sec = modified_s}};
    FILE *f = fopen(at(name), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
    assert_int_equal(utimensat(AT_FDCWD, at(name), times, 0), 0);
}

static void assert_no_report(const char *name)
{
    wn_buf out = WN_BUF_INIT;
    assert_fails(wn_report_dir_read(&out, dir, wn_str_from(name), &err), WN_ERR_INPUT, &err,
                 "there is no report");
    wn_buf_deinit(&out);
}

/* An empty folder for each test. */
static int make(void **state)
{
    static int n;
    (void)state;
    snprintf(dir, sizeof dir, "%s/%d", root, n++);
    return mkdir(dir, 0700);
}

static void only_plain_names_are_names(void **state)
{
    (void)state;
    static const char *const good[] = {"a.html", "A-b_c.1.json", "2026-11.html", "a..html"};
    static const char *const bad[] = {
        "",         ".html",     ".json",   "..",        "../a.html", "a/b.html",
        "a.html/",  "a.htm",     "a.html ", "a%2e.html", "a.HTML",    "\xC3\xBC.html",
        "a\n.html", "a\\b.html", "json",    ".a.html",   "a.html.gz", "/etc/a.json"};
    char text[WN_REPORT_NAME_MAX + 2];
    for (size_t i = 0; i < WN_ARRAY_LEN(good); i++)
        assert_true(wn_report_name_is_valid(wn_str_from(good[i])));
    for (size_t i = 0; i < WN_ARRAY_LEN(bad); i++) {
        if (wn_report_name_is_valid(wn_str_from(bad[i])))
            fail_msg("'%s' is taken for a name", bad[i]);
    }
    assert_false(wn_report_name_is_valid((wn_str){"a\0.html", 7}));
    memset(text, 'a', sizeof text);
    memcpy(text + WN_REPORT_NAME_MAX - 5, ".html", 5);
    assert_true(wn_report_name_is_valid((wn_str){text, WN_REPORT_NAME_MAX}));
    memcpy(text + WN_REPORT_NAME_MAX - 4, ".html", 5);
    assert_false(wn_report_name_is_valid((wn_str){text, WN_REPORT_NAME_MAX + 1}));
}

static void the_newest_stands_first(void **state)
{
    (void)state;
    size_t n, more;
    put("b.json", "{}", 100);
    put("a.html", "<p>", 100);
    put("new.html", "", 200);
    put("early.json", "1", -5);
    put("notes.txt", "not a report", 300);
    assert_ok(wn_report_dir_list(files, &n, &more, dir, &err), &err);
    assert_int_equal(n, 4);
    assert_int_equal(more, 0);
    static const char *const order[] = {"new.html", "a.html", "b.json", "early.json"};
    for (size_t i = 0; i < n; i++)
        assert_string_equal(files[i].name, order[i]);
    assert_int_equal(files[0].bytes, 0);
    assert_int_equal(files[1].bytes, 3);
    assert_int_equal(files[1].modified_s, 100);
    assert_int_equal(files[3].modified_s, 0);
}

static void what_is_no_file_of_the_folder_is_no_report(void **state)
{
    (void)state;
    size_t n, more;
    put("real.json", "{}", 1);
    assert_int_equal(symlink("/etc/passwd", at("out.html")), 0);
    assert_int_equal(symlink("real.json", at("in.json")), 0);
    assert_int_equal(mkdir(at("folder.html"), 0700), 0);
    assert_int_equal(mkfifo(at("pipe.json"), 0600), 0);
    assert_ok(wn_report_dir_list(files, &n, &more, dir, &err), &err);
    assert_int_equal(n, 1);
    assert_no_report("out.html");
    assert_no_report("in.json");
    assert_no_report("folder.html");
    assert_no_report("pipe.json");
    assert_no_report("absent.json");
    assert_no_report("../0/real.json");
}

static void a_report_is_read_whole(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    char *large = malloc(200001);
    assert_non_null(large);
    memset(large, 'x', 200000);
    large[200000] = '\0';
    put("large.html", large, 1);
    assert_ok(wn_report_dir_read(&out, dir, WN_STR("large.html"), &err), &err);
    assert_int_equal(out.len, 200000);
    assert_memory_equal(out.ptr, large, 200000);
    put("empty.json", "", 1);
    assert_ok(wn_report_dir_read(&out, dir, WN_STR("empty.json"), &err), &err);
    assert_int_equal(out.len, 0);
    wn_buf_deinit(&out);
    free(large);
}

static void a_huge_file_is_refused(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    put("huge.json", "", 1);
    assert_int_equal(truncate(at("huge.json"), WN_REPORT_BYTES_MAX + 1), 0);
    assert_fails(wn_report_dir_read(&out, dir, WN_STR("huge.json"), &err), WN_ERR_LIMIT, &err,
                 "8388609 bytes, at most 8388608");
    assert_int_equal(out.len, 0);
    assert_int_equal(truncate(at("huge.json"), WN_REPORT_BYTES_MAX), 0);
    assert_ok(wn_report_dir_read(&out, dir, WN_STR("huge.json"), &err), &err);
    assert_int_equal(out.len, WN_REPORT_BYTES_MAX);
    wn_buf_deinit(&out);
}

static void those_beyond_the_limit_are_counted(void **state)
{
    (void)state;
    size_t n, more;
    char name[32];
    for (int i = 0; i < WN_REPORTS_MAX + 3; i++) {
        snprintf(name, sizeof name, "%d.json", i);
        put(name, "", 1);
    }
    assert_ok(wn_report_dir_list(files, &n, &more, dir, &err), &err);
    assert_int_equal(n, WN_REPORTS_MAX);
    assert_int_equal(more, 3);
}

static void a_folder_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    size_t n, more;
    wn_buf out = WN_BUF_INIT;
    const char *none = at("none");
    assert_fails(wn_report_dir_list(files, &n, &more, none, &err), WN_ERR_IO, &err, "none");
    assert_fails(wn_report_dir_read(&out, none, WN_STR("a.html"), &err), WN_ERR_IO, &err, "none");
    wn_buf_deinit(&out);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(only_plain_names_are_names, make),
        cmocka_unit_test_setup(the_newest_stands_first, make),
        cmocka_unit_test_setup(what_is_no_file_of_the_folder_is_no_report, make),
        cmocka_unit_test_setup(a_report_is_read_whole, make),
        cmocka_unit_test_setup(a_huge_file_is_refused, make),
        cmocka_unit_test_setup(those_beyond_the_limit_are_counted, make),
        cmocka_unit_test_setup(a_folder_that_cannot_be_read_is_an_error, make),
    };
    if (mkdtemp(root) == NULL)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 ? failed : 1;
}
