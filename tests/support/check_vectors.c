/* See check_vectors.h. */
#define _GNU_SOURCE
#include "tests/support/check_vectors.h"

#include "base/file.h"
#include "base/str.h"

#include <glob.h>

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c == '\0' ? NULL : strchr(digits, c);
    if (at == NULL)
        fail_msg("'%c' is no lower-case hexadecimal digit", c);
    return (int)(at - digits);
}

/* Append text with its escapes read; text has a NUL behind it. */
static void push_unescaped(wn_buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '\\' && ++i < len) {
            c = text[i];
            if (c == 'x') {
                c = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
                i += 2;
            } else {
                c = (char)(c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c);
            }
        }
        assert_true(wn_buf_push_byte(out, c));
    }
}

/* "> text", "| text", ">*100 text" or ">". */
static void push_bytes(check_vector *vector, const char *line, size_t len)
{
    size_t start = 1, times = 1;
    if (len > 1 && line[1] == '*') {
        char *end;
        times = strtoul(line + 2, &end, 10);
        start = (size_t)(end - line);
    }
    start += start < len;
    for (size_t i = 0; i < times; i++) {
        push_unescaped(&vector->bytes, line + start, len - start);
        if (line[0] == '>')
            assert_true(wn_buf_push(&vector->bytes, "\r\n", 2));
    }
}

static void push_line(check_vector *vector, const char *line, size_t len)
{
    if (line[0] == '>' || line[0] == '|') {
        push_bytes(vector, line, len);
    } else if (line[0] == '=') {
        assert_true(vector->n_expected < CHECK_EXPECTED_MAX && len > 2);
        snprintf(vector->expected[vector->n_expected++], sizeof vector->expected[0], "%.*s",
                 (int)len - 2, line + 2);
    } else if (vector->name[0] == '\0') {
        snprintf(vector->name, sizeof vector->name, "%.*s", (int)len, line);
    } else {
        fail_msg("%s: line '%.*s' starts with none of > | = #", vector->name, (int)len, line);
    }
}

static size_t read_file(const char *path, void (*visit)(const check_vector *, void *), void *arg)
{
    wn_buf text = WN_BUF_INIT;
    wn_error err = {0};
    assert_ok(wn_file_read(&text, path, 1 << 20, &err), &err);
    assert_true(wn_buf_push(&text, "\n\n", 3));
    check_vector vector = {0};
    size_t n = 0;
    for (char *line = text.ptr, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        if (line[0] != '\n' && line[0] != '#')
            push_line(&vector, line, (size_t)(end - line));
        if (line[0] != '\n' || vector.name[0] == '\0')
            continue;
        visit(&vector, arg);
        wn_buf_deinit(&vector.bytes);
        vector = (check_vector){0};
        n++;
    }
    wn_buf_deinit(&text);
    return n;
}

size_t check_vectors_each(void (*visit)(const check_vector *vector, void *arg), void *arg)
{
    glob_t files;
    assert_int_equal(glob("tests/api/http/*.vec", 0, NULL, &files), 0);
    size_t n = 0;
    for (size_t i = 0; i < files.gl_pathc; i++)
        n += read_file(files.gl_pathv[i], visit, arg);
    globfree(&files);
    return n;
}
