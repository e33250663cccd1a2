/* The licence of a model's weights, from config.json and model cards, and what it allows. */
#include "tests/support/check.h"

#include "base/str.h"
#include "data/json_bind.h"
#include "data/license.h"

static wn_error err;

/* The licence of these files; NULL is one that is not there.
 * Owns:    static storage, valid until the next call. */
static const char *license_of(const char *config, const char *readme, const char *card)
{
    static char out[WN_LICENSE_MAX + 1];
    json_t *json = NULL;
    assert_ok(wn_json_parse(&json, wn_str_from(config), "config.json", &err), &err);
    bool found = wn_license_find(out, json, wn_str_from(readme), wn_str_from(card));
    json_decref(json);
    assert_int_equal(found, out[0] != '\0');
    return out;
}

static void assert_card(const char *card, const char *want)
{
    const char *got = license_of("{}", card, NULL);
    if (strcmp(got, want) != 0)
        fail_msg("'%s' of card '%s', expected '%s'", got, card, want);
}

static void the_configuration_comes_before_the_cards(void **state)
{
    (void)state;
    const char *readme = "---\nlicense: mit\n---\n", *card = "---\nlicense: isc\n---\n";
    assert_string_equal(license_of("{\"license\":\"apache-2.0\"}", readme, card), "apache-2.0");
    assert_string_equal(license_of("{}", readme, card), "mit");
    assert_string_equal(license_of("{\"license\":7}", NULL, card), "isc");
    assert_string_equal(license_of("{\"license\":\"see the file\"}", "no front matter", card),
                        "isc");
    assert_string_equal(license_of("{}", NULL, NULL), "");
}

static void where_files_disagree_the_one_that_forbids_counts(void **state)
{
    (void)state;
    const char *readme = "---\nlicense: cc-by-nc-4.0\n---\n", *card = "---\nlicense: mit\n---\n";
    assert_string_equal(license_of("{\"license\":\"apache-2.0\"}", readme, card), "cc-by-nc-4.0");
    assert_string_equal(license_of("{}", card, readme), "cc-by-nc-4.0");
    assert_string_equal(license_of("{\"license\":\"cc-by-nc-4.0\"}", card, NULL), "cc-by-nc-4.0");
}

static void a_card_tells_it_in_its_front_matter(void **state)
{
    (void)state;
    assert_card("---\nlicense: apache-2.0\ntags: [a]\n---\ntext", "apache-2.0");
    assert_card("---\r\ntags:\r\n- license: x\r\nlicense:   \"CC-BY-NC-4.0\"  # no\r\n---\r\n",
                "CC-BY-NC-4.0");
    assert_card("---\nlicense:\n- mit\ntags:\n- a\n---\n", "mit");
    assert_card("---\nlicense:\n  - mit\n---\n", "mit");
    assert_card("---\nlicense: [mit]\n---\n", "mit");
    assert_card("---\nlicense: 'mit'", "mit");
    assert_card("license: mit\n---\n", "");
    assert_card("---\ntags: a\n---\nlicense: mit\n", "");
    assert_card("---\nbase:\n  license: mit\n---\n", "");
    assert_card("", "");
    assert_card("---", "");
    assert_card("---\nlicense:", "");
    assert_card("---\nlicense: \n---\n", "");
}

static void several_licences_are_none_that_could_be_looked_up(void **state)
{
    (void)state;
    assert_card("---\nlicense:\n- mit\n- cc-by-nc-4.0\n---\n", "");
    assert_card("---\nlicense: [mit, gpl-3.0]\n---\n", "");
}

static void another_licence_has_a_name(void **state)
{
    (void)state;
    assert_card("---\nlicense: other\nlicense_name: house-terms\n---\n", "house-terms");
    assert_card("---\nlicense: other\nlicense_name: <b>\n---\n", "other");
    assert_card("---\nlicense: other\n---\n", "other");
}

