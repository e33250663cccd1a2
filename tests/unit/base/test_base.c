/* Memory, strings, buffers, maps, errors, element types: the small parts of base/. */
#include "tests/support/check.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/dtype.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include "base/thread.h"

#include <math.h>
#include <stdio.h>

#define WN_WHERE "tests/base"

static wn_status fail_with(wn_error *err, const char *name)
{
    WN_FAIL(err, WN_ERR_FORMAT, "tensor '%s': shape [%d], expected [%d]", name, 3, 4);
}

static void error_names_thing_and_both_values(void **state)
{
    (void)state;
    wn_error err;
    assert_int_equal(fail_with(&err, "a.b"), WN_ERR_FORMAT);
    assert_string_equal(err.message, "tensor 'a.b': shape [3], expected [4]");
    assert_string_equal(err.where, "tests/base");
    assert_int_equal(wn_error_prefix(&err, err.status, "%s", "model.safetensors"), WN_ERR_FORMAT);
    assert_string_equal(err.message, "model.safetensors: tensor 'a.b': shape [3], expected [4]");
    assert_int_equal(fail_with(NULL, "x"), WN_ERR_FORMAT);
    assert_string_equal(wn_status_name(WN_ERR_FORMAT), "WN_ERR_FORMAT");
    assert_string_equal(wn_status_name((wn_status)99), "WN_ERR_UNKNOWN");
}

static void error_cuts_long_message_at_a_character(void **state)
{
    (void)state;
    char name[2 * sizeof(((wn_error *)0)->message)] = "";
    for (size_t i = 0; i + 3 < sizeof name; i += 2)
        memcpy(name + i, "\xC3\xA9", 3);
    wn_error err;
    wn_error_set(&err, WN_ERR_IO, WN_WHERE, "%s", name);
    size_t len = strlen(err.message);
    assert_true(len < sizeof err.message && len > sizeof err.message - 4);
    assert_int_equal(len % 2, 0);
}

static void size_arithmetic_refuses_to_wrap(void **state)
{
    (void)state;
    size_t out = 7;
    assert_false(wn_mul_size(&out, SIZE_MAX / 2, 3));
    assert_true(wn_mul_size(&out, 3, 5));
    assert_int_equal(out, 15);
    assert_false(wn_add_size(&out, SIZE_MAX, 1));
    assert_null(wn_mem_alloc(SIZE_MAX / 2, 3));
    assert_null(wn_mem_realloc(NULL, SIZE_MAX / 2, 3));
    assert_null(wn_mem_aligned(SIZE_MAX));
}

static void arena_gives_zeroed_aligned_separate_objects(void **state)
{
    (void)state;
    wn_arena arena = WN_ARENA_INIT;
    unsigned char *all[500];
    for (size_t i = 0; i < 500; i++) {
        size_t n = (i * 37) % 9000;
        all[i] = wn_arena_alloc(&arena, n, 1);
        assert_non_null(all[i]);
        assert_int_equal((uintptr_t)all[i] % 16, 0);
        for (size_t j = 0; j < n; j++)
            assert_int_equal(all[i][j], 0);
        memset(all[i], (int)(i & 0xFF), n);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t j = 0; j < (i * 37) % 9000; j++)
            assert_int_equal(all[i][j], i & 0xFF);
    }
    wn_str copy = wn_arena_str(&arena, WN_STR("abc"));
    assert_string_equal(copy.ptr, "abc");
    assert_non_null(wn_arena_alloc(&arena, 3 << 20, 1));
    assert_null(wn_arena_alloc(&arena, SIZE_MAX / 2, 3));
    wn_arena_deinit(&arena);
    assert_int_equal(arena.total_bytes, 0);
}

static void buf_grows_and_keeps_its_content(void **state)
{
    (void)state;
    wn_buf buf = WN_BUF_INIT;
    for (int i = 0; i < 1000; i++)
        assert_true(wn_buf_printf(&buf, "%03d", i));
    assert_true(wn_buf_push_byte(&buf, '\0'));
    assert_int_equal(buf.len, 3001);
    assert_memory_equal(buf.ptr + 2997, "999", 4);
    assert_false(wn_buf_reserve(&buf, SIZE_MAX - 10));
    assert_true(buf.failed);
    assert_false(wn_buf_push_byte(&buf, 'x'));
    assert_int_equal(buf.len, 3001);
    wn_buf_deinit(&buf);
}

