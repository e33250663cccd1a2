/* The licence of a model's weights, from config.json and model cards. */
#include "tests/support/check.h"

#include "base/str.h"
#include "model/config_parts.h"

static wn_error err;

/* The licence of these files; NULL is one that is not there.
 * Owns:    static storage, valid until the next call. */
static const char *license_of(const char *config, const char *readme, const char *card)
{
    static wn_config out;
    json_t *json = NULL;
    const wn_model_files files = {.readme = wn_str_from(readme), .model_card = wn_str_from(card)};
    out = (wn_config){0};
    assert_ok(wn_json_parse(&json, wn_str_from(config), "config.json", &err), &err);
    wn_config_read_license(&out, json, &files);
    json_decref(json);
    return out.license;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_configuration_comes_before_the_cards),
        cmocka_unit_test(a_card_tells_it_in_its_front_matter),
        cmocka_unit_test(several_licences_are_none_that_could_be_looked_up),
        cmocka_unit_test(another_licence_has_a_name),
        cmocka_unit_test(what_is_no_word_counts_as_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
