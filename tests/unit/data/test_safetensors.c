/* safetensors: what a good file gives, and that every kind of damage is refused with its reason. */
#define _GNU_SOURCE
#include "tests/support/check.h"

#include "base/mem.h"
#include "base/str.h"
#include "data/safetensors.h"

#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static wn_error err;

/* A file in memory: length, header, n_data bytes 0, 1, 2, ... */
static wn_str file_of(wn_str header, size_t n_data)
{
    char *bytes = wn_mem_alloc(8 + header.len + n_data, 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (char)(header.len >> 8 * i);
    memcpy(bytes + 8, header.ptr, header.len);
    for (size_t i = 0; i < n_data; i++)
        bytes[8 + header.len + i] = (char)i;
    return (wn_str){bytes, 8 + header.len + n_data};
}

static void free_file(wn_str file)
{
    wn_mem_free((void *)(uintptr_t)file.ptr);
}

static wn_tensors *parse(const char *header, size_t n_data, wn_str *file)
{
    wn_tensors *set = NULL;
    *file = file_of(wn_str_from(header), n_data);
    assert_ok(wn_safetensors_parse(&set, *file, "m", &err), &err);
    return set;
}

static void refuses(wn_str header, size_t n_data, wn_status status, const char *message)
{
    wn_tensors *set = NULL;
    wn_str file = file_of(header, n_data);
    assert_fails(wn_safetensors_parse(&set, file, "m", &err), status, &err, message);
    assert_null(set);
    free_file(file);
}

static void damaged(const char *header, size_t n_data, const char *message)
{
    refuses(wn_str_from(header), n_data, WN_ERR_FORMAT, message);
}

#define ENTRY(dtype, shape, offsets)                                                               \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void good_file_gives_names_shapes_types_and_bytes(void **state)
{
    (void)state;
    wn_str file;
    wn_tensors *set = parse(
        "{\"__metadata__\":{\"format\":\"pt\"}, \"b\" : " ENTRY(
            "F32", "[2, 3]",
            "[10,34]") ",\n"
                       "\"a\":" ENTRY("F16", "[1,5]",
                                      "[0,10]") ",\"n\\u0061\\ud83d\\ude00\""
                                                ":" ENTRY("BF16", "[]",
                                                          "[34,36]") ",\"\xC3\xA9\""
                                                                     ":" ENTRY("I64", "[0,9]",
                                                                               "[36,36]") "}   ",
        36, &file);
    assert_int_equal(wn_tensors_count(set), 4);
    assert_null(wn_tensors_find(set, WN_STR("__metadata__")));
    assert_null(wn_tensors_find(set, WN_STR("")));
    const wn_tensor_view *b = wn_tensors_find(set, WN_STR("b"));
    assert_non_null(b);
    assert_int_equal(b->dtype, WN_DTYPE_F32);
    assert_int_equal(b->n_dims, 2);
    assert_true(b->dims[0] == 2 && b->dims[1] == 3 && b->bytes == 24 && b->data[0] == 10);
    const wn_tensor_view *scalar = wn_tensors_find(set, WN_STR("na\xF0\x9F\x98\x80"));
    assert_non_null(scalar);
    assert_true(scalar->n_dims == 0 && scalar->bytes == 2 && scalar->dtype == WN_DTYPE_BF16);
    const wn_tensor_view *empty = wn_tensors_find(set, WN_STR("\xC3\xA9"));
    assert_non_null(empty);
    assert_true(empty->bytes == 0 && empty->dtype == WN_DTYPE_OTHER);
    assert_string_equal(empty->dtype_name, "I64");
    assert_ptr_equal(wn_tensors_at(set, 1), b);
    wn_tensors_close(set);
    free_file(file);
}

static void every_dtype_of_the_format_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned bytes_of_8;
    } all[] = {{"BOOL", 8}, {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
               {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16},
               {"U16", 16}, {"F16", 16},    {"BF16", 16},   {"I32", 32},    {"U32", 32},
               {"F32", 32}, {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};
    for (size_t i = 0; i < WN_ARRAY_LEN(all); i++) {
        char header[200];
        wn_str file;
        snprintf(header, sizeof header, "{\"x\":" ENTRY("%s", "[8]", "[0,%u]") "}", all[i].name,
                 all[i].bytes_of_8);
        wn_tensors_close(parse(header, all[i].bytes_of_8, &file));
        free_file(file);
    }
    damaged("{\"x\":" ENTRY("F4", "[3]", "[0,2]") "}", 2, "shape of F4 has no size in bytes");
}

static void set_without_tensors_is_a_file(void **state)
{
    (void)state;
    wn_str file;
    wn_tensors *set = parse("{}", 0, &file);
    assert_int_equal(wn_tensors_count(set), 0);
    wn_tensors_close(set);
    free_file(file);
}

static void header_length_is_checked_before_anything_is_read(void **state)
{
    (void)state;
    static const struct {
        uint64_t length;
        wn_status status;
        const char *message;
    } cases[] = {
        {3, WN_ERR_FORMAT, "m: header of 3 bytes, but only 2 follow"},
        {100000000, WN_ERR_FORMAT, "m: header of 100000000 bytes, but only 2 follow"},
        {100000001, WN_ERR_LIMIT, "m: header of 100000001 bytes, at most 100000000 are read"},
        {(uint64_t)4 << 30, WN_ERR_LIMIT, "m: header of 4294967296 bytes"},
        {INT64_MAX, WN_ERR_LIMIT, "m: header of 9223372036854775807 bytes"},
        {UINT64_MAX, WN_ERR_LIMIT, "m: header of 18446744073709551615 bytes"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        char bytes[10] = "12345678{}";
        for (size_t j = 0; j < 8; j++)
            bytes[j] = (char)(cases[i].length >> 8 * j);
        wn_tensors *set = NULL;
        assert_fails(wn_safetensors_parse(&set, (wn_str){bytes, 10}, "m", &err), cases[i].status,
                     &err, cases[i].message);
    }
    wn_tensors *set = NULL;
    assert_fails(wn_safetensors_parse(&set, (wn_str){NULL, 0}, "m", &err), WN_ERR_FORMAT, &err,
                 "m: has 0 bytes, expected at least 8");
    refuses(WN_STR(""), 0, WN_ERR_FORMAT, "header byte 0: ends, expected '{'");
}

static void ranges_must_cover_the_data_exactly(void **state)
{
    (void)state;
    damaged("{\"a\":" ENTRY("F32", "[2]", "[0,8]") ",\"b\":" ENTRY("F32", "[2]", "[4,12]") "}", 12,
            "m: tensor 'b': starts at byte 4, overlaps: 'a' ends at 8");
    damaged("{\"a\":" ENTRY("F32", "[2]", "[0,8]") ",\"b\":" ENTRY("F32", "[2]", "[0,8]") "}", 8,
            "starts at byte 0, overlaps: ");
    damaged("{\"a\":" ENTRY("I8", "[4]", "[0,4]") ",\"b\":" ENTRY("I8", "[4]", "[8,12]") "}", 12,
            "m: tensor 'b': starts at byte 8, leaves a gap: 'a' ends at 4");
    damaged("{\"a\":" ENTRY("I8", "[4]", "[4,8]") "}", 8, "starts at byte 4, expected 0");
    damaged("{\"a\":" ENTRY("I8", "[4]", "[0,4]") "}", 5,
            "m: its tensors have 4 bytes, its data 5");
    damaged("{\"a\":" ENTRY("I8", "[4]", "[0,4]") "}", 3, "range 0..4, but the data has 3 bytes");
    damaged("{\"a\":" ENTRY("I8", "[4]", "[4,0]") "}", 4, "range 4..0, but the data has 4 bytes");
    damaged("{}", 1, "m: its tensors have 0 bytes, its data 1");
    damaged("{\"a\":" ENTRY("I8", "[0]", "[1,1]") "}", 1, "starts at byte 1, expected 0");
}

static void shape_dtype_and_range_must_agree(void **state)
{
    (void)state;
    damaged("{\"a\":" ENTRY("F32", "[2,3]", "[0,20]") "}", 20,
            "m: tensor 'a': shape and F32 need 24 bytes, range 0..20 has 20");
    damaged("{\"a\":" ENTRY("F33", "[2]", "[0,8]") "}", 8, "m: tensor 'a': unknown dtype 'F33'");
    damaged("{\"a\":" ENTRY("F32", "[4294967296,4294967296]", "[0,8]") "}", 8,
            "shape of F32 has no size in bytes");
    damaged("{\"a\":" ENTRY("F32", "[4611686018427387904,4]", "[0,0]") "}", 0, "no size in bytes");
    damaged("{\"a\":" ENTRY("F32", "[2305843009213693952]", "[0,0]") "}", 0, "no size in bytes");
    damaged("{\"a\":" ENTRY("F32", "[18446744073709551616]", "[0,0]") "}", 0,
            "expected a smaller number");
    damaged("{\"a\":" ENTRY("F32", "[1]", "[0,18446744073709551615]") "}", 4,
            "the data has 4 bytes");
    refuses(WN_STR("{\"a\":" ENTRY("I8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}"), 1, WN_ERR_LIMIT,
            "a shape has over 8 numbers");
}

static void header_must_have_the_form_of_the_format(void **state)
{
    (void)state;
    damaged(" {}", 0, "header byte 0: 0x20, expected '{'");
    damaged("[]", 0, "header byte 0: '[', expected '{'");
    damaged("{}x", 0, "header byte 2: 'x', expected nothing but white space");
    damaged("{", 0, "header byte 1: ends, expected a string");
    damaged("{\"a\":" ENTRY("I8", "[1]", "[0,1]") ",}", 1, ": '}', expected a string");
    damaged("{\"a\":" ENTRY("I8", "[1]", "[0,1]") ",\"a\":" ENTRY("I8", "[1]", "[1,2]") "}", 2,
            "m: tensor 'a' is there twice, both in this file");
    damaged("{\"a\":" ENTRY("I8", "[1]", "[0,1]") ",\"\\u0061\":" ENTRY("I8", "[1]", "[1,2]") "}",
            2, "m: tensor 'a' is there twice");
    damaged("{\"a\":{\"dtype\":\"I8\",\"shape\":[1]}}", 1,
            "m: tensor 'a': has no field 'data_offsets'");
    damaged("{\"a\":{\"dtype\":\"I8\",\"dtype\":\"I8\"}}", 1,
            "m: tensor 'a': second field 'dtype'");
    damaged("{\"a\":{\"dtype\":\"I8\",\"extra\":[]}}", 1, "m: tensor 'a': unknown field 'extra'");
    damaged("{\"a\":{}}", 1, ": '}', expected a string");
    damaged("{\"a\":" ENTRY("I8", "[1]", "[0]") "}", 1, "data_offsets has 1 numbers, expected 2");
    refuses(WN_STR("{\"a\":" ENTRY("I8", "[1]", "[0,1,1]") "}"), 1, WN_ERR_LIMIT, "over 2 numbers");
    damaged("{\"a\":" ENTRY("I8", "[-1]", "[0,1]") "}", 1, ": '-', expected a whole number");
    damaged("{\"a\":" ENTRY("I8", "[1.0]", "[0,1]") "}", 1, "expected a whole number");
    damaged("{\"a\":" ENTRY("I8", "[01]", "[0,1]") "}", 1, "expected a whole number");
    damaged("{\"a\":" ENTRY("I8", "[\"1\"]", "[0,1]") "}", 1, ": '\"', expected a whole number");
    damaged("{\"a\":{\"shape\":[[1]]}}", 1, ": '[', expected a whole number");
    damaged("{\"a\":[1]}", 1, ": '[', expected '{'");
    damaged("{\"a\":null}", 1, ": 'n', expected '{'");
    damaged("{\"__metadata__\":{\"a\":1}}", 0, ": '1', expected a string");
    damaged("{\"__metadata__\":{\"a\":{\"b\":\"c\"}}}", 0, ": '{', expected a string");
    damaged("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "m: two '__metadata__' fields");
}

static void names_must_be_clean_unicode(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"\xFF", "valid UTF-8"},
        {"\xC0\x80", "valid UTF-8"},
        {"\xED\xA0\x80", "valid UTF-8"},
        {"\xF4\x90\x80\x80", "valid UTF-8"},
        {"\xC3", "valid UTF-8"},
        {"\x01", "the end of a string"},
        {"\\x41", "a JSON escape"},
        {"\\ud800", "two surrogates of one character"},
        {"\\ud800\\u0041", "two surrogates of one character"},
        {"\\udc00", "\\u and four hexadecimal digits of a character"},
        {"\\u12g4", "\\u and four hexadecimal digits of a character"},
        {"\\u123", "\\u and four hexadecimal digits of a character"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(bad); i++) {
        char header[200];
        snprintf(header, sizeof header, "{\"%s\":" ENTRY("I8", "[1]", "[0,1]") "}", bad[i][0]);
        damaged(header, 1, bad[i][1]);
    }
    damaged("{\"\":" ENTRY("I8", "[1]", "[0,1]") "}", 1, "name is empty");
    damaged("{\"a\\u001b[2J\":" ENTRY("I8", "[1]", "[0,1]") "}", 1, "control character");
    damaged("{\"a\\u0000\":" ENTRY("I8", "[1]", "[0,1]") "}", 1, "control character");
}

/* Every view of a set lies inside the file. */
static void views_lie_inside(const wn_tensors *set, wn_str file)
{
    for (size_t i = 0; i < wn_tensors_count(set); i++) {
        const wn_tensor_view *view = wn_tensors_at(set, i);
        size_t at = (size_t)(view->data - (const unsigned char *)file.ptr);
        assert_true(at <= file.len && view->bytes <= file.len - at);
    }
}

static void mutated_files_are_refused_or_stay_inside(void **state)
{
    (void)state;
    wn_str file =
        file_of(WN_STR("{\"__metadata__\":{\"k\":\"\\u0041\"},\"a\":" ENTRY(
                    "F32", "[2,3]",
                    "[0,24]") ",\"b.\xC3\xA9\":" ENTRY("F16", "[4]",
                                                       "[24,32]") ",\"c\":" ENTRY("I8", "[0]",
                                                                                  "[32,32]") "} "),
                32);
    static const char inserted[] = {'\0', '"', '\\', '{', '}', '[',  ']', ',',        ':',
                                    '0',  '9', '-',  '.', ' ', '\n', 'e', (char)0x80, (char)0xFF};
    size_t n_refused = 0, n_accepted = 0;
    char *copy = wn_mem_alloc(file.len, 1);
    for (size_t at = 0; at < file.len - 32; at++) {
        for (size_t i = 0; i < WN_ARRAY_LEN(inserted) + 8; i++) {
            memcpy(copy, file.ptr, file.len);
            if (i < 8)
                copy[at] = (char)((unsigned)copy[at] ^ 1u << i);
            else
                copy[at] = inserted[i - 8];
            wn_tensors *set = NULL;
            err.message[0] = '\0';
            wn_status status = wn_safetensors_parse(&set, (wn_str){copy, file.len}, "m", &err);
            if (status == WN_OK) {
                n_accepted++;
                views_lie_inside(set, (wn_str){copy, file.len});
                wn_tensors_close(set);
            } else {
                n_refused++;
                assert_true(status == WN_ERR_FORMAT || status == WN_ERR_LIMIT);
                assert_true(strncmp(err.message, "m: ", 3) == 0);
            }
        }
    }
    for (size_t len = 0; len < file.len; len++) {
        wn_tensors *set = NULL;
        char *cut = wn_mem_alloc(len + 1, 1);
        memcpy(cut, file.ptr, len);
        assert_int_equal(wn_safetensors_parse(&set, (wn_str){cut, len}, "m", &err), WN_ERR_FORMAT);
        wn_mem_free(cut);
    }
    print_message("%zu changed bytes refused, %zu harmless\n", n_refused, n_accepted);
    assert_true(n_accepted > 0 && n_refused > 20 * n_accepted);
    wn_mem_free(copy);
    free_file(file);
}

/* Fill text with a repeated piece; %06zu in the piece becomes a counter. */
static void repeat(char *text, size_t len, const char *piece)
{
    char one[200];
    size_t at = 0;
    for (size_t i = 0; at < len; i++) {
        int n = snprintf(one, sizeof one, "%s%06zu\"%s", "\"", i, piece);
        size_t take = WN_MIN((size_t)n, len - at);
        memcpy(text + at, one, take);
        at += take;
    }
}

static void hostile_headers_of_100_mb_are_refused_in_one_pass(void **state)
{
    (void)state;
    enum { SIZE = 100 * 1000 * 1000 };
    static const struct {
        const char *start, *piece;
        char fill;
        wn_status status;
    } cases[] = {
        {"{", NULL, ' ', WN_ERR_FORMAT},
        {"{\"", NULL, 'a', WN_ERR_FORMAT},
        {"{\"", NULL, '\\', WN_ERR_FORMAT},
        {"{\"a\":", NULL, '[', WN_ERR_FORMAT},
        {"{\"a\":", NULL, '{', WN_ERR_FORMAT},
        {"{\"a\":{\"shape\":[", NULL, '1', WN_ERR_FORMAT},
        {"{", ":" ENTRY("I8", "[0]", "[0,0]") ",", 0, WN_ERR_LIMIT},
        {"{\"__metadata__\":{", ":\"\",", 0, WN_ERR_FORMAT},
    };
    char *bytes = wn_mem_alloc(8 + SIZE, 1);
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        size_t n = strlen(cases[i].start);
        for (size_t j = 0; j < 8; j++)
            bytes[j] = (char)((uint64_t)SIZE >> 8 * j);
        memcpy(bytes + 8, cases[i].start, n);
        if (cases[i].piece != NULL)
            repeat(bytes + 8 + n, SIZE - n, cases[i].piece);
        else
            memset(bytes + 8 + n, cases[i].fill, SIZE - n);
        wn_tensors *set = NULL;
        clock_t start = clock();
        assert_int_equal(wn_safetensors_parse(&set, (wn_str){bytes, 8 + SIZE}, "m", &err),
                         cases[i].status);
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        print_message("%.2f s: %.120s\n", seconds, err.message);
        /* A pass takes up to 1 s, also on a busy machine no more than a few; work that grows with
         * the square of the size would take hours. */
        assert_true(seconds < 60);
    }
    wn_mem_free(bytes);
}

/* ---- sharded sets ---------------------------------------------------------------------------- */

#define DIR_TEMPLATE "/tmp/winnow-safetensors-XXXXXX"
static char dir[] = DIR_TEMPLATE;

static void write_file(const char *name, wn_str bytes)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, out), bytes.len);
    fclose(out);
}

