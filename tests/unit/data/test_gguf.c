/* GGUF: what a good file gives, every type's values against the gguf package, and that every kind
 * of damage is refused with its reason. */
#include "tests/support/check.h"
#include "tests/support/check_gguf.h"

#include "base/mem.h"
#include "base/str.h"

#define TYPES "tests/golden/gguf/types.gguf"

static wn_error err;

static wn_gguf *parse(check_gguf *file, wn_buf *bytes)
{
    wn_gguf *gguf = NULL;
    *bytes = check_gguf_end(file);
    assert_ok(wn_gguf_parse(&gguf, wn_buf_str(bytes), "m", &err), &err);
    return gguf;
}

static void refuses_bytes(wn_str bytes, wn_status status, const char *message)
{
    wn_gguf *gguf = NULL;
    /* An exact block, so that sanitizers see a read behind the end. */
    char *exact = wn_mem_alloc(bytes.len + 1, 1);
    memcpy(exact, bytes.ptr, bytes.len);
    assert_fails(wn_gguf_parse(&gguf, (wn_str){exact, bytes.len}, "m", &err), status, &err,
                 message);
    assert_null(gguf);
    wn_mem_free(exact);
}

static void refuses(check_gguf *file, wn_status status, const char *message)
{
    wn_buf bytes = check_gguf_end(file);
    refuses_bytes(wn_buf_str(&bytes), status, message);
    wn_buf_deinit(&bytes);
}

static json_int_t integer(const wn_gguf *gguf, const char *key)
{
    json_t *value = wn_gguf_json(gguf, key);
    assert_true(json_is_integer(value));
    json_int_t n = json_integer_value(value);
    json_decref(value);
    return n;
}

static void good_file_gives_values_and_tensors(void **state)
{
    (void)state;
    check_gguf file = {0};
    wn_buf bytes;
    const int32_t numbers[] = {-1, 2147483647};
    check_gguf_string(&file, "general.architecture", "bert");
    check_gguf_u32(&file, "n", 4000000000u);
    check_gguf_f32(&file, "eps", 1e-12f);
    check_gguf_bool(&file, "yes", true);
    check_gguf_strings(&file, "words", "a bc \xC3\xA9");
    check_gguf_i32s(&file, "numbers", numbers, 2);
    check_gguf_tensor(&file, "matrix", 8, (uint64_t[4]){64, 3}, (size_t)3 * 2 * 34);
    check_gguf_tensor(&file, "vector", 0, (uint64_t[4]){5}, 20);
    wn_gguf *gguf = parse(&file, &bytes);
    assert_true(wn_str_equal(wn_gguf_string(gguf, "general.architecture"), WN_STR("bert")));
    assert_int_equal(integer(gguf, "n"), 4000000000u);
    json_t *eps = wn_gguf_json(gguf, "eps"), *yes = wn_gguf_json(gguf, "yes");
    assert_true((float)json_real_value(eps) == 1e-12f && json_is_true(yes));
    json_decref(eps);
    assert_true(json_is_null(wn_gguf_json(gguf, "words")));
    assert_true(json_is_null(wn_gguf_json(gguf, "no")));
    const wn_gguf_value *words = wn_gguf_find(gguf, "words");
    const unsigned char *at = words->data;
    assert_true(words->is_array && words->type == WN_GGUF_STRING && words->n == 3);
    assert_true(wn_str_equal(wn_gguf_next_string(&at), WN_STR("a")));
    assert_true(wn_str_equal(wn_gguf_next_string(&at), WN_STR("bc")));
    assert_true(wn_str_equal(wn_gguf_next_string(&at), WN_STR("\xC3\xA9")));
    const wn_gguf_value *both = wn_gguf_find(gguf, "numbers");
    assert_true(wn_gguf_number(both, 0) == -1 && wn_gguf_number(both, 1) == 2147483647);
    assert_int_equal(wn_tensors_count(wn_gguf_tensors(gguf)), 2);
    const wn_tensor_view *matrix = wn_tensors_at(wn_gguf_tensors(gguf), 0),
                         *vector = wn_tensors_at(wn_gguf_tensors(gguf), 1);
    assert_true(matrix->n_dims == 2 && matrix->dims[0] == 3 && matrix->dims[1] == 64);
    assert_true(matrix->dtype == WN_DTYPE_Q8_0 && matrix->bytes == 204);
    assert_true(vector->n_dims == 1 && vector->dims[0] == 5 && vector->bytes == 20);
    assert_int_equal(vector->data - matrix->data, 224);
    wn_gguf_close(gguf);
    wn_buf_deinit(&bytes);
}

