/* What is done with keys, and what is told of them. */
#define _GNU_SOURCE
#include "tests/support/check.h"

#include "base/str.h"
#include "data/json_bind.h"
#include "serve/key_order.h"

#include <unistd.h>

static char dir[] = "/tmp/winnow-order-XXXXXX";
static wn_state opened;

static wn_key_order order_of(wn_key_act act, const wn_key_id *id)
{
    return (wn_key_order){.act = act,
                          .id = id != NULL ? *id : (wn_key_id){{0}},
                          .edit = WN_KEY_EDIT_INIT,
                          .overlap_s = 100,
                          .now_s = 1000};
}

static wn_key_order run(wn_key_order order)
{
    wn_error err = {0};
    assert_ok(wn_key_order_run(&opened, &order, &err), &err);
    assert_int_equal(order.outcome, WN_KEY_ORDER_DONE);
    return order;
}

static void assert_wrong(wn_key_order order, wn_key_order_outcome want, const char *why)
{
    wn_error err = {0};
    assert_fails(wn_key_order_run(&opened, &order, &err), WN_ERR_ARGUMENT, &err, why);
    assert_int_equal(order.outcome, want);
    assert_int_equal(order.text.text[0], '\0');
}

/* Member by member: between them, and behind the end of a text, may be anything. */
static void assert_same_record(const wn_key_record *a, const wn_key_record *b)
{
    assert_string_equal(a->id.text, b->id.text);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->tier, b->tier);
    assert_int_equal(a->scopes, b->scopes);
    assert_memory_equal(&a->limits, &b->limits, sizeof a->limits);
    assert_memory_equal(&a->digest, &b->digest, sizeof a->digest);
    assert_memory_equal(&a->old_digest, &b->old_digest, sizeof a->old_digest);
    assert_int_equal(a->old_until_s, b->old_until_s);
    assert_int_equal(a->created_s, b->created_s);
    assert_int_equal(a->expires_s, b->expires_s);
    assert_int_equal(a->revoked_s, b->revoked_s);
    assert_int_equal(a->last_used_s, b->last_used_s);
}

static void a_new_key_has_what_was_asked_and_every_default(void **state)
{
    (void)state;
    wn_key_order order = order_of(WN_KEY_CREATE, NULL);
    order.edit.name = WN_STR("n");
    order.edit.expires = WN_STR("1970-01-03");
    order.edit.rpm = 0;
    order = run(order);
    assert_int_equal(order.record.created_s, 1000);
    assert_int_equal(order.record.expires_s, 2 * 86400);
    assert_int_equal(order.record.limits.requests_per_minute, 0);
    assert_int_equal(order.record.limits.tokens_per_minute, WN_UNSET);
    wn_key_id id;
    wn_str secret;
    wn_digest digest;
    wn_error err = {0};
    assert_true(wn_key_parse(&id, &secret, wn_str_from(order.text.text)));
    assert_string_equal(id.text, order.record.id.text);
    assert_ok(wn_digest_make(&digest, &opened.pepper, secret, &err), &err);
    wn_key_order shown = run(order_of(WN_KEY_SHOW, &id));
    assert_true(wn_digest_equal(&digest, &shown.record.digest));
    assert_int_equal(shown.text.text[0], '\0');
    assert_string_equal(shown.record.name, "n");
}

static void a_change_keeps_what_it_does_not_name(void **state)
{
    (void)state;
    wn_key_order order = order_of(WN_KEY_CREATE, NULL);
    order.edit.name = WN_STR("kept");
    order.edit.weight = 7;
    wn_key_id id = run(order).record.id;
    order = order_of(WN_KEY_UPDATE, &id);
    order.edit.tier = WN_STR("premium");
    order.edit.scopes = WN_STR("usage,admin");
    order = run(order);
    wn_key_record now = run(order_of(WN_KEY_SHOW, &id)).record;
    assert_same_record(&now, &order.record);
    assert_string_equal(now.name, "kept");
    assert_string_equal(now.tier, "premium");
    assert_int_equal(now.scopes, WN_SCOPE_USAGE | WN_SCOPE_ADMIN);
    assert_int_equal(now.limits.weight, 7);
}

