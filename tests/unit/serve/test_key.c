/* The text of a key, its check, its digest. */
#include "tests/support/check.h"

#include "base/str.h"
#include "serve/key.h"

static const wn_key_id fixed_id = {"Ab3dEf7h"};
static const wn_pepper pepper = {"an ordinary pepper of 32 bytes.."};

static wn_key_text make(const wn_key_id *id)
{
    wn_error err = {0};
    wn_key_text key;
    assert_ok(wn_key_make(&key, id, &err), &err);
    return key;
}

static void a_made_key_has_the_form_and_can_be_split(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        wn_key_text key = make(&fixed_id);
        wn_key_id id;
        wn_str secret;
        assert_int_equal(strlen(key.text), WN_KEY_TEXT_LEN);
        assert_true(wn_key_parse(&id, &secret, wn_str_from(key.text)));
        assert_string_equal(id.text, fixed_id.text);
        assert_ptr_equal(secret.ptr, key.text + 12);
        assert_int_equal(secret.len, WN_KEY_SECRET_LEN);
        assert_memory_equal(key.text, "wn_Ab3dEf7h_", 12);
    }
}

static void keys_and_ids_differ(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_key_id a, b;
    assert_ok(wn_key_id_make(&a, &err), &err);
    assert_ok(wn_key_id_make(&b, &err), &err);
    assert_string_not_equal(a.text, b.text);
    assert_string_not_equal(make(&a).text, make(&a).text);
}

/* Computed with Python: zlib.crc32 of the first 44 bytes, in base 62. */
static void the_check_is_the_crc_in_base_62(void **state)
{
    (void)state;
    wn_key_id id;
    wn_str secret;
    assert_true(
        wn_key_parse(&id, &secret, WN_STR("wn_00000000_000000000000000000000000000000001CBft1")));
    assert_true(
        wn_key_parse(&id, &secret, WN_STR("wn_zZ9aA0bB_abcdefghijklmnopqrstuvwxyzABCDEF1Bp6DZ")));
}

static void every_changed_character_is_noticed(void **state)
{
    (void)state;
    wn_key_text key = make(&fixed_id);
    wn_key_id id = {"--------"};
    wn_str secret = {NULL, 0};
    for (size_t i = 0; i < WN_KEY_TEXT_LEN; i++) {
        char right = key.text[i];
        static const char wrong[] = {'x', '0', '-', '_', '\0', '\x80', ' '};
        for (size_t k = 0; k < sizeof wrong; k++) {
            key.text[i] = wrong[k];
            if (wrong[k] != right)
                assert_false(wn_key_parse(&id, &secret, (wn_str){key.text, WN_KEY_TEXT_LEN}));
        }
        key.text[i] = right;
    }
    assert_string_equal(id.text, "--------");
    assert_null(secret.ptr);
    assert_true(wn_key_parse(&id, &secret, wn_str_from(key.text)));
}

/* A right check does not make a form right. */
static void a_key_of_other_characters_is_refused_even_with_its_check(void **state)
{
    (void)state;
    wn_key_id id;
    wn_str secret;
    assert_false(
        wn_key_parse(&id, &secret, WN_STR("wn_0000-000_000000000000000000000000000000000Jn8VI")));
    assert_false(
        wn_key_parse(&id, &secret, WN_STR("wn_00000000_0000000000000000-0000000000000003Bor9s")));
}

static void other_lengths_are_refused(void **state)
{
    (void)state;
    wn_key_text key = make(&fixed_id);
    char longer[WN_KEY_TEXT_LEN + 2];
    wn_key_id id;
    wn_str secret;
    snprintf(longer, sizeof longer, "%s0", key.text);
    assert_false(wn_key_parse(&id, &secret, (wn_str){longer, WN_KEY_TEXT_LEN + 1}));
    for (size_t n = 0; n < WN_KEY_TEXT_LEN; n++)
        assert_false(wn_key_parse(&id, &secret, (wn_str){key.text, n}));
    assert_false(wn_key_parse(&id, &secret, (wn_str){NULL, 0}));
}