/* Every tensor NAME has its values in NAME.f32. */
static void every_type_widens_to_the_bits_of_the_reference(void **state)
{
    (void)state;
    wn_gguf *gguf = NULL;
    size_t n_types = 0;
    assert_ok(wn_gguf_open(&gguf, TYPES, &err), &err);
    for (size_t i = 0; i < wn_tensors_count(wn_gguf_tensors(gguf)); i += 2) {
        const wn_tensor_view *view = wn_tensors_at(wn_gguf_tensors(gguf), i),
                             *want = wn_tensors_at(wn_gguf_tensors(gguf), i + 1);
        size_t n = view->dims[0] * view->dims[1], row = wn_dtype_bytes(view->dtype, view->dims[1]);
        float got[512];
        assert_true(view->dtype != WN_DTYPE_OTHER && want->dtype == WN_DTYPE_F32 && n == 512);
        assert_int_equal(view->bytes, view->dims[0] * row);
        assert_true(wn_str_starts(want->name, view->name));
        wn_dtype_to_f32(got, view->data, view->dtype, n);
        assert_memory_equal(got, want->data, sizeof got);
        wn_dtype_to_f32(got, view->data + row, view->dtype, view->dims[1]);
        assert_memory_equal(got, want->data + sizeof got / 2, sizeof got / 2);
        n_types++;
    }
    assert_int_equal(n_types, 11);
    wn_gguf_close(gguf);
}

static void other_files_are_named_for_what_they_are(void **state)
{
    (void)state;
    refuses_bytes(WN_STR(""), WN_ERR_FORMAT,
                  "m: byte 0: a GGUF file's magic needs 4 bytes, but the file has 0 more");
    refuses_bytes(WN_STR("PK\x03\x04    "), WN_ERR_FORMAT,
                  "m: begins with the bytes 50 4b 03 04, a GGUF file with 47 47 55 46");
    refuses_bytes(WN_STR("GGUF\x02\0\0\0"), WN_ERR_UNSUPPORTED,
                  "m: GGUF version 2 is not supported, only version 3");
    refuses_bytes(WN_STR("GGUF\0\0\0\x03"), WN_ERR_UNSUPPORTED, "of big-endian numbers");
    refuses_bytes(WN_STR("GGUF\x03\0\0\0\0\0"), WN_ERR_FORMAT,
                  "byte 8: the number of tensors needs 8 bytes, but the file has 2 more");
    wn_gguf *gguf = NULL;
    assert_fails(wn_gguf_open(&gguf, "tests/golden/gguf/none.gguf", &err), WN_ERR_IO, &err,
                 "none.gguf");
}

static void header_of(wn_buf *out, uint64_t n_tensors, uint64_t n_pairs)
{
    wn_buf_push(out, "GGUF\x03\0\0\0", 8);
    check_gguf_number(out, n_tensors, 8);
    check_gguf_number(out, n_pairs, 8);
}