static void a_number_that_is_taken_back_is_what_a_new_key_has(void **state)
{
    (void)state;
    wn_key_order order = order_of(WN_KEY_CREATE, NULL);
    order.edit.rpm = 9;
    order.edit.tpm = 8;
    order.edit.concurrency = 7;
    order.edit.monthly_tokens = 6;
    order.edit.prepaid_tokens = 5;
    order.edit.weight = 4;
    wn_key_id id = run(order).record.id;
    order = order_of(WN_KEY_UPDATE, &id);
    order.edit.rpm = order.edit.tpm = order.edit.concurrency = WN_FIELD_NULL;
    order.edit.monthly_tokens = order.edit.prepaid_tokens = order.edit.weight = WN_FIELD_NULL;
    run(order);
    wn_key_limits now = run(order_of(WN_KEY_SHOW, &id)).record.limits;
    wn_key_limits fresh = wn_key_record_default().limits;
    assert_int_equal(now.requests_per_minute, fresh.requests_per_minute);
    assert_int_equal(now.tokens_per_minute, fresh.tokens_per_minute);
    assert_int_equal(now.concurrency, fresh.concurrency);
    assert_int_equal(now.monthly_tokens, fresh.monthly_tokens);
    assert_int_equal(now.prepaid_tokens, fresh.prepaid_tokens);
    assert_int_equal(now.weight, fresh.weight);
}

static void a_field_that_cannot_be_so_is_named(void **state)
{
    (void)state;
    char long_name[WN_KEY_NAME_MAX + 2];
    memset(long_name, 'x', sizeof long_name);
    const struct {
        const char *field, *why;
        wn_key_edit edit;
    } cases[] = {
        {"name", "has 64 bytes, at most 63", {.name = {long_name, 64}}},
        {"name", "holds a NUL", {.name = {"a\0b", 3}}},
        {"name", "control character", {.name = {"a\nb", 3}}},
        {"tier", "is 'gold', expected none, key or premium", {.tier = {"gold", 4}}},
        {"tier", "expected", {.tier = {"key\0", 4}}},
        {"tier", "expected", {.tier = {long_name, 64}}},
        {"scopes", "has 'fly'", {.scopes = {"rerank,fly", 10}}},
        {"expires", "is 'soon'", {.expires = {"soon", 4}}},
        {"expires", "is '2026-02-30'", {.expires = {"2026-02-30", 10}}},
        {"expires", "is '1970-01-01'", {.expires = {"1970-01-01", 10}}},
    };
    wn_key_id id = run(order_of(WN_KEY_CREATE, NULL)).record.id;
    wn_key_record before = run(order_of(WN_KEY_SHOW, &id)).record;
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        for (int update = 0; update < 2; update++) {
            wn_error err;
            wn_key_order order = order_of(update ? WN_KEY_UPDATE : WN_KEY_CREATE, &id);
            order.edit.name = cases[i].edit.name;
            order.edit.tier = cases[i].edit.tier;
            order.edit.scopes = cases[i].edit.scopes;
            order.edit.expires = cases[i].edit.expires;
            order.edit.rpm = 5;
            assert_fails(wn_key_order_run(&opened, &order, &err), WN_ERR_ARGUMENT, &err,
                         cases[i].why);
            assert_int_equal(order.outcome, WN_KEY_ORDER_WRONG);
            assert_string_equal(order.wrong, cases[i].field);
        }
    }
    wn_key_record after = run(order_of(WN_KEY_SHOW, &id)).record;
    assert_same_record(&before, &after);
}

static void a_revoked_key_stays_so_and_gets_no_secret(void **state)
{
    (void)state;
    wn_key_id id = run(order_of(WN_KEY_CREATE, NULL)).record.id;
    assert_int_equal(run(order_of(WN_KEY_REVOKE, &id)).record.revoked_s, 1000);
    wn_key_order again = order_of(WN_KEY_REVOKE, &id);
    again.now_s = 2000;
    assert_int_equal(run(again).record.revoked_s, 1000);
    assert_wrong(order_of(WN_KEY_ROTATE, &id), WN_KEY_ORDER_REVOKED, "is revoked");
}