static void write_shard(const char *name, const char *tensor)
{
    char header[200];
    snprintf(header, sizeof header, "{\"%s\":" ENTRY("F32", "[2]", "[0,8]") "}", tensor);
    wn_str file = file_of(wn_str_from(header), 8);
    write_file(name, file);
    free_file(file);
}

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, DIR_TEMPLATE);
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_dir(void **state)
{
    (void)state;
    static const char *const names[] = {"a.safetensors",
                                        "b.safetensors",
                                        "model.safetensors",
                                        "model.safetensors.index.json",
                                        "2_Dense/model.safetensors",
                                        "model.onnx",
                                        "pytorch_model.bin"};
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    char folder[200];
    snprintf(folder, sizeof folder, "%s/2_Dense", dir);
    rmdir(folder);
    return rmdir(dir);
}

static void index_case(const char *index, wn_status status, const char *message)
{
    wn_tensors *set = NULL;
    write_file("model.safetensors.index.json", wn_str_from(index));
    assert_fails(wn_safetensors_open(&set, dir, &err), status, &err, message);
}

#define MAP(pairs) "{\"metadata\":{\"total_size\":16},\"weight_map\":{" pairs "}}"

static void index_joins_shards_and_must_match_them(void **state)
{
    (void)state;
    wn_tensors *set = NULL;
    assert_fails(wn_safetensors_open(&set, dir, &err), WN_ERR_IO, &err,
                 "has neither model.safetensors nor model.safetensors.index.json");
    write_file("model.onnx", WN_STR("x"));
    assert_fails(wn_safetensors_open(&set, dir, &err), WN_ERR_IO, &err,
                 "but model.onnx: ONNX is not read; fetch the safetensors of the same model");
    write_file("pytorch_model.bin", WN_STR("x"));
    assert_fails(wn_safetensors_open(&set, dir, &err), WN_ERR_IO, &err,
                 "but pytorch_model.bin: a pickle may run any program and is not read");
    write_shard("a.safetensors", "x");
    write_shard("b.safetensors", "y");
    write_file("model.safetensors.index.json",
               WN_STR(MAP("\"y\":\"b.safetensors\",\"x\":\"a.safetensors\"")));
    assert_ok(wn_safetensors_open(&set, dir, &err), &err);
    assert_int_equal(wn_tensors_count(set), 2);
    assert_non_null(wn_tensors_find(set, WN_STR("x")));
    assert_non_null(wn_tensors_find(set, WN_STR("y")));
    wn_tensors_close(set);
    set = NULL;
    index_case(MAP("\"y\":\"b.safetensors\",\"x\":\"a.safetensors\",\"z\":\"a.safetensors\""),
               WN_ERR_FORMAT, "tensor 'z' is placed in 'a.safetensors', but is not there");
    index_case(MAP("\"y\":\"a.safetensors\",\"x\":\"b.safetensors\""), WN_ERR_FORMAT,
               "tensor 'x' is placed in 'b.safetensors', but is in 'a.safetensors'");
    index_case(MAP("\"y\":\"b.safetensors\",\"z\":\"a.safetensors\""), WN_ERR_FORMAT,
               "tensor 'x' of 'a.safetensors' is not in the index");
    index_case(MAP("\"y\":\"c.safetensors\""), WN_ERR_IO, "c.safetensors");
    index_case(MAP(""), WN_ERR_FORMAT, "no 'weight_map' with tensors");
    index_case("{\"weight_map\":[]}", WN_ERR_FORMAT, "no 'weight_map' with tensors");
    index_case("[]", WN_ERR_FORMAT, "no 'weight_map' with tensors");
    index_case("{", WN_ERR_FORMAT, "model.safetensors.index.json: line 1, byte");
    static const char *const bad[] = {
        "\"../a.safetensors\"", "\"/etc/passwd\"",     "\"\"",     "\"..\"", "3", "null",
        "\"a\\u0000\"",         "\"d/a.safetensors\"", "\"a\\nb\""};
    for (size_t i = 0; i < WN_ARRAY_LEN(bad); i++) {
        char index[200];
        snprintf(index, sizeof index, MAP("\"y\":%s"), bad[i]);
        index_case(index, WN_ERR_FORMAT, "tensor 'y': its file is not the plain name of a file");
    }
    write_shard("b.safetensors", "x");
    index_case(MAP("\"x\":\"a.safetensors\",\"y\":\"b.safetensors\""), WN_ERR_FORMAT,
               "b.safetensors: tensor 'x' is there twice, also in another file of the set");
    write_shard("model.safetensors", "whole");
    assert_ok(wn_safetensors_open(&set, dir, &err), &err);
    assert_non_null(wn_tensors_find(set, WN_STR("whole")));
    wn_tensors_close(set);
}