static void counts_and_lengths_are_not_believed(void **state)
{
    (void)state;
    static const struct {
        uint64_t n_tensors, n_pairs, key_len;
        wn_status status;
        const char *message;
    } cases[] = {
        {0, UINT64_MAX, 1, WN_ERR_LIMIT, "m: 18446744073709551615 keys, at most 65536"},
        {0, 65536, 1, WN_ERR_FORMAT, "the type of a value needs 4 bytes, but the file has 2 more"},
        {0, 1, UINT64_MAX, WN_ERR_FORMAT, "a key needs 18446744073709551615 bytes, but the file"},
        {0, 1, 4, WN_ERR_FORMAT, "byte 32: a key needs 4 bytes, but the file has 3 more"},
        {131073, 0, 1, WN_ERR_LIMIT, "m: 131073 tensors, at most 131072"},
        {1, 0, 0, WN_ERR_FORMAT, "the name of a tensor has 0 bytes, expected 1..64"},
        {1, 0, 1, WN_ERR_FORMAT, "a shape needs 4 bytes, but the file has 2 more"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_buf bytes = WN_BUF_INIT;
        header_of(&bytes, cases[i].n_tensors, cases[i].n_pairs);
        check_gguf_number(&bytes, cases[i].key_len, 8);
        wn_buf_push(&bytes, "abc", 3);
        refuses_bytes(wn_buf_str(&bytes), cases[i].status, cases[i].message);
        wn_buf_deinit(&bytes);
    }
}

static void value_of(uint64_t type, uint64_t item_type, uint64_t n, const char *message)
{
    wn_buf bytes = WN_BUF_INIT;
    header_of(&bytes, 0, 1);
    check_gguf_text(&bytes, "k");
    check_gguf_number(&bytes, type, 4);
    check_gguf_number(&bytes, item_type, 4);
    check_gguf_number(&bytes, n, 8);
    refuses_bytes(wn_buf_str(&bytes), WN_ERR_FORMAT, message);
    wn_buf_deinit(&bytes);
}

static void values_must_have_known_types_and_be_there(void **state)
{
    (void)state;
    value_of(13, 0, 0, "m: key 'k': value type 13 is unknown");
    value_of(UINT32_MAX, 0, 0, "m: key 'k': value type 4294967295 is unknown");
    value_of(9, 9, 1, "m: key 'k': item type 9 is unknown");
    value_of(9, 99, 1, "m: key 'k': item type 99 is unknown");
    value_of(9, 4, 1, "m: key 'k': an array of 1 items, but the file has 0 more bytes");
    value_of(9, 8, UINT64_MAX, "an array of 18446744073709551615 items, but the file has 0 more");
    value_of(7, 2, 0, "m: key 'k': a boolean is 2, expected 0 or 1");
    value_of(8, UINT32_MAX, UINT32_MAX, "a string needs");
}

static void names_must_be_new_and_readable(void **state)
{
    (void)state;
    check_gguf file = {0};
    check_gguf_u32(&file, "k", 1);
    check_gguf_u32(&file, "k", 1);
    refuses(&file, WN_ERR_FORMAT, "m: key 'k' is there twice");
    check_gguf_tensor(&file, "t", 0, (uint64_t[4]){1}, 4);
    check_gguf_tensor(&file, "t", 0, (uint64_t[4]){1}, 4);
    refuses(&file, WN_ERR_FORMAT, "m: tensor 't' is there twice");
    check_gguf_u32(&file, "a\x1b[2J", 1);
    refuses(&file, WN_ERR_FORMAT, "m: byte 24: a key is not printable UTF-8");
    check_gguf_u32(&file, "\xFF", 1);
    refuses(&file, WN_ERR_FORMAT, "a key is not printable UTF-8");
    check_gguf_tensor(&file, "t\n", 0, (uint64_t[4]){1}, 4);
    refuses(&file, WN_ERR_FORMAT, "the name of a tensor is not printable UTF-8");
    check_gguf_tensor(&file, "12345678901234567890123456789012345678901234567890123456789012345", 0,
                      (uint64_t[4]){1}, 4);
    refuses(&file, WN_ERR_FORMAT, "the name of a tensor has 65 bytes, expected 1..64");
}

static void alignment_must_be_a_power_of_two(void **state)
{
    (void)state;
    check_gguf file = {0};
    static const struct {
        uint32_t value;
        const char *message;
    } cases[] = {{0, "is 0, expected a power of two up to 1048576"},
                 {24, "'general.alignment': is 24, expected a power of two"},
                 {1u << 31, "is 2147483648, expected"}};
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        check_gguf_u32(&file, "general.alignment", cases[i].value);
        refuses(&file, WN_ERR_FORMAT, cases[i].message);
    }
    check_gguf_string(&file, "general.alignment", "32");
    refuses(&file, WN_ERR_FORMAT, "'general.alignment': is not a number of 32 bits");
    wn_buf bytes;
    check_gguf_u32(&file, "general.alignment", 8);
    wn_gguf_close(parse(&file, &bytes));
    wn_buf_deinit(&bytes);
}

static void tensors_must_fit_their_types_and_the_file(void **state)
{
    (void)state;
    check_gguf file = {0};
    check_gguf_tensor(&file, "t", 77, (uint64_t[4]){1}, 4);
    refuses(&file, WN_ERR_FORMAT, "m: tensor 't': type 77 is unknown");
    check_gguf_tensor(&file, "t", 4, (uint64_t[4]){1}, 4);
    refuses(&file, WN_ERR_FORMAT, "m: tensor 't': type 4 is unknown");
    check_gguf_tensor(&file, "t", UINT32_MAX, (uint64_t[4]){1}, 4);
    refuses(&file, WN_ERR_FORMAT, "m: tensor 't': type 4294967295 is unknown");
    check_gguf_tensor(&file, "t", 0, (uint64_t[4]){0}, 4);
    refuses(&file, WN_ERR_FORMAT, "m: tensor 't': has 0 dimensions, expected 1..4");
    check_gguf_tensor(&file, "t", 12, (uint64_t[4]){64, 3}, 0);
    refuses(&file, WN_ERR_FORMAT,
            "m: tensor 't': rows of 64 values, expected whole blocks of Q4_K, 256 values");
    check_gguf_tensor(&file, "t", 0, (uint64_t[4]){(uint64_t)1 << 62, 8}, 0);
    refuses(&file, WN_ERR_FORMAT, "m: tensor 't': its shape has no size in bytes");
    check_gguf_tensor(&file, "t", 0, (uint64_t[4]){(uint64_t)1 << 61}, 0);
    refuses(&file, WN_ERR_FORMAT, "m: tensor 't': ends behind byte 2^63");
    check_gguf_tensor(&file, "t", 0, (uint64_t[4]){100}, 4);
    refuses(&file, WN_ERR_FORMAT, "m: cut off: has 96 bytes, its tensors end at byte 464");
    check_gguf_tensor(&file, "s", 0, (uint64_t[4]){1}, 100);
    check_gguf_tensor(&file, "t", 0, (uint64_t[4]){1}, 4);
    refuses(&file, WN_ERR_FORMAT, "m: tensor 't': starts at byte 128 of the data, expected 32");
}