static void a_rotated_key_has_a_new_secret_and_for_a_while_the_old(void **state)
{
    (void)state;
    wn_key_order made = run(order_of(WN_KEY_CREATE, NULL));
    wn_key_order fresh = run(order_of(WN_KEY_ROTATE, &made.record.id));
    assert_string_not_equal(fresh.text.text, made.text.text);
    wn_key_record now = run(order_of(WN_KEY_SHOW, &made.record.id)).record;
    assert_true(wn_digest_equal(&now.old_digest, &made.record.digest));
    assert_false(wn_digest_equal(&now.digest, &made.record.digest));
    assert_int_equal(now.old_until_s, 1100);
}

static void a_key_that_is_not_there_is_told_from_other_failures(void **state)
{
    (void)state;
    wn_key_id id;
    assert_true(wn_key_id_parse(&id, WN_STR("Abcdefgh")));
    static const wn_key_act acts[] = {WN_KEY_SHOW, WN_KEY_UPDATE, WN_KEY_REVOKE, WN_KEY_ROTATE};
    for (size_t i = 0; i < WN_ARRAY_LEN(acts); i++)
        assert_wrong(order_of(acts[i], &id), WN_KEY_ORDER_NO_KEY, "there is no key Abcdefgh");
}

static void a_key_is_json_without_what_it_does_not_have(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    wn_key_record record = wn_key_record_default();
    memcpy(record.id.text, "Abcdefgh", 9);
    memcpy(record.name, "a\"b", 4);
    record.created_s = 5;
    assert_true(wn_key_push_json(&out, &record, NULL, 10) && wn_buf_push_byte(&out, '\0'));
    assert_string_equal(out.ptr,
                        "{\"id\":\"Abcdefgh\",\"name\":\"a\\\"b\",\"state\":\"valid\",\"tier\":"
                        "\"key\",\"scopes\":\"rerank,embed,classify,train,segment,usage\","
                        "\"weight\":1,\"created\":5}");
    wn_buf_clear(&out);
    record.expires_s = 10;
    record.revoked_s = 3;
    record.last_used_s = 2;
    record.limits.prepaid_tokens = 0;
    assert_true(wn_key_push_json(&out, &record, &(wn_key_text){"wn_x"}, 10) &&
                wn_buf_push_byte(&out, '\0'));
    assert_non_null(strstr(out.ptr, "{\"id\":\"Abcdefgh\",\"key\":\"wn_x\",\"name\""));
    assert_non_null(strstr(out.ptr, "\"state\":\"revoked\""));
    assert_non_null(strstr(out.ptr, ",\"prepaid_tokens\":0,\"weight\":1,\"created\":5,\"expires\":"
                                    "10,\"revoked\":3,\"last_used\":2}"));
    record.revoked_s = 0;
    assert_string_equal(wn_key_standing(&record, 9), "valid");
    assert_string_equal(wn_key_standing(&record, 10), "expired");
    wn_buf_deinit(&out);
}

static int open_state(void **state)
{
    (void)state;
    wn_error err = {0};
    if (mkdtemp(dir) == NULL)
        return -1;
    return wn_state_open(&opened, dir, &err) == WN_OK ? 0 : -1;
}

static int close_state(void **state)
{
    (void)state;
    static const char *const files[] = {"pepper", "winnow.db", "winnow.db-wal", "winnow.db-shm"};
    char path[64];
    wn_state_close(&opened);
    for (size_t i = 0; i < WN_ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_has_what_was_asked_and_every_default),
        cmocka_unit_test(a_change_keeps_what_it_does_not_name),
        cmocka_unit_test(a_number_that_is_taken_back_is_what_a_new_key_has),
        cmocka_unit_test(a_field_that_cannot_be_so_is_named),
        cmocka_unit_test(a_revoked_key_stays_so_and_gets_no_secret),
        cmocka_unit_test(a_rotated_key_has_a_new_secret_and_for_a_while_the_old),
        cmocka_unit_test(a_key_that_is_not_there_is_told_from_other_failures),
        cmocka_unit_test(a_key_is_json_without_what_it_does_not_have),
    };
    return cmocka_run_group_tests(tests, open_state, close_state);
}