static void what_is_no_word_counts_as_nothing(void **state)
{
    (void)state;
    char card[128] = "---\nlicense: ";
    assert_card("---\nlicense: \"><script>\n---\n", "");
    assert_card("---\nlicense: ask \xC3\xBCs\n---\n", "");
    memset(card + 13, 'a', WN_LICENSE_MAX);
    assert_string_equal(license_of("{}", card, NULL), card + 13);
    card[13 + WN_LICENSE_MAX] = 'a';
    assert_card(card, "");
}

static void expect(const char *word, wn_license_kind kind, wn_license_verdict own,
                   wn_license_verdict paid, unsigned shipped_duties)
{
    assert_int_equal(wn_license_kind_of(word), kind);
    assert_int_equal(wn_license_judge(word, WN_LICENSE_ON_OWN_MACHINES, false).verdict, own);
    wn_license_answer a = wn_license_judge(word, WN_LICENSE_SHIPPED, true);
    assert_int_equal(a.verdict, paid);
    assert_int_equal(a.duties, shipped_duties);
}

static void words_are_judged(void **state)
{
    (void)state;
    expect("Apache-2.0", WN_LICENSE_PERMISSIVE, WN_LICENSE_YES, WN_LICENSE_YES, WN_DUTY_NOTICE);
    expect("cc0-1.0", WN_LICENSE_FREE, WN_LICENSE_YES, WN_LICENSE_YES, 0);
    expect("gpl-3.0", WN_LICENSE_COPYLEFT, WN_LICENSE_YES, WN_LICENSE_YES,
           WN_DUTY_NOTICE | WN_DUTY_SAME);
    expect("cc-by-nd-4.0", WN_LICENSE_UNCHANGED, WN_LICENSE_YES, WN_LICENSE_YES,
           WN_DUTY_NOTICE | WN_DUTY_UNCHANGED);
    expect("cc-by-nc-4.0", WN_LICENSE_NON_COMMERCIAL, WN_LICENSE_YES, WN_LICENSE_NO, WN_DUTY_BUY);
    expect("gemma", WN_LICENSE_OWN, WN_LICENSE_ASK, WN_LICENSE_ASK, WN_DUTY_READ);
    expect("", WN_LICENSE_UNKNOWN, WN_LICENSE_ASK, WN_LICENSE_ASK, WN_DUTY_AUTHOR);
    expect("apache", WN_LICENSE_UNKNOWN, WN_LICENSE_ASK, WN_LICENSE_ASK, WN_DUTY_AUTHOR);
    wn_license_answer a = wn_license_judge("agpl-3.0", WN_LICENSE_AS_A_SERVICE, true);
    assert_int_equal(a.duties, WN_DUTY_SOURCE);
    a = wn_license_judge("CC-BY-NC-SA-4.0", WN_LICENSE_SHIPPED, false);
    assert_int_equal(a.duties, WN_DUTY_NOTICE | WN_DUTY_SAME | WN_DUTY_GAIN);
}

static void commercial_use_needs_a_licence_that_is_known_to_allow_it(void **state)
{
    (void)state;
    assert_ok(wn_license_require_commercial("mit", "m", &err), &err);
    assert_fails(wn_license_require_commercial("cc-by-nc-4.0", "m", &err), WN_ERR_UNSUPPORTED, &err,
                 "model 'm' is under 'cc-by-nc-4.0' (non-commercial)");
    assert_fails(wn_license_require_commercial("gemma", "m", &err), WN_ERR_UNSUPPORTED, &err,
                 "'gemma' (own)");
    assert_fails(wn_license_require_commercial("", "m", &err), WN_ERR_UNSUPPORTED, &err,
                 "names no licence");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_configuration_comes_before_the_cards),
        cmocka_unit_test(where_files_disagree_the_one_that_forbids_counts),
        cmocka_unit_test(a_card_tells_it_in_its_front_matter),
        cmocka_unit_test(several_licences_are_none_that_could_be_looked_up),
        cmocka_unit_test(another_licence_has_a_name),
        cmocka_unit_test(what_is_no_word_counts_as_nothing),
        cmocka_unit_test(words_are_judged),
        cmocka_unit_test(commercial_use_needs_a_licence_that_is_known_to_allow_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