static void ids_are_eight_letters_and_digits(void **state)
{
    (void)state;
    wn_key_id id;
    assert_true(wn_key_id_parse(&id, WN_STR("Ab3dEf7h")));
    assert_string_equal(id.text, "Ab3dEf7h");
    assert_false(wn_key_id_parse(&id, WN_STR("Ab3dEf7")));
    assert_false(wn_key_id_parse(&id, WN_STR("Ab3dEf7hh")));
    assert_false(wn_key_id_parse(&id, WN_STR("Ab3d-f7h")));
    assert_false(wn_key_id_parse(&id, (wn_str){NULL, 0}));
}

static void the_number_of_an_id_is_its_bytes(void **state)
{
    (void)state;
    assert_true(wn_key_id_number(&fixed_id) == 0x4162336445663768u);
    assert_true(wn_key_id_number(&(wn_key_id){""}) == 0);
}

/* RFC 4231 has no key of 32 bytes; this value is from Python's hmac. */
static void the_digest_is_hmac_sha_256(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_digest digest;
    static const unsigned char want[] = {0x17, 0xc0, 0xef, 0xd1, 0x0b, 0xa0, 0x65, 0x42,
                                         0x21, 0x7d, 0x8b, 0x20, 0x7b, 0xeb, 0x84, 0x43,
                                         0xa5, 0x2e, 0x4c, 0xc9, 0xc7, 0x68, 0x69, 0xdd,
                                         0x4b, 0xb1, 0x5b, 0xa0, 0x9b, 0x25, 0xec, 0x41};
    static const unsigned char want_empty[] = {0x03, 0xcb, 0xea, 0xc0, 0x1d, 0xc9, 0x01, 0xae,
                                               0x5f, 0x03, 0xc4, 0x68, 0x0e, 0xbf, 0x09, 0xca,
                                               0x60, 0x0c, 0xc5, 0x7a, 0x19, 0x7d, 0x68, 0xb8,
                                               0x69, 0x52, 0x54, 0x3b, 0x54, 0x0c, 0x27, 0xbc};
    assert_ok(wn_digest_make(&digest, &pepper, WN_STR("what do ya want for nothing?"), &err), &err);
    assert_memory_equal(digest.bytes, want, WN_DIGEST_LEN);
    assert_ok(wn_digest_make(&digest, &pepper, (wn_str){NULL, 0}, &err), &err);
    assert_memory_equal(digest.bytes, want_empty, WN_DIGEST_LEN);
}

static void digests_are_equal_only_if_every_bit_is(void **state)
{
    (void)state;
    wn_digest a = {{0}}, b = {{0}};
    assert_true(wn_digest_equal(&a, &b));
    for (size_t bit = 0; bit < 8 * WN_DIGEST_LEN; bit++) {
        b.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(wn_digest_equal(&a, &b));
        b.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

static void peppers_differ_and_secrets_can_be_wiped(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_pepper a = {{0}}, b = {{0}}, zero = {{0}};
    assert_ok(wn_pepper_make(&a, &err), &err);
    assert_ok(wn_pepper_make(&b, &err), &err);
    assert_memory_not_equal(&a, &b, sizeof a);
    wn_secret_wipe(&a, sizeof a);
    assert_memory_equal(&a, &zero, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_made_key_has_the_form_and_can_be_split),
        cmocka_unit_test(keys_and_ids_differ),
        cmocka_unit_test(the_check_is_the_crc_in_base_62),
        cmocka_unit_test(every_changed_character_is_noticed),
        cmocka_unit_test(a_key_of_other_characters_is_refused_even_with_its_check),
        cmocka_unit_test(other_lengths_are_refused),
        cmocka_unit_test(ids_are_eight_letters_and_digits),
        cmocka_unit_test(the_number_of_an_id_is_its_bytes),
        cmocka_unit_test(the_digest_is_hmac_sha_256),
        cmocka_unit_test(digests_are_equal_only_if_every_bit_is),
        cmocka_unit_test(peppers_differ_and_secrets_can_be_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
