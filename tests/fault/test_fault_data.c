/* data/ under failing allocations: safetensors in memory and as a sharded set, JSON, lines. */
#define _GNU_SOURCE
#include "tests/fault/fault.h"

#include "base/str.h"
#include "data/json_bind.h"
#include "data/lines.h"
#include "data/safetensors.h"

#include <fcntl.h>
#include <unistd.h>

/* A folder of its own for files that a test writes; the last test removes it. */
static char folder[] = "/tmp/winnow-fault-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(path_of(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* A safetensors file of 40 tensors of one byte each, some names with an escape, into text [8192].
 */
static size_t make_safetensors(char *text, const char *prefix)
{
    size_t len = 8;
    for (int i = 0; i < 40; i++)
        len +=
            (size_t)sprintf(text + len,
                            "%s\"%s%s%d\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":"
                            "[%d,%d]}",
                            i == 0 ? "{" : ",", prefix, i % 3 == 0 ? "\\u0061" : "b", i, i, i + 1);
    text[len++] = '}';
    for (size_t i = 0; i < 8; i++)
        text[i] = (char)((len - 8) >> 8 * i);
    memset(text + len, 1, 40);
    return len + 40;
}

static wn_status parse_safetensors(void *arg, wn_error *err)
{
    wn_tensors *set = NULL;
    WN_TRY(wn_safetensors_parse(&set, *(wn_str *)arg, "m", err));
    assert_int_equal(wn_tensors_count(set), 40);
    wn_tensors_close(set);
    return WN_OK;
}

static wn_status open_safetensors(void *arg, wn_error *err)
{
    wn_tensors *set = NULL;
    WN_TRY(wn_safetensors_open(&set, arg, err));
    assert_int_equal(wn_tensors_count(set), 80);
    assert_non_null(wn_tensors_find(set, WN_STR("qa39")));
    wn_tensors_close(set);
    return WN_OK;
}

/* A text and what it must give. */
typedef struct json_operand {
    const char *text;
    json_t *expected;
} json_operand;

static wn_status parse_json(void *arg, wn_error *err)
{
    const json_operand *operand = arg;
    json_t *json = NULL;
    WN_TRY(wn_json_parse(&json, wn_str_from(operand->text), "m", err));
    bool same = operand->expected == NULL || json_equal(json, operand->expected);
    json_decref(json);
    assert_true(same);
    return WN_OK;
}

/* The binder's message is longer than its first block. */
static wn_status bind_json(void *arg, wn_error *err)
{
    (void)arg;
    json_t *json = NULL;
    WN_TRY(wn_json_parse(&json, WN_STR("{\"size\": \"large\"}"), "m", err));
    wn_binder binder;
    wn_binder_init(&binder, json, "m");
    int64_t size;
    wn_bind_int(&binder, "size", &size, 1, 2, 1);
    for (int i = 0; i < 50; i++)
        wn_binder_note(&binder, "mistake number %d", i);
    wn_status status = wn_binder_end(&binder, err);
    json_decref(json);
    return status == WN_ERR_FORMAT ? WN_OK : status;
}

static wn_status read_lines(void *arg, wn_error *err)
{
    wn_lines lines;
    WN_TRY(wn_lines_open(&lines, arg, WN_LINE_BYTES_MAX, -1, err));
    wn_str line;
    bool got = true;
    wn_status status = WN_OK;
    size_t longest = 0;
    while (status == WN_OK && got) {
        status = wn_lines_next(&lines, &line, &got, err);
        if (status == WN_OK && got)
            longest = WN_MAX(longest, line.len);
    }
    if (status == WN_OK)
        assert_int_equal(longest, 300000);
    wn_lines_close(&lines);
    return status;
}

static void safetensors_in_memory_survive(void **state)
{
    (void)state;
    char text[8192];
    wn_str bytes = {text, make_safetensors(text, "")};
    fault_each_allocation("safetensors in memory", parse_safetensors, &bytes);
}

static void sharded_safetensors_survive(void **state)
{
    (void)state;
    char text[8192], index[16384] = "{\"weight_map\":{";
    write_file("p.safetensors", text, make_safetensors(text, "p"));
    write_file("q.safetensors", text, make_safetensors(text, "q"));
    size_t len = strlen(index);
    for (int i = 0; i < 80; i++)
        len += (size_t)sprintf(index + len, "%s\"%c%c%d\":\"%c.safetensors\"", i == 0 ? "" : ",",
                               "pq"[i / 40], i % 40 % 3 == 0 ? 'a' : 'b', i % 40, "pq"[i / 40]);
    len += (size_t)sprintf(index + len, "}}");
    write_file("model.safetensors.index.json", index, len);
    fault_each_allocation("sharded safetensors", open_safetensors, folder);
}

static void json_survives(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"a\": [1, 2.5, \"\\u00e9t\\u00e9\", null, {\"b\": {}}], \"c\": 1e30, \"e\": [[[[]]]]}",
        "[123456789012345678901234567890]",
        "[1234567890123456789, 0.00000000000000000000000000000001]",
        "[\"a string that is longer than the first sizes of a buffer that starts with 16 bytes\"]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_operand operand = {texts[i], NULL};
        wn_error err;
        assert_ok(wn_json_parse(&operand.expected, wn_str_from(texts[i]), "m", &err), &err);
        fault_each_allocation("JSON", parse_json, &operand);
        json_decref(operand.expected);
    }
    fault_each_allocation("JSON with mistakes", bind_json, NULL);
}

static void lines_survive(void **state)
{
    (void)state;
    char *text = test_malloc(400000);
    memset(text, 'x', 400000);
    text[10] = text[300011] = '\n';
    write_file("lines", text, 400000);
    test_free(text);
    char path[4096];
    snprintf(path, sizeof path, "%s", path_of("lines"));
    fault_each_allocation("lines", read_lines, path);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"p.safetensors", "q.safetensors",
                                        "model.safetensors.index.json", "lines"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(path_of(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(safetensors_in_memory_survive),
        cmocka_unit_test(sharded_safetensors_survive),
        cmocka_unit_test(json_survives),
        cmocka_unit_test(lines_survive),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
