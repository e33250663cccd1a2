/* Keys in memory: who is let in, who is not and what he learns, and how changes arrive. */
#include "tests/support/check_memory_store.h"

#include "base/str.h"
#include "serve/key_cache.h"

#define NOW_S 1800000000

static const wn_pepper pepper = {"0123456789abcdef0123456789abcde"};

typedef struct fixture {
    check_memory_store store;
    wn_key_cache *cache;
    wn_key_text texts[CHECK_STORE_KEYS];
    wn_error err;
} fixture;

static int begin_test(void **state)
{
    static fixture f;
    f = (fixture){.store = check_memory_store_make()};
    *state = &f;
    return wn_key_cache_new(&f.cache, &pepper, 600, &f.err) != WN_OK;
}

static int end_test(void **state)
{
    fixture *f = *state;
    wn_key_cache_free(f->cache);
    return 0;
}

static wn_digest digest_of(fixture *f, const char *text)
{
    wn_key_id id;
    wn_str secret;
    wn_digest digest;
    assert_true(wn_key_parse(&id, &secret, wn_str_from(text)));
    assert_ok(wn_digest_make(&digest, &pepper, secret, &f->err), &f->err);
    return digest;
}

/* A new key in the store; its record may be changed before a refresh. */
static wn_key_record *add_key(fixture *f)
{
    size_t i = f->store.n_keys++;
    wn_key_record *record = &f->store.keys[i];
    *record = wn_key_record_default();
    assert_ok(wn_key_id_make(&record->id, &f->err), &f->err);
    assert_ok(wn_key_make(&f->texts[i], &record->id, &f->err), &f->err);
    record->digest = digest_of(f, f->texts[i].text);
    f->store.revision++;
    return record;
}

static void refresh(fixture *f, int64_t now_s)
{
    assert_ok(wn_key_cache_refresh(f->cache, &f->store.base, now_s, false, &f->err), &f->err);
}

static wn_key_outcome find(fixture *f, const char *text, int64_t now_s)
{
    wn_key_record record;
    return wn_key_cache_find(f->cache, &record, wn_str_from(text), now_s);
}

static void keys_of_the_store_are_found(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 5; i++)
        add_key(f);
    refresh(f, NOW_S);
    assert_int_equal(wn_key_cache_count(f->cache), 5);
    for (int i = 0; i < 5; i++) {
        wn_key_record record;
        wn_str text = wn_str_from(f->texts[i].text);
        assert_int_equal(wn_key_cache_find(f->cache, &record, text, NOW_S), WN_KEY_OK);
        assert_memory_equal(&record, &f->store.keys[i], sizeof record);
    }
}

static void what_is_no_key_is_told_apart(void **state)
{
    fixture *f = *state;
    wn_key_record record = {.id.text = "-"};
    wn_key_text other;
    wn_key_id id;
    add_key(f);
    refresh(f, NOW_S);
    assert_int_equal(find(f, "", NOW_S), WN_KEY_MISSING);
    assert_int_equal(find(f, "sk-something-else", NOW_S), WN_KEY_MALFORMED);
    assert_ok(wn_key_make(&other, &f->store.keys[0].id, &f->err), &f->err);
    assert_int_equal(wn_key_cache_find(f->cache, &record, wn_str_from(other.text), NOW_S),
                     WN_KEY_UNKNOWN);
    assert_string_equal(record.id.text, "-");
    assert_ok(wn_key_id_make(&id, &f->err), &f->err);
    assert_ok(wn_key_make(&other, &id, &f->err), &f->err);
    assert_int_equal(find(f, other.text, NOW_S), WN_KEY_UNKNOWN);
}

static void an_empty_cache_knows_nobody(void **state)
{
    fixture *f = *state;
    add_key(f);
    assert_int_equal(find(f, f->texts[0].text, 0), WN_KEY_UNKNOWN);
    assert_int_equal(wn_key_cache_count(f->cache), 0);
}

static void only_who_has_the_secret_learns_of_revocation_and_expiry(void **state)
{
    fixture *f = *state;
    wn_key_text wrong;
    add_key(f)->revoked_s = NOW_S - 1;
    add_key(f)->expires_s = NOW_S;
    refresh(f, NOW_S);
    assert_int_equal(find(f, f->texts[0].text, NOW_S), WN_KEY_REVOKED);
    assert_int_equal(find(f, f->texts[1].text, NOW_S - 1), WN_KEY_OK);
    assert_int_equal(find(f, f->texts[1].text, NOW_S), WN_KEY_EXPIRED);
    for (int i = 0; i < 2; i++) {
        assert_ok(wn_key_make(&wrong, &f->store.keys[i].id, &f->err), &f->err);
        assert_int_equal(find(f, wrong.text, NOW_S), WN_KEY_UNKNOWN);
    }
}

static void an_old_secret_holds_until_its_end(void **state)
{
    fixture *f = *state;
    wn_key_record *record = add_key(f);
    wn_key_text fresh;
    assert_ok(wn_key_make(&fresh, &record->id, &f->err), &f->err);
    record->old_digest = record->digest;
    record->digest = digest_of(f, fresh.text);
    record->old_until_s = NOW_S + 10;
    refresh(f, NOW_S);
    assert_int_equal(find(f, f->texts[0].text, NOW_S + 9), WN_KEY_OK);
    assert_int_equal(find(f, f->texts[0].text, NOW_S + 10), WN_KEY_EXPIRED);
    assert_int_equal(find(f, fresh.text, NOW_S + 10), WN_KEY_OK);
    record->revoked_s = 1;
    f->store.revision++;
    refresh(f, NOW_S);
    assert_int_equal(find(f, f->texts[0].text, NOW_S), WN_KEY_REVOKED);
    assert_int_equal(find(f, fresh.text, NOW_S), WN_KEY_REVOKED);
}

