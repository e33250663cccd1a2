/* data/lines: line ends, limits, and input that arrives in pieces. */
#include "tests/support/check.h"

#include "data/lines.h"

#include <fcntl.h>
#include <unistd.h>

/* A pipe that holds the bytes; its write end is closed. */
static int pipe_with(const char *bytes, size_t n)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], bytes, n), (ssize_t)n);
    close(fds[1]);
    return fds[0];
}

static void expect_line(wn_lines *lines, const char *want, size_t want_len, uint64_t number)
{
    wn_error err;
    wn_str line = {0};
    bool got = false;
    assert_ok(wn_lines_next(lines, &line, &got, &err), &err);
    assert_true(got);
    assert_int_equal(line.len, want_len);
    assert_memory_equal(line.ptr, want, want_len);
    assert_int_equal(lines->number, number);
}

static void expect_end(wn_lines *lines)
{
    wn_error err;
    wn_str line = {0};
    bool got = true;
    assert_ok(wn_lines_next(lines, &line, &got, &err), &err);
    assert_false(got);
}

static void lines_end_with_lf_crlf_or_nothing(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBFone\n\ntwo\r\n a\rb\0c \n\xEF\xBB\xBFlast";
    int fd = pipe_with(text, sizeof text - 1);
    wn_lines lines;
    wn_lines_init(&lines, fd, "pipe", 100);
    expect_line(&lines, "one", 3, 1);
    expect_line(&lines, "", 0, 2);
    expect_line(&lines, "two", 3, 3);
    expect_line(&lines, " a\rb\0c ", 7, 4);
    expect_line(&lines, "\xEF\xBB\xBFlast", 7, 5);
    expect_end(&lines);
    expect_end(&lines);
    wn_lines_close(&lines);
    close(fd);
}

static void empty_input_has_no_line_and_a_lone_lf_has_one(void **state)
{
    (void)state;
    wn_lines lines;
    int fd = pipe_with("", 0);
    wn_lines_init(&lines, fd, "pipe", 100);
    expect_end(&lines);
    wn_lines_close(&lines);
    close(fd);
    fd = pipe_with("\n", 1);
    wn_lines_init(&lines, fd, "pipe", 100);
    expect_line(&lines, "", 0, 1);
    expect_end(&lines);
    wn_lines_close(&lines);
    close(fd);
}

static void long_line_is_refused_and_the_next_one_read(void **state)
{
    (void)state;
    wn_error err;
    wn_str line;
    bool got;
    int fd = pipe_with("12345\n123456\n12\n1234567", 23);
    wn_lines lines;
    wn_lines_init(&lines, fd, "pipe", 5);
    expect_line(&lines, "12345", 5, 1);
    assert_fails(wn_lines_next(&lines, &line, &got, &err), WN_ERR_LIMIT, &err,
                 "pipe line 2: longer than 5 bytes");
    expect_line(&lines, "12", 2, 3);
    assert_fails(wn_lines_next(&lines, &line, &got, &err), WN_ERR_LIMIT, &err, "line 4");
    expect_end(&lines);
    wn_lines_close(&lines);
    close(fd);
}

static void long_file_keeps_a_small_buffer(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    for (int i = 0; i < 300000; i++)
        fprintf(file, "%d\n", i);
    for (int i = 0; i < 1000000; i++)
        fputc('x', file);
    fputs("\nend", file);
    rewind(file);
    wn_lines lines;
    wn_lines_init(&lines, fileno(file), "file", 1000);
    for (int i = 0; i < 300000; i++) {
        char want[16];
        int n = snprintf(want, sizeof want, "%d", i);
        expect_line(&lines, want, (size_t)n, (uint64_t)i + 1);
    }
    wn_error err;
    wn_str line;
    bool got;
    assert_fails(wn_lines_next(&lines, &line, &got, &err), WN_ERR_LIMIT, &err, "line 300001");
    expect_line(&lines, "end", 3, 300002);
    expect_end(&lines);
    assert_true(lines.buf.cap < 300000);
    wn_lines_close(&lines);
    fclose(file);
}

static void wake_descriptor_ends_waiting_but_not_whole_lines(void **state)
{
    (void)state;
    int input[2], wake[2];
    assert_int_equal(pipe(input), 0);
    assert_int_equal(pipe(wake), 0);
    assert_int_equal(write(input[1], "one\ntwo\nthr", 11), 11);
    wn_lines lines;
    wn_lines_init(&lines, input[0], "pipe", 100);
    lines.wake_fd = wake[0];
    expect_line(&lines, "one", 3, 1);
    assert_int_equal(write(wake[1], "", 1), 1);
    expect_line(&lines, "two", 3, 2);
    wn_error err;
    wn_str line;
    bool got;
    assert_fails(wn_lines_next(&lines, &line, &got, &err), WN_ERR_CANCELLED, &err,
                 "stopped after line 2");
    wn_lines_close(&lines);
    close(input[0]);
    close(input[1]);
    close(wake[0]);
    close(wake[1]);
}

static void open_names_what_is_wrong(void **state)
{
    (void)state;
    wn_error err;
    wn_lines lines;
    assert_fails(wn_lines_open(&lines, "/nowhere/x", 5, -1, &err), WN_ERR_IO, &err,
                 "cannot open '/nowhere/x': No such file");
    assert_fails(wn_lines_open(&lines, "/", 5, -1, &err), WN_ERR_IO, &err, "'/' is a directory");
    assert_ok(wn_lines_open(&lines, "-", 5, -1, &err), &err);
    assert_string_equal(lines.name, "standard input");
    wn_lines_close(&lines);
    assert_int_not_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_with_lf_crlf_or_nothing),
        cmocka_unit_test(empty_input_has_no_line_and_a_lone_lf_has_one),
        cmocka_unit_test(long_line_is_refused_and_the_next_one_read),
        cmocka_unit_test(long_file_keeps_a_small_buffer),
        cmocka_unit_test(wake_descriptor_ends_waiting_but_not_whole_lines),
        cmocka_unit_test(open_names_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