static void map_finds_every_key_and_no_other(void **state)
{
    (void)state;
    static char keys[5000][12];
    wn_map map = WN_MAP_INIT;
    assert_int_equal(wn_map_get(&map, WN_STR("x"), -1), -1);
    for (int i = 0; i < 5000; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i * 7);
        assert_true(wn_map_put(&map, wn_str_from(keys[i]), i, NULL));
    }
    bool replaced = false;
    assert_true(wn_map_put(&map, WN_STR("k7"), 77, &replaced));
    assert_true(replaced);
    assert_int_equal(map.count, 5000);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(wn_map_get(&map, wn_str_from(keys[i]), -1), i == 1 ? 77 : i);
    assert_int_equal(wn_map_get(&map, WN_STR("k1"), -1), -1);
    assert_int_equal(wn_map_get(&map, WN_STR(""), -1), -1);
    assert_true(wn_map_put(&map, WN_STR(""), 5, NULL));
    assert_int_equal(wn_map_get(&map, (wn_str){NULL, 0}, -1), 5);
    wn_map_deinit(&map);
}

static float f16_reference(uint16_t h)
{
    int exponent = (h >> 10) & 31, mantissa = h & 1023;
    float sign = (h & 0x8000) ? -1.0f : 1.0f;
    if (exponent == 31)
        return mantissa == 0 ? sign * INFINITY : NAN;
    if (exponent == 0)
        return sign * ldexpf((float)mantissa, -24);
    return sign * ldexpf((float)(1024 + mantissa), exponent - 25);
}

static void half_floats_widen_exactly_for_all_bit_patterns(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= 0xFFFF; i++) {
        uint16_t h = (uint16_t)i;
        float got, want = f16_reference(h);
        wn_dtype_to_f32(&got, &h, WN_DTYPE_F16, 1);
        if (isnan(want))
            assert_true(isnan(got));
        else
            assert_memory_equal(&got, &want, sizeof got);
        uint32_t bits = i << 16, back;
        wn_dtype_to_f32(&got, &h, WN_DTYPE_BF16, 1);
        memcpy(&back, &got, sizeof back);
        if (!isnan(got))
            assert_int_equal(back, bits);
    }
    int8_t bytes[2] = {-128, 127};
    float wide[2];
    wn_dtype_to_f32(wide, bytes, WN_DTYPE_I8, 2);
    assert_true(wide[0] == -128.0f && wide[1] == 127.0f);
}

static void cpu_quota_is_rounded_up_and_nonsense_ignored(void **state)
{
    (void)state;
    assert_int_equal(wn_thread_quota_parse(WN_STR("max 100000")), 0);
    assert_int_equal(wn_thread_quota_parse(WN_STR("150000 100000")), 2);
    assert_int_equal(wn_thread_quota_parse(WN_STR("50000 100000")), 1);
    assert_int_equal(wn_thread_quota_parse(WN_STR("-1 100000")), 0);
    assert_int_equal(wn_thread_quota_parse(WN_STR("100000 0")), 0);
    assert_int_equal(wn_thread_quota_parse(WN_STR("")), 0);
    assert_int_equal(wn_thread_quota_parse(WN_STR("9223372036854775807 1")), 256);
    int32_t n = wn_thread_count();
    assert_true(n >= 1 && n <= 256);
}

static void message_shows_whole_characters(void **state)
{
    (void)state;
    char text[300];
    memset(text, 'x', sizeof text);
    assert_int_equal(wn_str_shown((wn_str){text, 200}), 200);
    assert_int_equal(wn_str_shown((wn_str){text, 300}), 200);
    memcpy(text + 198, "\xe4\xb8\xad", 3);
    assert_int_equal(wn_str_shown((wn_str){text, 300}), 198);
    text[200] = 'x';
    memcpy(text + 197, "\xe4\xb8\xad", 3);
    assert_int_equal(wn_str_shown((wn_str){text, 300}), 200);
    assert_int_equal(wn_str_shown((wn_str){NULL, 0}), 0);
}

static void counts_have_commas(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    wn_buf_push_count(&out, 0);
    wn_buf_push_count(&out, 999);
    wn_buf_push_byte(&out, ' ');
    wn_buf_push_count(&out, 1000);
    wn_buf_push_byte(&out, ' ');
    wn_buf_push_count(&out, UINT64_MAX);
    wn_buf_push_byte(&out, '\0');
    assert_string_equal(out.ptr, "0999 1,000 18,446,744,073,709,551,615");
    wn_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_have_commas),
        cmocka_unit_test(error_names_thing_and_both_values),
        cmocka_unit_test(error_cuts_long_message_at_a_character),
        cmocka_unit_test(size_arithmetic_refuses_to_wrap),
        cmocka_unit_test(arena_gives_zeroed_aligned_separate_objects),
        cmocka_unit_test(buf_grows_and_keeps_its_content),
        cmocka_unit_test(map_finds_every_key_and_no_other),
        cmocka_unit_test(half_floats_widen_exactly_for_all_bit_patterns),
        cmocka_unit_test(message_shows_whole_characters),
        cmocka_unit_test(cpu_quota_is_rounded_up_and_nonsense_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