/* Types that we do not widen are known all the same, so that the model's error can name them. */
static void types_that_are_no_weights_are_still_views(void **state)
{
    (void)state;
    check_gguf file = {0};
    wn_buf bytes;
    check_gguf_tensor(&file, "t", 16, (uint64_t[4]){256}, 66);
    wn_gguf *gguf = parse(&file, &bytes);
    const wn_tensor_view *view = wn_tensors_at(wn_gguf_tensors(gguf), 0);
    assert_int_equal(view->dtype, WN_DTYPE_OTHER);
    assert_string_equal(view->dtype_name, "IQ2_XXS");
    assert_int_equal(view->bytes, 66);
    wn_gguf_close(gguf);
    wn_buf_deinit(&bytes);
}

static void reads_all(const wn_gguf *gguf, wn_str bytes)
{
    const wn_gguf_value *words = wn_gguf_find(gguf, "words");
    const unsigned char *at = words == NULL ? NULL : words->data;
    size_t total = 0;
    for (size_t i = 0; words != NULL && words->type == WN_GGUF_STRING && i < words->n; i++)
        total += wn_gguf_next_string(&at).len;
    assert_true(total < bytes.len);
    for (size_t i = 0; i < wn_tensors_count(wn_gguf_tensors(gguf)); i++) {
        const wn_tensor_view *view = wn_tensors_at(wn_gguf_tensors(gguf), i);
        size_t place = (size_t)((const char *)view->data - bytes.ptr);
        assert_true(place <= bytes.len && view->bytes <= bytes.len - place);
    }
}

static void every_changed_byte_is_refused_or_harmless(void **state)
{
    (void)state;
    check_gguf file = {0};
    check_gguf_string(&file, "general.architecture", "bert");
    check_gguf_strings(&file, "words", "one two three");
    check_gguf_u32(&file, "n", 7);
    check_gguf_tensor(&file, "matrix", 2, (uint64_t[4]){32, 2}, 36);
    check_gguf_tensor(&file, "vector", 1, (uint64_t[4]){5}, 10);
    wn_buf bytes = check_gguf_end(&file);
    char *copy = wn_mem_alloc(bytes.len, 1);
    size_t n_refused = 0, n_accepted = 0;
    for (size_t at = 0; at < bytes.len; at++) {
        for (unsigned value = 0; value < 256; value += 5) {
            memcpy(copy, bytes.ptr, bytes.len);
            copy[at] = (char)value;
            wn_gguf *gguf = NULL;
            err.message[0] = '\0';
            if (wn_gguf_parse(&gguf, (wn_str){copy, bytes.len}, "m", &err) == WN_OK) {
                reads_all(gguf, (wn_str){copy, bytes.len});
                n_accepted++;
            } else {
                assert_true(strncmp(err.message, "m: ", 3) == 0);
                n_refused++;
            }
            wn_gguf_close(gguf);
        }
    }
    print_message("%zu changed bytes refused, %zu harmless\n", n_refused, n_accepted);
    assert_true(n_refused > 1000 && n_accepted > 1000);
    for (size_t len = 0; len < bytes.len; len++) {
        wn_gguf *gguf = NULL;
        char *cut = wn_mem_alloc(len + 1, 1);
        memcpy(cut, bytes.ptr, len);
        wn_status status = wn_gguf_parse(&gguf, (wn_str){cut, len}, "m", &err);
        assert_true(status == WN_ERR_FORMAT || (status == WN_OK && len >= bytes.len - 22));
        wn_gguf_close(gguf);
        wn_mem_free(cut);
    }
    wn_mem_free(copy);
    wn_buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_file_gives_values_and_tensors),
        cmocka_unit_test(every_type_widens_to_the_bits_of_the_reference),
        cmocka_unit_test(other_files_are_named_for_what_they_are),
        cmocka_unit_test(counts_and_lengths_are_not_believed),
        cmocka_unit_test(values_must_have_known_types_and_be_there),
        cmocka_unit_test(names_must_be_new_and_readable),
        cmocka_unit_test(alignment_must_be_a_power_of_two),
        cmocka_unit_test(tensors_must_fit_their_types_and_the_file),
        cmocka_unit_test(types_that_are_no_weights_are_still_views),
        cmocka_unit_test(every_changed_byte_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