static void a_change_arrives_with_the_next_refresh(void **state)
{
    fixture *f = *state;
    add_key(f);
    refresh(f, NOW_S);
    f->store.keys[0].revoked_s = NOW_S;
    refresh(f, NOW_S);
    assert_int_equal(f->store.n_listed, 1);
    assert_int_equal(find(f, f->texts[0].text, NOW_S), WN_KEY_OK);
    f->store.revision++;
    refresh(f, NOW_S);
    assert_int_equal(f->store.n_listed, 2);
    assert_int_equal(find(f, f->texts[0].text, NOW_S), WN_KEY_REVOKED);
    f->store.keys[0].revoked_s = 0;
    assert_ok(wn_key_cache_refresh(f->cache, &f->store.base, NOW_S, true, &f->err), &f->err);
    assert_int_equal(find(f, f->texts[0].text, NOW_S), WN_KEY_OK);
}

static void keys_hold_for_a_while_without_the_store_and_then_no_longer(void **state)
{
    fixture *f = *state;
    add_key(f);
    refresh(f, NOW_S);
    f->store.failure = WN_ERR_IO;
    assert_fails(wn_key_cache_refresh(f->cache, &f->store.base, NOW_S + 300, true, &f->err),
                 WN_ERR_IO, &f->err, "told to fail");
    assert_int_equal(find(f, f->texts[0].text, NOW_S + 600), WN_KEY_OK);
    assert_int_equal(find(f, f->texts[0].text, NOW_S + 601), WN_KEY_UNAVAILABLE);
    f->store.failure = WN_OK;
    refresh(f, NOW_S + 700);
    assert_int_equal(find(f, f->texts[0].text, NOW_S + 701), WN_KEY_OK);
}

static void keys_without_a_greatest_age_hold_for_ever(void **state)
{
    fixture *f = *state;
    wn_key_cache *cache = NULL;
    wn_key_record record;
    add_key(f);
    assert_ok(wn_key_cache_new(&cache, &pepper, 0, &f->err), &f->err);
    assert_ok(wn_key_cache_refresh(cache, &f->store.base, NOW_S, false, &f->err), &f->err);
    assert_int_equal(
        wn_key_cache_find(cache, &record, wn_str_from(f->texts[0].text), NOW_S + 100000000),
        WN_KEY_OK);
    wn_key_cache_free(cache);
    wn_key_cache_free(NULL);
}

static void texts_of_any_form_can_be_keys(void **state)
{
    fixture *f = *state;
    wn_key_record record = wn_key_record_default(), found;
    add_key(f);
    refresh(f, NOW_S);
    memcpy(record.name, "first", 6);
    assert_ok(wn_key_cache_add_static(f->cache, WN_STR("sk-one"), &record, &f->err), &f->err);
    memcpy(record.name, "own", 4);
    wn_key_text own;
    wn_key_id id;
    assert_ok(wn_key_id_make(&id, &f->err), &f->err);
    assert_ok(wn_key_make(&own, &id, &f->err), &f->err);
    assert_ok(wn_key_cache_add_static(f->cache, wn_str_from(own.text), &record, &f->err), &f->err);
    assert_int_equal(wn_key_cache_count(f->cache), 3);
    assert_int_equal(wn_key_cache_find(f->cache, &found, WN_STR("sk-one"), NOW_S + 10000),
                     WN_KEY_OK);
    assert_string_equal(found.name, "first");
    assert_int_equal(wn_key_cache_find(f->cache, &found, wn_str_from(own.text), NOW_S + 10000),
                     WN_KEY_OK);
    assert_string_equal(found.name, "own");
    assert_int_equal(find(f, "sk-two", NOW_S), WN_KEY_UNKNOWN);
    assert_int_equal(find(f, "sk-one ", NOW_S), WN_KEY_UNKNOWN);
    assert_int_equal(find(f, f->texts[0].text, NOW_S), WN_KEY_OK);
}

static void keys_of_any_form_are_few_and_not_empty(void **state)
{
    fixture *f = *state;
    wn_key_record record = wn_key_record_default();
    assert_fails(wn_key_cache_add_static(f->cache, (wn_str){NULL, 0}, &record, &f->err),
                 WN_ERR_ARGUMENT, &f->err, "empty");
    for (int i = 0; i < WN_STATIC_KEYS_MAX; i++)
        assert_ok(wn_key_cache_add_static(f->cache, WN_STR("same"), &record, &f->err), &f->err);
    assert_fails(wn_key_cache_add_static(f->cache, WN_STR("more"), &record, &f->err), WN_ERR_LIMIT,
                 &f->err, "more than 16");
}

int main(void)
{
#define CACHE_TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)
    const struct CMUnitTest tests[] = {
        CACHE_TEST(keys_of_the_store_are_found),
        CACHE_TEST(what_is_no_key_is_told_apart),
        CACHE_TEST(an_empty_cache_knows_nobody),
        CACHE_TEST(only_who_has_the_secret_learns_of_revocation_and_expiry),
        CACHE_TEST(an_old_secret_holds_until_its_end),
        CACHE_TEST(a_change_arrives_with_the_next_refresh),
        CACHE_TEST(keys_hold_for_a_while_without_the_store_and_then_no_longer),
        CACHE_TEST(keys_without_a_greatest_age_hold_for_ever),
        CACHE_TEST(texts_of_any_form_can_be_keys),
        CACHE_TEST(keys_of_any_form_are_few_and_not_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