static void tensors_of_a_folder_are_called_by_it(void **state)
{
    (void)state;
    char folder[200];
    wn_tensors *set = NULL;
    snprintf(folder, sizeof folder, "%s/2_Dense", dir);
    assert_int_equal(mkdir(folder, 0777), 0);
    write_shard("model.safetensors", "linear.weight");
    assert_ok(wn_safetensors_open(&set, dir, &err), &err);
    assert_ok(wn_safetensors_add(set, dir, "2_Dense", &err), &err); /* has none */
    assert_int_equal(wn_tensors_count(set), 1);
    write_shard("2_Dense/model.safetensors", "linear.weight");
    assert_ok(wn_safetensors_add(set, dir, "2_Dense", &err), &err);
    assert_int_equal(wn_tensors_count(set), 2);
    const wn_tensor_view *own = wn_tensors_find(set, WN_STR("linear.weight"));
    const wn_tensor_view *added = wn_tensors_find(set, WN_STR("2_Dense.linear.weight"));
    assert_true(own != NULL && added != NULL && own->data != added->data);
    assert_int_equal(added->bytes, 8);
    assert_fails(wn_safetensors_add(set, dir, "2_Dense", &err), WN_ERR_FORMAT, &err,
                 "2_Dense/model.safetensors: tensor '2_Dense.linear.weight' is there twice");
    write_file("2_Dense/model.safetensors", WN_STR("short"));
    assert_fails(wn_safetensors_add(set, dir, "2_Dense", &err), WN_ERR_FORMAT, &err,
                 "2_Dense/model.safetensors");
    wn_tensors_close(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_file_gives_names_shapes_types_and_bytes),
        cmocka_unit_test(every_dtype_of_the_format_is_known),
        cmocka_unit_test(set_without_tensors_is_a_file),
        cmocka_unit_test(header_length_is_checked_before_anything_is_read),
        cmocka_unit_test(ranges_must_cover_the_data_exactly),
        cmocka_unit_test(shape_dtype_and_range_must_agree),
        cmocka_unit_test(header_must_have_the_form_of_the_format),
        cmocka_unit_test(names_must_be_clean_unicode),
        cmocka_unit_test(mutated_files_are_refused_or_stay_inside),
        cmocka_unit_test(hostile_headers_of_100_mb_are_refused_in_one_pass),
        cmocka_unit_test_setup_teardown(index_joins_shards_and_must_match_them, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(tensors_of_a_folder_are_called_by_it, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
