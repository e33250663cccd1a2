/* What may stand in a record of a key, and scopes as text. */
#include "tests/support/check.h"

#include "base/str.h"
#include "serve/key_record.h"

static void a_record_of_defaults_is_right_once_it_has_nothing_more(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_key_record record = wn_key_record_default();
    assert_ok(wn_key_record_check(&record, &err), &err);
    assert_string_equal(record.tier, "key");
    assert_false(record.scopes & (WN_SCOPE_ADMIN | WN_SCOPE_METRICS));
    assert_true(record.scopes & WN_SCOPE_RERANK);
}

static void names_are_text_without_control_characters(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_key_record record = wn_key_record_default();
    static const struct {
        const char *name, *why;
    } cases[] = {{"a\nb", "name: byte 1 is no text"},
                 {"ab\x7f", "name: byte 2"},
                 {"\xc3", "name: byte 0"},
                 {"\xed\xa0\x80", "name: byte 0"}};
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        snprintf(record.name, sizeof record.name, "%s", cases[i].name);
        assert_fails(wn_key_record_check(&record, &err), WN_ERR_ARGUMENT, &err, cases[i].why);
    }
    snprintf(record.name, sizeof record.name, "Z\xc3\xbcrich <b> \"x\"");
    assert_ok(wn_key_record_check(&record, &err), &err);
    snprintf(record.tier, sizeof record.tier, "\t");
    assert_fails(wn_key_record_check(&record, &err), WN_ERR_ARGUMENT, &err, "tier: byte 0");
}

static void every_number_has_a_range(void **state)
{
    (void)state;
    wn_key_record record = wn_key_record_default();
    struct {
        int64_t *field;
        int64_t too_small, too_large;
    } fields[] = {
        {&record.limits.requests_per_minute, -2, 1000000001},
        {&record.limits.tokens_per_minute, -2, 1000000001},
        {&record.limits.concurrency, -2, 1000001},
        {&record.limits.burst_s, -2, 86401},
        {&record.limits.monthly_tokens, -2, WN_KEY_TOKENS_MAX + 1},
        {&record.limits.prepaid_tokens, -2, WN_KEY_TOKENS_MAX + 1},
        {&record.limits.weight, 0, 1001},
        {&record.created_s, -1, WN_KEY_TIME_MAX + 1},
        {&record.expires_s, -1, WN_KEY_TIME_MAX + 1},
        {&record.revoked_s, -1, WN_KEY_TIME_MAX + 1},
        {&record.old_until_s, -1, WN_KEY_TIME_MAX + 1},
        {&record.last_used_s, -1, WN_KEY_TIME_MAX + 1},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(fields); i++) {
        wn_error err = {0};
        int64_t right = *fields[i].field;
        *fields[i].field = fields[i].too_small;
        assert_fails(wn_key_record_check(&record, &err), WN_ERR_ARGUMENT, &err, "expected");
        *fields[i].field = fields[i].too_small + 1;
        assert_ok(wn_key_record_check(&record, &err), &err);
        *fields[i].field = fields[i].too_large;
        assert_fails(wn_key_record_check(&record, &err), WN_ERR_ARGUMENT, &err, "expected");
        *fields[i].field = fields[i].too_large - 1;
        assert_ok(wn_key_record_check(&record, &err), &err);
        *fields[i].field = right;
    }
    wn_error err = {0};
    record.scopes = WN_SCOPES_ALL + 1;
    assert_fails(wn_key_record_check(&record, &err), WN_ERR_ARGUMENT, &err, "scopes");
}

static void scopes_are_written_and_read(void **state)
{
    (void)state;
    wn_error err = {0};
    for (uint32_t scopes = 1; scopes <= WN_SCOPES_ALL; scopes++) {
        wn_buf text = WN_BUF_INIT;
        uint32_t again = 0;
        assert_true(wn_scopes_push(&text, scopes));
        assert_ok(wn_scopes_parse(&again, wn_buf_str(&text), &err), &err);
        assert_int_equal(again, scopes);
        wn_buf_deinit(&text);
    }
    wn_buf text = WN_BUF_INIT;
    assert_true(wn_scopes_push(&text, WN_SCOPE_ADMIN | WN_SCOPE_RERANK));
    assert_int_equal(text.len, strlen("rerank,admin"));
    assert_memory_equal(text.ptr, "rerank,admin", text.len);
    wn_buf_deinit(&text);
}

static void words_that_are_no_scope_are_refused(void **state)
{
    (void)state;
    wn_error err = {0};
    uint32_t scopes = 77;
    static const char *const wrong[] = {"", "rerank,", ",rerank", "Rerank", "rerank usage", "al"};
    for (size_t i = 0; i < WN_ARRAY_LEN(wrong); i++)
        assert_fails(wn_scopes_parse(&scopes, wn_str_from(wrong[i]), &err), WN_ERR_ARGUMENT, &err,
                     "has '");
    assert_int_equal(scopes, 77);
    assert_ok(wn_scopes_parse(&scopes, WN_STR("usage,all"), &err), &err);
    assert_int_equal(scopes, WN_SCOPES_ALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_of_defaults_is_right_once_it_has_nothing_more),
        cmocka_unit_test(names_are_text_without_control_characters),
        cmocka_unit_test(every_number_has_a_range),
        cmocka_unit_test(scopes_are_written_and_read),
        cmocka_unit_test(words_that_are_no_scope_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
